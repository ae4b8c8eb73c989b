"""Walks of cards that owe, are late, settle early, are members and expire: `Walk`'s other steps.

Owns the programme of these cards and what can happen to them; what has to be reached is its test's.
"""

from collections.abc import Callable

import msgspec

from issuers.club_card import club_card
from issuers.purse import OPERATIONS
from switch.instalments import FeeKind, Terms
from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from switch.rules import Activation, Credit, Ending, Fund, InstalmentPlan, Membership
from tests.support.product_walks import DAY_S, Step, Walk
from tests.support.programmes import CARD_OPERATIONS, CREDIT

FEE_MINOR = 3_000
LATE = Terms(
    count=3,
    first_due_months=0,
    late_rate_bps=3_650,
    late_tolerance_days=2,
    late_cap_bps=200,
    rebate_bps=500,
)
PLANS = (
    InstalmentPlan(name="late", terms=LATE),
    InstalmentPlan(
        name="profit",
        terms=Terms(
            count=3,
            fee=FeeKind.PROFIT_DECLINING,
            rate_bps=1_800,
            late_rate_bps=9_000,
            late_cap_bps=10_000,
            rebate_bps=100,
        ),
    ),
    InstalmentPlan(name="free", terms=Terms(count=2)),
)
BASE = club_card(1, 1, 1)
CARD_THAT_OWES = msgspec.structs.replace(
    BASE,
    operations=(*OPERATIONS, *CARD_OPERATIONS),
    wallets=(
        *(
            msgspec.structs.replace(wallet, ends_with_card=wallet.name != "money")
            for wallet in BASE.wallets
        ),
        CREDIT,
    ),
    funding=tuple(Fund(wallet=name) for name in ("gift", "credit", "money")),
    credit=Credit(limit_minor=900_000, plans=PLANS, pays_from="money"),
    activation=Activation(wallet="gift", again=True),
    membership=Membership(
        valid=Ending(after_days=40), fee_minor=FEE_MINOR, grace_days=9, renews_from="money"
    ),
    tiers=None,
    discounts=(),
    caps=(),
)


def next_version(before: Programme) -> Programme:
    """Give a milder version: half as much for being late, then nothing at all."""
    version = before.version + 1
    return _with_late(before, version, lambda rate: rate // 2 if version < 3 else 0)


def _with_late(before: Programme, version: int, change: Callable[[int], int]) -> Programme:
    """Give a version whose plans charge another rate."""
    credit = before.credit
    assert credit is not None
    plans = []
    for plan in credit.plans:
        rate = change(plan.terms.late_rate_bps)
        cap = plan.terms.late_cap_bps or 100
        late = {"late_rate_bps": rate, "late_cap_bps": cap if rate else 0}
        terms = msgspec.structs.replace(plan.terms, **late)
        plans.append(msgspec.structs.replace(plan, terms=terms))
    credit = msgspec.structs.replace(credit, plans=tuple(plans))
    return msgspec.structs.replace(before, version=version, credit=credit)


class LateWalk(Walk):
    """Three cards owe and are members; one of them expires under way. The clock runs, or not."""

    def card(self) -> int:
        return self.chance.choice([0, 0, 0, 1, 1, 5])

    def amount(self) -> int:
        return self.chance.choice([self.chance.randint(1, 4_000), self.chance.randint(1, 40_000)])

    def begin(self) -> None:
        """Card 5 is sold too, and everybody joins."""
        self.pair.say(Operation.ACTIVATION, 20_000, 5)
        for card in (0, 1, 5):
            self.pair.say(Operation.RENEWAL, 0, card)

    def owe(self) -> None:
        amount, terms = self.chance.randint(20_000, 120_000), self.terms()
        self.pair.say(Operation.PURCHASE, amount, self.card(), self.till(), terms=terms)

    def settle(self) -> None:
        """Mostly of who owes: with the right amount, or a rial beside it."""
        owing = [card for card in (0, 1, 5) if self.pair.due_days(card)]
        card = self.chance.choice(owing or [0])
        self.pair.settle(card, self.chance.choice([0, 0, 0, -1, 1]))
        self.perhaps_reverse_that()

    def pay_early(self) -> None:
        """Owe, pay what is due today, and end the rest the day after."""
        card = self.card()
        if self.pair.due_days(card):
            self.pair.settle(card)
        self.pair.say(Operation.PURCHASE, self.amount(), card, terms=self.chance.choice([0, 1, 2]))
        self.pair.pass_to(self.pair.shop.now_s + self.chance.choice([0, 0, DAY_S]))
        self.pair.settle(card)
        self.perhaps_reverse_that()

    def give_back(self) -> None:
        """Return goods, mostly old ones: they may have been charged for."""
        past = self.pair.pick(self.at(), ExchangeState.APPROVED, (Operation.PURCHASE,))
        self.pair.refund(past, self.chance.choice([0.3, 1.0, 1.0]), elsewhere=False)

    def regret(self) -> None:
        """Be late, perhaps pay a little, which pays for that, and return what it was for."""
        card = self.chance.choice([0, 1])
        pair = self.pair
        self.owe()
        pair.say(Operation.PURCHASE, self.chance.randint(20_000, 90_000), card, terms=1)
        past = pair.past[-1]
        self.be_away()
        pair.keep_house(self.chance.choice([0, 90, 90]))
        if self.half():
            pair.say(Operation.REPAYMENT, self.chance.randint(1, 3_000), card)
        if past.exchange.state is ExchangeState.APPROVED:
            pair.refund(past, 1.0, elsewhere=False)
        self.kill()
        if self.half():
            pair.say(Operation.RENEWAL, 0, card)
        settle, repay, owe = Operation.SETTLEMENT, Operation.REPAYMENT, Operation.PURCHASE
        first = self.chance.choice([None, settle, settle, settle, repay, owe, owe])
        if first is None:
            self.next_days()
        elif first is settle:
            pair.settle(card)
        elif first is repay:
            pair.say(repay, self.amount(), card)
        else:
            pair.say(owe, 90_000, card, terms=2)

    def undo_payment(self) -> None:
        kinds = (Operation.REPAYMENT, Operation.SETTLEMENT)
        past = self.pair.pick(self.at(), ExchangeState.APPROVED, kinds)
        self.pair.reverse(past, self.chance.choice([None, None, 0.4]))

    def next_days(self) -> None:
        """Some days, each with the clock's work, all of it or some."""
        for _ in range(self.chance.choice([1, 2, 4, 8])):
            self.pair.pass_to(self.pair.shop.now_s + DAY_S)
            self.pair.keep_house(self.chance.choice([3, 90, 90]))

    def be_away(self) -> None:
        """The switch is down for long."""
        self.pair.pass_to(self.pair.shop.now_s + self.chance.choice([3, 8, 16, 40]) * DAY_S)

    def come_back(self) -> None:
        """Somebody is there before the clock."""
        self.be_away()
        self.chance.choice([self.owe, self.repay, self.settle])()

    def learn_of_holidays(self) -> None:
        self.pair.learn_of_holidays(
            self.card(), self.chance.choice([1, 9, 30, 30]), self.chance.choice([64, 64, 96, 0])
        )

    def hear_of_past_holidays(self) -> None:
        """What was charged is taken back."""
        self.be_away()
        self.pair.keep_house(90)
        self.learn_of_holidays()
        self.kill()
        self.next_days()

    def bring_new_version(self) -> None:
        """Nobody who owes may be charged more."""
        before = self.pair.model.programme
        self.pair.go_live(_with_late(before, before.version + 1, lambda rate: rate + 1))
        super().bring_new_version()

    def block(self) -> None:
        status = self.chance.choice([CardStatus.BLOCKED, CardStatus.ACTIVE, CardStatus.ACTIVE])
        self.pair.set_status(1, status)

    def _payments(self) -> list[Step]:
        return [
            (16, self.owe),
            (4, self.pay_early),
            (8, lambda: self.say(Operation.LOAD)),
            (2, lambda: self.say(Operation.ACTIVATION, Operation.WITHDRAWAL)),
            (6, self.repay),
            (3, self.settle),
            (6, lambda: self.ask_for(Operation.RENEWAL)),
            (4, lambda: self.ask_for(Operation.DEBT_INQUIRY, Operation.BALANCE)),
        ]

    def _undoing(self) -> list[Step]:
        return [(3, self.give_back), (7, self.regret), (4, self.undo_payment), (2, self.reverse)]

    def _time(self) -> list[Step]:
        return [
            (14, self.next_days),
            (7, self.come_back),
            (6, lambda: self.pair.keep_house(self.chance.choice([2, 20, 90]))),
            (3, self.learn_of_holidays),
            (6, self.hear_of_past_holidays),
            (3, self.block),
        ]

    def _versions(self) -> list[Step]:
        return [(1, self.bring_new_version), (5, self.kill)]
