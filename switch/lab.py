"""The replay lab: a draft over what really happened, one worker's part of it.

Owns what events and the clock's rows mean in the two worlds, and what is found in the end. The
journal's rows go through `switch._lab`, where a compiled plan decides them again. Must not know
where rows come from, how many workers there are, nor how the result is shown.

Theory of operation. Behaviour is held fixed: the same cards ask the same shops for the same things
at the same moments. The clock ends and opens lots in the draft's world when the journal says that
it did; where the draft has terms of its own for that (another allowance's period, other days of
idleness), at the first row of each local day. What has ended and was not put away yet ends in both
worlds behind the last row.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from switch._calendar import civil, period
from switch._core import Core
from switch._lab import SUMS as SUM_COUNT
from switch._lab import Lab
from switch.calendar import Calendar, Period
from switch.clock_work import TASKS, endings_of, idle_endings_of
from switch.directory import Directory, EventError
from switch.events import (
    ClockProgress,
    MerchantAdded,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
    decode_event,
)
from switch.machine import UNITS, Account, Layout, lay_out
from switch.programme import Programme
from switch.rules import Tiers

Said = Literal["event", "clock", "day"]

HAPPENED, DRAFTED = 0, 1
SECONDS_A_DAY = 86_400
NO_MERCHANT = (1 << 31) - 1  # a row of the register that none has
MONTHS_MAX = 120

SUMS = (
    "purchases",
    "declined",
    "sales_minor",
    "discount_minor",
    "discount_club_minor",
    "points_earned",
    "points_redeemed",
    "points_expired",
    "points_paid_minor",
    "commission_minor",
    "fees_minor",
    "fee_points",
    "cash_minor",
    "money_minor",
    "granted_minor",
    "breakage_minor",
    "merchants_minor",
)
"""The figures of a month or a merchant, in the order of `switch/_lab_sums.pxd`."""

assert len(SUMS) == SUM_COUNT

OWN_VERSIONS = (
    ProgrammeDrafted,
    ProgrammeChecked,
    ProgrammeApproved,
    ProgrammeAnnounced,
    ProgrammeRetired,
)
TASK_SPANS = {task.name: task.span for task in TASKS}


class LabError(ValueError):
    """A draft or a past that cannot be replayed; the text says why."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of time that is replayed: local days, and the months that it touches.

    `month_days`: the first day of each Jalali month; the first is the window's own first day.
    """

    first_day: int
    last_day: int
    month_days: tuple[int, ...]


def window_of(last_day: int, months: int) -> Window:
    """Give the last `months` Jalali months up to a day, the unfinished one among them."""
    if not 1 <= months <= MONTHS_MAX:
        raise LabError(f"1 to {MONTHS_MAX} months")
    firsts: list[int] = []
    day = last_day
    while len(firsts) < months:
        first = period(Calendar.JALALI, Period.MONTH, day)[0]
        firsts.append(first)
        day = first - 1
    return Window(first_day=firsts[-1], last_day=last_day, month_days=tuple(reversed(firsts)))


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What all cards have together; `pending_points` are part of `points`."""

    points: int = 0
    pending_points: int = 0
    money_minor: int = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found. Pairs are what happened and what the draft decides.

    `cards`: columns of 8-byte numbers; `tiers`: a byte a card, empty without levels.
    `merchants`: figures by DE 42. `declined`: by reason. `versions`: that went live meanwhile.
    """

    counts: dict[str, int]
    months: tuple[list[list[int]], list[list[int]]]
    merchants: tuple[dict[str, list[int]], dict[str, list[int]]]
    merchant_names: dict[str, tuple[str, str]]
    declined: tuple[dict[int, int], dict[int, int]]
    rules: list[tuple[int, int, int]]
    cards: dict[str, bytes]
    tiers: tuple[bytes, bytes]
    at_start: Holdings
    at_end: tuple[Holdings, Holdings]
    versions: list[int]
    live: Programme | None
    last_s: int
    cpu_ms: int = 0
    read_ms: int = 0


class PastDirectory(Directory):
    """A directory of a shard that only looks back: a draft can be tried there."""

    def try_version(self, definition: Programme, seq: int) -> frozenset[str]:
        """Put a version in force, whatever steps it has taken; lots from `seq` on are of it.

        Gives the shops that its rules name and that are not known yet: until they are, and this is
        called again, their rules hold nowhere. Raises EventError for one that could not follow.
        """
        known = self.merchant_rows
        missing = definition.merchants_named() - known.keys()
        self.merchant_rows = known | dict.fromkeys(missing, NO_MERCHANT)
        try:
            self._set_plan(definition, seq, retired=False)
        finally:
            self.merchant_rows = known
        return frozenset(missing)


class Lookback:
    """One worker's replay. `take` gets the stream, `finish` gives what was found."""

    def __init__(
        self,
        core: Core,
        directory: PastDirectory,
        draft: Programme,
        *,
        first_seq: int,
        window: Window,
        offsets: Sequence[tuple[int, int]],
    ) -> None:
        """Begin with a shard as it was before `first_seq`. Raises LabError."""
        expect_replayable(draft)
        self._core = core
        self._directory = directory
        self._draft = draft
        self._offsets = offsets
        self.live: Programme | None = None
        self._live_layout: Layout | None = None
        self._waits_for: frozenset[str] = frozenset()
        self._versions: list[int] = []
        self._progress: dict[str, tuple[int, int]] = {}
        self._opened_day: int | None = None
        self._seq = first_seq
        self._at_start = Holdings()
        self.lab = Lab(
            core,
            programme=draft.programme,
            month_days=list(window.month_days),
            offsets=list(offsets),
        )
        live = directory.programmes.get(draft.programme)
        if live is not None:
            self._follow_live(live)
            self._begin(first_seq)

    def set_worker(self, worker: int, worker_count: int) -> None:
        """Say which cards are this worker's."""
        self.lab.set_worker(worker, worker_count)
        if self.live is not None:
            self._at_start = self._holdings(HAPPENED, self._begin_s())

    def _begin_s(self) -> int:
        return self._offsets[0][0]

    def take(self, piece: bytes) -> None:
        """Carry out and decide again a piece of the stream. Raises LabError, JournalBroken."""
        self.lab.take(bytes(piece), self._on_row)

    # --- rows that are not exchanges --------------------------------------------------------------

    def _on_row(self, what: Said, number: int, body: bytes) -> None:
        if what == "day":
            self._new_day(number)
            return
        event = decode_event(body)
        if what == "clock":
            if isinstance(event, ClockProgress):
                self._go_on(event)
            return
        try:
            self._take_event(event, number, body)
        except EventError as error:
            raise LabError(f"row {number}: {error}") from error

    def _take_event(self, event: object, seq: int, body: bytes) -> None:
        if isinstance(event, OWN_VERSIONS) and _programme_of(event) == self._draft.programme:
            return
        if isinstance(event, ProgrammeLive) and (
            event.definition.programme == self._draft.programme
        ):
            self._versions.append(event.definition.version)
            if self.live is not None:
                self._follow_live(event.definition)
                return
            self._directory.replay(seq, 0, body)
            self.lab.follow()
            self._follow_live(event.definition)
            self._begin(seq)
            return
        self._directory.replay(seq, 0, body)
        self.lab.follow()
        if isinstance(event, MerchantAdded) and event.merchant_id in self._waits_for:
            self._put_in_force(self._seq)

    def _follow_live(self, definition: Programme) -> None:
        self._live_layout = lay_out(definition, self._live_layout)
        self.live = definition

    def _begin(self, seq: int) -> None:
        """Let the draft decide from here on."""
        assert self.live is not None
        if msgspec.structs.replace(self._draft, version=self.live.version) == self.live:
            seq = self._directory.programme_seqs[self._draft.programme]
        self._put_in_force(seq)

    def _put_in_force(self, seq: int) -> None:
        self._seq = seq
        if self.live is not None and self.live.club != self._draft.club:
            raise LabError(f"programme {self._draft.programme} is of club {self.live.club}")
        try:
            self._waits_for = self._directory.try_version(self._draft, seq)
        except EventError as error:
            raise LabError(str(error)) from error
        self.lab.set_plan(
            self._directory.programme_rows[self._draft.programme],
            wants_days=self._opens_itself() or self._idles_itself(),
        )

    # --- the clock --------------------------------------------------------------------------------

    def _opens_itself(self) -> bool:
        """Does the draft give an allowance at other times than the journal says?"""
        mine = self._draft.allowance
        said = None if self.live is None else self.live.allowance
        return mine is not None and (said is None or said.period != mine.period)

    def _idles_itself(self) -> bool:
        said = 0 if self.live is None else self.live.inactive_days
        return self._draft.inactive_days not in (0, said)

    def _go_on(self, progress: ClockProgress) -> None:
        """The clock has gone over some cards: so it does in the draft's world."""
        name = progress.task
        period_day, done = self._progress.get(name, (progress.period_day, 0))
        first_card = done if period_day == progress.period_day else 0
        self._progress[name] = (progress.period_day, progress.next_card)
        day, end_card = progress.period_day, progress.next_card
        if name == "endings":
            self._end(DRAFTED, self._midnight_s(day), first_card, end_card)
        elif name == "inactivity":
            if self._draft.inactive_days and not self._idles_itself():
                self._end_idle(day, first_card, end_card)
        elif name == "openings":
            if self._draft.allowance and not self._opens_itself():
                self._open(day, first_card, end_card)
        else:
            self.lab.as_it_was()  # what the draft would do of it nobody here knows

    def _new_day(self, day: int) -> None:
        """What the draft does at times of its own."""
        if self._idles_itself():
            self._end_idle(day, 0, self._core.card_count)
        if self._opens_itself():
            span = TASK_SPANS["openings"](self._draft, day)
            assert span is not None
            if self._opened_day is None or self._opened_day < span[0]:
                self._open(day, 0, self._core.card_count)
            self._opened_day = span[0]

    def _end(self, world: int, until_s: int, first_card: int, end_card: int) -> None:
        definition = self._draft if world == DRAFTED else self.live
        assert definition is not None
        endings = endings_of(definition, self._layout(world), self._club_accounts())
        self.lab.end_lots(
            world,
            [(slot, self._account(reference), owed) for slot, reference, owed in endings],
            first_card=first_card,
            end_card=end_card,
            until_s=until_s,
        )

    def _end_idle(self, day: int, first_card: int, end_card: int) -> None:
        endings = idle_endings_of(self._layout(DRAFTED), self._club_accounts())
        self.lab.end_lots(
            DRAFTED,
            [(slot, self._account(reference), owed) for slot, reference, owed in endings],
            first_card=first_card,
            end_card=end_card,
            until_s=0,
            used_before_day=day - self._draft.inactive_days,
        )

    def _open(self, day: int, first_card: int, end_card: int) -> None:
        allowance = self._draft.allowance
        span = TASK_SPANS["openings"](self._draft, day)
        assert allowance is not None
        assert span is not None
        self.lab.open_lots(
            self._layout(DRAFTED).slot(allowance.wallet),
            self._account(Account.ORGANISATION),
            allowance.amount_minor,
            until_s=self._midnight_s(span[1]),
            first_card=first_card,
            end_card=end_card,
        )

    def _midnight_s(self, day: int) -> int:
        """Give when a local day begins, by what the clocks show now (as the switch does)."""
        now_s = self.lab.last_s
        offset_s = next(o for at, o in reversed(self._offsets) if at <= now_s)
        return day * SECONDS_A_DAY - offset_s

    def _layout(self, world: int) -> Layout:
        if world == DRAFTED:
            return self._directory.layout_of(self._draft.programme)
        assert self._live_layout is not None
        return self._live_layout

    def _club_accounts(self) -> int:
        return self._directory.clubs[self._draft.club].accounts

    def _account(self, reference: int) -> int:
        if reference == Account.ORGANISATION:
            return self._directory.organisation_accounts[self._draft.organisation]
        return self._core.club_account(self._draft.club, reference & 15)

    # --- what was found ---------------------------------------------------------------------------

    def finish(self) -> Part:
        """Let what has ended end in both worlds, and give what was found."""
        lab = self.lab
        now_s = lab.last_s or self._begin_s()
        if self.live is not None:
            for world in (HAPPENED, DRAFTED):
                self._end(world, now_s, 0, self._core.card_count)
        names = list(self._directory.merchants)
        return Part(
            counts=lab.counts(),
            months=(lab.months(HAPPENED), lab.months(DRAFTED)),
            merchants=(
                _by_merchant(names, lab.merchants(HAPPENED)),
                _by_merchant(names, lab.merchants(DRAFTED)),
            ),
            merchant_names={
                name: (event.name, event.name_fa)
                for name, event in self._directory.merchants.items()
            },
            declined=(lab.declined(HAPPENED), lab.declined(DRAFTED)),
            rules=lab.rules()[: len(self._draft.rule_names())],
            cards={name: _bytes(column) for name, column in lab.cards().items()},
            tiers=(self._tiers(HAPPENED, now_s), self._tiers(DRAFTED, now_s)),
            at_start=self._at_start,
            at_end=(self._holdings(HAPPENED, now_s), self._holdings(DRAFTED, now_s)),
            versions=self._versions,
            live=self.live,
            last_s=now_s,
        )

    def _holdings(self, world: int, now_s: int) -> Holdings:
        if self.live is None:
            return Holdings()
        slots = self._layout(world).slots
        points = [at for at, slot in enumerate(slots) if slot.name and _is(slot.unit, "points")]
        money = [at for at, slot in enumerate(slots) if slot.name and _is(slot.unit, "money")]
        balance, pending = self.lab.holdings(world, points, now_s=now_s)
        return Holdings(
            points=balance,
            pending_points=pending,
            money_minor=self.lab.holdings(world, money, now_s=now_s)[0],
        )

    def _tiers(self, world: int, now_s: int) -> bytes:
        definition = self._draft if world == DRAFTED else self.live
        tiers: Tiers | None = None if definition is None else definition.tiers
        if tiers is None or self.live is None:
            return b""
        bounds = [level.at for level in tiers.levels]
        return self.lab.tiers(world, self._layout(world).slot("tier"), bounds, now_s=now_s)


def expect_replayable(draft: Programme) -> None:
    """Raise LabError for a programme whose decisions a plan alone does not make."""
    if draft.pricing:
        raise LabError(
            f"programme {draft.programme} is priced by {draft.pricing!r}: a function of Python"
            " could not be asked for every purchase of months"
        )
    if draft.host:
        raise LabError(f"programme {draft.programme}: the cards' own bank decides, not a draft")


def jalali_month(day: int) -> tuple[int, int]:
    """Give year and month of a local day."""
    year, month, _ = civil(Calendar.JALALI, day)
    return year, month


def _programme_of(event: object) -> int:
    if isinstance(event, ProgrammeDrafted):
        return event.definition.programme
    assert isinstance(
        event, ProgrammeChecked | ProgrammeApproved | ProgrammeAnnounced | ProgrammeRetired
    )
    return event.programme


def _is(unit: int, name: str) -> bool:
    return unit == UNITS[name]


def _bytes(column: "array[int]") -> bytes:
    return column.tobytes()


def _by_merchant(names: Sequence[str], figures: Sequence[list[int]]) -> dict[str, list[int]]:
    found = zip(names, figures, strict=False)
    return {name: sums for name, sums in found if any(sums)}


def total_of(figures: Mapping[str, list[int]] | Sequence[list[int]]) -> dict[str, int]:
    """Add up figures of months or merchants, by name."""
    rows = list(figures.values()) if isinstance(figures, Mapping) else list(figures)
    return {name: sum(row[at] for row in rows) for at, name in enumerate(SUMS)}
