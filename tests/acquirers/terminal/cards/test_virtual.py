"""The virtual card: what it takes when, and that its cryptogram is what an issuer expects."""

import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import trio
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards import tlv
from acquirers.terminal.cards.personalisation import (
    APPLICATION_ID,
    ATC_MAX,
    PersonalisationError,
    PersonalisationFile,
)
from acquirers.terminal.cards.reading import CardError, Terms
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from tests.acquirers.terminal.cards.samples import ICC_MASTER_KEY, PAN, card_file

with warnings.catch_warnings():
    # Imports of pyemv only name where TripleDES was; it is still there.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from pyemv import ac, kd

# pyemv uses keys of 16 bytes and TripleDES's old place; both only warn.
pyemv_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning"
)
TERMS = Terms(transaction_type="00", local_date=date(2026, 11, 22), amount_minor=250_000)
APPROVED = b"00"
SELECT = f"00A404000A{APPLICATION_ID}00"
START = "80A800001F831D" + "11" * 29 + "00"


class Issuer:
    """The issuer's host, which has the card's key, and DE 55 for all the rest."""

    def __init__(self, chip_data: str) -> None:
        self.data = dict(tlv.objects(bytes.fromhex(chip_data)))
        self._session_key = kd.derive_common_sk(
            bytes.fromhex(ICC_MASTER_KEY), self.data[0x9F36] + bytes(6)
        )

    def expected(self) -> bytes:
        # The list of docs/cards.md, written out a second time: it is what hosts are built by.
        tags = [0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10]
        data = b"".join(self.data[tag] for tag in tags)
        return ac.generate_ac(self._session_key, data, ac.PaddingType.EMV)

    def answer(self, response_code: bytes = APPROVED) -> bytes:
        """Give tag 91."""
        cryptogram = self.data[0x9F26]
        return ac.generate_arpc_1(self._session_key, cryptogram, response_code) + response_code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "card.json"


@pytest.fixture
def card(path: Path) -> VirtualCard:
    return VirtualCard(card_file(path))


def told(card: VirtualCard, *commands: str) -> list[str]:
    return [card.transmit(bytes.fromhex(command)).hex().upper() for command in commands]


@pyemv_warns
@pytest.mark.parametrize("contactless", [True, False])
async def test_the_cryptogram_is_what_the_issuer_computes(path: Path, contactless: bool) -> None:
    reader = VirtualReader(VirtualCard(card_file(path), contactless=contactless))

    for atc in (1, 2, 3):
        read = await reader.wait_for_card(TERMS)

        issuer = Issuer(read.card.chip_data)
        assert issuer.data[0x9F26] == issuer.expected()
        assert issuer.data[0x9F36] == atc.to_bytes(2)


@pytest.mark.slow
@pyemv_warns
@given(
    st.integers(0, 999_999_999_999),
    st.sampled_from(["00", "20", "21", "31"]),
    st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    st.binary(min_size=4, max_size=4),
)
def test_the_cryptogram_is_over_all_that_the_terminal_tells(
    tmp_path_factory: pytest.TempPathFactory,
    amount_minor: int,
    transaction_type: str,
    day: date,
    unpredictable_number: bytes,
) -> None:
    terms = Terms(
        transaction_type=transaction_type,
        local_date=day,
        amount_minor=amount_minor,
        unpredictable_number=unpredictable_number,
    )
    path = tmp_path_factory.mktemp("card") / "card.json"
    reader = VirtualReader(VirtualCard(card_file(path)))

    issuer = Issuer(trio.run(reader.wait_for_card, terms).card.chip_data)

    assert issuer.data[0x9F26] == issuer.expected()
    assert issuer.data[0x9F02].hex() == f"{amount_minor:012}"


@pyemv_warns
async def test_the_issuers_answer_is_believed_once_and_remembered(path: Path) -> None:
    file = card_file(path)
    reader = VirtualReader(VirtualCard(file))
    first = Issuer((await reader.wait_for_card(TERMS)).card.chip_data)

    assert await reader.tell_issuer_answer(first.answer())

    assert file.read().atc_online == 1
    assert not await reader.tell_issuer_answer(first.answer())
    second = Issuer((await reader.wait_for_card(TERMS)).card.chip_data)
    third = Issuer((await reader.wait_for_card(TERMS)).card.chip_data)
    # The third says that the second was never answered.
    assert first.data[0x9F10].hex() == "06011203a00000"
    assert second.data[0x9F10].hex() == "06011203a00000"
    assert third.data[0x9F10].hex() == "06011203a08000"


@pyemv_warns
@pytest.mark.parametrize("contactless", [True, False])
@pytest.mark.parametrize(
    "broken",
    [
        lambda answer: bytes(8) + answer[8:],
        lambda answer: answer[:7] + bytes([answer[7] ^ 1]) + answer[8:],
        lambda answer: answer[:8] + b"05",
        lambda answer: answer[:8],
        lambda answer: b"",
    ],
)
async def test_a_wrong_answer_of_the_issuer_is_refused(
    path: Path, contactless: bool, broken: Callable[[bytes], bytes]
) -> None:
    file = card_file(path)
    reader = VirtualReader(VirtualCard(file, contactless=contactless))
    issuer = Issuer((await reader.wait_for_card(TERMS)).card.chip_data)

    assert not await reader.tell_issuer_answer(broken(issuer.answer()))

    assert file.read().atc_online == 0


@pyemv_warns
async def test_the_answer_of_another_payment_is_refused(path: Path) -> None:
    reader = VirtualReader(VirtualCard(card_file(path)))
    earlier = Issuer((await reader.wait_for_card(TERMS)).card.chip_data)
    await reader.wait_for_card(TERMS)

    assert not await reader.tell_issuer_answer(earlier.answer())


async def test_the_counter_is_in_the_file_before_the_card_answers(path: Path) -> None:
    card_file(path)

    for atc in (1, 2):
        await VirtualReader(VirtualCard(PersonalisationFile(path))).wait_for_card(TERMS)

        assert PersonalisationFile(path).read().atc == atc


async def test_a_card_that_has_used_its_counters_pays_no_more(path: Path) -> None:
    reader = VirtualReader(VirtualCard(card_file(path, atc=ATC_MAX)))

    with pytest.raises(CardError, match="6985"):
        await reader.wait_for_card(TERMS)


def test_a_card_without_its_file_is_named(path: Path) -> None:
    with pytest.raises(PersonalisationError, match=r"card\.json"):
        VirtualCard(PersonalisationFile(path))


def test_the_counters_can_be_asked_for(card: VirtualCard) -> None:
    answers = told(card, SELECT, START, "80CA9F3600", "80CA9F1300", "80CA9F1700")

    assert answers[2:] == ["9F360200019000", "9F130200009000", "6A88"]


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        (["00B2010C00"], "6985"),  # nothing is selected
        ([START], "6985"),
        ([SELECT, START, START], "6985"),  # one payment a selection
        ([SELECT, "008200000A" + "00" * 10], "6985"),  # no payment yet
        ([SELECT, START, "80AE800000"], "6985"),  # contactless: made already
        ([SELECT, "80CA9F3600", "00A4040005A00000000300", "80CA9F3600"], "6985"),
        (["00A4040005A00000000300"], "6A82"),
        (["00A4040004F042415300"], "6A82"),  # shorter than a name may be
        ([SELECT, "00B2010400"], "6A82"),
        ([SELECT, "00B2020C00"], "6A83"),
        ([SELECT, "00B2010D00"], "6A86"),
        (["00A4000000"], "6A86"),
        ([SELECT, START.replace("80A80000", "80A80100")], "6A86"),
        ([SELECT, "80A80000028300" + "00"], "6A80"),
        ([SELECT, "80A8000002" + "9F37" + "00"], "6A80"),
        ([SELECT, START, "0082000009" + "00" * 9], "6700"),
        ([SELECT, START, "008200010A" + "00" * 10], "6A86"),
        (["00A404"], "6700"),
        (["00A40400001234"], "6700"),
        (["00A404000A11"], "6700"),
        (["00B0000000"], "6D00"),
        (["90A4000000"], "6E00"),
    ],
)
def test_a_command_out_of_turn_or_form_gets_its_status(
    card: VirtualCard, commands: list[str], status: str
) -> None:
    assert told(card, *commands)[-1] == status


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ([SELECT, "80A8000002830000", "80AE40001D" + "11" * 29 + "00"], "6A86"),  # offline: no
        ([SELECT, "80A8000002830000", "80AE80001C" + "11" * 28 + "00"], "6700"),
        ([SELECT, "80AE80001D" + "11" * 29 + "00"], "6985"),
        ([SELECT, START], "6A80"),
        (["00A404000E325041592E5359532E444446303100"], "6A82"),
        ([SELECT, "80A8000002830000", "008200000A" + "00" * 10], "6985"),
        ([SELECT, "80A8000002830000", *["80AE80001D" + "11" * 29 + "00"] * 2], "6985"),
    ],
)
def test_a_card_in_a_slot_takes_its_commands_in_order(
    path: Path, commands: list[str], status: str
) -> None:
    assert told(VirtualCard(card_file(path), contactless=False), *commands)[-1] == status


@pytest.mark.slow
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([SELECT, START])), max_size=4))
def test_any_bytes_get_a_status(
    tmp_path_factory: pytest.TempPathFactory, commands: list[bytes | str]
) -> None:
    card = VirtualCard(card_file(tmp_path_factory.mktemp("card") / "card.json"))

    for command in commands:
        sent = bytes.fromhex(command) if isinstance(command, str) else command
        answer = card.transmit(sent)

        assert 2 <= len(answer) <= 258
        assert answer[-2] in {0x90, 0x63, 0x67, 0x69, 0x6A, 0x6D, 0x6E}
        assert bytes.fromhex(ICC_MASTER_KEY) not in answer


def test_a_card_shows_no_number(card: VirtualCard) -> None:
    assert PAN not in repr(card)
