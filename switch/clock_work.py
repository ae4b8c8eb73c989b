"""What the clock does over many accounts: the tasks, when they are due, and how far each has got.

Owns the table of tasks and the order. A task goes over a programme's cards once in each of its
periods, in slices; each slice that moves something is one journal row, which says how far it got
(`ClockProgress`). So whoever replays the journal goes on behind the last row, and does nothing
twice. A slice that moves nothing leaves no row: looking again costs microseconds. Time comes in;
must not know a clock, nor when there is time for it (`switch.housekeeping`).

A new period takes over from one that was not finished: a task looks at what is due by its start,
however long it has been.
"""

from collections.abc import Callable

import msgspec

from switch._calendar import civil, period
from switch._clock import end_lots, open_lots, run_steps, write_row
from switch._core import Core
from switch.calendar import Calendar, Period
from switch.directory import Directory
from switch.events import ClockProgress, encode_event
from switch.limits import CLOCK_CARDS_MAX
from switch.machine import CALENDARS, PERIODS, UNITS, Account, ClockEntry, Layout
from switch.plan_clock import has_work
from switch.programme import Programme
from switch.rules import Wallet

SECONDS_A_DAY = 86_400

Span = tuple[int, int]
"""A period: its first local day and the first day after it."""

Left = tuple[int, Account, bool]
"""What leaves a card: its slot, where it goes, and whether what is owed there is settled, too."""


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """What a slice of a task sees: the programme, its period in Unix seconds, and which cards."""

    core: Core
    row: int  # of the programme's plan
    definition: Programme
    layout: Layout
    club_accounts: int
    now_us: int
    utc_offset_s: int
    period_day: int
    begins_s: int
    ends_s: int
    first_card: int
    cards_max: int


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of clock work.

    `span`: the period that holds a local day, None for a programme without such work. `go`: one
    slice; gives the next card and how many moves it made.
    """

    name: str
    span: Callable[[Programme, int], Span | None]
    go: Callable[[Sight], tuple[int, int]]


# --- endings: what has ended leaves the card ------------------------------------------------------


def _each_day(definition: Programme, day: int) -> Span | None:
    counted = definition.tiers is not None or definition.caps
    if counted or any(wallet.dated for wallet in definition.wallets):
        return day, day + 1
    return None


def _end(sight: Sight) -> tuple[int, int]:
    return end_lots(
        sight.core,
        sight.row,
        endings_of(sight.definition, sight.layout, sight.club_accounts),
        until_s=sight.begins_s,
        first_card=sight.first_card,
        cards_max=sight.cards_max,
    )


def endings_of(definition: Programme, layout: Layout, club_accounts: int) -> list[Left]:
    """Give what leaves where.

    Of the programme's counters only tiers and caps: that a membership or a warranty has ended is
    told, and a debt is owed until it is paid.
    """
    endings = _of_wallets(layout, [wallet for wallet in definition.wallets if wallet.dated])
    counters = [cap.name for cap in definition.caps]
    if definition.tiers is not None:
        counters.append("tier")
    endings += [(layout.slot(name), Account.CLUB_COUNTS, True) for name in counters]
    return _that_have_a_place(club_accounts, endings)


def _of_wallets(layout: Layout, wallets: list[Wallet]) -> list[Left]:
    targets = []
    for wallet in wallets:
        slot = layout.slot(wallet.name)
        if wallet.unit == "points":
            targets.append((slot, Account.CLUB_POINTS_EXPIRED, False))
        elif wallet.unit == "count":
            targets.append((slot, Account.CLUB_COUNTS, True))
        elif wallet.funder == "organisation":
            targets.append((slot, Account.ORGANISATION, True))
        else:
            targets.append((slot, Account.CLUB_BREAKAGE, False))
    return targets


def _that_have_a_place(club_accounts: int, endings: list[Left]) -> list[Left]:
    """Leave out what a club of an old journal has no account for."""
    return [
        ending
        for ending in endings
        if ending[1] == Account.ORGANISATION or ending[1] & 15 < club_accounts
    ]


# --- inactivity: points of a card that was not used end -------------------------------------------


def _each_day_if_inactive(definition: Programme, day: int) -> Span | None:
    return (day, day + 1) if definition.inactive_days else None


def _end_inactive(sight: Sight) -> tuple[int, int]:
    return end_lots(
        sight.core,
        sight.row,
        idle_endings_of(sight.layout, sight.club_accounts),
        used_before_day=sight.period_day - sight.definition.inactive_days,
        first_card=sight.first_card,
        cards_max=sight.cards_max,
    )


def idle_endings_of(layout: Layout, club_accounts: int) -> list[Left]:
    """Give what leaves a card that nobody uses, as `endings_of` does: its points."""
    if club_accounts <= Account.CLUB_POINTS_EXPIRED & 15:
        return []
    return [
        (at, Account.CLUB_POINTS_EXPIRED, False)
        for at, slot in enumerate(layout.slots)
        if slot.unit == UNITS["points"] and slot.dated and not slot.held
    ]


# --- expiries: what ends with a card --------------------------------------------------------------


def _each_month_if_it_ends(definition: Programme, day: int) -> Span | None:
    if any(wallet.ends_with_card for wallet in definition.wallets):
        return period(Calendar.GREGORIAN, Period.MONTH, day)
    return None


def _end_with_card(sight: Sight) -> tuple[int, int]:
    """A card is good to the end of its month, as embossed; nobody is told of it after that."""
    year, month, _ = civil(Calendar.GREGORIAN, sight.period_day)
    ending = [wallet for wallet in sight.definition.wallets if wallet.ends_with_card]
    return end_lots(
        sight.core,
        sight.row,
        _that_have_a_place(sight.club_accounts, _of_wallets(sight.layout, ending)),
        good_to_yymm=year % 100 * 100 + month,
        first_card=sight.first_card,
        cards_max=sight.cards_max,
    )


# --- openings: the organisation gives every card its allowance ------------------------------------


def _each_allowance(definition: Programme, day: int) -> Span | None:
    if definition.allowance is None:
        return None
    said = definition.allowance.period
    return period(Calendar(CALENDARS[said.calendar]), Period(PERIODS[said.kind] - 1), day)


def _open(sight: Sight) -> tuple[int, int]:
    allowance = sight.definition.allowance
    assert allowance is not None
    return open_lots(
        sight.core,
        sight.row,
        sight.layout.slot(allowance.wallet),
        Account.ORGANISATION,
        amount=allowance.amount_minor,
        until_s=sight.ends_s,
        first_card=sight.first_card,
        cards_max=sight.cards_max,
    )


# --- what a plan's own steps do -------------------------------------------------------------------


def _by_steps(name: str, entry: ClockEntry) -> Task:
    """Give the task that has a plan's steps work on each card, once a day."""

    def span(definition: Programme, day: int) -> Span | None:
        return (day, day + 1) if has_work(definition, entry) else None

    def go(sight: Sight) -> tuple[int, int]:
        return run_steps(
            sight.core,
            sight.row,
            entry,
            now_us=sight.now_us,
            utc_offset_s=sight.utc_offset_s,
            first_card=sight.first_card,
            cards_max=sight.cards_max,
        )

    return Task(name=name, span=span, go=go)


TASKS = (
    Task(name="endings", span=_each_day, go=_end),
    Task(name="inactivity", span=_each_day_if_inactive, go=_end_inactive),
    Task(name="expiries", span=_each_month_if_it_ends, go=_end_with_card),
    Task(name="openings", span=_each_allowance, go=_open),
    _by_steps("automatic payments", ClockEntry.AUTOPAY),
    _by_steps("late charges", ClockEntry.LATE),
    _by_steps("renewals", ClockEntry.RENEWAL),
)


class TaskCounts(msgspec.Struct, kw_only=True):
    """What a task has done since the process started; `cards_left`: of the periods under way."""

    rows: int = 0
    moves: int = 0
    cards: int = 0
    cards_left: int = 0


class ClockWork:
    """The clock work of a shard. `step` does one slice of whatever is due."""

    def __init__(
        self, core: Core, directory: Directory, *, cards_max: int = CLOCK_CARDS_MAX
    ) -> None:
        """A slice looks at no more than `cards_max` cards."""
        self._core = core
        self._directory = directory
        self._cards_max = cards_max
        # Period and next card of each task of a programme: ahead of the journal by what moved
        # nothing.
        self._reached: dict[tuple[str, int], tuple[int, int]] = {}
        self.counts = {task.name: TaskCounts() for task in TASKS}

    def step(self, *, now_us: int, utc_offset_s: int) -> tuple[int, int] | None:
        """Do a slice; gives (cards looked at, sequence of its row or 0), or None: nothing is due.

        Time is the switch's; `utc_offset_s` says which local day it is.
        """
        day = (now_us // 1_000_000 + utc_offset_s) // SECONDS_A_DAY
        for number, definition in self._directory.programmes.items():
            for task in TASKS:
                span = task.span(definition, day)
                if span is None:
                    continue
                next_card = self._next_card(task.name, number, span[0])
                if next_card is None or next_card >= self._core.card_count:
                    continue
                return self._go(
                    task, self._sight(definition, span, next_card, now_us, utc_offset_s)
                )
        return None

    def _next_card(self, task: str, programme: int, period_day: int) -> int | None:
        """Give where a task goes on; None: a later period has begun, the clock was set back."""
        reached = self._reached.get((task, programme))
        if reached is None or reached[0] < period_day:
            written = self._directory.clock.get((task, programme))
            if written is not None and written.period_day > period_day:
                return None
            same = written is not None and written.period_day == period_day
            reached = (period_day, written.next_card if written is not None and same else 0)
            self._reached[task, programme] = reached
        return reached[1] if reached[0] == period_day else None

    def _sight(
        self, definition: Programme, span: Span, first_card: int, now_us: int, utc_offset_s: int
    ) -> Sight:
        return Sight(
            core=self._core,
            row=self._directory.programme_rows[definition.programme],
            definition=definition,
            layout=self._directory.layout_of(definition.programme),
            club_accounts=self._directory.clubs[definition.club].accounts,
            now_us=now_us,
            utc_offset_s=utc_offset_s,
            period_day=span[0],
            begins_s=span[0] * SECONDS_A_DAY - utc_offset_s,
            ends_s=span[1] * SECONDS_A_DAY - utc_offset_s,
            first_card=first_card,
            cards_max=self._cards_max,
        )

    def _go(self, task: Task, sight: Sight) -> tuple[int, int]:
        next_card, moves = task.go(sight)
        seq = 0
        counts = self.counts[task.name]
        number = sight.definition.programme
        if moves:
            progress = ClockProgress(
                task=task.name,
                programme=number,
                period_day=sight.period_day,
                next_card=next_card,
            )
            body = encode_event(progress)
            seq = write_row(self._core, sight.row, sight.now_us, sight.utc_offset_s, body)
            self._directory.note_progress(progress)
            counts.rows += 1
            counts.moves += moves
        self._reached[task.name, number] = (sight.period_day, next_card)
        counts.cards += next_card - sight.first_card
        counts.cards_left = self._core.card_count - next_card
        return next_card - sight.first_card, seq
