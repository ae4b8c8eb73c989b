"""Long days in the shop: weighted random walks through the machine of `test_lane_properties`.

Goal: what Hypothesis reaches seldom (refunds of captured holds, reversals of refunds, many lots,
days later) happens all the time here. Method: the same rules and invariants, chosen by a seeded
`Random`; a failure names its seed.
"""

from collections.abc import Callable
from random import Random

import msgspec
import pytest

from issuers.purse import purse
from switch.operations import CardStatus
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Limits, Tender
from tests.switch.test_lane_properties import LaneMachine

STEPS = 120
SHARES = (0.01, 0.3, 0.5, 0.999, 1.0)


def programme_of(chance: Random) -> Programme:
    """Give a programme in which everything is in use and little divides evenly."""
    return Programme(
        programme=1,
        version=1,
        club=1,
        name="Walk",
        name_fa="گام",
        operations=purse(1, 1, 1).operations,
        discounts=(
            DiscountRule(
                name="d",
                discount_bps=chance.choice([333, 3_333, 9_999]),
                max_minor=chance.choice([0, 7_001]),
                funder=chance.choice(["merchant", "club"]),
            ),
        ),
        earning=(
            EarnRule(
                name="e",
                points=7,
                per_minor=chance.choice([99, 1_000]),
                available_after_days=chance.choice([0, 1]),
                expires_after_days=chance.choice([2, 9]),
            ),
        ),
        tender=Tender(point_value_minor=13, points_min=chance.choice([1, 50])),
        limits=Limits(day_minor_max=chance.choice([0, 900_000])),
        commission_bps=77,
        hold_seconds=3_600,
        money_floor_minor=chance.choice([0, -10_000]),
    )


def steps_of(walk: LaneMachine, chance: Random) -> list[tuple[int, Callable[[], object]]]:
    """Give weighted things to do; each draws its details when it is done."""

    def card() -> int:
        return chance.choice([0, 0, 0, 1, 2])

    def amount() -> int:
        return chance.choice([chance.randint(1, 60_000), chance.randint(1, 999), 1_000_000])

    def till() -> str:
        return chance.choice(["T0000001", "T0000001", "T0000003"])

    def limit() -> int | None:
        return chance.choice([None, chance.randint(0, 2_000)])

    def at() -> int:
        return chance.randrange(1 << 16)

    def half() -> bool:
        return chance.random() < 0.5

    def seldom() -> bool:
        return chance.random() < 0.05

    def new_version() -> None:
        version = walk.model.programme.version + 1
        walk.go_live(msgspec.structs.replace(programme_of(chance), version=version))

    return [
        (24, lambda: walk.buy(card(), till(), amount(), partial=half(), limit=limit())),
        (8, lambda: walk.pay_with_points(card(), till(), amount(), limit())),
        (6, lambda: walk.load(card(), amount())),
        (
            12,
            lambda: walk.hold(
                card(), till(), amount(), longer=half(), partial=half(), limit=limit()
            ),
        ),
        (10, lambda: walk.capture(at(), chance.choice(SHARES), other=seldom())),
        (
            12,
            lambda: walk.refund(at(), chance.choice(SHARES), other=seldom(), elsewhere=seldom()),
        ),
        (
            14,
            lambda: walk.reverse(
                at(),
                chance.choice([None, *SHARES]),
                other=seldom(),
                advice=half(),
                blind=seldom(),
            ),
        ),
        (4, lambda: walk.repeat(at(), marked=half())),
        (1, lambda: walk.contradict(at(), chance.choice([2, 3, 25, 95]))),
        (1, lambda: walk.reverse_before_arrival(card(), amount(), blind=half())),
        (
            2,
            lambda: walk.change_status(
                card(), chance.choice([CardStatus.ACTIVE] * 4 + [*CardStatus])
            ),
        ),
        (
            6,
            lambda: walk.let_time_pass(
                chance.choice([1, 1_800, 3_600, 86_400]), housekeeping=half()
            ),
        ),
        (1, new_version),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_a_long_day_leaves_every_rial_where_the_model_has_it(seed: int) -> None:
    chance = Random(seed)
    walk = LaneMachine()
    walk.open_shop(programme=programme_of(chance))
    weights, steps = zip(*steps_of(walk, chance), strict=True)

    for step in chance.choices(steps, weights, k=STEPS):
        step()
        walk.the_books_are_equal()
        walk.what_became_of_each_message_is_equal()

    walk.teardown()
