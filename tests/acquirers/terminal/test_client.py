"""Asking, waiting, repeating and giving up, over real sockets against a scripted peer."""

import pytest
import trio

from acquirers.pos import PROFILES
from acquirers.terminal.client import (
    Address,
    NoReplyError,
    NotConnectedError,
    Patience,
    TerminalClient,
    open_client,
)
from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message
from tests.acquirers.terminal.peer import Replies, answered, running_peer
from tests.acquirers.terminal.samples import CARD, STATION, trace

BINARY = wire_of("pos-binary")
HURRIED = Patience(connect_seconds=1.0, reply_seconds=0.04, repeats_max=2)


def purchase(stan: int) -> Message:
    return compose(Order(service=Service.PURCHASE, amount_minor=1000), STATION, trace(stan), CARD)


def approve(request: Message, number: int) -> Replies:
    return [answered(request)]


@pytest.mark.parametrize("profile", sorted(PROFILES))
async def test_a_message_gets_its_reply(profile: str) -> None:
    wire = wire_of(profile)
    async with running_peer(wire, approve) as peer, open_client(peer.address, wire) as client:
        answer = await client.ask(purchase(1))

    assert (answer.reply.mti, answer.reply[39], answer.reply[11]) == ("0210", "00", "000001")
    assert answer.elapsed_ns > 0


async def test_messages_share_one_connection() -> None:
    async with running_peer(BINARY, approve) as peer, open_client(peer.address, BINARY) as client:
        await client.ask(purchase(1))
        await client.ask(purchase(2))

    assert peer.connection_count == 1


async def test_replies_to_others_are_passed_over() -> None:
    def late_then_own(request: Message, number: int) -> Replies:
        return [answered(purchase(999)), answered(request)]

    async with (
        running_peer(BINARY, late_then_own) as peer,
        open_client(peer.address, BINARY) as client,
    ):
        answer = await client.ask(purchase(1))

    assert answer.reply[11] == "000001"


async def test_no_reply_in_time_is_told_and_the_connection_dropped() -> None:
    def silent_at_first(request: Message, number: int) -> Replies:
        return [answered(request)] if number else []

    async with (
        running_peer(BINARY, silent_at_first) as peer,
        open_client(peer.address, BINARY, HURRIED) as client,
    ):
        with pytest.raises(NoReplyError):
            await client.ask(purchase(1))
        await client.ask(purchase(2))

    assert peer.connection_count == 2


async def test_a_lost_reply_is_asked_for_with_the_repeat() -> None:
    def silent_at_first(request: Message, number: int) -> Replies:
        return [answered(request)] if number else []

    async with (
        running_peer(BINARY, silent_at_first) as peer,
        open_client(peer.address, BINARY, HURRIED) as client,
    ):
        answer = await client.ask_until_answered(purchase(1))

    assert [request.mti for request in peer.requests] == ["0200", "0201"]
    assert dict(peer.requests[0]) == dict(peer.requests[1])
    assert (answer.request.mti, answer.repeats) == ("0201", 1)


async def test_a_connection_closed_before_the_reply_is_asked_again_on_a_new_one() -> None:
    def hang_up_at_first(request: Message, number: int) -> Replies | None:
        return [answered(request)] if number else None

    async with (
        running_peer(BINARY, hang_up_at_first) as peer,
        open_client(peer.address, BINARY) as client,
    ):
        answer = await client.ask_until_answered(purchase(1))

    assert (answer.repeats, peer.connection_count) == (1, 2)


async def test_repeats_end_and_the_outcome_is_unknown() -> None:
    async with (
        running_peer(BINARY, lambda request, number: []) as peer,
        open_client(peer.address, BINARY, HURRIED) as client,
    ):
        with pytest.raises(NoReplyError):
            await client.ask_until_answered(purchase(1))

    assert [request.mti for request in peer.requests] == ["0200", "0201", "0201"]


async def test_a_switch_that_is_not_there_means_that_nothing_was_sent() -> None:
    async with open_client(await closed_address(), BINARY, HURRIED) as client:
        with pytest.raises(NotConnectedError):
            await client.ask_until_answered(purchase(1))


async def test_a_switch_that_goes_away_after_the_first_attempt_leaves_the_outcome_unknown() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]

    async def take_one_request_and_die() -> None:
        async with listener, await listener.accept() as stream:
            await stream.receive_some(4096)

    async with (
        trio.open_nursery() as nursery,
        open_client(Address(host="127.0.0.1", port=port), BINARY, HURRIED) as client,
    ):
        nursery.start_soon(take_one_request_and_die)
        with pytest.raises(NoReplyError, match="cannot connect"):
            await client.ask_until_answered(purchase(1))


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",  # no such length
        b"\x00\x09" + BINARY.tpdu + b"\x02\x10\x00\x00",  # a frame, but no message
    ],
)
async def test_a_reply_that_is_no_message_counts_as_no_reply(garbage: bytes) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]

    async def answer_with_garbage() -> None:
        async with listener, await listener.accept() as stream:
            await stream.receive_some(4096)
            await stream.send_all(garbage)
            await stream.receive_some(4096)

    async with (
        trio.open_nursery() as nursery,
        open_client(Address(host="127.0.0.1", port=port), BINARY) as client,
    ):
        nursery.start_soon(answer_with_garbage)
        with pytest.raises(NoReplyError, match="connection was lost"):
            await client.ask(purchase(1))


async def test_a_client_cancelled_while_waiting_takes_no_late_reply() -> None:
    def slow_then_quick(request: Message, number: int) -> Replies:
        return [] if number == 0 else [answered(request)]

    async with (
        running_peer(BINARY, slow_then_quick) as peer,
        open_client(peer.address, BINARY) as client,
    ):
        await cancelled_soon(client, purchase(1))
        await client.ask(purchase(2))

    assert peer.connection_count == 2


async def cancelled_soon(client: TerminalClient, request: Message) -> None:
    with trio.move_on_after(0.04) as scope:
        await client.ask(request)
    assert scope.cancelled_caught


async def closed_address() -> Address:
    """Give an address where nobody listens: a port that was just given back."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    return Address(host="127.0.0.1", port=port)
