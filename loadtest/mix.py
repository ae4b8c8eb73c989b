"""What a load is made of, as data: which scenarios, how often, over which amounts.

Owns the table and the seeded draw. Must not know how a scenario is played (`loadtest.scenarios`).
"""

from collections.abc import Mapping
from itertools import accumulate
from random import Random

from msgspec import Struct


class Mix(Struct, frozen=True, kw_only=True):
    """Shares are weights of any sum. Amounts are whole minor units, drawn evenly, ends included."""

    shares: Mapping[str, int]
    amount_minor_min: int
    amount_minor_max: int
    load_minor: int  # one load pays for several purchases, so that cards do not run dry
    insufficient_minor: int  # more than any card has, within what DE 4 and limits allow
    points_max: int  # upper bound of points that a mixed payment redeems, four digits


# Weights in thousandths: what the terminals of a small club send in a day, with loads in proportion
# so that the purses last. The declines are wanted: a load without any measures a shorter path.
SHOP_DAY = Mix(
    shares={
        "purchase": 560,
        "purchase_with_points": 60,
        "points_payment": 30,
        "balance": 80,
        "points_balance": 20,
        "load": 70,
        "preauthorisation_and_completion": 50,
        "purchase_and_refund": 20,
        "purchase_and_reversal": 40,
        "purchase_and_repeat": 30,
        "unknown_card": 10,
        "insufficient_funds": 20,
        "blocked_card": 10,
    },
    amount_minor_min=10_000,
    amount_minor_max=500_000,
    load_minor=3_000_000,
    insufficient_minor=90_000_000,
    points_max=2_000,
)


class Draw:
    """Seeded choice of scenarios and amounts: the same seed gives the same sequence."""

    def __init__(self, mix: Mix, seed: str) -> None:
        self.mix = mix
        self.random = Random(seed)
        self._names = list(mix.shares)
        self._upper_bounds = list(accumulate(mix.shares.values()))

    def scenario(self) -> str:
        """Draw the name of the next scenario, by its share."""
        return self.random.choices(self._names, cum_weights=self._upper_bounds)[0]

    def amount_minor(self) -> int:
        """Draw an amount, in whole minor units."""
        return self.random.randint(self.mix.amount_minor_min, self.mix.amount_minor_max)

    def points(self) -> int:
        """Draw an upper bound of points to redeem: four digits, none of them a leading zero."""
        return self.random.randint(1_000, max(1_000, self.mix.points_max))
