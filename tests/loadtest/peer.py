"""A peer for the load's own tests: answers purchases, loads, inquiries and reversals from a dict.

It is no switch and stands in for none: what is tested against it is the generator and the oracle.
`faults` plants mistakes that the oracle must find.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from switch.iso8583 import FrameReader, Framing, Message, decode, encode, named
from switch.iso8583.framing import NEED_DATA, reply_tpdu

SPEC = named("iso1987-binary")
FRAMING = Framing(length="binary2", tpdu=True)
ECHOED = (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)

Fault = Callable[["Peer", Message, Message], list[Message] | None]
"""Given request and reply: the replies to send instead, or None to leave it alone."""


class Peer:
    """Balances and what was answered, by PAN and by terminal with STAN."""

    def __init__(self, balances: dict[str, int], fault: Fault | None = None) -> None:
        self.balances = dict(balances)
        self.blocked: set[str] = set()
        self.answers: dict[str, Message] = {}
        self.requests: list[Message] = []
        self.paid: dict[str, int] = {}
        self.fault = fault
        self.cut_next = False
        self.kept: list[Message] = []
        self.on_answer: Callable[[], None] = lambda: None

    def answer(self, request: Message) -> list[Message]:
        """Give the replies to a request: one, unless a fault says otherwise."""
        self.requests.append(request)
        self.on_answer()
        key = self.key(request)
        reply = self.answers.get(key)
        if reply is None:
            reply = self.answers[key] = self._decide(request)
        if self.fault is not None:
            replies = self.fault(self, request, reply)
            if replies is not None:
                return replies
        return [reply]

    @staticmethod
    def key(request: Message) -> str:
        """Give what a repeat shares with the first."""
        return f"{request[41]} {request[11]} {request[12]} {request.mti[:3]}"

    def _decide(self, request: Message) -> Message:
        reply = Message(f"{request.mti[:2]}{int(request.mti[2]) + 1}0", spec=SPEC)
        for element in ECHOED:
            if element in request:
                reply[element] = request[element]
        pan, amount = request[2], int(request.get(4, "0"))
        reply[39] = self._post(request, reply, pan, amount)
        if reply[39] == "00" and request[3] == "310000":
            reply[54] = f"0001364C{self.balances[pan]:012d}6001999C{0:012d}"
        return reply

    def _post(self, request: Message, reply: Message, pan: str, amount: int) -> str:
        if request.mti.startswith("04"):
            original = f"{request[41]} {request[90][4:10]} "
            paid = [key for key in self.paid if key.startswith(original)]
            for key in paid:
                self.balances[pan] += self.paid.pop(key)
            return "00"
        if pan not in self.balances:
            return "14"
        if pan in self.blocked:
            return "62"
        if request[3] == "210000":
            self.balances[pan] += amount
        elif request[3] == "000000":
            if amount > self.balances[pan]:
                return "51"
            self.balances[pan] -= amount
            self.paid[self.key(request)] = amount
            reply[48] = f"NP{len(str(amount)):03d}{amount}"
        return "00"

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one connection until it ends, or until told to cut it."""
        reader = FrameReader(FRAMING)
        async with stream:
            async for data in stream:
                reader.receive_data(data)
                while (frame := reader.next_frame()) is not NEED_DATA:
                    request = decode(frame.body, SPEC)
                    replies = self.answer(request)
                    if self.cut_next:
                        self.cut_next = False
                        return
                    for reply in replies:
                        body = encode(reply, SPEC)
                        await stream.send_all(FRAMING.frame(body, reply_tpdu(frame.tpdu)))


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[tuple[str, int]]:
    """Serve on a free port of 127.0.0.1; give host and port."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, _forgiving(peer), listeners)
        yield listeners[0].socket.getsockname()
        nursery.cancel_scope.cancel()


def _forgiving(peer: Peer) -> Callable[[trio.SocketStream], Awaitable[None]]:
    async def serve(stream: trio.SocketStream) -> None:
        try:
            await peer.serve(stream)
        except trio.BrokenResourceError:
            return  # the terminals hung up first

    return serve
