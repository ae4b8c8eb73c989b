"""The terminal's duties when all goes well, and when no reply comes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from acquirers.terminal.client import Address, Patience, open_client
from acquirers.terminal.memory import TerminalMemory
from acquirers.terminal.orders import Order, Service
from acquirers.terminal.parties import Card, read_card
from acquirers.terminal.point_of_sale import CardDiffersError, PointOfSale
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message
from tests.acquirers.terminal.peer import Peer, Replies, Script, answered, running_peer
from tests.acquirers.terminal.samples import CARD, MOMENT, STATION

BINARY = wire_of("pos-binary")
HURRIED = Patience(connect_seconds=1.0, reply_seconds=0.04, repeats_max=1)
PURCHASE = Order(service=Service.PURCHASE, amount_minor=1000)


@pytest.fixture
def memory(tmp_path: Path) -> TerminalMemory:
    return TerminalMemory(tmp_path / "terminal.json", STATION.terminal_id)


def ticking() -> Callable[[], datetime]:
    """Give a clock that is a second later each time it is asked."""
    moments = (MOMENT + timedelta(seconds=second) for second in range(1000))
    return lambda: next(moments)


@asynccontextmanager
async def counter(
    script: Script, memory: TerminalMemory
) -> AsyncIterator[tuple[PointOfSale, Peer]]:
    async with (
        running_peer(BINARY, script) as peer,
        open_client(peer.address, BINARY, HURRIED) as client,
    ):
        yield PointOfSale(client, STATION, memory, ticking()), peer


def approve(request: Message, number: int) -> Replies:
    return [answered(request, de38="A1B2C3")]


def silent_about(*message_types: str) -> Script:
    def script(request: Message, number: int) -> Replies:
        return [] if request.mti in message_types else [answered(request)]

    return script


async def test_an_approved_purchase_has_a_receipt_and_is_remembered(
    memory: TerminalMemory,
) -> None:
    async with counter(approve, memory) as (sale, _):
        performed = await sale.perform(PURCHASE, CARD, "1")

    (remembered,) = memory.exchanges()
    assert performed.approved
    assert performed.receipt is not None
    assert performed.receipt.approval_code == "A1B2C3"
    assert (remembered.response_code, remembered.card_name) == ("00", "1")
    assert remembered.approval_code == "A1B2C3"


async def test_what_is_remembered_holds_no_card_data(memory: TerminalMemory) -> None:
    swiped = read_card(";5022290000000017=29061010000012345?")
    async with counter(approve, memory) as (sale, _):
        await sale.perform(PURCHASE, swiped)
        await sale.perform(PURCHASE, CARD)

    for remembered in memory.exchanges():
        assert not {"2", "14", "35"} & set(remembered.elements)
        assert remembered.card_masked == "502229******0017"


async def test_an_echo_is_not_remembered(memory: TerminalMemory) -> None:
    async with counter(approve, memory) as (sale, _):
        performed = await sale.perform(Order(service=Service.ECHO))

    assert performed.approved
    assert memory.exchanges() == ()


async def test_a_purchase_without_any_reply_is_reversed(memory: TerminalMemory) -> None:
    async with counter(silent_about("0200", "0201"), memory) as (sale, peer):
        performed = await sale.perform(PURCHASE, CARD)

    assert [request.mti for request in peer.requests] == ["0200", "0201", "0400"]
    assert peer.requests[2][90].startswith("0200" + peer.requests[0][11])
    assert (performed.receipt, performed.left) == (None, True)
    assert performed.reversal is not None
    assert performed.reversal.reply[39] == "00"


async def test_a_reversal_without_any_reply_is_repeated_and_stays_unknown(
    memory: TerminalMemory,
) -> None:
    async with counter(silent_about("0200", "0201", "0400", "0401"), memory) as (sale, peer):
        performed = await sale.perform(PURCHASE, CARD)

    reversal, purchase = memory.exchanges()
    assert [request.mti for request in peer.requests] == ["0200", "0201", "0400", "0401"]
    assert performed.reversal is None
    assert (reversal.service, reversal.response_code) == (Service.REVERSAL, "")
    assert (purchase.service, purchase.response_code) == (Service.PURCHASE, "")


async def test_a_completion_without_any_reply_is_never_reversed(memory: TerminalMemory) -> None:
    async with counter(silent_about("0220", "0221"), memory) as (sale, peer):
        await sale.perform(Order(service=Service.HOLD, amount_minor=1000), CARD)
        held = memory.exchanges()[0].original
        await sale.perform(Order(service=Service.COMPLETION, amount_minor=900, original=held), CARD)

    assert [request.mti for request in peer.requests] == ["0100", "0220", "0221"]


async def test_an_inquiry_without_any_reply_is_not_reversed(memory: TerminalMemory) -> None:
    async with counter(silent_about("0100", "0101"), memory) as (sale, peer):
        performed = await sale.perform(Order(service=Service.BALANCE), CARD)

    assert [request.mti for request in peer.requests] == ["0100", "0101"]
    assert performed.fault


async def test_nothing_is_reversed_when_nothing_could_be_sent(memory: TerminalMemory) -> None:
    async with running_peer(BINARY, approve) as peer:
        gone = Address(host=peer.address.host, port=peer.address.port)
    async with open_client(gone, BINARY, HURRIED) as client:
        performed = await PointOfSale(client, STATION, memory, ticking()).perform(PURCHASE, CARD)

    assert (performed.left, performed.reversal, len(memory.exchanges())) == (False, None, 1)


async def test_a_repeat_is_the_first_message_again(memory: TerminalMemory) -> None:
    mixed = Order(service=Service.MIXED, amount_minor=1000, points_max=40)
    async with counter(approve, memory) as (sale, peer):
        await sale.perform(mixed, CARD)
        await sale.repeat(memory.exchanges()[0], CARD)

    first, repeat = peer.requests
    assert (first.mti, repeat.mti) == ("0200", "0201")
    assert dict(first) == dict(repeat)


async def test_a_repeat_learns_the_outcome_that_was_unknown(memory: TerminalMemory) -> None:
    load = Order(service=Service.LOAD, amount_minor=1000)
    async with counter(silent_about("0200", "0201", "0400", "0401"), memory) as (sale, _):
        await sale.perform(load, CARD)
    unknown = memory.exchanges()[1]

    async with counter(approve, memory) as (sale, _):
        await sale.repeat(unknown, CARD)

    assert (unknown.response_code, memory.exchanges()[0].response_code) == ("", "00")
    assert memory.exchanges()[0].rrn == unknown.rrn


async def test_a_repeat_with_another_card_is_refused(memory: TerminalMemory) -> None:
    other = Card(pan="5022290000000025")
    async with counter(approve, memory) as (sale, peer):
        await sale.perform(PURCHASE, CARD)
        with pytest.raises(CardDiffersError):
            await sale.repeat(memory.exchanges()[0], other)

    assert len(peer.requests) == 1
