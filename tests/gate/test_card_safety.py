"""No card number leaves the switch: not in a log line, a metric, a reply or an error.

Method: good and broken messages with PAN and track 2; then everything that came out is searched for
them in every form in which bytes can hold digits.
"""

import base64
import io

import pytest
import structlog
import trio
from prometheus_client import generate_latest

from switch.iso8583 import Message, encode
from switch.logs import configure_logs
from tests.support.gate_bench import Bench, serving
from tests.support.shop import PANS, spec

PAN = PANS[1]
TRACK2 = f"{PAN}=30121010000012300000"
DISCRETIONARY = TRACK2.split("=")[1]


def forms(digits: str) -> dict[str, bytes]:
    """Give every form in which digits could stand somewhere, lower-cased."""
    bcd = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "f")
    plain = digits.encode()
    found = {
        "text": plain,
        "bcd": bcd,
        "hex of text": plain.hex().encode(),
        "ebcdic": digits.encode("cp037"),
        "reversed": plain[::-1],
    }
    # In base64 a text stands in one of three ways, by where it begins; its ends mix with others.
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + plain)
        found[f"base64 of text, {shift}"] = whole[4:-4]
        found[f"base64 of bcd, {shift}"] = base64.b64encode(bytes(shift) + bcd)[4:-4]
    return {name: form.lower() for name, form in found.items()}


def leaks(output: bytes) -> list[str]:
    """Name the forms of the card that are in an output."""
    lowered = output.lower()
    return [
        f"{what} as {name}"
        for what, digits in (("PAN", PAN), ("track 2", DISCRETIONARY))
        for name, form in forms(digits).items()
        if form in lowered
    ]


def messages(bench: Bench, dialect: str) -> list[Message]:
    """Give messages of every kind that carry the card."""
    shop = bench.shop
    track2 = TRACK2 if dialect == "ascii" else TRACK2.replace("=", "D")
    with_track: dict[int | str, str | None] = {2: None, 35: track2}
    both: dict[int | str, str | None] = {35: track2}
    made = [
        shop.message("0200", "210000", 400_000, card=1),
        shop.message("0200", "210000", 400_000, card=1, extra=with_track),
        shop.message("0100", "310000", None, card=1, extra=both),
        shop.message(card=1, extra=with_track),
        shop.message(card=1, amount_minor=0),
        shop.message(card=1, extra={14: "2001"}),
        shop.message(card=1, terminal="NOBODY00"),
        shop.message(card=1, extra={49: "840"}),
        shop.message(card=1, extra={42: None}),
        shop.message(card=1, at="0101000000"),
        shop.message("0400", card=1, extra={90: "0200000001" + shop.local_at() + "0" * 22}),
        shop.message(card=0, extra={35: track2}),  # they contradict each other
        shop.message(card=1, extra={48: f"PR016{PAN}"}),
    ]
    return [*made, made[0], Message("0300", made[0]), Message("0210", made[0])]


def broken(bodies: list[bytes]) -> list[bytes]:
    """Give each message cut short at many places, and with a byte changed at many."""
    found = []
    for body in bodies:
        found += [body[:at] for at in range(6, len(body), 9)]
        for at in range(2, len(body), 7):
            found.append(body[:at] + bytes([body[at] ^ 0xF5]) + body[at + 1 :])
    return found


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
@pytest.mark.slow
async def test_nothing_that_comes_out_contains_the_card(dialect: str) -> None:
    logged = io.StringIO()
    configure_logs("debug", logged)
    output = bytearray()
    try:
        async with serving(connections_max=10) as bench:
            sent = messages(bench, dialect)
            link = await bench.connect(dialect)
            for message in sent:
                await link.send(message)
            await link.send(*(bench.shop.message("0200", "210000", 1_000) for _ in range(3)))
            for _ in range(len(sent) - 1 + 3):  # one is an answer, which gets none
                output += await link.reply_bytes()
            for body in broken([encode(message, spec(dialect)) for message in sent]):
                hostile = await bench.connect(dialect)
                await hostile.send(body)
                with trio.move_on_after(0.02):
                    output += await hostile.stream.receive_some()
                await hostile.stream.aclose()
            lines = bench.lines("exchange")
            output += bench.log
            output += generate_latest(bench.registry)
            output += repr(bench.gate.statistics()).encode()
            output += repr(bench.shop.core.statistics()).encode()
    finally:
        structlog.reset_defaults()
    output += logged.getvalue().encode()

    assert leaks(bytes(output)) == []
    masked = {line["card"] for line in lines}
    assert f"{PAN[:6]}******{PAN[-4:]}" in masked, "a line does say which card, masked"


@pytest.mark.parametrize("name", sorted(forms(PAN)))
def test_the_search_finds_a_card_in_every_form(name: str) -> None:
    hidden = b'{"x":"' + forms(PAN)[name] + b'"}'

    assert leaks(hidden), "a search that finds nothing proves nothing"
