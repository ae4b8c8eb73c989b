"""An ISO 8583 host of another make: its own dialect, its own rules, nothing of this project.

It owns a dialect that none of our profiles has (characters in ASCII, bitmaps in binary, two bytes
of length that count themselves, no TPDU, no private tags, no retrieval reference number) and
decides by the amount alone. Built on pyiso8583 and Trio, so that what is tested against it is
whether a stranger can point the load harness at something strange. A `Mistake` makes it wrong.

Its interface, as its owner would hand it out:

- 0200 purchase (DE 3 = 000000) with DE 2, 3, 4, 7, 11, 12, 13, 41, 42, 49; answered by 0210 with
  all of them but DE 2, and DE 38 (approved) and 39. Up to 900,000 approved with 00, above it 61; a
  card that begins with 60606099 gets 14.
- 0400 reversal with the same elements and DE 90 (0200, DE 11 and DE 7 of the original, 22 zeros);
  answered by 0410 with DE 39: 00, or 25 when no such purchase was made.
- 0201 and 0401 repeat; the answer is the first one.
- DE 11 and DE 41 name a message.
"""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from itertools import count

import iso8583
import iso8583.specs
import trio

AMOUNT_MAX = 900_000
LENGTH_BYTES = 2
UNKNOWN_PREFIX = "60606099"
ECHOED = ("3", "4", "7", "11", "12", "13", "41", "42", "49")

SPEC = copy.deepcopy(iso8583.specs.default_ascii)
for _bitmap in ("p", "1"):
    SPEC[_bitmap] |= {"data_enc": "b", "max_len": 8}

Fields = dict[str, str]


class Mistake(Enum):
    """How the host is wrong: with every hundredth message, repeats not counted."""

    NONE = "none"
    OTHER_AMOUNT = "the reply has another amount than the request"
    OTHER_TERMINAL = "the reply has another terminal's DE 41"
    SILENCE = "there is no reply"
    TWO_REPLIES = "there are two replies"
    APPROVES_ALL = "every amount is approved, every card is known"


class ForeignHost:
    """What it has approved, by terminal and trace number."""

    def __init__(self, mistake: Mistake = Mistake.NONE) -> None:
        self.mistake = mistake
        self.message_count = 0
        self._answers: dict[tuple[str, str, str], Fields] = {}
        self._approved: set[tuple[str, str]] = set()
        self._codes = count(1)

    def answer(self, request: Fields) -> list[Fields]:
        """Give the replies to a request: one, unless it is mistaken."""
        is_repeat = request["t"].endswith("1")
        self.message_count += not is_repeat
        key = (request["t"][:3], request["41"], request["11"])
        if key not in self._answers:
            self._answers[key] = self._decide(request)
        reply = self._answers[key]  # a mistake stays: its repeat gets the same
        if is_repeat or self.message_count % 100:
            return [reply]
        if self.mistake is Mistake.SILENCE:
            return []
        if self.mistake is Mistake.OTHER_AMOUNT:
            reply["4"] = f"{int(reply['4']) + 1:012d}"
        elif self.mistake is Mistake.OTHER_TERMINAL:
            reply["41"] = "ZZZZZZZZ"
        return [reply] * 2 if self.mistake is Mistake.TWO_REPLIES else [reply]

    def _decide(self, request: Fields) -> Fields:
        reply = {element: request[element] for element in ECHOED}
        reply["t"] = f"{request['t'][:2]}{int(request['t'][2]) + 1}0"
        if request["t"].startswith("04"):
            original = (request["41"], request["90"][4:10])
            reply["39"] = "00" if original in self._approved else "25"
            return reply
        reply["39"] = self._code(request)
        if reply["39"] == "00":
            reply["38"] = f"{next(self._codes) % 1_000_000:06d}"
            self._approved.add((request["41"], request["11"]))
        return reply

    def _code(self, request: Fields) -> str:
        if self.mistake is Mistake.APPROVES_ALL:
            return "00"
        if request["2"].startswith(UNKNOWN_PREFIX):
            return "14"
        return "61" if int(request["4"]) > AMOUNT_MAX else "00"

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one connection until its peer closes it."""
        received = bytearray()
        async with stream:
            try:
                async for data in stream:
                    received += data
                    replies = b"".join(self._take(received))
                    if replies:
                        await stream.send_all(replies)
            except trio.BrokenResourceError:
                return  # the peer hung up first

    def _take(self, received: bytearray) -> list[bytes]:
        """Answer every whole message, and take it away."""
        frames = []
        while len(received) >= LENGTH_BYTES:
            frame_bytes = int.from_bytes(received[:LENGTH_BYTES], "big")
            if len(received) < frame_bytes:
                break
            request, _ = iso8583.decode(received[LENGTH_BYTES:frame_bytes], spec=SPEC)
            del received[:frame_bytes]
            for reply in self.answer(request):
                body, _ = iso8583.encode(reply, spec=SPEC)
                frames.append((LENGTH_BYTES + len(body)).to_bytes(LENGTH_BYTES, "big") + body)
        return frames


@asynccontextmanager
async def serving(host: ForeignHost) -> AsyncIterator[int]:
    """Serve on a free port of 127.0.0.1; give the port."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, host.serve, listeners)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()
