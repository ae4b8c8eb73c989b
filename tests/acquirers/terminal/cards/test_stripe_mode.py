"""Stripe mode of a contactless chip: published examples, the card's side, and broken cards."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import trio

from acquirers.terminal.cards import stripe_mode, tlv
from acquirers.terminal.cards.personalisation import (
    APPLICATION_ID,
    PersonalisationError,
    PersonalisationFile,
    StripeMode,
)
from acquirers.terminal.cards.reading import CardError, PresentedCard, Terms
from acquirers.terminal.cards.stripe_mode import Template
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from tests.acquirers.terminal.cards.samples import PAN, card_file

# Of pyemv's documentation: key, track, counter, number, and the code that they make, 29488.
PUBLISHED_PAN = "5123456789012345"
PUBLISHED_KEY = "6D6425FB9401C21AA1F80451AB85DA3B"
PUBLISHED_COUNTER, PUBLISHED_NUMBER = 0x5E, 899
ZEROS = "0" * 13
TRACK2 = f"{PAN}D3012201{ZEROS}"
KEY = "0123456789ABCDEFFEDCBA9876543210"
SELECT = f"00A404000A{APPLICATION_ID}00"
START = "80A800001F831D" + "11" * 29 + "00"
CHECKSUM = "802A8E80040000089900"


def dual(path: Path, **changes: object) -> PersonalisationFile:
    """Make a card that has stripe mode, too."""
    mode = StripeMode(track2=TRACK2, icc_cvc3_key=KEY)
    return card_file(path, **{"stripe_mode": mode, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "card.json"


def tap(
    card: VirtualCard, number: int, *, pin: bool = False, answer: Callable[[bytes], bytes] = bytes
) -> PresentedCard:
    terms = Terms(
        transaction_type="00",
        local_date=date(2026, 11, 22),
        pin_possible=pin,
        unpredictable_number=number.to_bytes(4),
    )

    class Changed(VirtualReader):
        async def transmit(self, command: bytes) -> bytes:
            return answer(await super().transmit(command))

    return trio.run(Changed(card, stripe_mode=True).wait_for_card, terms)


def test_a_track_is_filled_as_in_the_published_example() -> None:
    """Counter 1E47, code 2EF4, number 42 in the places of 0038 and 03C6, four for the counter."""
    template = Template(track2=TRACK2, code_places=0x0038, number_places=0x03C6, counter_digits=4)

    track = stripe_mode.filled(template, code=0x2EF4, counter=0x1E47, number=42)

    assert track == f"{PAN}D3012201000" + "7751" + "020" + "42" + "2"


def test_the_card_makes_the_published_code(path: Path) -> None:
    track2 = f"{PUBLISHED_PAN}D3512101{ZEROS}"
    file = dual(
        path,
        pan=PUBLISHED_PAN,
        expiry="3512",
        service_code="101",
        track2=track2,
        atc=PUBLISHED_COUNTER - 1,
        stripe_mode=StripeMode(track2=track2, icc_cvc3_key=PUBLISHED_KEY),
    )

    read = tap(VirtualCard(file), PUBLISHED_NUMBER)

    assert read.card.track2 == f"{PUBLISHED_PAN}D3512101" + "29488" + "094" + "0899" + "4"


@pytest.mark.parametrize(("pin", "mode"), [(False, "912"), (True, "911")])
def test_a_tap_is_sent_as_a_track_and_nothing_of_the_chip(path: Path, pin: bool, mode: str) -> None:
    read = tap(VirtualCard(dual(path)), 123_456, pin=pin)

    assert read.card.entry_mode == mode
    assert (read.card.pan, read.card.expiry, read.service_code) == (PAN, "3012", "201")
    assert read.card.track2.endswith("34564")
    assert (read.card.chip_data, read.card.sequence_number, read.card.track1) == ("", "", "")
    assert PAN not in repr(read)


def test_each_tap_has_another_counter_and_another_code(path: Path) -> None:
    card = VirtualCard(dual(path))

    tracks = [tap(card, 7).card.track2 for _ in range(3)]

    assert [track[-8:-5] for track in tracks] == ["001", "002", "003"]
    assert len({track[-13:-8] for track in tracks}) == 3


def test_a_chip_that_speaks_in_full_is_read_as_before(path: Path) -> None:
    terms = Terms(transaction_type="00", local_date=date(2026, 11, 22))

    read = trio.run(VirtualReader(VirtualCard(dual(path))).wait_for_card, terms)

    assert (read.card.entry_mode, read.card.track2) == ("072", f"{PAN}D30122010000012300000")
    assert "9F26" in read.card.chip_data


def test_a_card_in_a_slot_has_no_stripe_mode(path: Path) -> None:
    read = tap(VirtualCard(dual(path), contactless=False), 7)

    assert read.card.entry_mode == "052"
    assert read.card.chip_data


def test_a_card_without_it_is_a_card_error(path: Path) -> None:
    with pytest.raises(CardError, match="no track 2 for stripe mode"):
        tap(VirtualCard(card_file(path)), 7)


def told(card: VirtualCard, *commands: str) -> list[str]:
    return [card.transmit(bytes.fromhex(command)).hex().upper() for command in commands]


def test_one_payment_makes_one_code(path: Path) -> None:
    card = VirtualCard(dual(path))

    answers = told(card, CHECKSUM, SELECT, CHECKSUM, START, CHECKSUM, CHECKSUM, START)

    assert (answers[0], answers[2]) == ("6985", "6985")
    assert answers[4].endswith("9000")
    assert tlv.leaves(bytes.fromhex(answers[4])[:-2])[0x9F36] == b"\x00\x01"
    assert answers[5:] == ["6985", "6985"]


@pytest.mark.parametrize(
    ("command", "status"),
    [("802A8F80040000089900", "6A86"), ("802A8E800300089900", "6700"), ("802A8E8000", "6700")],
)
def test_a_wrong_question_gets_a_status(path: Path, command: str, status: str) -> None:
    card = VirtualCard(dual(path))
    told(card, SELECT, START)

    assert told(card, command) == [status]


@pytest.mark.parametrize(
    ("tag", "value", "error"),
    [
        ("9F6502", "0000", "bitmaps"),
        ("9F6502", "1F01", "bitmaps"),
        ("9F6502", "0F80", "bitmaps"),
        ("9F6502", "3F00", "bitmaps"),
        ("9F6602", "0006", "bitmaps"),
        ("9F6701", "09", "bitmaps"),
        ("9F6102", None, "makes no code"),
    ],
)
def test_a_card_with_broken_data_is_a_card_error(
    path: Path, tag: str, value: str | None, error: str
) -> None:
    def changed(answer: bytes) -> bytes:
        at = answer.find(bytes.fromhex(tag))
        if at < 0:
            return answer
        if value is None:  # another tag in its place
            return answer[:at] + b"\x9f\x60" + answer[at + 2 :]
        return answer[: at + 3] + bytes.fromhex(value) + answer[at + 3 + len(value) // 2 :]

    with pytest.raises(CardError, match=error):
        tap(VirtualCard(dual(path)), 7, answer=changed)


def test_a_track_of_another_card_is_not_written(path: Path) -> None:
    mode = StripeMode(track2=TRACK2.replace("D3012", "D3112"), icc_cvc3_key=KEY)

    with pytest.raises(PersonalisationError, match="track2 is not of this pan"):
        dual(path, stripe_mode=mode)
