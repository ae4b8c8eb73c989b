"""A card lent to vsmartcard's driver: its protocol, against a driver of the test's own."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from acquirers.terminal.cards.personalisation import APPLICATION_ID
from acquirers.terminal.cards.virtual import VirtualCard
from acquirers.terminal.cards.vpcd import lend
from tests.acquirers.terminal.cards.samples import card_file

SELECT = bytes.fromhex(f"00A404000A{APPLICATION_ID}00")


class Driver:
    """The driver's end of one connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def say(self, payload: bytes) -> None:
        """Send as the driver does: length, then payload, in two writes."""
        await self._stream.send_all(len(payload).to_bytes(2))
        await self._stream.send_all(payload)

    async def hear(self) -> bytes:
        with trio.fail_after(5):
            head = await self._read(2)
            return await self._read(int.from_bytes(head))

    async def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            received = await self._stream.receive_some(count - len(data))
            assert received, "the card hung up"
            data += received
        return data


@asynccontextmanager
async def slot(card: VirtualCard) -> AsyncIterator[Driver]:
    """Put the card into a slot; at the end the driver closes, and the lending must end."""
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(lend, card, "127.0.0.1", port)
        async with await listener.accept() as stream:
            # The driver leaves Nagle's algorithm on, Trio does not.
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            yield Driver(stream)


@pytest.mark.parametrize("contactless", [True, False])
async def test_power_reset_and_commands(tmp_path: Path, contactless: bool) -> None:
    card = VirtualCard(card_file(tmp_path / "card.json"), contactless=contactless)

    async with slot(card) as driver:
        await driver.say(b"\x01")
        await driver.say(b"\x04")
        assert await driver.hear() == card.answer_to_reset
        await driver.say(SELECT)
        assert (await driver.hear()).endswith(b"\x90\x00")
        await driver.say(bytes.fromhex("00B2010C00"))
        assert (await driver.hear()).endswith(b"\x90\x00")
        await driver.say(b"\x02")
        await driver.say(bytes.fromhex("00B2010C00"))
        assert await driver.hear() == bytes.fromhex("6985")
        await driver.say(b"\x00")


@pytest.mark.parametrize("last", [b"", b"\x00", b"\x00\x05\x00\xa4"])
async def test_a_driver_that_hangs_up_ends_the_lending(tmp_path: Path, last: bytes) -> None:
    with trio.fail_after(5):
        async with slot(VirtualCard(card_file(tmp_path / "card.json"))) as driver:
            await driver._stream.send_all(last)


async def test_a_command_in_two_writes_is_answered_at_once(tmp_path: Path) -> None:
    """Forty commands would take two seconds if the acknowledgement came when it likes."""
    async with slot(VirtualCard(card_file(tmp_path / "card.json"))) as driver:
        started = trio.current_time()
        for _ in range(40):
            await driver.say(b"\x04")
            await driver.hear()
        assert trio.current_time() - started < 1.0


async def test_no_driver_is_an_error_of_the_system(tmp_path: Path) -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    port = listener.socket.getsockname()[1]
    await listener.aclose()

    with pytest.raises(OSError, match="onnect"):
        await lend(VirtualCard(card_file(tmp_path / "card.json")), "127.0.0.1", port)
