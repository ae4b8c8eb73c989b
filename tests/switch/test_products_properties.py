"""All products of a club together against the plain model, in any order that Hypothesis can find.

Goal: whatever a programme is made of, no rial, point or count is lost, doubled or made, and what
has ended has ended to the second. Method: random programmes with every part, real ISO 8583 bytes,
the clock's tasks in slices between messages; after every step balances, lots and exchanges are as
in the model, and the ledger's invariants hold. A refused message has changed nothing. Now and then
the switch is killed, and goes on from its journal or from a snapshot.
"""

import pytest
from hypothesis import settings, target
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from tests.model.switch import INQUIRIES, REFUNDABLE
from tests.support.paired_club import MEMBER
from tests.support.paired_shop import HOLDS, ITEM_OPERATIONS, PairedShop
from tests.support.product_walks import KINDS, check, end_of, undo
from tests.support.programmes import AMOUNTS, owing_products, products

CARDS = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5, MEMBER])
TERMINALS = st.sampled_from(["T0000001", "T0000003"])
AT = st.integers(0, 1 << 16)
SOMETIMES = st.sampled_from([False] * 7 + [True])
LIMIT = st.one_of(st.none(), st.integers(0, 2_000))
TERMS = st.sampled_from([0, 0, 1, 2, 3, 9])
SLICE = st.sampled_from([1, 2, 3, 8, 64])


class ProductsMachine(RuleBasedStateMachine):
    """One card, shop and product after the other."""

    @initialize(
        programme=products() | products(many=True),
        activated=st.sampled_from([True] * 5 + [False]),
        renewed=st.sampled_from([True] * 5 + [False]),
        slices=st.sampled_from([0, 12]),
    )
    def open_shop(
        self, programme: Programme, slices: int, *, activated: bool, renewed: bool
    ) -> None:
        self.pair = PairedShop(programme, activated=activated, renewed=renewed, slices=slices)

    def has_past(self) -> bool:
        return bool(self.pair.past)

    # --- rules ------------------------------------------------------------------------------------

    @rule(
        operation=st.sampled_from(
            [Operation.PURCHASE] * 3 + [Operation.POINTS_PAYMENT, *HOLDS, Operation.HOLD]
        ),
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        limit=LIMIT,
        terms=TERMS,
        partial=st.booleans(),
    )
    def buy(
        self,
        operation: Operation,
        card: int,
        terminal: str,
        amount: int,
        limit: int | None,
        terms: int,
        *,
        partial: bool,
    ) -> None:
        self.pair.say(
            operation, amount, card, terminal, points_limit=limit, terms=terms, partial_ok=partial
        )

    @rule(
        operation=st.sampled_from([Operation.PURCHASE, Operation.PURCHASE, Operation.HOLD]),
        card=CARDS,
        terminal=TERMINALS,
        wallets=st.integers(2, 5),
        part=st.sampled_from([0.1, 0.5, 1.0]),
        limit=LIMIT,
        terms=TERMS,
    )
    def buy_with_several_wallets(
        self,
        operation: Operation,
        card: int,
        terminal: str,
        wallets: int,
        part: float,
        limit: int | None,
        terms: int,
    ) -> None:
        amount = self.pair.amount_across(card, terminal, wallets, part, limit)
        self.pair.say(operation, amount, card, terminal, points_limit=limit, terms=terms)

    @rule(
        operation=st.sampled_from([Operation.LOAD, Operation.ACTIVATION, Operation.WITHDRAWAL]),
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        terms=TERMS,
    )
    def fill_or_empty(
        self, operation: Operation, card: int, terminal: str, amount: int, terms: int
    ) -> None:
        self.pair.say(operation, amount, card, terminal, terms=terms)

    @rule(card=CARDS, amount=AMOUNTS)
    def repay(self, card: int, amount: int) -> None:
        self.pair.say(Operation.REPAYMENT, amount, card)

    @rule(card=CARDS, beside=st.sampled_from([0, 0, 0, -1, 1]))
    def settle(self, card: int, beside: int) -> None:
        self.pair.settle(card, beside)

    @rule(
        operation=st.sampled_from([Operation.RENEWAL, Operation.DEBT_INQUIRY, *INQUIRIES]),
        card=CARDS,
    )
    def renew_or_inquire(self, operation: Operation, card: int) -> None:
        self.pair.say(operation, 0, card)

    @rule(
        operation=st.sampled_from(ITEM_OPERATIONS),
        card=st.sampled_from([0, 0, 0, 1]),
        item=st.sampled_from([1, 1, 1, 2, None]),
    )
    def vouch(self, operation: Operation, card: int, item: int | None) -> None:
        self.pair.say(operation, 0, card, item=item)

    @precondition(has_past)
    @rule(at=AT, share=st.sampled_from([0.3, 0.7, 1.0, 1.0, 1.01]), terms=TERMS, other=SOMETIMES)
    def capture(self, at: int, share: float, terms: int, *, other: bool) -> None:
        past = self.pair.pick(at, ExchangeState.HELD, HOLDS)
        self.pair.capture(past, share, other=other, terms=terms)

    @precondition(has_past)
    @rule(at=AT, share=st.sampled_from([0.01, 0.3, 0.5, 1.0, 1.01]), elsewhere=SOMETIMES)
    def refund(self, at: int, share: float, *, elsewhere: bool) -> None:
        past = self.pair.pick(at, ExchangeState.APPROVED, REFUNDABLE)
        self.pair.refund(past, share, elsewhere=elsewhere)

    @precondition(has_past)
    @rule(at=AT, share=st.sampled_from([None, None, None, 0.0, 0.3, 0.7, 1.01]), any_=SOMETIMES)
    def reverse(self, at: int, share: float | None, *, any_: bool) -> None:
        undo(self.pair, at, share, anything=any_)

    @rule(seconds=st.sampled_from([1, 60, 3_600, 86_400, 86_400, 40 * 86_400]))
    def let_time_pass(self, seconds: int) -> None:
        self.pair.pass_to(self.pair.shop.now_s + seconds)

    @rule(
        calendar=st.sampled_from(list(Calendar)),
        kind=st.sampled_from(KINDS),
        beside=st.sampled_from([-1, 0, 1]),
    )
    def go_to_the_end(self, calendar: Calendar, kind: Kind, beside: int) -> None:
        """To the last second of a day, month, quarter or year, or the first of the next."""
        self.pair.pass_to(end_of(self.pair.shop.now_s, calendar, kind) + beside)

    @rule()
    def expire_holds(self) -> None:
        self.pair.expire_holds()

    @rule(days=st.sampled_from([1, 2, 6]), slices=st.sampled_from([5, 90]))
    def live_from_day_to_day(self, days: int, slices: int) -> None:
        for _ in range(days):
            self.pair.pass_to(self.pair.shop.now_s + 86_400)
            self.pair.keep_house(slices)

    @rule(
        card=CARDS,
        amount=st.integers(1_000, 200_000),
        days=st.sampled_from([1, 4, 40]),
        slices=st.sampled_from([0, 90]),
    )
    def be_late(self, card: int, amount: int, days: int, slices: int) -> None:
        self.pair.say(Operation.PURCHASE, amount, card, terms=1)
        self.pair.pass_to(self.pair.shop.now_s + days * 86_400)
        self.pair.keep_house(slices)

    @rule(card=CARDS, more=st.sampled_from([0, 1, 30]), weekdays=st.sampled_from([0, 64, 96, 126]))
    def learn_of_holidays(self, card: int, more: int, weekdays: int) -> None:
        self.pair.learn_of_holidays(card, more, weekdays)

    @rule(slices=st.sampled_from([1, 2, 5, 50]))
    def keep_house(self, slices: int) -> None:
        self.pair.keep_house(slices)

    @rule(cards_max=SLICE)
    def restart_the_clock(self, cards_max: int) -> None:
        self.pair.restart_clock(cards_max)

    @rule(data=st.data())
    def bring_new_version(self, data: st.DataObject) -> None:
        before = self.pair.model.programme
        many = any(wallet.name == "credit" for wallet in before.wallets)
        self.pair.go_live(data.draw(products(before=before, many=many)))

    @rule(card=CARDS, limit=st.sampled_from([0, 50_000, 900_000]))
    def set_the_limit(self, card: int, limit: int) -> None:
        self.pair.set_limit(card, limit)

    @rule(
        card=st.sampled_from([0, 1, 2, 2]), status=st.sampled_from(list(CardStatus)), do=SOMETIMES
    )
    def block_or_unblock(self, card: int, status: CardStatus, *, do: bool) -> None:
        self.pair.set_status(card, status if do else CardStatus.ACTIVE)

    @rule(chance=st.integers(0, 9), cards_max=SLICE)
    def kill_the_switch(self, chance: int, cards_max: int) -> None:
        if chance == 0:
            self.pair.go_on_from_the_journal(cards_max)
        elif chance == 1:
            self.pair.go_on_from_a_snapshot(cards_max)

    # --- what is always true ----------------------------------------------------------------------

    @invariant()
    def the_switch_is_as_the_model(self) -> None:
        check(self.pair)

    def aim(self) -> None:
        most = max(each.wallets for each in self.pair.reached)
        target(float(most), label="wallets that paid at once")

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.aim()
            self.pair.go_on_from_the_journal(64)
            self.pair.go_on_from_a_snapshot(64)
            check(self.pair)


class OwingMachine(ProductsMachine):
    """The same, of cards that owe from their first purchase on."""

    @initialize(programme=owing_products(), slices=st.sampled_from([0, 12]))
    def open_shop(self, programme: Programme, slices: int) -> None:
        self.pair = PairedShop(programme, activated=True, renewed=True, slices=slices)

    def aim(self) -> None:
        kinds = {each for each in self.pair.reached if each.what.startswith("late")}
        target(float(len(kinds)), label="what came of being late")


ProductsMachine.TestCase.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=30
)
OwingMachine.TestCase.settings = ProductsMachine.TestCase.settings
test_products_do_what_the_model_says = pytest.mark.slow(ProductsMachine.TestCase)
test_cards_that_owe_do_what_the_model_says = pytest.mark.slow(OwingMachine.TestCase)
