"""Plays a transcript against a real switch and compares every element of every reply.

Filled in, unless a step says otherwise: DE 2 and 14 of its card, 11 (counted up), 12 and 13 (now,
in Tehran), 41 and 42 of its terminal, 49 beside an amount. Before and after each step a second
terminal asks for the card's balances.
"""

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from msgspec import Struct

from acquirers.terminal.exchange import reply_type
from acquirers.terminal.orders import Original
from acquirers.terminal.parties import Card, Station
from acquirers.terminal.receipt import read_balances, receipt_of
from acquirers.terminal.receipt_text import render
from acquirers.terminal.texts import Language
from acquirers.terminal.wire import Wire
from bashgah.demo_keys import stripe_track2
from switch.iso8583 import Message, decode, encode
from tests.golden.line import Line
from tests.golden.transcript import Step, Transcript

TEHRAN = ZoneInfo("Asia/Tehran")
RIAL = "364"

ECHOED = ("3", "4", "7", "11", "12", "13", "15", "25", "32", "37", "41", "42", "49", "70", "90")
CARD_ELEMENTS = ("2", "14", "35")
WIDTHS = {"41": 8, "42": 15}
PLACEHOLDER = re.compile(r"\{([a-z]+)(?:\.(\d+))?\}")
MARKS = dict.fromkeys(map(ord, "\u202b\u202c\u200e\u200f"))
BALANCES = ("money", "money_available", "points", "points_available")

_trace_numbers = count(1)
"""One row of trace numbers for the whole session: no two transcripts share a key."""


class Cast(Struct, frozen=True, kw_only=True):
    """Who plays: cards and stations by the names that transcripts use, and the one who watches."""

    cards: dict[str, Card]
    stations: dict[str, Station]
    watcher: Station
    acquirer_code: str


class Played(Struct, frozen=True, kw_only=True):
    """A step that has been played: what was sent, what came back, how the card's balances moved."""

    request: Message
    reply: bytes
    moved: dict[str, int]


class Player:
    """Plays the steps of one transcript over one line."""

    def __init__(self, line: Line, wire: Wire, cast: Cast) -> None:
        self._line = line
        self._wire = wire
        self._cast = cast
        self._played: dict[str, Played] = {}

    def play(self, transcript: Transcript) -> None:
        """Play every step; raises AssertionError at the first difference."""
        for step in transcript.step:
            before = self._balances(step.card)
            request = self._request(step)
            body = self._body(step, request)
            reply = self._line.ask(body)
            if step.closes:
                assert reply is None, f"{step.says}: answered, not closed"
                return
            assert reply is not None, f"{step.says}: the connection was closed"
            self._compare(step, request, reply)
            self._compare_receipt(step, request, reply)
            after = self._balances(step.card)
            self._compare_balances(step, reply, after)
            moved = _moved(before, after)
            assert moved == self._expected_moves(step, moved), f"{step.says}: moved by {moved}"
            if step.name:
                self._played[step.name] = Played(request=request, reply=reply, moved=moved)

    def _request(self, step: Step) -> Message:
        """Give the step's request with everything filled in."""
        request = Message(step.send.get("mti", "0200"))
        if step.repeats:
            request.update(self._played[step.repeats].request)
        else:
            self._fill(request, step)
        if step.original:
            request[90] = _original(self._played[step.original].request)
        for element, value in step.send.items():
            if element != "mti":
                request[element] = self._filled(step, value)
        if "4" in request and "49" not in step.send and "49" not in request:
            request[49] = RIAL
        for element in step.without:
            request.pop(element, None)
        return request

    def _fill(self, request: Message, step: Step) -> None:
        station = self._cast.stations[step.terminal]
        now = datetime.now(TEHRAN) + timedelta(seconds=step.seconds_from_now)
        if not request.mti.startswith("08"):
            card = self._cast.cards[step.card]
            request[2] = card.pan
            if card.expiry:
                request[14] = card.expiry
            request[42] = station.merchant_id
        request[11] = f"{next(_trace_numbers):06}"
        request[12] = now.strftime("%H%M%S")
        request[13] = now.strftime("%m%d")
        request[41] = station.terminal_id

    def _filled(self, step: Step, value: str) -> str:
        """Fill {name} and {step.element} in."""
        return PLACEHOLDER.sub(lambda found: self._value_of(step, found[1], found[2]), value)

    def _value_of(self, step: Step, name: str, element: str | None) -> str:
        if element is not None:
            return decode(self._played[name].reply, self._wire.spec)[element]
        card = self._cast.cards[step.card]
        values = {
            "track": stripe_track2(card.pan).replace("=", "D"),
            "utc": datetime.now(UTC).strftime("%m%d%H%M%S"),
            "today": datetime.now(TEHRAN).strftime("%m%d"),
            "counter": self._cast.stations["counter"].terminal_id,
            "acquirer": self._cast.acquirer_code,
        }
        return values[name]

    def _body(self, step: Step, request: Message) -> bytes:
        if not step.body:
            return encode(request, self._wire.spec)
        text = "".join(step.body.split())
        filled = text.format(
            stan=request[11],
            time=request[12],
            date=request[13],
            pan=self._cast.cards[step.card].pan,
            terminal=self._cast.stations[step.terminal].terminal_id,
            merchant=self._cast.stations[step.terminal].merchant_id,
        )
        return filled.encode("ascii")

    def _compare(self, step: Step, request: Message, body: bytes) -> None:
        if step.same_reply_as:
            assert body == self._played[step.same_reply_as].reply, f"{step.says}: another reply"
            return
        reply = decode(body, self._wire.spec)
        expected_type = step.get.get("mti", reply_type(request.mti))
        assert reply.mti == expected_type, f"{step.says}: answered with {reply.mti}"
        assert _told(reply) == _expected(step, request, reply), step.says

    def _compare_receipt(self, step: Step, request: Message, body: bytes) -> None:
        """A terminal prints the step's lines in both languages."""
        if step.receipt is None:
            return
        reply = decode(body, self._wire.spec)
        receipt = receipt_of(step.receipt.service, request, reply, datetime.now(TEHRAN))
        for language, wanted in (
            (Language.ENGLISH, step.receipt.english),
            (Language.PERSIAN, step.receipt.persian),
        ):
            printed = plain_lines(render(receipt, language))
            assert [line for line in printed if line in wanted] == wanted, f"{step.says}: {printed}"

    def _compare_balances(self, step: Step, body: bytes, after: dict[str, int] | None) -> None:
        """DE 54 of a first reply says what another terminal is told a moment later."""
        if step.same_reply_as or "54" not in (reply := decode(body, self._wire.spec)):
            return
        assert after is not None, f"{step.says}: balances of a card that tells none"
        told = _by_name(reply[54])
        points_only = reply[3].startswith("3160")
        expected = {k: v for k, v in after.items() if not points_only or k.startswith("points")}
        assert told == expected, f"{step.says}: element 54 says {told}, the card has {expected}"

    def _balances(self, name: str) -> dict[str, int] | None:
        """Ask for a card's balances, those of BALANCES that it has; None when it is refused."""
        step = Step(says="watch", card=name)
        request = Message("0100")
        self._fill(request, step)
        request[3] = "310000"
        request[41] = self._cast.watcher.terminal_id
        request[42] = self._cast.watcher.merchant_id
        body = self._line.ask(encode(request, self._wire.spec))
        assert body is not None
        reply = decode(body, self._wire.spec)
        if reply[39] != "00":
            return None
        return _by_name(reply.get(54, ""))

    def _expected_moves(self, step: Step, moved: dict[str, int]) -> dict[str, int]:
        """Give what must have moved: nothing that the step does not say."""
        if step.undoes:
            return {name: -change for name, change in self._played[step.undoes].moved.items()}
        expected: dict[str, int] = {}
        for name in ("money", "points"):
            balance = step.moves.get(name, 0)
            available = step.moves.get(f"{name}_available", balance)
            for key, change in ((name, balance), (f"{name}_available", available)):
                expected[key] = moved[key] if change == "*" else int(change)
        return expected


def plain_lines(text: str) -> list[str]:
    """Give a receipt's lines with single spaces, without marks of direction."""
    return [" ".join(line.split()) for line in text.translate(MARKS).splitlines()]


def _by_name(additional_amounts: str) -> dict[str, int]:
    """Give what DE 54 tells."""
    told: dict[str, int] = {}
    for balance in read_balances(additional_amounts):
        name = "points" if balance.in_points else "money"
        told[f"{name}_available" if balance.available else name] = balance.value
    return told


def _moved(before: dict[str, int] | None, after: dict[str, int] | None) -> dict[str, int]:
    """Give the change of each balance; none of a card that tells no balance."""
    if before is None or after is None:
        assert before == after, "a card began or ceased to answer during a step"
        return dict.fromkeys(BALANCES, 0)
    return {name: after.get(name, 0) - before.get(name, 0) for name in BALANCES}


def _told(reply: Message) -> dict[str, str]:
    """Give a reply's elements, the private one taken apart."""
    told: dict[str, str] = {}
    for element, value in reply.items():
        if str(element) == "48":
            told.update({f"48.{tag}": text for tag, text in reply.parts(48)})
        else:
            told[str(element)] = value
    return told


def _expected(step: Step, request: Message, reply: Message) -> dict[str, str]:
    """Give what the reply must say: what is echoed, and what the step says."""
    expected: dict[str, str] = {}
    if not step.body:
        expected = {
            element: request[element].ljust(WIDTHS.get(element, 0))
            for element in ECHOED
            if element in request
        }
    if not request.mti.startswith("08") and not step.body:
        expected.setdefault("37", "*")
    expected.update({element: value for element, value in step.get.items() if element != "mti"})
    told = _told(reply)
    return {
        element: told.get(element, "(absent)") if value == "*" else value
        for element, value in expected.items()
        if value != "-"
    }


def _original(request: Message) -> str:
    """Give DE 90 for a request, by the times it was sent with."""
    at = request.get("13", "") + request.get("12", "") or request["7"]
    return Original(
        mti=request.mti[:3] + "0",
        processing_code=request["3"],
        amount_minor=0,
        stan=int(request["11"]),
        local_time=at,
        acquirer_code=request.get("32", ""),
    ).data_elements
