"""A session with an HSM, against the simulator and against peers that misbehave."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from hsm_sim.framing import framed
from switch.errors import HsmUnavailable
from switch.hsm_client import HsmAddress, open_hsm
from tests.support.hsm import served_hsm

Serve = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def peer(serve: Serve) -> AsyncIterator[HsmAddress]:
    """An HSM that does as a test wants."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        yield HsmAddress(host="127.0.0.1", port=port)
        nursery.cancel_scope.cancel()


async def requests(stream: trio.SocketStream, count: int) -> list[bytes]:
    data = b""
    found: list[bytes] = []
    while len(found) < count:
        data += await stream.receive_some(65_536)
        while len(data) >= 2 and len(data) >= (end := 2 + int.from_bytes(data[:2], "big")):
            found.append(data[2:end])
            data = data[end:]
    return found


async def test_a_command_gets_its_response_without_the_header() -> None:
    async with served_hsm() as (_, address), open_hsm(address) as session:
        assert await session.command(b"B20003abc") == b"B300abc"


async def test_commands_are_under_way_together_and_get_their_own_responses() -> None:
    answers: dict[int, bytes] = {}

    async with served_hsm() as (_, address), open_hsm(address, in_flight_max=8) as session:

        async def ask(number: int) -> None:
            answers[number] = await session.command(b"B20004%04d" % number)

        async with trio.open_nursery() as nursery:
            for number in range(500):
                nursery.start_soon(ask, number)

    assert answers == {number: b"B300%04d" % number for number in range(500)}


async def test_answers_may_come_in_any_order() -> None:
    async def backwards(stream: trio.SocketStream) -> None:
        for request in reversed(await requests(stream, 20)):
            await stream.send_all(framed(request[:4], b"B300" + request[10:]))
        await trio.sleep_forever()

    answers: dict[int, bytes] = {}
    async with peer(backwards) as address, open_hsm(address) as session:

        async def ask(number: int) -> None:
            answers[number] = await session.command(b"B20004%04d" % number)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(ask, number)

    assert answers == {number: b"B300%04d" % number for number in range(20)}


async def test_no_more_are_under_way_than_is_allowed() -> None:
    seen: list[int] = []

    async def counting(stream: trio.SocketStream) -> None:
        while data := await stream.receive_some(65_536):
            found = [data[at : at + 13] for at in range(0, len(data), 13)]
            seen.append(len(found))
            await stream.send_all(b"".join(framed(one[2:6], b"B300") for one in found))

    async with (
        peer(counting) as address,
        open_hsm(address, in_flight_max=3) as session,
        trio.open_nursery() as nursery,
    ):
        for _ in range(30):
            nursery.start_soon(session.command, b"B20001x")

    assert sum(seen) == 30
    assert max(seen) <= 3


async def test_a_late_answer_is_nobodys() -> None:
    async def late(stream: trio.SocketStream) -> None:
        (first,) = await requests(stream, 1)
        (second,) = await requests(stream, 1)
        await stream.send_all(framed(first[:4], b"B300old") + framed(second[:4], b"B300new"))
        await trio.sleep_forever()

    async with peer(late) as address, open_hsm(address, command_seconds_max=0.1) as session:
        with pytest.raises(HsmUnavailable, match=r"no answer in 0\.1 s"):
            await session.command(b"B20003old")

        assert await session.command(b"B20003new") == b"B300new"


async def test_a_lost_connection_fails_all_that_wait_and_all_that_follow() -> None:
    async def hanging_up(stream: trio.SocketStream) -> None:
        await requests(stream, 3)
        await stream.aclose()

    failed: list[str] = []
    async with peer(hanging_up) as address, open_hsm(address) as session:

        async def ask() -> None:
            with pytest.raises(HsmUnavailable) as caught:
                await session.command(b"B20001x")
            failed.append(str(caught.value))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        await ask()

    assert failed == [f"HSM 127.0.0.1:{address.port}: the connection broke"] * 4


@pytest.mark.parametrize("nonsense", [b"\x00\x00", framed(b"HEAD", b"ND00"), b"\x00\x050001N"])
async def test_what_is_no_response_ends_the_session(nonsense: bytes) -> None:
    async def rubbish(stream: trio.SocketStream) -> None:
        await stream.send_all(nonsense)
        await trio.sleep_forever()

    async with peer(rubbish) as address, open_hsm(address) as session:
        with pytest.raises(HsmUnavailable, match="what is no response"):
            await session.command(b"NC")


async def test_nobody_there_is_one_clear_error() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()

    with pytest.raises(HsmUnavailable, match=f"HSM 127.0.0.1:{port}"):
        async with open_hsm(HsmAddress(host="127.0.0.1", port=port)):
            pass


async def test_a_failure_in_the_block_comes_out_as_it_is() -> None:
    async with served_hsm() as (_, address):
        with pytest.raises(HsmUnavailable, match="as it is"):
            async with open_hsm(address):
                raise HsmUnavailable("as it is")


async def test_nothing_of_a_command_is_shown() -> None:
    async with served_hsm() as (_, address), open_hsm(address) as session:
        await session.command(b"B200044242")

        assert "4242" not in repr(session)
        assert "4242" not in repr(vars(session))
