"""An operation with a card out of a reader: what the host gets, and what the card hears of it."""

from datetime import datetime
from pathlib import Path

import pytest

from acquirers.terminal.cards import tlv
from acquirers.terminal.cards.personalisation import PersonalisationFile
from acquirers.terminal.cards.reading import CardError, CardReader
from acquirers.terminal.cards.stripe import StripeReader
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from acquirers.terminal.client import Patience, open_client
from acquirers.terminal.memory import TerminalMemory
from acquirers.terminal.orders import Order, Original, Service
from acquirers.terminal.parties import Card
from acquirers.terminal.point_of_sale import Performed, PointOfSale
from acquirers.terminal.presentation import Presented, terms_again, terms_of, with_card
from acquirers.terminal.wire import wire_of
from hsm_sim import _emv
from hsm_sim._keys import Key
from switch.iso8583 import Message
from tests.acquirers.terminal.cards.samples import ICC_MASTER_KEY, PAN, card_file
from tests.acquirers.terminal.peer import Replies, Script, answered, running_peer
from tests.acquirers.terminal.samples import MOMENT, STATION

BINARY = wire_of("pos-binary")
HURRIED = Patience(connect_seconds=1.0, reply_seconds=0.04, repeats_max=1)
PURCHASE = Order(service=Service.PURCHASE, amount_minor=250_000)
TRACK2 = f";{PAN}=30121010000012300000?"


@pytest.fixture
def file(tmp_path: Path) -> PersonalisationFile:
    return card_file(tmp_path / "card.json")


@pytest.fixture
def memory(tmp_path: Path) -> TerminalMemory:
    return TerminalMemory(tmp_path / "terminal.json", STATION.terminal_id)


def now() -> datetime:
    return MOMENT


def approve(request: Message, number: int) -> Replies:
    return [answered(request)]


async def pay(
    reader: CardReader, memory: TerminalMemory, script: Script, order: Order = PURCHASE
) -> tuple[Presented, list[Message]]:
    async with (
        running_peer(BINARY, script) as peer,
        open_client(peer.address, BINARY, HURRIED) as client,
    ):
        sale = PointOfSale(client, STATION, memory, now)
        terms = terms_of(order, MOMENT, pin_possible=False)
        presented = await with_card(reader, terms, lambda card: sale.perform(order, card))
        return presented, peer.requests


async def test_a_chip_card_is_sent_with_all_that_was_read(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    presented, (request,) = await pay(VirtualReader(VirtualCard(file)), memory, approve)

    assert presented.performed.approved
    assert presented.issuer_believed is None
    assert request[2] == PAN
    assert (request[14], request[22], request[23]) == ("3012", "072", "001")
    assert request[35] == f"{PAN}D30122010000012300000"
    assert request["55.9F36"] == "0001"
    assert request["55.9F02"] == "000000250000"
    assert request["55.9A"] == "261122"


async def test_a_stripe_is_sent_with_its_tracks(tmp_path: Path, memory: TerminalMemory) -> None:
    swipe = tmp_path / "swipe"
    swipe.write_text(f"%B{PAN}^TEST/SARA^30121010000012300000?{TRACK2}")

    _, (request,) = await pay(StripeReader(swipe), memory, approve)

    assert (request[2], request[14], request[22]) == (PAN, "3012", "022")
    assert request[35] == f"{PAN}D30121010000012300000"
    assert request[45] == f"B{PAN}^TEST/SARA^30121010000012300000"
    assert not {"23", "52", "55"} & set(request)


def answering_issuer(*, forged: bool = False) -> Script:
    """Give a host that knows the card's key and answers its cryptogram."""

    def script(request: Message, number: int) -> Replies:
        key = Key.of(0, bytes.fromhex(ICC_MASTER_KEY))
        session = _emv.cryptogram_key(key, bytes.fromhex(request["55.9F36"]))
        answer = _emv.arpc_1(session, bytes.fromhex(request["55.9F26"]), b"00")
        if forged:
            answer = bytes(8)
        return [answered(request, de55=tlv.compose(0x91, answer + b"00").hex().upper())]

    return script


@pytest.mark.parametrize("forged", [False, True])
async def test_the_card_hears_its_issuers_answer(
    file: PersonalisationFile, memory: TerminalMemory, forged: bool
) -> None:
    reader = VirtualReader(VirtualCard(file))

    presented, _ = await pay(reader, memory, answering_issuer(forged=forged))

    assert presented.performed.approved
    assert presented.issuer_believed is not forged
    assert file.read().atc_online == (0 if forged else 1)


async def test_an_answer_for_a_card_that_cannot_be_told_is_no_fault(
    tmp_path: Path, memory: TerminalMemory
) -> None:
    swipe = tmp_path / "swipe"
    swipe.write_text(TRACK2)

    presented, _ = await pay(
        StripeReader(swipe), memory, lambda request, number: [answered(request, de55="910100")]
    )

    assert presented.performed.approved
    assert presented.issuer_believed is None


async def test_nothing_is_done_with_a_card_that_cannot_be_read(tmp_path: Path) -> None:
    swipe = tmp_path / "swipe"
    swipe.write_text("nonsense")
    done: list[Card] = []

    async def operation(card: Card) -> Performed:
        done.append(card)
        raise AssertionError("nothing was read")

    with pytest.raises(CardError):
        await with_card(
            StripeReader(swipe), terms_of(PURCHASE, MOMENT, pin_possible=False), operation
        )

    assert done == []


async def test_a_repeat_is_the_same_and_a_reversal_proves_nothing(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    def silent_about_payments(request: Message, number: int) -> Replies:
        return [] if request.mti.startswith("02") else [answered(request)]

    reader = VirtualReader(VirtualCard(file))

    _, (first, again, reversal) = await pay(reader, memory, silent_about_payments)

    assert (first.mti, again.mti, reversal.mti) == ("0200", "0201", "0400")
    assert dict(first) == dict(again)
    assert (reversal[2], reversal[22], reversal[23]) == (PAN, "072", "001")
    assert not {"52", "55"} & {key.partition(".")[0] for key in reversal}


async def test_nothing_of_the_card_is_written_down(
    file: PersonalisationFile, memory: TerminalMemory, tmp_path: Path
) -> None:
    _, (request,) = await pay(VirtualReader(VirtualCard(file)), memory, approve)

    (remembered,) = memory.exchanges()
    assert not {"2", "14", "22", "23", "35", "45", "52", "55"} & set(remembered.elements)
    written = (tmp_path / "terminal.json").read_text()
    assert PAN not in written
    assert request["55.9F26"] not in written


def test_a_reversal_is_told_to_the_card_as_what_it_takes_back() -> None:
    original = Original(
        mti="0200", processing_code="210000", amount_minor=7, stan=1, local_time="1122080000"
    )
    order = Order(service=Service.REVERSAL, amount_minor=7, original=original)

    terms = terms_of(order, MOMENT, pin_possible=False)

    assert (terms.transaction_type, terms.amount_minor) == ("21", 7)


async def test_a_repeat_is_told_to_the_card_as_what_it_repeats(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    refund = Order(
        service=Service.REFUND,
        amount_minor=5000,
        original=Original(
            mti="0200", processing_code="000000", amount_minor=9, stan=1, local_time="1122080000"
        ),
    )
    await pay(VirtualReader(VirtualCard(file)), memory, approve, refund)

    terms = terms_again(memory.exchanges()[0], MOMENT, pin_possible=True)

    assert (terms.transaction_type, terms.amount_minor) == ("20", 5000)
    assert terms.local_date == MOMENT.date()
