"""One connection of a terminal, without the socket: which reply answers which request.

Owns matching. Must not know sockets, clocks or what a reply says beyond the elements it is
matched by. Shape (h11): `send` gives bytes to write, `receive_data` takes bytes read,
`next_event` tells what they amounted to.

Theory of operation. A reply belongs to the request with the same message class (0200 and 0201 are
both answered by 0210), STAN and terminal: terminals that share a connection never take each
other's replies. A reply that could not echo its STAN (a format error, code 30) is given to the
only request of its class that waits; with more than one waiting it belongs to nobody, and
time-outs decide.
"""

from typing import Literal

from msgspec import Struct

from acquirers.terminal import elements as de
from acquirers.terminal.message_mac import MacError
from acquirers.terminal.wire import Wire
from switch.errors import ProtocolError
from switch.iso8583 import (
    NEED_DATA,
    DecodeError,
    FrameReader,
    Message,
    decode,
    encode,
)
from switch.iso8583.framing import NeedData

UNANSWERED_MAX = 256
"""The interface lets a connection run this far ahead of its replies (docs/pos-interface.md)."""


class Answered(Struct, frozen=True, kw_only=True):
    """A request has got its reply."""

    request: Message
    reply: Message


class Unmatched(Struct, frozen=True, kw_only=True):
    """A reply that nobody waits for: late, or sent twice."""

    reply: Message


class Unreadable(Struct, frozen=True, kw_only=True, gc=False):
    """A frame that is no message, or not the switch's own; `fault` has no card data."""

    fault: str


Event = Literal[NeedData.NEED_DATA] | Answered | Unmatched | Unreadable

Key = tuple[str, str, str]
"""Reply's MTI, STAN, terminal."""


class TooManyUnansweredError(ProtocolError):
    """The terminal runs further ahead than the interface allows."""


class TerminalConnection:
    """The state of one connection: what was sent and is not answered yet."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._reader = FrameReader(wire.framing)
        self._waiting: dict[Key, Message] = {}

    def send(self, request: Message) -> bytes:
        """Give the frame to write for a request, which from now on waits for its reply.

        A terminal with a MAC key gives the request its MAC.

        Raises EncodeError, TooManyUnansweredError.
        """
        if len(self._waiting) >= UNANSWERED_MAX:
            raise TooManyUnansweredError(f"{UNANSWERED_MAX} requests are waiting for their replies")
        spec, mac = self._wire.spec, self._wire.mac
        body = encode(request, spec) if mac is None else mac.sealed(request, spec)
        frame = self._wire.framing.frame(body, self._wire.tpdu)
        self._waiting[_key_of_request(request)] = request
        return frame

    def give_up(self, request: Message) -> None:
        """Wait no longer for a request's reply; when it comes after all it is Unmatched."""
        self._waiting.pop(_key_of_request(request), None)

    def receive_data(self, data: bytes) -> None:
        """Take bytes that were read. Raises ProtocolError when framing is lost."""
        self._reader.receive_data(data)

    def next_event(self) -> Event:
        """Tell what the bytes so far amount to. Raises ProtocolError when framing is lost."""
        frame = self._reader.next_frame()
        if frame is NEED_DATA:
            return NEED_DATA
        try:
            reply = decode(frame.body, self._wire.spec)
            if self._wire.mac is not None:
                self._wire.mac.check(frame.body, reply)
        except (DecodeError, MacError) as error:
            return Unreadable(fault=str(error))
        key = self._key_waiting_for(reply)
        if key is None:
            return Unmatched(reply=reply)
        return Answered(request=self._waiting.pop(key), reply=reply)

    def _key_waiting_for(self, reply: Message) -> Key | None:
        stan = reply.get(de.SYSTEM_TRACE_AUDIT_NUMBER, "")
        key = (reply.mti, stan, reply.get(de.CARD_ACCEPTOR_TERMINAL, ""))
        if key in self._waiting:
            return key
        if stan:
            return None
        of_class = [waiting for waiting in self._waiting if waiting[0] == reply.mti]
        return of_class[0] if len(of_class) == 1 else None


def reply_type(mti: str) -> str:
    """Give the MTI that answers a request: 0210 for 0200 and 0201, 0230 for 0220."""
    return f"{mti[:2]}{int(mti[2]) + 1}0"


def _key_of_request(request: Message) -> Key:
    return (
        reply_type(request.mti),
        request[de.SYSTEM_TRACE_AUDIT_NUMBER],
        request[de.CARD_ACCEPTOR_TERMINAL],
    )
