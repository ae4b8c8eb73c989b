"""The dialog with a chip, byte by byte, and with chips that are broken, foreign or gone."""

import contextlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards import tlv
from acquirers.terminal.cards.chip import read_chip
from acquirers.terminal.cards.reading import CardError, CardRemovedError, PresentedCard, Terms
from acquirers.terminal.cards.virtual import VirtualCard
from tests.acquirers.terminal.cards.samples import PAN, card_file

TERMS = Terms(
    transaction_type="00",
    local_date=date(2026, 11, 22),
    amount_minor=250_000,
    unpredictable_number=bytes.fromhex("0A0B0C0D"),
)
TOLD = "000000250000000000000000036400000000000364261122000A0B0C0D"
WANTED = "9F02069F03069F1A0295055F2A029A039C019F3704"
LABEL = "4241534847414820434C5542"
AID = "F0424153484741480001"

Change = Callable[[int, bytes], bytes]


class Wire:
    """Carries commands to a card, and keeps them; `change` may alter the answer to each."""

    def __init__(self, card: VirtualCard, change: Change | None = None) -> None:
        self.contactless = card.contactless
        self.sent: list[str] = []
        self.answers: list[str] = []
        self._card = card
        self._change = change or (lambda number, answer: answer)

    async def transmit(self, command: bytes) -> bytes:
        self.sent.append(command.hex().upper())
        answer = self._change(len(self.answers), self._card.transmit(command))
        self.answers.append(answer.hex().upper())
        return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "card.json"


def read(wire: Wire, terms: Terms = TERMS) -> PresentedCard:
    async def run() -> PresentedCard:
        return await read_chip(wire, terms)

    return trio.run(run)


def test_a_contactless_card_is_read_in_four_commands(path: Path) -> None:
    wire = Wire(VirtualCard(card_file(path)))

    read(wire)

    assert wire.sent == [
        "00A404000E" + b"2PAY.SYS.DDF01".hex().upper() + "00",
        f"00A404000A{AID}00",
        f"80A800001F831D{TOLD}00",
        "00B2010C00",
    ]
    directory, selected, options, record = wire.answers
    entry = f"4F0A{AID}500C{LABEL}870101"
    assert directory == (
        "6F34840E" + b"2PAY.SYS.DDF01".hex().upper() + f"A522BF0C1F611D{entry}9000"
    )
    assert selected == f"6F34840A{AID}A526500C{LABEL}9F3815{WANTED}" + "9000"
    assert options.startswith("7728820200049404080101009F2701809F2608")
    assert options.endswith("9F360200019F100706011203A000009000")
    assert record == (
        "7035"
        "5713"
        f"{PAN}D30122010000012300000F"
        f"5A08{PAN}"
        "5F2403301231"
        "5F2009" + b"SARA/TEST".hex().upper() + "5F340101"
        "9000"
    )


def test_a_card_in_a_slot_makes_its_cryptogram_when_asked(path: Path) -> None:
    wire = Wire(VirtualCard(card_file(path), contactless=False))

    presented = read(wire)

    assert wire.sent == [
        f"00A404000A{AID}00",
        "80A8000002830000",
        "00B2010C00",
        f"80AE80001D{TOLD}00",
    ]
    assert presented.card.entry_mode == "052"


def test_what_was_read_is_what_messages_carry(path: Path) -> None:
    presented = read(Wire(VirtualCard(card_file(path))))

    card = presented.card
    assert (card.pan, card.expiry, card.sequence_number) == (PAN, "3012", "001")
    assert card.track2 == f"{PAN}D30122010000012300000"
    assert card.entry_mode == "072"
    assert (presented.service_code, presented.name) == ("201", "SARA/TEST")
    assert PAN not in repr(presented)
    found = list(tlv.objects(bytes.fromhex(card.chip_data)))
    assert [f"{tag:X}" for tag, _ in found] == [
        *("9F26", "9F27", "9F10", "9F37", "9F36", "95", "9A", "9C", "9F02", "9F03", "5F2A", "82"),
        *("9F1A", "9F33", "9F34"),
    ]
    values = dict(found)
    assert values[0x9F37] == TERMS.unpredictable_number
    assert values[0x9F02].hex() == "000000250000"
    assert values[0x9A].hex() == "261122"


def test_a_terminal_with_a_pin_says_so_to_its_host(path: Path) -> None:
    terms = Terms(transaction_type="00", local_date=date(2026, 11, 22), pin_possible=True)

    card = read(Wire(VirtualCard(card_file(path))), terms).card

    values = dict(tlv.objects(bytes.fromhex(card.chip_data)))
    assert card.entry_mode == "071"
    assert (values[0x9F33].hex(), values[0x9F34].hex()) == ("604800", "420300")


@pytest.mark.parametrize("number", range(1, 4))
def test_an_application_or_record_that_is_not_found_is_a_card_error(
    path: Path, number: int
) -> None:
    def change(index: int, right: bytes) -> bytes:
        return bytes.fromhex("6A82") if index == number else right

    with pytest.raises(CardError, match="6A82"):
        read(Wire(VirtualCard(card_file(path)), change))


def test_a_card_without_directory_is_asked_for_our_application(path: Path) -> None:
    wire = Wire(
        VirtualCard(card_file(path)),
        lambda number, answer: answer if number else bytes.fromhex("6A82"),
    )

    assert read(wire).card.pan == PAN


FAULTS = ["", "90", "6A81", "6985", "9000", "6F009000", "FFFF9000", "5A0F119000", "00" * 300]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("answer", FAULTS)
def test_a_faulty_answer_is_a_card_error(path: Path, number: int, answer: str) -> None:
    def change(index: int, right: bytes) -> bytes:
        return bytes.fromhex(answer) if index == number else right

    with pytest.raises(CardError) as fault:
        read(Wire(VirtualCard(card_file(path)), change))

    assert PAN not in str(fault.value)


@pytest.mark.parametrize("number", range(4))
def test_a_card_that_is_taken_away_is_said_to_be(path: Path, number: int) -> None:
    def change(index: int, right: bytes) -> bytes:
        if index == number:
            raise CardRemovedError("the card went away while it was read")
        return right

    with pytest.raises(CardRemovedError):
        read(Wire(VirtualCard(card_file(path)), change))


def replaced(number: int, old: str, new: str) -> Change:
    """Change one answer's bytes; the lengths around them are the caller's."""

    def change(index: int, answer: bytes) -> bytes:
        if index != number:
            return answer
        assert bytes.fromhex(old) in answer, "the test changes what is there"
        return answer.replace(bytes.fromhex(old), bytes.fromhex(new))

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (replaced(0, f"4F0A{AID}", "4F0AA0000000031010000001"), "no club here"),
        (replaced(2, "940408010100", "940409010100"), "file locator"),
        (replaced(2, "940408010100", "940408020100"), "file locator"),
        (replaced(2, "940408010100", "9404080001FF"), "file locator"),
        (replaced(2, "940408010100", "94040801FF00"), "records"),
        (replaced(2, "9F270180", "9F270100"), "declines"),
        (replaced(2, "9F2608", "9F2508"), "no cryptogram"),
        (replaced(3, f"5A08{PAN}", f"5A08{PAN[:-1]}5"), "number"),
        (replaced(3, "5F2403301231", "5F2403311231"), "expiry"),
        (replaced(3, "5F340101", "5F34010A"), "sequence"),
        (replaced(3, "5713", "5613"), "track 2"),
        (replaced(3, f"{PAN}D301", f"{PAN}A301"), "track 2"),
        (replaced(3, "5F2009", "5F2409"), "twice"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused(
    path: Path, change: Change, complaint: str
) -> None:
    with pytest.raises(CardError, match=complaint):
        read(Wire(VirtualCard(card_file(path)), change))


def test_a_card_that_hands_its_answer_out_in_pieces_is_read(path: Path) -> None:
    card = VirtualCard(card_file(path))
    kept: list[bytes] = []

    class InPieces(Wire):
        async def transmit(self, command: bytes) -> bytes:
            if command[1] == 0xC0:
                return kept.pop()
            answer = await super().transmit(command)
            if command[1] == 0xB2 and command[4] == 0:
                return bytes([0x6C, len(answer) - 2])
            if command[1] == 0xA4:
                kept.append(answer)
                return bytes([0x61, len(answer) - 2])
            return answer

    assert read(InPieces(card)).card.pan == PAN


def test_a_card_that_sends_on_and_on_is_stopped(path: Path) -> None:
    wire = Wire(VirtualCard(card_file(path)), lambda number, answer: b"\x61\x10")

    with pytest.raises(CardError, match="on and on"):
        read(wire)


@pytest.mark.slow
@given(st.integers(0, 3), st.data())
def test_no_broken_answer_is_more_than_a_card_error(
    tmp_path_factory: pytest.TempPathFactory, number: int, data: st.DataObject
) -> None:
    def change(index: int, answer: bytes) -> bytes:
        if index != number:
            return answer
        if data.draw(st.booleans()):
            return data.draw(st.binary(max_size=270))
        place = data.draw(st.integers(0, len(answer) - 1))
        value = data.draw(st.integers(0, 255))
        return answer[:place] + bytes([value]) + answer[place + 1 :]

    card = VirtualCard(card_file(tmp_path_factory.mktemp("card") / "card.json"))
    with contextlib.suppress(CardError):
        read(Wire(card, change))
