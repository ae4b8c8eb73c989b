"""Plays a documented exchange on a real switch today, and turns the reply back into the document's.

Messages with a MAC get it under the demo's published key, each time over what is sent, and the
replies' MACs are checked. The document's trace numbers and times stay as they are printed; what is
sent has today's. Elements that differ from run to run by their nature are named in VARIABLE and
nowhere else.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from acquirers.terminal.message_mac import MessageMac
from acquirers.terminal.wire import Wire, wire_of
from bashgah import demo_keys
from hsm_sim.key_types import TAK
from switch.iso8583 import DecodeError, Message, decode, encode, reply_tpdu
from tests.docs.examples import Example, unframed
from tests.docs.scenario import FIRST_AT
from tests.golden.line import Line

DAYS = ("48.UN", "48.ID")
"""Counted from the day of the message, which is today's and not the document's."""

VARIABLE = ("37", "38", *DAYS)
"""Given by the switch, each time others."""

TRACE_NUMBERS_FROM = 900_000
"""Played trace numbers are the document's and this: no other test takes them."""

TEHRAN = ZoneInfo("Asia/Tehran")

MAC = MessageMac(demo_keys.clear_key(TAK), "retail")

Key = tuple[str, str]
"""DE 11, and DE 13 and 12 as MMDDhhmmss."""


class Rehearsal:
    """One run through the examples, in their order; later ones name earlier ones."""

    def __init__(self) -> None:
        self._played_as: dict[Key, Key] = {}
        self._given: dict[str, str] = {}
        now = datetime.now(TEHRAN)
        self._days_since = now.date() - FIRST_AT.date()
        self._times = _seconds_from(now - timedelta(minutes=5))

    def play(self, example: Example, line: Line) -> bytes:
        """Play an exchange; give the reply's frame as the document would have it."""
        wire = wire_of(example.profile)
        documented = unframed(example.reply, wire)
        reply = self._answer(unframed(example.request, wire).body, wire, line)
        self._put_variables_back(reply, decode(documented.body, wire.spec))
        return wire.framing.frame(_encoded(reply, wire), documented.tpdu)

    def record(self, request: bytes, wire: Wire, line: Line) -> bytes:
        """Give the reply's frame to a request's frame that the document shall have."""
        frame = unframed(request, wire)
        reply = self._answer(frame.body, wire, line)
        for element in DAYS:
            if element in reply:
                day = date.fromisoformat(reply[element]) - self._days_since
                reply[element] = day.strftime("%Y%m%d")
        return wire.framing.frame(_encoded(reply, wire), reply_tpdu(frame.tpdu))

    def _answer(self, body: bytes, wire: Wire, line: Line) -> Message:
        """Send a documented request today; give the reply with the document's times."""
        try:
            request = decode(body, wire.spec)
        except DecodeError:
            return _asked(line, body, wire)  # broken on purpose: sent as it is
        staged = decode(body, wire.spec)
        self._stage(staged)
        reply = _asked(line, _encoded(staged, wire), wire)
        for element in ("11", "12", "13", "15", "90"):
            if element in reply:
                reply[element] = request[element]
        return reply

    def _stage(self, message: Message) -> None:
        """Put today's times, trace numbers and references into a documented request."""
        stan, at = self._today((message[11], message[13] + message[12]))
        message[11], message[13], message[12] = stan, at[:4], at[4:]
        if "90" in message:
            original = message[90]
            stan, at = self._today((original[4:10], original[10:20]))
            message[90] = original[:4] + stan + at + original[20:]
        if "15" in message:
            message[15] = datetime.now(TEHRAN).strftime("%m%d")
        for element in ("37", "38"):
            if element in message:
                message[element] = self._given.get(message[element], message[element])

    def _put_variables_back(self, told: Message, documented: Message) -> None:
        """Give the reply the document's variable elements, where both have them."""
        for element in VARIABLE:
            if element in told and element in documented:
                self._given[documented[element]] = told[element]
                told[element] = documented[element]

    def _today(self, documented: Key) -> Key:
        if documented not in self._played_as:
            stan = f"{int(documented[0]) + TRACE_NUMBERS_FROM:06}"
            self._played_as[documented] = (stan, next(self._times))
        return self._played_as[documented]


def _asked(line: Line, body: bytes, wire: Wire) -> Message:
    reply = line.ask(body)
    assert reply is not None, "the switch closed the connection"
    decoded = decode(reply, wire.spec)
    if _has_mac(decoded):
        MAC.check(reply, decoded)
    return decoded


def _encoded(message: Message, wire: Wire) -> bytes:
    return MAC.sealed(message, wire.spec) if _has_mac(message) else encode(message, wire.spec)


def _has_mac(message: Message) -> bool:
    return "64" in message or "128" in message


def _seconds_from(start: datetime) -> Iterator[str]:
    """Give one second after the other, as MMDDhhmmss: no two messages at the same time."""
    moment = start
    while True:
        yield moment.strftime("%m%d%H%M%S")
        moment += timedelta(seconds=1)
