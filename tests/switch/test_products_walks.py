"""Long weeks with all products: weighted random walks beside the plain model.

Goal: what Hypothesis reaches seldom (captures and refunds of what several wallets paid, reversals
of those, instalments that are due, lots that end under way, months that open between two messages)
happens all the time here. Method: the programmes and checks of `test_products_properties`; a seeded
`Random` chooses. Walks with one card of every product are always the same, and counted: when they
no longer get to each outcome with each number of wallets within WALKS_MAX walks, they fail.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuers.club_card import club_card
from issuers.purse import OPERATIONS
from switch.calendar import Calendar
from switch.instalments import FeeKind, Terms
from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from switch.rules import (
    Activation,
    Allowance,
    Cap,
    Credit,
    EarnRule,
    Ending,
    Fund,
    InstalmentPlan,
    Period,
    Tender,
    Tier,
    Tiers,
)
from tests.model.switch import INQUIRIES, REFUNDABLE
from tests.support.paired_shop import HOLDS, ITEM_OPERATIONS, MEMBER, PairedShop, Reached
from tests.support.programmes import CARD_OPERATIONS, CREDIT, FUNDED_BON, ORGANISATION, products
from tests.switch.test_products_properties import KINDS, check, end_of, undo

STEPS = 90
WALKS_MAX = 300
DAY_S = 86_400
SHARES = (0.01, 0.3, 0.5, 0.999, 1.0)
TILLS = ("T0000001", "T0000001", "T0000003")
AMOUNTS = ((1, 999), (1, 60_000), (60_000, 200_000), (400_000, 1_000_000))

OFTEN = {
    *(
        Reached(what, outcome)
        for what, outcome in (
            ("repayment", "approved"),
            ("repayment", "reversed"),
            ("repayment", "reversed in part"),
            ("settlement", "approved"),
            ("settlement", "settlement_is_another"),
            ("settlement", "reversed"),
            ("purchase", "instalments_refused"),
            ("debt", "a credit was set against it"),
            ("debt", "what was paid is the card's credit"),
            ("debt", "a credit of a later day lowers what is due"),
            ("earned", "beside a lot of the same terms of another version"),
            ("purchase", "undone under a later version"),
            ("completion", "undone under a later version"),
            *product(
                ("endings", "openings", "inactivity"), ("all cards at once", "some of the cards")
            ),
            ("version", "live"),
            ("version", "no room for its counters"),
            ("credit limit", "set"),
            ("restart", "from the journal"),
            ("restart", "from a snapshot"),
            ("recall", "from the journal"),
        )
    ),
    Reached("purchase", "partially_approved", 2),
}
"""What walks of every kind get to, whatever else."""

UNDOING = ("reversed", "reversed in part")
REFUNDING = (
    *UNDOING,
    "refunded in part",
    "refunded to the end",
    "refund reversed",
    "refund reversed in part",
)
ACROSS = {
    Reached(what, outcome, wallets)
    for whats, outcomes, counts in (
        (("purchase", "hold"), ("approved",), (5,)),
        (("purchase", "completion"), ("approved", *REFUNDING), (2, 3, 4)),
        (("points_payment",), ("approved", *REFUNDING), (2,)),
        (("hold",), ("approved", *UNDOING, "expired"), (2, 3, 4)),
        (("preauthorisation",), ("approved", *UNDOING, "expired"), (2, 3)),
    )
    for what in whats
    for outcome in outcomes
    for wallets in counts
}
"""What walks get to where many wallets pay: operation, outcome, and how many of them had paid."""

EVERYWHERE = OFTEN | ACROSS

Step = tuple[int, Callable[[], object]]
NewVersion = Callable[[Programme], Programme]


class Walk:
    """A shop, chance, and what can be done with them: each step draws its details."""

    def __init__(self, pair: PairedShop, chance: Random, version: NewVersion) -> None:
        self.pair, self.chance, self.version = pair, chance, version

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
    weights, choices = zip(*way(pair, chance, version).steps(), strict=True)
    for step in chance.choices(choices, weights, k=STEPS):
        step()
        check(pair)
    pair.go_on_from_the_journal(64)
    pair.go_on_from_a_snapshot(64)
    return pair.reached


@pytest.mark.slow
@settings(max_examples=settings().max_examples)
@given(
    data=st.data(),
    programme=products() | products(many=True),
    seed=st.integers(0, 1 << 32),
    way=st.sampled_from([Walk, AcrossWalk]),
)
def test_long_weeks_leave_every_rial_point_and_count_where_the_model_has_it(
    data: st.DataObject, programme: Programme, seed: int, way: type[Walk]
) -> None:
    def version(before: Programme) -> Programme:
        many = any(wallet.name == "credit" for wallet in before.wallets)
        return data.draw(products(before=before, many=many))

    walk(programme, version, seed, way)


# --- one card of every product --------------------------------------------------------------------

CLUB_CARD = club_card(1, 1, 1)
EVERY_PRODUCT = msgspec.structs.replace(
    CLUB_CARD,
    operations=(*OPERATIONS, *CARD_OPERATIONS),
    wallets=(*CLUB_CARD.wallets, FUNDED_BON, CREDIT),
    funding=(CLUB_CARD.funding[0], *(Fund(wallet=name) for name in ("bon", "money", "credit"))),
    credit=Credit(
        limit_minor=300_000,
        plans=(
            InstalmentPlan(name="four", terms=Terms(count=4, first_due_months=0)),
            InstalmentPlan(
                name="profit",
                terms=Terms(count=3, fee=FeeKind.PROFIT_DECLINING, rate_bps=1_800),
            ),
            InstalmentPlan(name="thousands", terms=Terms(count=2, multiple_minor=1_000)),
        ),
    ),
    organisation=ORGANISATION,
    allowance=Allowance(wallet="bon", amount_minor=20_000, period=Period(kind="day")),
    activation=Activation(wallet="gift", ends=Ending(after_days=20), again=True),
    inactive_days=6,
    tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=300_000))),
    earning=(EarnRule(name="base", points=1, per_minor=1_000, expires=Ending(after_months=1)),),
    caps=(),
    tender=Tender(point_value_minor=100, points_min=1),
)


def next_version(before: Programme) -> Programme:
    """Give more points for the same; each third one wants a counter that cards have no room for."""
    (rule,) = before.earning
    version = before.version + 1
    caps = (Cap(name="c", of="count", most=1_000),) if version % 3 == 0 else ()
    earning = (msgspec.structs.replace(rule, points=1 + version % 2),)
    return msgspec.structs.replace(before, version=version, caps=caps, earning=earning)


@pytest.mark.slow
def test_walks_with_every_product_on_a_card_get_everywhere() -> None:
    reached: Counter[Reached] = Counter()
    for seed in range(WALKS_MAX):
        reached += walk(EVERY_PRODUCT, next_version, seed, Walk if seed % 2 == 0 else AcrossWalk)
        if all(reached[each] for each in EVERYWHERE):
            break

    assert [each for each in sorted(EVERYWHERE) if not reached[each]] == []
