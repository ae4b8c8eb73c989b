"""A virtual card lent to the PC/SC driver of vsmartcard, so that pcscd has a reader with it.

Owns the driver's protocol: two bytes of length, then one byte of control (power, reset, ATR) or a
command. Must not know what a command means. Source: vsmartcard, virtualsmartcard/src/vpcd.
"""

import socket
from typing import Final

import trio

from acquirers.terminal.cards.virtual import VirtualCard

PORT: Final = 0x8C7B
"""35963, where the driver's first slot listens unless told otherwise; the second is next to it."""

POWER_OFF: Final = b"\x00"
POWER_ON: Final = b"\x01"
RESET: Final = b"\x02"
ANSWER_TO_RESET: Final = b"\x04"

LENGTH_BYTES: Final = 2


async def lend(
    card: VirtualCard,
    host: str = "127.0.0.1",
    port: int = PORT,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Put a card into the driver's slot until the driver closes the connection. Raises OSError.

    `started()` when the slot has it. Cancelled: the card is pulled out.
    """
    stream = await trio.open_tcp_stream(host, port)
    async with stream:
        task_status.started()
        while True:
            head = await _received(stream, LENGTH_BYTES)
            payload = await _received(stream, int.from_bytes(head))
            if len(head) < LENGTH_BYTES or len(payload) < int.from_bytes(head):
                return
            answer = _answered(card, payload)
            if answer is not None:
                await stream.send_all(len(answer).to_bytes(LENGTH_BYTES) + answer)


def _answered(card: VirtualCard, payload: bytes) -> bytes | None:
    """Give the card's answer; None where the driver waits for none."""
    if payload in {POWER_OFF, POWER_ON, RESET}:
        card.reset()
        return None
    if payload == ANSWER_TO_RESET:
        return card.answer_to_reset
    return card.transmit(payload)


async def _received(stream: trio.SocketStream, count: int) -> bytes:
    """Read exactly so many bytes; fewer only when the driver has closed."""
    data = b""
    while len(data) < count:
        # The driver writes length and data in two steps, and waits for our acknowledgement between
        # them: 49 ms a command unless it is sent at once. Linux forgets the wish after each read.
        if hasattr(socket, "TCP_QUICKACK"):
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        try:
            received = await stream.receive_some(count - len(data))
        except trio.BrokenResourceError:
            return data
        if not received:
            return data
        data += received
    return data
