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
from acquirers.terminal.screen import outcome_text
from acquirers.terminal.texts import Language
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
        presented = await with_card(
            reader, terms, lambda card: sale.perform(order, card), sale.take_back
        )
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
        if request.mti == "0400":
            return [answered(request)]
        key = Key.of(0, bytes.fromhex(ICC_MASTER_KEY))
        session = _emv.cryptogram_key(key, bytes.fromhex(request["55.9F36"]))
        answer = _emv.arpc_1(session, bytes.fromhex(request["55.9F26"]), b"00")
        if forged:
            answer = bytes(8)
        return [answered(request, de55=tlv.compose(0x91, answer + b"00").hex().upper())]

    return script


async def test_the_card_hears_its_issuers_answer(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    presented, requests = await pay(VirtualReader(VirtualCard(file)), memory, answering_issuer())

    assert presented.performed.approved
    assert presented.issuer_believed is True
    assert file.read().atc_online == 1
    assert len(requests) == 1


async def test_what_the_card_does_not_believe_is_reversed(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    reader = VirtualReader(VirtualCard(file))

    presented, (purchase, reversal) = await pay(reader, memory, answering_issuer(forged=True))

    performed = presented.performed
    assert presented.issuer_believed is False
    assert performed.card_refused
    assert not performed.approved
    assert file.read().atc_online == 0
    assert (purchase.mti, reversal.mti) == ("0200", "0400")
    assert reversal[90][:20] == f"0200{purchase[11]}{purchase[13]}{purchase[12]}"
    assert (reversal[4], reversal[2]) == (purchase[4], PAN)
    assert not {"52", "55"} & {key.partition(".")[0] for key in reversal}
    assert performed.reversal is not None
    assert performed.reversal.reply[39] == "00"
    assert [known.service for known in memory.exchanges()] == [Service.REVERSAL, Service.PURCHASE]
    shown = outcome_text(performed, Language.ENGLISH)
    assert "refused its issuer's answer" in shown
    assert "nothing moved" in shown
    assert "Approved" not in shown


async def test_a_reversal_that_got_no_reply_is_still_to_be_done(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    issuer = answering_issuer(forged=True)

    def script(request: Message, number: int) -> Replies | None:
        return issuer(request, number) if request.mti == "0200" else []

    presented, requests = await pay(VirtualReader(VirtualCard(file)), memory, script)

    assert [request.mti for request in requests] == ["0200", "0400", "0401"]
    assert "NOT YET REVERSED" in outcome_text(presented.performed, Language.ENGLISH)
    assert (memory.exchanges()[0].service, memory.exchanges()[0].response_code) == (
        Service.REVERSAL,
        "",
    )


async def test_a_balance_that_the_card_does_not_believe_has_nothing_to_reverse(
    file: PersonalisationFile, memory: TerminalMemory
) -> None:
    inquiry = Order(service=Service.BALANCE)
    reader = VirtualReader(VirtualCard(file))

    presented, requests = await pay(reader, memory, answering_issuer(forged=True), inquiry)

    assert len(requests) == 1
    assert not presented.performed.approved
    assert "REVERSED" not in outcome_text(presented.performed, Language.ENGLISH).upper()


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

    async def take_back(performed: Performed, card: Card) -> Performed:
        raise AssertionError("nothing was done")

    terms = terms_of(PURCHASE, MOMENT, pin_possible=False)
    with pytest.raises(CardError):
        await with_card(StripeReader(swipe), terms, operation, take_back)

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
