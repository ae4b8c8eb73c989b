"""`bashgah iso`: read and write single ISO 8583 messages at the shell.

Owns how a message, a spec and a framing are named on a command line. What is shown of a message is
masked by `switch.iso8583`; `encode` prints the bytes of what it was given, which is its purpose.

Exit codes: 0 whole, 1 the message is broken or can't be written, 2 the arguments make no sense.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from switch.iso8583 import (
    NEED_DATA,
    EncodeError,
    FrameReader,
    Framing,
    FramingError,
    Message,
    Spec,
    SpecError,
    compile_spec,
    decode_partly,
    describe,
    encode,
    named,
)
from switch.iso8583.specs import SPECS

BROKEN_EXIT_CODE = 1

app = typer.Typer(no_args_is_help=True, help="Describe and encode ISO 8583 messages.")

SpecOption = Annotated[
    str,
    typer.Option("--spec", help=f"One of {', '.join(SPECS)}, or a .toml or .json file."),
]
FramingOption = Annotated[
    str,
    typer.Option(
        "--framing",
        help="binary2, ascii4, bcd2 or binary4, then +tpdu, +inclusive. Without: one message.",
    ),
]
TpduOption = Annotated[str, typer.Option("--tpdu", help="Hex of the TPDU, with +tpdu.")]


@app.command("describe")
def describe_command(
    data: Annotated[str, typer.Argument(metavar="HEX|-", help="The message; - reads it.")],
    spec: SpecOption = "iso1987-binary",
    framing: FramingOption = "",
) -> None:
    """Show a message element by element, card data masked.

    Of broken bytes it shows what stands before the fault, and the fault. Spaces and line ends in
    the hex don't matter.

    \b
    bashgah iso describe 0800802000000080000004000000000000000000015445524D303030310301
    bashgah iso describe --spec iso1987-ascii --framing ascii4+tpdu - < capture.hex
    """
    compiled = _spec(spec)
    received = _hex(_argument(data), "HEX")
    is_whole = True
    for number, body in enumerate(_bodies(received, framing)):
        if number:
            typer.echo()
        _, error = decode_partly(body, compiled)
        typer.echo(describe(body, compiled))
        is_whole = is_whole and error is None
    if not is_whole:
        raise typer.Exit(BROKEN_EXIT_CODE)


@app.command("encode")
def encode_command(
    message: Annotated[str, typer.Argument(metavar="JSON|-", help="The message; - reads it.")],
    spec: SpecOption = "iso1987-binary",
    framing: FramingOption = "",
    tpdu: TpduOption = "",
) -> None:
    """Print the hex of a message given as JSON: "mti", perhaps "header", and elements by number.

    \b
    bashgah iso encode '{"mti": "0800", "11": "000001", "41": "TERM0001", "70": "301"}'
    bashgah iso encode '{"mti": "0200", "3": "000000", "48.PR": "points", "55.82": "1980"}'
    """
    compiled = _spec(spec)
    parsed = _message(_argument(message))
    link = _framing(framing)
    try:
        coded = encode(parsed, compiled)
    except EncodeError as error:
        typer.echo(f"bashgah iso encode: {error}", err=True)
        raise typer.Exit(BROKEN_EXIT_CODE) from None
    if link is not None:
        try:
            coded = link.frame(coded, _hex(tpdu, "--tpdu"))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    typer.echo(coded.hex().upper())


def _argument(text: str) -> str:
    return sys.stdin.read() if text == "-" else text


def _hex(text: str, name: str) -> bytes:
    """Bytes from hex. An error gives the place, never the text: it may hold card data."""
    digits = "".join(text.split())
    for place, digit in enumerate(digits, 1):
        if digit not in "0123456789abcdefABCDEF":
            raise typer.BadParameter(f"{name}: digit {place} is not hex")
    if len(digits) % 2:
        raise typer.BadParameter(f"{name}: {len(digits)} digits are half a byte too many")
    return bytes.fromhex(digits)


def _spec(name: str) -> Spec:
    path = Path(name)
    try:
        if path.suffix == ".toml":
            return compile_spec(tomllib.loads(path.read_text("utf-8")), path.name)
        if path.suffix == ".json":
            return compile_spec(_table(json.loads(path.read_text("utf-8"))), path.name)
        return named(name)
    except (SpecError, OSError, ValueError) as error:
        raise typer.BadParameter(f"--spec: {error}") from None


def _table(parsed: object) -> dict[str, dict[str, Any]]:
    return msgspec.convert(parsed, dict[str, dict[str, Any]])


def _framing(text: str) -> Framing | None:
    if not text:
        return None
    length, *extras = text.split("+")
    unknown = [extra for extra in extras if extra not in ("tpdu", "inclusive")]
    try:
        if unknown:
            raise ValueError(f"no such addition {unknown[0]!r}; there are tpdu and inclusive")
        return msgspec.convert(
            {
                "length": length,
                "tpdu": "tpdu" in extras,
                "length_includes_itself": "inclusive" in extras,
            },
            Framing,
        )
    except ValueError as error:
        raise typer.BadParameter(f"--framing: {error}") from None


def _bodies(received: bytes, framing: str) -> list[bytes]:
    """The messages in what was received: one, or as many as the framing finds."""
    link = _framing(framing)
    if link is None:
        return [received]
    reader = FrameReader(link)
    reader.receive_data(received)
    bodies = []
    try:
        while (frame := reader.next_frame()) is not NEED_DATA:
            bodies.append(frame.body)
    except FramingError as error:
        raise typer.BadParameter(f"frame {len(bodies) + 1}: {error}") from None
    if reader.unfinished_bytes:
        raise typer.BadParameter(
            f"frame {len(bodies) + 1} is cut short: {reader.unfinished_bytes} bytes of it came"
        )
    return bodies


def _message(text: str) -> Message:
    """A message from JSON. An error gives the place, never the text: it may hold card data."""
    try:
        parsed = msgspec.json.decode(text.encode(), type=dict[str, str])
    except ValueError as error:
        raise typer.BadParameter(f"JSON: {error}") from None
    mti = parsed.pop("mti", None)
    if mti is None:
        raise typer.BadParameter('JSON: "mti" is missing')
    header = parsed.pop("header", None)
    try:
        return Message(mti, parsed, header=header)
    except KeyError as error:
        raise typer.BadParameter(f"JSON: no element is called {error}") from None
