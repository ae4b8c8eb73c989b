"""Weighted random walks of a club beside its plain model, and what is looked at after each step.

Owns what a step can be; which club walks, and what walks have to get to, is their tests'.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from tests.model.calendars import period
from tests.model.switch import INQUIRIES, REFUNDABLE, WITHOUT_AMOUNT
from tests.support.paired_checks import (
    check_books,
    check_budgets,
    check_holds,
    check_messages,
    check_points,
)
from tests.support.paired_club import MEMBER, Reached
from tests.support.paired_shop import HOLDS, ITEM_OPERATIONS, PairedShop
from tests.support.programmes import ORGANISATION
from tests.support.shop import TEHRAN_S

STEPS = 90
DAY_S = 86_400
SHARES = (0.01, 0.3, 0.5, 0.999, 1.0)
TILLS = ("T0000001", "T0000001", "T0000003")
AMOUNTS = ((1, 999), (1, 60_000), (60_000, 200_000), (400_000, 1_000_000))
UNDOABLE = (
    *REFUNDABLE,
    *WITHOUT_AMOUNT,
    Operation.REFUND,
    Operation.REPAYMENT,
    Operation.SETTLEMENT,
    Operation.WITHDRAWAL,
)
KINDS = [Kind.DAY, Kind.DAY, Kind.MONTH, Kind.MONTH, Kind.QUARTER, Kind.YEAR]

Step = tuple[int, Callable[[], object]]
NewVersion = Callable[[Programme], Programme]


def undo(pair: PairedShop, at: int, share: float | None, *, anything: bool) -> None:
    """Reverse a message that can be, mostly one that was paid with several wallets."""
    held = at % 5 == 0
    operations = tuple(Operation) if anything else UNDOABLE
    state = ExchangeState.HELD if held else ExchangeState.APPROVED
    pair.reverse(pair.pick(at, state, HOLDS if held else operations), share)


def end_of(now_s: int, calendar: Calendar, kind: Kind) -> int:
    """Give the first second after the period that holds the next second but one."""
    _, following = period(calendar, kind, (now_s + 2 + TEHRAN_S) // 86_400)
    return following * 86_400 - TEHRAN_S


def check(pair: PairedShop) -> None:
    """Look at everything that is always true."""
    core = pair.shop.core
    account = pair.shop.directory.organisation_accounts[ORGANISATION]
    check_books(core, pair.model, (ORGANISATION, account))
    check_budgets(core, pair.model, pair.shop.directory)
    check_messages(core, pair.model)
    check_holds(core, pair.model)
    check_points(core)


class Walk:
    """A shop, chance, and what can be done with them: each step draws its details."""

    def __init__(self, pair: PairedShop, chance: Random, version: NewVersion) -> None:
        self.pair, self.chance, self.version = pair, chance, version

    def begin(self) -> None:
        """Do what comes before all steps: nothing."""

    def steps(self) -> list[Step]:
        """Give weighted things to do."""
        return [*self._payments(), *self._undoing(), *self._time(), *self._versions()]

    # --- chance -----------------------------------------------------------------------------------

    def card(self) -> int:
        return self.chance.choice([0] * 9 + [1, 1, 2, MEMBER])

    def amount(self) -> int:
        return self.chance.randint(*self.chance.choice(AMOUNTS))

    def till(self) -> str:
        return self.chance.choice(TILLS)

    def limit(self) -> int | None:
        return self.chance.choice([None, None, self.chance.randint(0, 2_000)])

    def terms(self) -> int:
        return self.chance.choice([0, 0, 1, 2, 3])

    def at(self) -> int:
        return self.chance.randrange(1 << 16) | 1

    def half(self) -> bool:
        return self.chance.random() < 0.5

    def seldom(self) -> bool:
        return self.chance.random() < 0.05

    # --- steps ------------------------------------------------------------------------------------

    def buy(self, *operations: Operation) -> None:
        self.pair.say(
            self.chance.choice(operations),
            self.amount(),
            self.card(),
            self.till(),
            points_limit=self.limit(),
            partial_ok=self.half(),
            terms=self.terms(),
        )

    def buy_across(self, *operations: Operation) -> None:
        card, till, limit = self.card(), self.till(), self.limit()
        part = self.chance.choice([0.1, 0.5, 0.9, 1.0])
        wallets = self.chance.choice([2, 3, 4, 5, 5, 5])
        amount = self.pair.amount_across(card, till, wallets, part, limit)
        if self.seldom():
            self.pair.say(Operation.PURCHASE, 20 * amount, card, till, partial_ok=True)
        operation = self.chance.choice(operations)
        self.pair.say(operation, amount, card, till, points_limit=limit, terms=self.terms())

    def say(self, *operations: Operation) -> None:
        self.pair.say(self.chance.choice(operations), self.amount(), self.card(), self.till())

    def ask_for(self, *operations: Operation) -> None:
        self.pair.say(self.chance.choice(operations), 0, self.card())

    def vouch(self) -> None:
        item = self.chance.choice([1, 1, 2, None])
        self.pair.say(self.chance.choice(ITEM_OPERATIONS), 0, 0, item=item)

    def repay(self) -> None:
        self.say(Operation.REPAYMENT)
        self.perhaps_reverse_that()

    def settle(self) -> None:
        self.pair.settle(self.card(), self.chance.choice([0, 0, 0, -1, 1]))
        self.perhaps_reverse_that()

    def perhaps_reverse_that(self) -> None:
        if self.chance.random() < 0.3:
            self.pair.reverse(self.pair.past[-1], self.chance.choice([None, None, 0.4]))

    def _payments(self) -> list[Step]:
        return [
            (12, lambda: self.buy(Operation.PURCHASE)),
            (16, lambda: self.buy_across(Operation.PURCHASE)),
            (6, lambda: self.buy(Operation.POINTS_PAYMENT)),
            (6, lambda: self.buy(*HOLDS)),
            (8, lambda: self.buy_across(Operation.HOLD)),
            (8, lambda: self.say(Operation.LOAD)),
            (8, lambda: self.say(Operation.ACTIVATION)),
            (4, lambda: self.say(Operation.WITHDRAWAL)),
            (8, self.repay),
            (8, self.settle),
            (3, lambda: self.ask_for(Operation.RENEWAL)),
            (4, lambda: self.ask_for(Operation.DEBT_INQUIRY, *INQUIRIES)),
            (5, self.vouch),
        ]

    def capture(self) -> None:
        past = self.pair.pick(self.at(), ExchangeState.HELD, HOLDS)
        share = self.chance.choice(SHARES)
        self.pair.capture(past, share, other=self.seldom(), terms=self.terms())

    def refund(self) -> None:
        past = self.pair.pick(self.at(), ExchangeState.APPROVED, REFUNDABLE)
        self.pair.refund(past, self.chance.choice(SHARES), elsewhere=self.seldom())

    def undo_one_kind(self) -> None:
        """Reverse what is else seldom chosen among so much."""
        kinds = (Operation.REFUND, Operation.REPAYMENT, Operation.WITHDRAWAL)
        kind = self.chance.choice([*REFUNDABLE, *kinds])
        past = self.pair.pick(self.at(), ExchangeState.APPROVED, (kind,))
        self.pair.reverse(past, self.chance.choice([None, 0.4]))

    def reverse(self) -> None:
        share = self.chance.choice([None, *SHARES])
        undo(self.pair, self.at(), share, anything=self.half())

    def _undoing(self) -> list[Step]:
        return [(12, self.capture), (12, self.refund), (10, self.reverse), (8, self.undo_one_kind)]

    def pass_time(self) -> None:
        seconds = self.chance.choice([1, 1_800, DAY_S, 5 * DAY_S, 32 * DAY_S])
        self.pair.pass_to(self.pair.shop.now_s + seconds)

    def be_quiet(self) -> None:
        """Nobody comes for a while, and the clock does all that is due."""
        self.pair.pass_to(self.pair.shop.now_s + self.chance.choice([3, 10, 50]) * DAY_S)
        self.pair.keep_house(60)

    def go_to_the_end(self) -> None:
        calendar = self.chance.choice(list(Calendar))
        ends = end_of(self.pair.shop.now_s, calendar, self.chance.choice(KINDS))
        self.pair.pass_to(ends + self.chance.choice([-1, 0, 1]))

    def bring_new_version(self) -> None:
        self.pair.go_live(self.version(self.pair.model.programme))

    def block(self) -> None:
        status = self.chance.choice([*CardStatus, CardStatus.ACTIVE, CardStatus.ACTIVE])
        self.pair.set_status(self.chance.choice([1, 2]), status)

    def cards_max(self) -> int:
        return self.chance.choice([1, 2, 3, 64])

    def kill(self) -> None:
        if self.half():
            self.pair.go_on_from_the_journal(self.cards_max())
        else:
            self.pair.go_on_from_a_snapshot(self.cards_max())

    def _time(self) -> list[Step]:
        return [
            (4, self.pass_time),
            (3, self.be_quiet),
            (4, self.go_to_the_end),
            (6, self.pair.expire_holds),
            (12, lambda: self.pair.keep_house(self.chance.choice([1, 2, 5, 60]))),
            (2, lambda: self.pair.restart_clock(self.cards_max())),
            (1, lambda: self.pair.set_limit(self.card(), self.chance.choice([0, 60_000, 900_000]))),
            (1, self.block),
        ]

    def _versions(self) -> list[Step]:
        return [(3, self.bring_new_version), (1, self.kill)]


class QuietWalk(Walk):
    """Of one version and one process; the plan to pay by is not said, as rows do not keep it."""

    def terms(self) -> int:
        return 0

    def _versions(self) -> list[Step]:
        return []


class DailyWalk(Walk):
    """Lives from day to day, with the clock; now and then a table of holidays is set."""

    def next_days(self) -> None:
        for _ in range(self.chance.choice([1, 2, 6])):
            self.pair.pass_to(self.pair.shop.now_s + DAY_S)
            self.pair.keep_house(self.chance.choice([5, 90]))

    def learn_of_holidays(self) -> None:
        self.pair.learn_of_holidays(
            self.card(), self.chance.choice([0, 1, 30]), self.chance.choice([0, 64, 96, 126])
        )

    def _time(self) -> list[Step]:
        return [*super()._time(), (25, self.next_days), (4, self.learn_of_holidays)]


class AcrossWalk(Walk):
    """Fills every wallet a little, pays with all of them at once, and undoes that."""

    def card(self) -> int:
        return self.chance.choice([0] * 9 + [1])

    def amount(self) -> int:
        return self.chance.randint(2_000, 40_000)

    def limit(self) -> int | None:
        return self.chance.choice([None, 5, 300])

    def terms(self) -> int:
        return self.chance.choice([0, 0, 0, 1, 2])

    def next_day(self) -> None:
        """Every wallet gets something, with the allowance of a new day or later period."""
        self.pair.pass_to(self.pair.shop.now_s + DAY_S)
        self.pair.expire_holds()
        self.pair.keep_house(60)
        for operation in (Operation.LOAD, Operation.ACTIVATION, Operation.REPAYMENT):
            self.pair.say(operation, self.amount(), 0)

    def undo_the_rarest(self) -> None:
        """Undo something in the way, of so many wallets, that this walk has seen least often."""
        ways = [
            (self.pair.reached[Reached(what, outcome, wallets)], take)
            for what, outcome, wallets, take in self._ways()
        ]
        if ways:
            least = min(times for times, _ in ways)
            self.chance.choice([take for times, take in ways if times == least])()
        if self.half():
            self.pair.say(Operation.DEBT_INQUIRY, 0, self.card())

    def refund_and_think_again(self) -> None:
        """A refund that is reversed, of what is else rare: captures, and payments in points."""
        kind = self.chance.choice([Operation.COMPLETION, Operation.POINTS_PAYMENT])
        past = self.pair.pick(self.at(), ExchangeState.APPROVED, (kind,))
        self.pair.refund(past, self.chance.choice([0.5, 1.0]), elsewhere=False)
        self.pair.reverse(self.pair.past[-1], self.chance.choice([None, 0.4]))

    def _ways(self) -> Iterator[tuple[str, str, int, Callable[[], object]]]:
        pair = self.pair
        for past in pair.past[-40:]:
            exchange, what, wallets = past.exchange, past.operation, past.wallets
            reverse, refund = partial(pair.reverse, past), partial(pair.refund, past)
            if exchange.operation is Operation.REFUND and exchange.state is ExchangeState.APPROVED:
                of = pair.past_of(exchange.original)
                yield of.operation, "refund reversed", of.wallets, partial(reverse, None)
                yield of.operation, "refund reversed in part", of.wallets, partial(reverse, 0.4)
            elif exchange.state is ExchangeState.HELD and wallets > 1:
                capture = partial(pair.capture, past, 1.0, other=False)
                yield "completion", "approved", wallets, capture
                yield what, "reversed", wallets, partial(reverse, None)
                yield what, "reversed in part", wallets, partial(reverse, 0.7)
            elif (
                exchange.state is ExchangeState.APPROVED
                and exchange.operation in REFUNDABLE
                and wallets > 1
            ):
                yield what, "reversed", wallets, partial(reverse, None)
                yield what, "reversed in part", wallets, partial(reverse, 0.4)
                yield what, "refunded in part", wallets, partial(refund, 0.3, elsewhere=False)
                yield what, "refunded to the end", wallets, partial(refund, 1.0, elsewhere=False)

    def _payments(self) -> list[Step]:
        return [
            (20, lambda: self.buy_across(Operation.PURCHASE)),
            (16, lambda: self.buy_across(*HOLDS)),
            (8, lambda: self.buy_across(Operation.POINTS_PAYMENT)),
            (10, lambda: self.say(Operation.LOAD)),
            (10, lambda: self.say(Operation.ACTIVATION)),
            (5, lambda: self.say(Operation.REPAYMENT)),
            (4, self.settle),
        ]

    def _undoing(self) -> list[Step]:
        return [(3, self.capture), (24, self.undo_the_rarest), (5, self.refund_and_think_again)]

    def _time(self) -> list[Step]:
        return [
            (8, self.next_day),
            (1, self.go_to_the_end),
        ]

    def _versions(self) -> list[Step]:
        return [(1, self.bring_new_version), (1, self.kill)]


def walk(programme: Programme, version: NewVersion, seed: int, way: type[Walk]) -> Counter[Reached]:
    """Take STEPS steps, looking at everything after each; give what was reached."""
    chance = Random(seed)
    pair = PairedShop(
        programme, activated=seed % 8 != 0, renewed=seed % 7 != 0, slices=seed % 5 * 3
    )
    pair.restart_clock(chance.choice([1, 2, 3, 64]))
    going = way(pair, chance, version)
    going.begin()
    weights, choices = zip(*going.steps(), strict=True)
    for step in chance.choices(choices, weights, k=STEPS):
        step()
        check(pair)
    pair.go_on_from_the_journal(64)
    pair.go_on_from_a_snapshot(64)
    return pair.reached
