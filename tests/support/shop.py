"""A shard with two clubs, their shops and cards, driven by real ISO 8583 bytes without sockets.

Owns the world that the core's tests share and how a terminal would write each message. Knows no
rule: what an answer should be is said by the tests, or by `tests/model`.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

import msgspec

from acquirers.pos import POS_ASCII, POS_BINARY
from issuers.pricings import PRICINGS
from issuers.purse import purse
from switch._core import Core
from switch._lane import Lane
from switch._pricing import Pricer
from switch.clock_work import ClockWork
from switch.directory import Directory
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    CardsAdded,
    ClubAdded,
    Event,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
)
from switch.iso8583 import Message, Spec, decode, encode, named
from switch.operations import Wanted
from switch.pricing import Pricing
from switch.programme import Programme
from switch.reasons import RESPONSE_CODES, Reason

PAN_KEY = b"k" * 32
TEHRAN_S = 12_600
# A Wednesday (weekday 4 from Saturday = 0) in Tehran, 12:00 there.
NOON_S = int(datetime(2026, 4, 15, 8, 30, tzinfo=UTC).timestamp())

CAFE, BOOKS, ABROAD = "CAFE00000000001", "BOOKS0000000001", "ABROAD000000001"
TERMINALS = {
    "T0000001": CAFE,
    "T0000002": CAFE,
    "T0000003": BOOKS,
    "T0000009": ABROAD,
}
PANS = tuple(f"93640012345678{number:02d}" for number in range(90, 96))
PAN_OF_ANOTHER_CLUB = "9364009999999990"
EXPIRIES_YYMM = (3012, 3012, 3012, 3012, 3012, 2605)

CODES = ["00"] * 128
NAMES = [""] * 128
for _reason, _code in RESPONSE_CODES.items():
    CODES[_reason] = str(_code)
    NAMES[_reason] = "" if _reason is Reason.NONE else _reason.name.lower()

Extra = Mapping[int | str, str | None]


Verdict = tuple[int | bytes, ...]
"""Asked, right, unreadable, away, by the keys of before: see `Lane.answer`."""

State = tuple[list[object], list[object], list[object]]
"""Accounts, lots, and cards with their limits."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One message and its answer. `status` and `recall` are what `Lane.answer` gave."""

    mti: str
    stan: int
    at: str  # MMDDhhmmss, the terminal's local time
    request: bytes
    status: str
    reply: bytes
    seq: int
    recall: Wanted | tuple[Literal["prove"], int] | None
    asked: tuple[int, ...] = ()  # what the HSM was asked for, each time
    elements: dict[str, str]

    @property
    def code(self) -> str:
        return self.elements.get("39", "")

    @property
    def reason(self) -> str:
        return self.tag("RC")

    def tag(self, name: str) -> str:
        """Give a tag of DE 48, or an empty string."""
        return tags(self.elements.get("48", "")).get(name, "")

    def original(self) -> str:
        """Give the DE 90 that names this message."""
        return f"{self.mti}{self.stan:06d}{self.at}" + "0" * 22

    def balances(self) -> dict[str, int]:
        """Give DE 54 by account and amount type, e.g. `{"0001": 1000}`."""
        text = self.elements.get("54", "")
        entries = [text[at : at + 20] for at in range(0, len(text), 20)]
        return {e[:4]: int(e[8:]) * (1 if e[7] == "C" else -1) for e in entries}


def tags(private: str) -> dict[str, str]:
    """Take a DE 48 apart: tag two characters, length three digits, value."""
    found = {}
    while private:
        count = int(private[2:5])
        found[private[:2]] = private[5 : 5 + count]
        private = private[5 + count :]
    return found


@cache
def spec(dialect: str) -> Spec:
    """Give the compiled spec of `binary` or `ascii`."""
    return named("iso1987-binary" if dialect == "binary" else "iso1987-ascii")


def new_core(
    *,
    exchange_entries: int = 4096,
    detail_bytes: int = 1 << 20,
    batch_rows_max: int = 2_000,
    batch_bytes_max: int = 1 << 20,
    shard: int = 0,
) -> Core:
    """Give an empty shard."""
    return Core(
        shard=shard,
        pan_key=PAN_KEY,
        exchange_entries=exchange_entries,
        detail_bytes=detail_bytes,
        batch_rows_max=batch_rows_max,
        batch_bytes_max=batch_bytes_max,
        clock_seconds_max=86_400,
        response_codes=CODES,
        reason_names=NAMES,
    )


def cards_added(core: Core, programme: int, pans: list[str], expiries: list[int]) -> CardsAdded:
    """Give the event that adds cards by their PANs."""
    return CardsAdded(
        programme=programme,
        tokens=b"".join(core.token_of(pan) for pan in pans),
        expiries=struct.pack(f"<{len(pans)}H", *expiries),
        first6=struct.pack(f"<{len(pans)}I", *(int(pan[:6]) for pan in pans)),
        last4=struct.pack(f"<{len(pans)}H", *(int(pan[-4:]) for pan in pans)),
    )


def _elements(reply: bytes, dialect: str) -> dict[str, str]:
    return {str(k): v for k, v in decode(reply, spec(dialect)).items()} if reply else {}


class Shop:
    """A serving shard. Card 0 is `PANS[0]`; time stands still until a test moves `now_s`."""

    def __init__(
        self,
        programme: Programme | None = None,
        *,
        now_s: int = NOON_S,
        utc_offset_s: int = TEHRAN_S,
        exchange_entries: int = 4096,
        detail_bytes: int = 1 << 20,
        shard: int = 0,
        batch_rows_max: int = 2_000,
        batch_bytes_max: int = 1 << 20,
        pricings: Mapping[str, Pricing] = PRICINGS,
        earlier: tuple[Programme, ...] = (),
        before: tuple[Event, ...] = (),
    ) -> None:
        """Open it with a programme 1; `earlier`: those that go live before it.

        `before`: what else of the club is known before any programme.
        """
        self.now_s = now_s
        self.utc_offset_s = utc_offset_s
        self.shard = shard
        self.core = new_core(
            exchange_entries=exchange_entries,
            detail_bytes=detail_bytes,
            batch_rows_max=batch_rows_max,
            batch_bytes_max=batch_bytes_max,
            shard=shard,
        )
        self.directory = Directory(self.core)
        self.pricer = Pricer(pricings)
        self.batches: list[bytes] = []
        self._stan = 0
        # What the HSM says of the proofs that are wanted, the first time (0) and again.
        self.hsm: Callable[[int, int], Verdict] = lambda wanted, again: (wanted, wanted, 0, 0, 0)
        # What the other shards say of a voucher: 1 all have answered, 2 not all are there.
        self.seek: Callable[[bytes], int] = lambda digest: 2
        self.core.begin_tenure(1)
        for event in self._events(programme or purse(1, 1, 1), earlier, before):
            self.record(event)
        self.lanes = {dialect: self.lane(dialect) for dialect in ("binary", "ascii")}

    def go_on_with(self, core: Core, directory: Directory, *, tenure: int) -> None:
        """Be served by another process from here on, which has rebuilt the shard."""
        self.core, self.directory = core, directory
        core.begin_tenure(tenure)
        self.lanes = {dialect: self.lane(dialect) for dialect in self.lanes}

    def _events(
        self, programme: Programme, earlier: tuple[Programme, ...], before: tuple[Event, ...]
    ) -> list[Event]:
        abroad = purse(9, 1, 2)
        merchants = ((CAFE, 1, 5812), (BOOKS, 1, 5942), (ABROAD, 2, 5812))
        return [
            ClubAdded(club=1, name="Club", name_fa="باشگاه", currency=364, accounts=CLUB_ACCOUNTS),
            ClubAdded(club=2, name="Other", name_fa="دیگر", currency=364, accounts=CLUB_ACCOUNTS),
            AcquirerAdded(acquirer=1, code="581672", name="Acquirer"),
            AcquirerAdded(acquirer=2, code="603799", name="Second"),
            *(
                MerchantAdded(merchant_id=m, club=club, category=category, name=m, name_fa=m)
                for m, club, category in merchants
            ),
            *(
                TerminalAdded(terminal_id=terminal, acquirer=1, merchant_id=merchant)
                for terminal, merchant in TERMINALS.items()
            ),
            TerminalAdded(terminal_id="T0000005", acquirer=2, merchant_id=CAFE),
            *before,
            *(ProgrammeLive(definition=definition) for definition in earlier),
            ProgrammeLive(definition=programme),
            ProgrammeLive(definition=abroad),
            cards_added(self.core, programme.programme, list(PANS), list(EXPIRIES_YYMM)),
            cards_added(self.core, 9, [PAN_OF_ANOTHER_CLUB], [3012]),
        ]

    def lane(self, dialect: str, *, acquirer: int = 1, acquirer_code: bytes = b"581672") -> Lane:
        """Give a lane of `binary` or `ascii` terminals."""
        return Lane(
            self.core,
            profile=POS_BINARY if dialect == "binary" else POS_ASCII,
            spec=spec(dialect),
            acquirer=acquirer,
            acquirer_code=acquirer_code,
        )

    # --- time -------------------------------------------------------------------------------------

    def local_at(self, shift_s: int = 0) -> str:
        """Give MMDDhhmmss as the clocks on the wall show it, plus a shift."""
        shown = datetime.fromtimestamp(self.now_s, UTC) + timedelta(
            seconds=self.utc_offset_s + shift_s
        )
        return f"{shown:%m%d%H%M%S}"

    def transmitted_at(self) -> str:
        """Give DE 7: MMDDhhmmss in UTC."""
        return f"{datetime.fromtimestamp(self.now_s, UTC):%m%d%H%M%S}"

    def record(self, event: Event) -> int:
        """Let an event take effect; gives its sequence."""
        return self.directory.record(
            event, now_us=self.now_s * 1_000_000, utc_offset_s=self.utc_offset_s
        )

    def add_card(self, pan: str, expires_yymm: int) -> None:
        """Add a card of programme 1."""
        self.record(cards_added(self.core, 1, [pan], [expires_yymm]))

    def keep_house(self, *, slices_max: int = 1_000_000, cards_max: int = 4_096) -> int:
        """Let the clock do what is due, as a switch that has just started; gives how many rows."""
        work = ClockWork(self.core, self.directory, cards_max=cards_max)
        rows = 0
        for _ in range(slices_max):
            done = work.step(now_us=self.now_s * 1_000_000, utc_offset_s=self.utc_offset_s)
            if done is None:
                break
            rows += done[1] != 0
        return rows

    def expire_holds(self) -> int:
        """Let the clock end holds; gives how many."""
        written, recall = self.core.expire_holds(
            self.now_s * 1_000_000, self.utc_offset_s, 1_000_000
        )
        assert recall == []
        return written

    # --- messages ---------------------------------------------------------------------------------

    def message(
        self,
        mti: str = "0200",
        code: str = "000000",
        amount_minor: int | None = 100_000,
        *,
        card: int | str | None = 0,
        terminal: str = "T0000001",
        stan: int | None = None,
        at: str | None = None,
        extra: Extra | None = None,
    ) -> Message:
        """Build a message as a terminal would; `extra` overrides elements, None leaves one out."""
        if stan is None:
            self._stan += 1
            stan = self._stan
        at = at or self.local_at()
        elements: dict[int | str, str | None] = {
            2: PANS[card] if isinstance(card, int) else card,
            3: code,
            4: None if amount_minor is None else f"{amount_minor:012d}",
            11: f"{stan:06d}",
            12: at[4:],
            13: at[:4],
            41: terminal,
            42: TERMINALS.get(terminal, CAFE),
            49: None if amount_minor is None else "364",
            **(extra or {}),
        }
        return Message(mti, {key: value for key, value in elements.items() if value is not None})

    def send(
        self,
        mti: str = "0200",
        code: str = "000000",
        amount_minor: int | None = 100_000,
        *,
        card: int | str | None = 0,
        terminal: str = "T0000001",
        stan: int | None = None,
        at: str | None = None,
        extra: Extra | None = None,
        dialect: str = "binary",
        available: bool = True,
    ) -> Said:
        """Send what `message` builds; gives what was said."""
        message = self.message(
            mti, code, amount_minor, card=card, terminal=terminal, stan=stan, at=at, extra=extra
        )
        return self.ask(message, dialect=dialect, available=available)

    def encoded(self, message: Message, dialect: str = "binary") -> bytes:
        """Give a message's bytes, without framing."""
        return encode(message, spec(dialect))

    def ask(self, message: Message, *, dialect: str = "binary", available: bool = True) -> Said:
        """Send a message through a lane."""
        request = self.encoded(message, dialect)
        asked: list[int] = []
        verdict: Verdict | None = None
        sought = 0
        while True:
            status, reply, seq, recall = self.lanes[dialect].answer(
                request,
                now_us=self.now_s * 1_000_000,
                utc_offset_s=self.utc_offset_s,
                available=available,
                pricer=self.pricer,
                recalled=verdict is not None,
                verdict=verdict,
                sought=sought,
            )
            if recall is not None and recall[0] == "voucher":
                sought = self.seek(recall[2])
                continue
            if recall is None or recall[0] != "prove":
                break
            verdict = self.hsm(recall[1], len(asked))
            asked.append(recall[1])
        date, time = message.get(13, "0000"), message.get(12, "000000")
        return Said(
            mti=message.mti,
            stan=int(message.get(11, "0")),
            at=date + time if 13 in message else message.get(7, "0" * 10),
            request=request,
            status=status,
            reply=reply,
            seq=seq,
            recall=recall,
            asked=tuple(asked),
            elements=_elements(reply, dialect),
        )

    def load(self, amount_minor: int, *, card: int = 0) -> Said:
        """Fill a purse."""
        said = self.send(code="210000", amount_minor=amount_minor, card=card)
        assert said.code == "00", said.elements
        return said

    def reverse(
        self,
        original: Said,
        amount_minor: int = 100_000,
        *,
        remain_minor: int | None = None,
        card: int | str = 0,
        terminal: str = "T0000001",
        mti: str = "0400",
    ) -> Said:
        """Reverse what was said, by DE 90; `remain_minor` makes it partial."""
        extra: dict[int | str, str | None] = {90: original.original()}
        if remain_minor is not None:
            extra[95] = f"{remain_minor:012d}" + "0" * 30
        return self.send(mti, "000000", amount_minor, card=card, terminal=terminal, extra=extra)

    def refund(
        self, original: Said, amount_minor: int, *, card: int | str = 0, terminal: str = "T0000001"
    ) -> Said:
        """Refund a part of what was said."""
        return self.send(
            "0200",
            "200000",
            amount_minor,
            card=card,
            terminal=terminal,
            extra={90: original.original()},
        )

    def complete(
        self, hold: Said, amount_minor: int, *, card: int = 0, terminal: str = "T0000001"
    ) -> Said:
        """Capture a hold, by DE 90."""
        return self.send(
            "0220",
            "000000",
            amount_minor,
            card=card,
            terminal=terminal,
            extra={90: hold.original()},
        )

    # --- looking inside ---------------------------------------------------------------------------

    def account(self, card: int, slot: int) -> int:
        """Give the balance of a card's account: money, money held, points, points held."""
        return int(self.core.account(self.core.card(card)[0] + slot)[4])

    def money(self, card: int = 0) -> int:
        """Give what is in the purse, holds not included."""
        return self.account(card, 0)

    def points(self, card: int = 0) -> int:
        """Give the points, held ones not included."""
        return self.account(card, 2)

    def lots(self, card: int = 0) -> list[tuple[int, int, int, int]]:
        """Give (lot, remaining, available_at, expires_at) of a card's points."""
        return list(self.core.lots(self.core.card(card)[0] + 2))

    def exchange(self, said: Said) -> tuple[int, int, int, int, int]:
        """Give (state, approved, undone, operation, hold_expires_s) of what was said."""
        found = self.core.exchange(said.seq)
        assert found is not None
        return found

    def state(self) -> State:
        """Give everything that a refused message must leave as it is."""
        return state_of(self.core)

    def journal(self) -> list[bytes]:
        """Cut what waits; gives every COPY stream since the first row."""
        while (batch := self.core.cut_batch()) is not None:
            self.batches.append(bytes(batch[3]))
        return self.batches

    def replayed(self) -> Core:
        """Rebuild a shard from the journal so far."""
        core = new_core(shard=self.shard)
        replay_into(core, self.journal())
        return core


def replay_into(core: Core, streams: list[bytes]) -> Directory:
    """Replay COPY streams into an empty shard; gives its directory."""
    directory = Directory(core)
    on_event: Callable[[int, int, bytes], None] = directory.replay
    for stream in streams:
        core.replay(stream, on_event)
    return directory


def events_of(streams: list[bytes], shard: int = 0) -> dict[int, bytes]:
    """Give the events of a journal by the sequences of their rows."""
    core = new_core(shard=shard)
    directory = Directory(core)
    found = {}

    def hear(seq: int, kind: int, body: bytes) -> None:
        found[seq] = body
        directory.replay(seq, kind, body)

    for stream in streams:
        core.replay(stream, hear)
    return found


def state_of(core: Core) -> State:
    """Give every account, lot and limit of a shard."""
    accounts = range(core.account_count)
    return (
        [core.account(number) for number in accounts],
        [core.lots(number) for number in accounts],
        [(core.card(number), core.card_limits(number)) for number in range(core.card_count)],
    )
