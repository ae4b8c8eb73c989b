"""What the clock does with one card, in plain Python: the tasks, and in what periods.

Owns what is done; over which cards, and how far it has got, is `tests.model.clock`.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.operations import CardStatus
from switch.programme import Programme
from switch.rules import Wallet
from tests.model.book import Account, Posting
from tests.model.calendars import period
from tests.model.credit import pay_by_itself
from tests.model.endings import CALENDARS, KINDS
from tests.model.entry import Entry
from tests.model.membership import renew_by_itself
from tests.model.moves import KEPT_MARK, MARKED
from tests.model.owed import COUNTS
from tests.model.pricing import Place
from tests.model.switch import Card, PlainSwitch

EXPIRED: Account = ("club", 0, "points expired")
BREAKAGE: Account = ("club", 0, "breakage")

Span = tuple[int, int]


def organisation(programme: Programme) -> Account:
    """Give the account of whoever funds a programme."""
    return ("organisation", programme.organisation, "")


class Sight(NamedTuple):
    """What a task sees of one card: its period in days, the second it begins and the one after it.

    `seq`: of the row of what moves now. `seen`: what happened, for whoever counts it.
    """

    switch: PlainSwitch
    programme: Programme
    card: int
    first_day: int
    begins_s: int
    ends_s: int
    now_s: int
    utc_offset_s: int
    seq: int
    seen: list[str]

    @property
    def plain(self) -> Card:
        return self.switch.cards[self.card]

    def lots_of(self, name: str) -> Iterator[tuple[Posting, bool]]:
        """Give what would empty each lot of a wallet into nowhere, and whether it has ended."""
        account: Account = ("card", self.card, name)
        for lot_name, lot in self.switch.book.in_order(account):
            terms = (lot_name, lot.available_at, lot.expires_at)
            yield Posting(account, account, lot.remaining, *terms), lot.has_ended(self.begins_s)

    def entry(self) -> Entry:
        """Begin something that is done like what is asked for at a till, but at none."""
        day = (self.now_s + self.utc_offset_s) // 86_400
        place = Place("", 0, day, (day + 5) % 7, 0, self.utc_offset_s)
        return self.switch.entry(self.seq, self.card, place, self.now_s)


class Task(NamedTuple):
    """`span`: the days of the period that holds a day, None: a programme has no such work.

    `go` does it to a card and gives how many moves that took.
    """

    name: str
    span: Callable[[Programme, int], Span | None]
    go: Callable[[Sight], int]


def _posting(moves: Callable[[Sight], Iterator[Posting]]) -> Callable[[Sight], int]:
    """Give what carries out the moves that are said."""

    def go(sight: Sight) -> int:
        found = list(moves(sight))
        for posting in found:
            sight.switch.book.post(posting)
        return len(found)

    return go


def _each_day(programme: Programme, day: int) -> Span | None:
    dated = any(wallet.dated for wallet in programme.wallets)
    return (day, day + 1) if dated or programme.caps or programme.tiers else None


def _goes_to(programme: Programme, wallet: Wallet) -> Account:
    """Whoever gets what of a wallet nobody has spent."""
    if wallet.funder == "organisation":
        return organisation(programme)
    return EXPIRED if wallet.unit == "points" else BREAKAGE


def _endings(sight: Sight) -> Iterator[Posting]:
    """What ended before today goes to whoever it is when nobody has spent it.

    What is owed of it stays owed, but not in counters, and not to an organisation.
    """
    programme = sight.programme
    targets = {
        wallet.name: (_goes_to(programme, wallet), wallet.funder == "organisation")
        for wallet in programme.wallets
        if wallet.dated
    }
    counters = [cap.name for cap in programme.caps] + (["tier"] if programme.tiers else [])
    targets |= dict.fromkeys(counters, (COUNTS, True))
    for name, (target, owed_too) in targets.items():
        for posting, ended in sight.lots_of(name):
            if ended and posting.amount > 0:
                yield posting._replace(target=target)
            elif ended and owed_too:
                yield posting._replace(source=target, amount=-posting.amount)


def _each_day_if_inactive(programme: Programme, day: int) -> Span | None:
    return (day, day + 1) if programme.inactive_days else None


def _inactive(sight: Sight) -> Iterator[Posting]:
    """All points of a card end that was used, but not for so many days; some are marked to stay."""
    used = sight.plain.day
    if used and used < sight.first_day - sight.programme.inactive_days:
        for posting, _ in sight.lots_of("points"):
            if posting.amount > 0 and not posting.lot // MARKED & KEPT_MARK:
                yield posting._replace(target=EXPIRED)


def _each_month_if_it_ends(programme: Programme, day: int) -> Span | None:
    """A card's date is of a Gregorian month."""
    if not any(wallet.ends_with_card for wallet in programme.wallets):
        return None
    return period(Calendar.GREGORIAN, Kind.MONTH, day)


def _expiries(sight: Sight) -> Iterator[Posting]:
    """What ends with a card leaves it when its last month is over, whatever its own end is.

    What is owed stays owed; what is held stays until the hold ends.
    """
    if sight.plain.expires_at > sight.begins_s:
        return
    for wallet in sight.programme.wallets:
        account: Account = ("card", sight.card, wallet.name)
        if not wallet.ends_with_card:
            continue
        found = [posting for posting, _ in sight.lots_of(wallet.name)]
        if not wallet.dated:
            found = [Posting(account, account, sight.switch.book.balance(account))]
        for posting in found:
            if posting.amount > 0:
                sight.seen.append(f"{wallet.name} left the card")
                yield posting._replace(target=_goes_to(sight.programme, wallet))


def _each_allowance(programme: Programme, day: int) -> Span | None:
    if programme.allowance is None:
        return None
    said = programme.allowance.period
    return period(CALENDARS[said.calendar], KINDS[said.kind], day)


def _openings(sight: Sight) -> Iterator[Posting]:
    """Each card that is not closed gets its allowance, to the end of the period."""
    allowance = sight.programme.allowance
    assert allowance is not None
    if sight.plain.status is not CardStatus.CLOSED:
        wallet: Account = ("card", sight.card, allowance.wallet)
        gives = organisation(sight.programme)
        yield Posting(gives, wallet, allowance.amount_minor, sight.seq * 16, 0, sight.ends_s)


def _each_day_if_it_pays(programme: Programme, day: int) -> Span | None:
    credit = programme.credit
    return (day, day + 1) if credit is not None and credit.pays_from else None


def _pay(sight: Sight) -> int:
    entry = sight.entry()
    sight.seen.append(pay_by_itself(entry))
    return len(entry.postings)


def _each_day_if_late_costs(programme: Programme, day: int) -> Span | None:
    credit = programme.credit
    costs = credit is not None and any(plan.terms.late_rate_bps for plan in credit.plans)
    return (day, day + 1) if costs else None


def _charge(sight: Sight) -> int:
    entry = sight.entry()
    entry.debts.late.charge(entry.seq)
    sight.seen.extend(entry.debts.late.seen)
    return len(entry.postings)


def _each_day_if_it_renews(programme: Programme, day: int) -> Span | None:
    membership = programme.membership
    return (day, day + 1) if membership is not None and membership.renews_from else None


def _renew(sight: Sight) -> int:
    """Only of a card that is good."""
    entry = sight.entry()
    good = sight.plain.status is CardStatus.ACTIVE and sight.now_s < sight.plain.expires_at
    outcome = renew_by_itself(entry)
    if not good:
        entry.cancel()
        outcome = "card not good" if outcome.startswith("done") else ""
    sight.seen.append(outcome)
    return len(entry.postings)


TASKS = (
    Task("endings", _each_day, _posting(_endings)),
    Task("inactivity", _each_day_if_inactive, _posting(_inactive)),
    Task("expiries", _each_month_if_it_ends, _posting(_expiries)),
    Task("openings", _each_allowance, _posting(_openings)),
    Task("automatic payments", _each_day_if_it_pays, _pay),
    Task("late charges", _each_day_if_late_costs, _charge),
    Task("renewals", _each_day_if_it_renews, _renew),
)
