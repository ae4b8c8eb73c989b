"""What time does to many cards, in plain Python: what has ended leaves, what is due is given.

Owns the tasks, when each is due and how far it has got. A task goes over the cards once in each of
its periods, some cards at a time; what was done is remembered by rows, and a row is written by what
moves something. Knows no clock.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from switch.operations import CardStatus
from switch.programme import Programme
from tests.model.book import Account, Posting
from tests.model.calendars import period
from tests.model.endings import CALENDARS, KINDS, start_of
from tests.model.moves import COUNTS, KEPT_MARK, MARKED
from tests.model.switch import PlainSwitch

EXPIRED: Account = ("club", 0, "points expired")
BREAKAGE: Account = ("club", 0, "breakage")
MOVES_MAX = 512


def organisation(programme: Programme) -> Account:
    """Give the account of whoever funds a programme."""
    return ("organisation", programme.organisation, "")


class Sight(NamedTuple):
    """What a task sees of one card: its period in days, the second it begins and the one after it.

    `lot`: the name of what is given now.
    """

    switch: PlainSwitch
    programme: Programme
    card: int
    first_day: int
    begins_s: int
    ends_s: int
    lot: int

    def lots_of(self, name: str) -> Iterator[tuple[Posting, bool]]:
        """Give what would empty each lot of a wallet into nowhere, and whether it has ended."""
        account: Account = ("card", self.card, name)
        for lot_name, lot in self.switch.book.in_order(account):
            terms = (lot_name, lot.available_at, lot.expires_at)
            yield Posting(account, account, lot.remaining, *terms), lot.has_ended(self.begins_s)


class Task(NamedTuple):
    """`span`: the days of the period that holds a day, None: a programme has no such work."""

    name: str
    span: Callable[[Programme, int], tuple[int, int] | None]
    moves: Callable[[Sight], Iterator[Posting]]


def _each_day(programme: Programme, day: int) -> tuple[int, int] | None:
    dated = any(wallet.dated for wallet in programme.wallets)
    return (day, day + 1) if dated or programme.caps or programme.tiers else None


def _endings(sight: Sight) -> Iterator[Posting]:
    """What ended before today goes to whoever it is when nobody has spent it.

    What is owed of it stays owed, but not in counters, and not to an organisation.
    """
    programme = sight.programme
    targets: dict[str, tuple[Account, bool]] = {}
    for wallet in programme.wallets:
        if wallet.dated:
            if wallet.funder == "organisation":
                targets[wallet.name] = organisation(programme), True
            else:
                targets[wallet.name] = (EXPIRED if wallet.unit == "points" else BREAKAGE), False
    counters = [cap.name for cap in programme.caps] + (["tier"] if programme.tiers else [])
    targets |= dict.fromkeys(counters, (COUNTS, True))
    for name, (target, owed_too) in targets.items():
        for posting, ended in sight.lots_of(name):
            if ended and posting.amount > 0:
                yield posting._replace(target=target)
            elif ended and owed_too:
                yield posting._replace(source=target, amount=-posting.amount)


def _each_day_if_inactive(programme: Programme, day: int) -> tuple[int, int] | None:
    return (day, day + 1) if programme.inactive_days else None


def _inactive(sight: Sight) -> Iterator[Posting]:
    """All points of a card end that was used, but not for so many days; some are marked to stay."""
    used = sight.switch.cards[sight.card].day
    if used and used < sight.first_day - sight.programme.inactive_days:
        for posting, _ in sight.lots_of("points"):
            if posting.amount > 0 and not posting.lot // MARKED & KEPT_MARK:
                yield posting._replace(target=EXPIRED)


def _each_allowance(programme: Programme, day: int) -> tuple[int, int] | None:
    if programme.allowance is None:
        return None
    said = programme.allowance.period
    return period(CALENDARS[said.calendar], KINDS[said.kind], day)


def _openings(sight: Sight) -> Iterator[Posting]:
    """Each card that is not closed gets its allowance, to the end of the period."""
    allowance = sight.programme.allowance
    assert allowance is not None
    if sight.switch.cards[sight.card].status is not CardStatus.CLOSED:
        wallet: Account = ("card", sight.card, allowance.wallet)
        gives = organisation(sight.programme)
        yield Posting(gives, wallet, allowance.amount_minor, sight.lot, 0, sight.ends_s)


TASKS = (
    Task("endings", _each_day, _endings),
    Task("inactivity", _each_day_if_inactive, _inactive),
    Task("openings", _each_allowance, _openings),
)


class Slice(NamedTuple):
    """What a task has done at once. `seq` 0: nothing moved, so there is no row."""

    task: str
    cards: int
    seq: int
    moves: int


class PlainClock:
    """The clock work of a switch. `rows` outlives the process, `reached` does not."""

    def __init__(self, switch: PlainSwitch, cards_max: int) -> None:
        self._switch, self._cards_max = switch, cards_max
        self._rows: dict[tuple[str, int], tuple[int, int]] = {}
        self._reached: dict[tuple[str, int], tuple[int, int]] = {}

    def restart(self, cards_max: int) -> None:
        """Begin again with what rows say."""
        self._cards_max = cards_max
        self._reached = {}

    def step(self, seq: int, now_s: int, utc_offset_s: int) -> Slice | None:
        """Do what is due of some cards; None: nothing is."""
        day = (now_s + utc_offset_s) // 86_400
        for number, programme in self._switch.programmes.items():
            for task in TASKS:
                span = task.span(programme, day)
                if span is None:
                    continue
                key = (task.name, number)
                # Of what rows and memory say the later period counts, then the further card.
                known = max(self._rows.get(key, (0, 0)), self._reached.get(key, (0, 0)))
                if known[0] > span[0]:
                    continue  # a later period has begun already
                first = known[1] if known[0] == span[0] else 0
                if first < len(self._switch.cards):
                    return self._go(task, programme, span, first, seq, utc_offset_s)
        return None

    def _go(
        self,
        task: Task,
        programme: Programme,
        span: tuple[int, int],
        first: int,
        seq: int,
        utc_offset_s: int,
    ) -> Slice:
        following = min(len(self._switch.cards), first + self._cards_max)
        begins_s, ends_s = (start_of(day, utc_offset_s) for day in span)
        moves = 0
        for card in range(first, following):
            if self._switch.cards[card].programme != programme.programme:
                continue
            sight = Sight(self._switch, programme, card, span[0], begins_s, ends_s, seq * 16)
            for posting in list(task.moves(sight)):
                self._switch.book.post(posting)
                moves += 1
        assert moves <= MOVES_MAX, "more than a row has room for: the model knows no such slice"
        key = (task.name, programme.programme)
        self._reached[key] = span[0], following
        if moves:
            self._rows[key] = span[0], following
        return Slice(task.name, following - first, seq if moves else 0, moves)
