"""Long weeks with all products: weighted random walks through `test_products_properties`.

Goal: what Hypothesis reaches seldom (captures and refunds of what several wallets paid, reversals
of those, lots that end under way, counters over a month's end) happens all the time here. Method:
the same programmes, rules and invariants; what is done is chosen by a seeded `Random`.
"""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.operations import Operation
from tests.model.switch import INQUIRIES
from tests.support.programmes import products
from tests.switch.test_products_properties import (
    HOLDS,
    ITEM_OPERATIONS,
    MEMBER,
    ProductsMachine,
)

STEPS = 90
SHARES = (0.01, 0.3, 0.5, 0.999, 1.0)


def steps_of(
    walk: ProductsMachine, chance: Random, data: st.DataObject
) -> list[tuple[int, Callable[[], object]]]:
    """Give weighted things to do; each draws its details when it is done."""

    def card() -> int:
        return chance.choice([0] * 9 + [1, 1, 2, MEMBER])

    def amount() -> int:
        return chance.choice(
            [
                chance.randint(1, 999),
                chance.randint(1, 60_000),
                chance.randint(60_000, 200_000),
                chance.choice([90_000, 400_000, 1_000_000]),
            ]
        )

    def till() -> str:
        return chance.choice(["T0000001", "T0000001", "T0000003"])

    def limit() -> int | None:
        return chance.choice([None, None, chance.randint(0, 2_000)])

    def at() -> int:
        return chance.randrange(1 << 16)

    def half() -> bool:
        return chance.random() < 0.5

    def seldom() -> bool:
        return chance.random() < 0.05

    def buy(*operations: Operation) -> None:
        walk.buy(chance.choice(operations), card(), till(), amount(), limit(), partial=half())

    def fill(*operations: Operation) -> None:
        walk.fill_or_empty(chance.choice(operations), card(), till(), amount())

    return [
        (24, lambda: buy(Operation.PURCHASE)),
        (6, lambda: buy(Operation.POINTS_PAYMENT)),
        (14, lambda: buy(*HOLDS)),
        (8, lambda: fill(Operation.LOAD)),
        (8, lambda: fill(Operation.ACTIVATION)),
        (6, lambda: fill(Operation.WITHDRAWAL)),
        (4, lambda: walk.renew_or_inquire(Operation.RENEWAL, card())),
        (3, lambda: walk.renew_or_inquire(chance.choice(INQUIRIES), card())),
        (8, lambda: walk.vouch(chance.choice(ITEM_OPERATIONS), 0, chance.choice([1, 1, 2, None]))),
        (12, lambda: walk.capture(at() | 1, chance.choice(SHARES), other=seldom())),
        (12, lambda: walk.refund(at() | 1, chance.choice(SHARES), elsewhere=seldom())),
        (16, lambda: walk.reverse(at() | 1, chance.choice([None, *SHARES]), any_=half())),
        (
            5,
            lambda: walk.let_time_pass(
                chance.choice([1, 1_800, 86_400, 5 * 86_400]), housekeeping=half()
            ),
        ),
        (
            4,
            lambda: walk.go_to_the_end(
                chance.choice(list(Calendar)),
                chance.choice([Kind.DAY, Kind.DAY, Kind.MONTH, Kind.QUARTER, Kind.YEAR]),
                chance.choice([-1, 0, 1]),
                housekeeping=half(),
            ),
        ),
        (2, lambda: walk.bring_new_version(data)),
        (1, lambda: walk.restart(0)),
    ]


@pytest.mark.slow
@settings(max_examples=settings().max_examples)
@given(data=st.data(), programme=products(), seed=st.integers(0, 1 << 32))
def test_long_weeks_leave_every_rial_point_and_count_where_the_model_has_it(
    data: st.DataObject, programme: object, seed: int
) -> None:
    chance = Random(seed)
    walk = ProductsMachine()
    walk.open_shop(programme=programme, activated=seed % 8 != 0, renewed=seed % 7 != 0)
    weights, steps = zip(*steps_of(walk, chance, data), strict=True)

    for step in chance.choices(steps, weights, k=STEPS):
        step()
        walk.the_books_are_equal()
        walk.budgets_have_counted_the_same()
        walk.what_became_of_each_message_is_equal()
        walk.what_is_held_is_what_open_holds_hold()
        walk.points_issued_less_redeemed_are_what_cards_have()

    walk.teardown()
