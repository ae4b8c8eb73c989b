"""What simulated terminals send: every request of docs/pos-interface.md, from patched templates.

Owns how a request is filled in, and the counters of a terminal. Must not know sockets, nor what a
reply means.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from loadtest.kinds import EXAMPLES, HEADING, Kind
from loadtest.population import Card, Population, Terminal
from loadtest.template import Encode, Template

STAN_MAX = 999_999
RRN_MAX = 999_999_999_999

LOCAL_ZONE = ZoneInfo("Asia/Tehran")
"""Where the terminals stand: DE 12 and 13 are local times."""


class Request(Struct, frozen=True, kw_only=True):
    """One request as sent, and what is needed to judge its reply.

    `rrn` is unique in the run. `at` is local time, MMDDhhmmss. `points_limit` is 48.PR, 0 when it
    is absent.
    """

    kind: Kind
    terminal: Terminal
    card: Card
    rrn: int
    stan: int
    at: str
    transmitted_at: str
    processing_code: str
    amount_minor: int
    points_limit: int
    original: "Request | None"
    template: Template
    body: bytes

    def repeat_body(self) -> bytes:
        """Give the same message as a repeat: its message type ends in 1."""
        return self.template.retype(self.body, self.kind.message_type[:3] + "1")


class Stationery:
    """The templates of a population's requests, encoded when first needed, shared by all desks."""

    def __init__(self, encode: Encode, population: Population) -> None:
        self._encode = encode
        self._population = population
        self._templates: dict[tuple[str, int, bool], Template] = {}

    def template(self, kind: Kind, card: Card) -> Template:
        """Give the template for `kind` with a card of this length, with or without its expiry."""
        key = (kind.name, len(card.pan), bool(card.expiry))
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = self._make(kind, card)
        return template

    def _make(self, kind: Kind, card: Card) -> Template:
        elements = {"2": "0" * len(card.pan), "3": kind.processing_code, **dict(kind.elements)}
        if card.expiry:
            elements["14"] = card.expiry
        if self._population.acquirer:
            elements["32"] = self._population.acquirer
        if not kind.asks_only:
            elements["49"] = self._population.currency
        varying = [*HEADING, "2", *(["14"] if card.expiry else []), *kind.varying]
        elements |= {name: EXAMPLES[name] for name in varying if name not in elements}
        return Template(self._encode, kind.message_type, elements, varying)


class TerminalClock:
    """Spells the time as terminals do, once a second for all of them."""

    def __init__(self, now_seconds: Callable[[], float]) -> None:
        self._now_seconds = now_seconds
        self._second = -1
        self._spelled = ("", "", "", "")

    def read(self) -> tuple[str, str, str, str]:
        """Give DE 7 (UTC), DE 12, DE 13, and DE 13 with 12 (local), as of now."""
        second = int(self._now_seconds())
        if second != self._second:
            moment = datetime.fromtimestamp(second, UTC)
            local = moment.astimezone(LOCAL_ZONE)
            self._second = second
            self._spelled = (
                moment.strftime("%m%d%H%M%S"),
                local.strftime("%H%M%S"),
                local.strftime("%m%d"),
                local.strftime("%m%d%H%M%S"),
            )
        return self._spelled


class RrnCounter:
    """Hands out retrieval reference numbers: 12 digits, unique in the run."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.next = first

    def take(self) -> int:
        """Give the next one."""
        rrn = self.next
        assert rrn <= RRN_MAX, "the run has used up its reference numbers"
        self.next = rrn + 1
        return rrn


class Desk:
    """One terminal's side of the paper work: its identity, its STAN, its next request."""

    def __init__(
        self,
        *,
        terminal: Terminal,
        stationery: Stationery,
        clock: TerminalClock,
        rrns: RrnCounter,
        acquirer: str,
    ) -> None:
        self.terminal = terminal
        self._stationery = stationery
        self._clock = clock
        self._rrns = rrns
        self._acquirer = acquirer.rjust(11, "0")
        self._stan = 0

    def request(
        self, kind: Kind, card: Card, *, amount_minor: int = 0, points_limit: int = 0
    ) -> Request:
        """Make a request that stands for itself."""
        return self._write(kind, card, amount_minor, points_limit, None)

    def follow_up(self, kind: Kind, original: Request, *, amount_minor: int) -> Request:
        """Make a request that names `original` in DE 90: completion, refund or reversal."""
        return self._write(kind, original.card, amount_minor, 0, original)

    def _write(
        self,
        kind: Kind,
        card: Card,
        amount_minor: int,
        points_limit: int,
        original: Request | None,
    ) -> Request:
        self._stan = self._stan % STAN_MAX + 1
        rrn = self._rrns.take()
        transmitted_at, time, date, at = self._clock.read()
        code = kind.processing_code
        if original is not None and "3" in kind.varying:
            code = original.processing_code
        values = [transmitted_at, f"{self._stan:06d}", time, date, f"{rrn:012d}"]
        values += [self.terminal.terminal_id, self.terminal.merchant_id, card.pan]
        if card.expiry:
            values.append(card.expiry)
        for element in kind.varying:
            if element == "4":
                values.append(f"{amount_minor:012d}")
            elif element == "3":
                values.append(code)
            elif element == "48.PR":
                values.append(f"{points_limit:04d}")
            else:
                assert element == "90", f"nobody fills in element {element}"
                assert original is not None, "a follow-up names its original"
                values.append(self._naming(original))
        template = self._stationery.template(kind, card)
        return Request(
            kind=kind,
            terminal=self.terminal,
            card=card,
            rrn=rrn,
            stan=self._stan,
            at=at,
            transmitted_at=transmitted_at,
            processing_code=code,
            amount_minor=amount_minor,
            points_limit=points_limit,
            original=original,
            template=template,
            body=template.render(kind.message_type, *values),
        )

    def _naming(self, original: Request) -> str:
        first = f"{original.kind.message_type}{original.stan:06d}{original.transmitted_at}"
        return first + self._acquirer + "0" * 11
