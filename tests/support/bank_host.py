"""A bank of another make: keeps its customers' money, decides, and answers over ISO 8583.

It owns balances and PINs, and has nothing of this project: messages by pyiso8583, PIN blocks opened
by other libraries. Its interface is docs/issuers.md, from the bank's side. It can be told to
misbehave (`Mood`), from the next message on.

What it has done is in its books: `posted` by the STAN and time of a question. A message that it has
had (its class, DE 11 and 7; of a reversal DE 11 and 90) gets its first answer and changes nothing.
"""

import copy
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import Enum
from itertools import count
from typing import Any

import iso8583
import iso8583.specs
import trio
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB
from psec.pinblock import decode_pinblock_iso_0

LENGTH_BYTES = 2
SPEC = copy.deepcopy(iso8583.specs.default_ascii)
for _element, _bytes_max in (("52", 8), ("55", 255)):
    SPEC[_element] |= {"data_enc": "b", "max_len": _bytes_max}

OURS = "627353"  # the institution whose questions it takes, DE 33
ECHOED = ("3", "4", "7", "11", "32", "33", "37", "41", "42", "49", "70", "90")

Fields = dict[str, str]
Name = tuple[str, ...]
Connection = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class Mood(Enum):
    """What it does with a question, after it has done what it asks for."""

    WELL = "answers"
    SILENT = "answers nothing"
    DEAF = "hears nothing: answers nothing, does nothing"
    CUTS = "hangs up instead of answering"
    GARBLES = "answers what is no ISO 8583"
    OTHER_AMOUNT = "answers with another amount"
    PARTIAL = "approves a part that nobody asked for"
    LATE = "answers when it is told to"


class Account:
    """A customer: what he has, and his PIN."""

    def __init__(self, balance_minor: int, pin: str = "") -> None:
        self.balance_minor = balance_minor
        self.pin = pin
        self.code = "00"  # what the bank answers before it looks at the money


class BankHost:
    """Accounts by card number. `zone_key` is the clear ZPK."""

    def __init__(self, accounts: dict[str, Account], zone_key: bytes) -> None:
        self.accounts = accounts
        self.zone_key = zone_key
        self.mood = Mood.WELL
        self.refuses_reversals = False
        self.signed_on = 0
        self.heard: list[Fields] = []  # questions and reversals, as they came
        self.posted: dict[Name, tuple[str, int]] = {}  # (STAN, DE 7) → card, what it costs him
        self._answers: dict[Name, Fields] = {}
        self._codes = count(1)
        self._held_back: list[Callable[[], None]] = []
        self._streams: set[trio.SocketStream] = set()

    # --- what is asked ----------------------------------------------------------------------------

    def answer(self, request: Fields) -> Fields:
        """Do what a message asks, once, and give its answer."""
        name = _name_of(request)
        if name in self._answers:
            return self._answers[name]
        reply = {key: request[key] for key in ECHOED if key in request}
        reply["t"] = f"{request['t'][:2]}{int(request['t'][2]) + 1}0"
        if request["t"].startswith("08"):
            reply["39"] = "00" if request["33"] == OURS else "58"
            self.signed_on += request["70"] == "001"
            return reply
        if request["t"].startswith("04"):
            reply["39"] = self._reverse(request)
            if reply["39"] == "96":
                return reply
        else:
            self._decide(request, reply)
        self._answers[name] = reply
        return reply

    def _decide(self, request: Fields, reply: Fields) -> None:
        account = self.accounts.get(request["2"])
        kind = request["3"][:2]
        amount_minor = int(request.get("4", "0"))
        if account is None:
            reply["39"] = "14"
        elif account.code != "00":
            reply["39"] = account.code
        elif "52" in request and not self._pin_is_right(request, account):
            reply["39"] = "55"
        elif kind == "00" and amount_minor > account.balance_minor:
            reply["39"] = "51"
        else:
            cost_minor = {"00": amount_minor, "20": -amount_minor, "31": 0}[kind]
            account.balance_minor -= cost_minor
            self.posted[request["11"], request["7"]] = (request["2"], cost_minor)
            reply["39"] = "00"
            reply["38"] = f"B{next(self._codes):05d}"
            reply["54"] = f"0002364C{account.balance_minor:012d}"

    def _pin_is_right(self, request: Fields, account: Account) -> bool:
        """Open the block under the zone key (ISO 9564 format 0)."""
        block = bytes.fromhex(request["52"])
        key = self.zone_key + self.zone_key[:8]
        opening = Cipher(TripleDES(key), ECB()).decryptor()
        clear = opening.update(block) + opening.finalize()
        try:
            return bool(decode_pinblock_iso_0(clear, request["2"]) == account.pin)
        except ValueError:
            return False

    def _reverse(self, request: Fields) -> str:
        """Undo so much of a question as DE 4 says."""
        if self.refuses_reversals:
            return "96"
        original = (request["90"][4:10], request["90"][10:20])
        if original not in self.posted:
            return "25"
        card, cost_minor = self.posted[original]
        undone = int(request["4"]) * (1 if cost_minor > 0 else -1)
        self.posted[original] = (card, cost_minor - undone)
        self.accounts[card].balance_minor += undone
        return "00"

    # --- the wire ---------------------------------------------------------------------------------

    def answer_late(self) -> None:
        """Give the answers that were held back."""
        for give in self._held_back:
            give()
        self._held_back.clear()

    def hang_up(self) -> None:
        """Close every connection at once."""
        for stream in self._streams:
            stream.socket.close()

    async def serve(self, stream: Connection) -> None:
        """Answer one connection until its peer closes it."""
        received = bytearray()
        plain = stream if isinstance(stream, trio.SocketStream) else stream.transport_stream
        self._streams.add(plain)
        send, receive = trio.open_memory_channel[bytes](1 << 16)
        try:
            async with stream, trio.open_nursery() as nursery:
                nursery.start_soon(_write, stream, receive)
                async for data in stream:
                    received += data
                    for request in _taken(received):
                        if not self._take(request, send):
                            nursery.cancel_scope.cancel()
                            await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass  # the peer hung up first, or a test has
        finally:
            self._streams.discard(plain)

    def _take(self, request: Fields, send: trio.MemorySendChannel[bytes]) -> bool:
        """Answer a message as the mood is; False hangs up."""
        if request["t"].startswith("08"):
            if self.mood is not Mood.DEAF or request["70"] == "001":
                send.send_nowait(_framed(self.answer(request)))
            return True
        self.heard.append(request)
        if self.mood is Mood.DEAF:
            return True
        reply = dict(self.answer(request))
        if self.mood is Mood.OTHER_AMOUNT and "4" in reply:
            reply["4"] = f"{int(reply['4']) + 1:012d}"
        elif self.mood is Mood.PARTIAL and reply["39"] == "00":
            reply["39"] = "10"
        frame = b"\0\x08GARBAGE!" if self.mood is Mood.GARBLES else _framed(reply)
        if self.mood is Mood.CUTS:
            return False
        if self.mood is Mood.LATE:
            self._held_back.append(lambda: send.send_nowait(frame))
        elif self.mood is not Mood.SILENT:
            send.send_nowait(frame)
        return True


def _name_of(request: Fields) -> Name:
    kind = request["t"][:3]  # a repeat has another last digit
    return (kind, request["11"], request["90"] if kind == "042" else request["7"])


async def _write(stream: Connection, frames: trio.MemoryReceiveChannel[bytes]) -> None:
    async for frame in frames:
        await stream.send_all(frame)


def _taken(received: bytearray) -> list[Fields]:
    """Take every whole message away."""
    found = []
    while len(received) >= LENGTH_BYTES:
        end = LENGTH_BYTES + int.from_bytes(received[:LENGTH_BYTES], "big")
        if len(received) < end:
            break
        found.append(iso8583.decode(received[LENGTH_BYTES:end], spec=SPEC)[0])
        del received[:end]
    return found


def _framed(reply: Fields) -> bytes:
    body, _ = iso8583.encode(dict(reply), spec=SPEC)
    return len(body).to_bytes(LENGTH_BYTES, "big") + bytes(body)


@asynccontextmanager
async def serving_bank(
    host: BankHost, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve on a port of 127.0.0.1; give the port."""

    async def serve(stream: Connection) -> None:
        """Answer whoever shakes hands; others are no business of this bank."""
        try:
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
        except (trio.BrokenResourceError, OSError):
            await trio.aclose_forcefully(stream)
        else:
            await host.serve(stream)

    async with trio.open_nursery() as nursery:
        plain = await trio.open_tcp_listeners(port, host="127.0.0.1")
        listeners: list[Any] = list(plain)
        if tls is not None:
            listeners = [trio.SSLListener(one, tls) for one in plain]
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield plain[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()
