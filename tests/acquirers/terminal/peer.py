"""A switch for the client's own tests: answers as its script says, over a real socket.

Never the place to test the switch's rules: it has none.
"""

import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

from acquirers.terminal.client import Address
from acquirers.terminal.exchange import reply_type
from acquirers.terminal.wire import Wire
from switch.iso8583 import NEED_DATA, FrameReader, Message, decode, encode, reply_tpdu

NEVER_ECHOED = {"2", "14", "35", "38", "39", "95"}

Replies = Sequence[Message]
Script = Callable[[Message, int], Replies | None]
"""Request and its number (from 0) to the replies it gets; None closes the connection."""


def answered(request: Message, response_code: str = "00", **extra: str) -> Message:
    """Give a reply that echoes the request and says `response_code`."""
    reply = Message(reply_type(request.mti))
    for element, value in request.items():
        if element not in NEVER_ECHOED and not str(element).startswith("48"):
            reply[element] = value
    reply[39] = response_code
    if not request.mti.startswith("08"):
        reply.setdefault(37, "900000000001")
    for element, value in extra.items():
        reply[element.removeprefix("de").replace("_", ".")] = value
    return reply


class Peer:
    """What the peer was asked, and where it listens."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.requests: list[Message] = []
        self.connection_count = 0


@asynccontextmanager
async def running_peer(wire: Wire, script: Script) -> AsyncIterator[Peer]:
    """Listen on a free port for as long as the block runs."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    peer = Peer(Address(host="127.0.0.1", port=port))

    async def serve(stream: trio.SocketStream) -> None:
        peer.connection_count += 1
        reader = FrameReader(wire.framing)
        async with stream:
            while True:
                frame = reader.next_frame()
                if frame is NEED_DATA:
                    data = await stream.receive_some(4096)
                    if not data:
                        return
                    reader.receive_data(data)
                    continue
                request = decode(frame.body, wire.spec)
                replies = script(request, len(peer.requests))
                peer.requests.append(request)
                if replies is None:
                    return
                for reply in replies:
                    body = encode(reply, wire.spec)
                    await stream.send_all(wire.framing.frame(body, reply_tpdu(frame.tpdu)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield peer
        nursery.cancel_scope.cancel()


@contextmanager
def peer_in_thread(wire: Wire, script: Script) -> Iterator[Peer]:
    """Give a running peer to a test that runs Trio itself, or not at all."""
    running: queue.Queue[tuple[Peer, trio.lowlevel.TrioToken, trio.CancelScope]] = queue.Queue()

    async def run() -> None:
        async with running_peer(wire, script) as peer:
            with trio.CancelScope() as scope:
                running.put((peer, trio.lowlevel.current_trio_token(), scope))
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    peer, token, scope = running.get(timeout=5.0)
    try:
        yield peer
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()
