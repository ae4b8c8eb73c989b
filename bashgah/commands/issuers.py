"""`bashgah issuers`: the PIN key that a bank and this switch share, from or to under their ZMK.

Owns the options and the file that `bashgah record` puts in force. The key is made and opened by an
HSM; here it is sealed only.
"""

from pathlib import Path
from typing import Annotated

import trio
import typer

from bashgah.hsm_dialog import HsmRefused, address_of, ask
from bashgah.production_files import write_new
from switch.errors import OperatingError
from switch.events import IssuerKeysSet, encode_event
from switch.hsm_client import HsmSession, open_hsm

app = typer.Typer(no_args_is_help=True, help="Other banks: the PIN keys shared with them.")

# X9.143: P0 is a key that encrypts PINs; T2 double-length TDES; B both ways.
MADE_OPTIONS, TAKEN_OPTIONS = "#P0T2B00S00", "#P0B00N00"
CHECK_CHARACTERS = 6

Programme = Annotated[int, typer.Option(help="Number of the programme of the bank's cards.")]
Zmk = Annotated[Path, typer.Option(help="The ZMK shared with the bank, sealed by the HSM.")]
Out = Annotated[Path, typer.Option(help="The file for `bashgah record`.")]
HsmText = Annotated[str, typer.Option(help="HOST:PORT of the HSM.")]
Variant = Annotated[bool, typer.Option(help="The HSM's LMK is a variant LMK.")]
HSM = "127.0.0.1:1500"


@app.command("make-zone-key")
def make_command(
    programme: Programme,
    zmk: Zmk,
    out: Out,
    for_bank: Annotated[Path, typer.Option(help="The file for the bank: the key under the ZMK.")],
    variant: Variant = False,
    hsm: HsmText = HSM,
) -> None:
    """Have an HSM make the zone PIN key.

    Example: bashgah issuers make-zone-key --programme 5 --zmk zmk.txt --out zpk.jsonl
    --for-bank bank.txt
    """
    sealed, outgoing, check = trio.run(_make, hsm, _text(zmk), variant)
    _write(out, programme, sealed, check)
    write_new(for_bank, f"{outgoing} {check}\n".encode("ascii"))
    typer.echo(f"{for_bank}: the key under the ZMK, for the bank")


@app.command("import-zone-key")
def import_command(
    programme: Programme,
    zmk: Zmk,
    key: Annotated[Path, typer.Option(help="The bank's key under the ZMK: X…, U… or R…")],
    out: Out,
    variant: Variant = False,
    hsm: HsmText = HSM,
) -> None:
    """Take the zone PIN key that a bank has made.

    Example: bashgah issuers import-zone-key --programme 5 --zmk zmk.txt --key bank.txt
    --out zpk.jsonl
    """
    sealed, check = trio.run(_import, hsm, _text(zmk), _text(key), variant)
    _write(out, programme, sealed, check)


async def _make(hsm: str, zmk: str, variant: bool) -> tuple[str, str, str]:
    fields = f"1001U;0{zmk}X" if variant else f"1FFFS;0{zmk}X{MADE_OPTIONS}"
    async with open_hsm(address_of(hsm)) as session:
        made = await _asked(session, "A0", fields)
    sealed, rest = _cut(made)
    outgoing, check = _cut(rest)
    return sealed, outgoing, check


async def _import(hsm: str, zmk: str, key: str, variant: bool) -> tuple[str, str]:
    options = "" if variant or key.startswith("R") else TAKEN_OPTIONS
    fields = f"{'001' if variant else 'FFF'}{zmk}{key}{'U' if variant else 'S'}{options}"
    async with open_hsm(address_of(hsm)) as session:
        return _cut(await _asked(session, "A6", fields))


async def _asked(session: HsmSession, command: str, fields: str) -> str:
    try:
        return (await ask(session, command, fields)).decode("ascii")
    except HsmRefused as error:
        if error.code == "01":
            raise OperatingError("the key's parity is wrong: it is under another ZMK") from None
        raise


def _cut(fields: str) -> tuple[str, str]:
    """Cut a key from what stands behind it."""
    end = 1 + int(fields[2:6]) if fields[:1] in ("S", "R") else 33
    return fields[:end], fields[end:]


def _text(path: Path) -> str:
    words = path.read_text("ascii").split()
    if not words:
        raise OperatingError(f"{path}: it is empty")
    return words[0]


def _write(out: Path, programme: int, sealed: str, check: str) -> None:
    write_new(out, encode_event(IssuerKeysSet(programme=programme, zone_pin=sealed)) + b"\n")
    typer.echo(f"{out}: check value {check[:CHECK_CHARACTERS]}; `bashgah record` puts it in force")
