"""Random programmes for property tests: every rule, bound and rounding that a programme can have.

Owns Hypothesis strategies; knows the shops of `tests.support.shop` and nothing of what is decided.
"""

import msgspec
from hypothesis import strategies as st

from issuers.purse import OPERATIONS
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Limits, Tender, When
from tests.support.shop import BOOKS, CAFE

AMOUNTS = st.one_of(
    st.integers(1, 300),
    st.integers(1, 90_000),
    st.integers(1, 90_000),
    st.integers(1, 2_000_000),
    st.sampled_from([1_000, 10_000, 100_000, 999_999_999_999]),
)


def _subset(*values: object) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


@st.composite
def whens(draw: st.DrawFn) -> When:
    """Give conditions that often hold in the shops of the tests."""
    begins = draw(st.integers(0, 23))
    return draw(
        st.one_of(
            st.just(When()),
            st.builds(
                When,
                merchants=_subset(CAFE, BOOKS),
                categories=_subset(5812, 5942, 7999),
                weekdays=_subset(*range(7)),
                hour_from=st.just(begins),
                hour_to=st.integers(begins + 1, 24),
                amount_min_minor=st.sampled_from([0, 0, 1, 100, 50_000]),
            ),
        )
    )


DISCOUNTS = st.builds(
    DiscountRule,
    name=st.just("unnamed"),
    when=whens(),
    discount_bps=st.one_of(
        st.sampled_from([0, 1, 500, 3333, 9_999, 10_000]), st.integers(0, 10_000)
    ),
    max_minor=st.sampled_from([0, 0, 1, 7, 5_000]),
    funder=st.sampled_from(["merchant", "club"]),
)
EARNINGS = st.builds(
    EarnRule,
    name=st.just("unnamed"),
    when=whens(),
    points=st.sampled_from([0, 1, 3, 50]),
    per_minor=st.sampled_from([1, 7, 100, 10_000]),
    points_max=st.sampled_from([0, 1, 10, 1_000]),
    available_after_days=st.sampled_from([0, 0, 1, 3]),
    expires_after_days=st.sampled_from([0, 3, 5, 30, 365]),
)
TENDERS = st.builds(
    Tender,
    point_value_minor=st.sampled_from([1, 3, 100, 1_000]),
    points_min=st.sampled_from([0, 1, 10]),
)
LIMITS = st.builds(
    Limits,
    transaction_minor_max=st.sampled_from([0, 0, 0, 500_000]),
    day_minor_max=st.sampled_from([0, 0, 0, 1_000_000]),
    day_count_max=st.sampled_from([0, 0, 0, 4]),
    balance_minor_max=st.sampled_from([0, 0, 0, 3_000_000]),
)


@st.composite
def programmes(draw: st.DrawFn, *, version: int = 1) -> Programme:
    """Give a programme of club 1 whose rules are named by their order."""
    discounts = draw(st.lists(DISCOUNTS, max_size=3))
    earning = draw(st.lists(EARNINGS, min_size=1, max_size=3))
    unwanted = draw(st.sampled_from([None] * 20 + list(OPERATIONS)))
    replace = msgspec.structs.replace
    return Programme(
        programme=1,
        version=version,
        club=1,
        name="Random",
        name_fa="تصادفی",
        operations=tuple(operation for operation in OPERATIONS if operation is not unwanted),
        discounts=tuple(replace(rule, name=f"d{at}") for at, rule in enumerate(discounts)),
        earning=tuple(replace(rule, name=f"e{at}") for at, rule in enumerate(earning)),
        tender=draw(st.one_of(TENDERS, TENDERS, TENDERS, st.none())),
        limits=draw(LIMITS),
        commission_bps=draw(st.sampled_from([0, 1, 100, 10_000])),
        hold_seconds=draw(st.sampled_from([60, 86_400])),
        preauthorisation_hold_seconds=7 * 86_400,
        money_floor_minor=draw(st.sampled_from([0, 0, -50_000, 1_000])),
    )
