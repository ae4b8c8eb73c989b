"""The reference programme: a purse that pays with money, earns points and can pay with points.

Data only; knows nothing of how it is decided or where it runs.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Limits, Tender, When

CAFE = 5812  # eating places
BOOKSHOP = 5942

THURSDAY, FRIDAY = 5, 6  # counted from Saturday = 0

OPERATIONS = (
    Operation.PURCHASE,
    Operation.POINTS_PAYMENT,
    Operation.LOAD,
    Operation.BALANCE,
    Operation.POINTS_BALANCE,
    Operation.HOLD,
    Operation.PREAUTHORISATION,
)


LIMITS = Limits(
    transaction_minor_max=500_000_000,
    day_minor_max=1_000_000_000,
    day_count_max=500,
    balance_minor_max=2_000_000_000,
)


def purse(programme: int, version: int, club: int, limits: Limits = LIMITS) -> Programme:
    """Give the purse as a club's programme."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Purse",
        name_fa="کیف پول باشگاه",
        operations=OPERATIONS,
        discounts=(
            DiscountRule(
                name="cafe-weekend",
                when=When(categories=(CAFE,), weekdays=(THURSDAY, FRIDAY)),
                discount_bps=1000,
                max_minor=500_000,
                funder="merchant",
            ),
            DiscountRule(
                name="books",
                when=When(categories=(BOOKSHOP,), amount_min_minor=200_000),
                discount_bps=500,
                max_minor=1_000_000,
                funder="club",
            ),
        ),
        earning=(
            EarnRule(
                name="cafe-double",
                when=When(categories=(CAFE,)),
                points=2,
                per_minor=10_000,
                expires_after_days=365,
            ),
            EarnRule(
                name="base",
                points=1,
                per_minor=10_000,
                expires_after_days=365,
            ),
        ),
        tender=Tender(point_value_minor=1_000, points_min=10),
        limits=limits,
        commission_bps=100,
    )
