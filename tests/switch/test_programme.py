"""A programme that no card could follow, or that could not be counted, is refused with its rule."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from issuers.purse import purse
from switch.limits import AMOUNT_MINOR_MAX
from switch.programme import Programme
from switch.rules import (
    Calendar,
    Cap,
    DiscountRule,
    EarnRule,
    Ending,
    Fund,
    Limits,
    Membership,
    Period,
    ProgrammeError,
    Tender,
    Wallet,
    When,
    shortest_days,
)
from tests.model.calendars import months_after
from tests.model.endings import CALENDARS, first_day_after


def with_(**changes: object) -> Programme:
    return msgspec.structs.replace(purse(1, 1, 1), **changes)


def earning(**changes: object) -> Programme:
    rule = EarnRule(name="e", points=1, per_minor=1)
    return with_(earning=(msgspec.structs.replace(rule, **changes),))


def discount(**changes: object) -> Programme:
    rule = DiscountRule(name="d", discount_bps=1, funder="club")
    return with_(discounts=(msgspec.structs.replace(rule, **changes),))


WRONG: dict[str, Callable[[], Programme]] = {
    "a point worth nothing": lambda: with_(tender=Tender(point_value_minor=0)),
    "a point worth more than any amount": lambda: with_(tender=Tender(point_value_minor=10**12)),
    "a negative least": lambda: with_(tender=Tender(point_value_minor=1, points_min=-1)),
    "a negative limit": lambda: with_(limits=Limits(day_count_max=-1)),
    "a floor out of reach": lambda: with_(money_floor_minor=-(10**12)),
    "commission above the price": lambda: with_(commission_bps=10_001),
    "a hold of no time": lambda: with_(hold_seconds=0),
    "a hold beyond 2106": lambda: with_(preauthorisation_hold_seconds=1 << 32),
    "points beyond 63 bits": lambda: earning(points=1 << 40),
    "a negative bound": lambda: earning(points_max=-1),
    "points for nothing": lambda: earning(per_minor=0),
    "points that end before they open": lambda: earning(
        available_after_days=3, expires_after_days=2
    ),
    "points that a short month ends before they open": lambda: earning(
        available_after_days=30, expires=Ending(after_months=1)
    ),
    "points of a month's last day that end before they open": lambda: earning(
        available_after_days=1, expires=Ending(period=Period(kind="month"))
    ),
    "points of a week's last day that end before they open": lambda: earning(
        available_after_days=8, expires=Ending(period=Period(kind="week"), periods_more=1)
    ),
    "points that end beyond 2106": lambda: earning(expires_after_days=40_000),
    "discount above the price": lambda: discount(discount_bps=10_001),
    "a negative discount bound": lambda: discount(max_minor=-1),
    "no such hour": lambda: discount(when=When(hour_from=5, hour_to=5)),
    "no such weekday": lambda: discount(when=When(weekdays=(7,))),
    "no such category": lambda: discount(when=When(categories=(10_000,))),
    "no name": lambda: discount(name=""),
    "a Persian name": lambda: discount(name="نام"),
    "too long a name": lambda: discount(name="n" * 24),
    "a cap that counts where levels do": lambda: with_(
        caps=(Cap(name="tier", of="count", most=1),)
    ),
    "a fee in money and in points": lambda: with_(
        membership=Membership(valid=Ending(after_days=1), fee_minor=1, fee_points=1)
    ),
    "more names of wallets than a reply has room for": lambda: with_(
        wallets=tuple(Wallet(name=f"{at}" * 21, unit="money", held=True) for at in range(3)),
        funding=tuple(Fund(wallet=f"{at}" * 21) for at in range(3)),
        earning=(),
        tender=None,
    ),
    "the same name twice": lambda: with_(
        discounts=(
            DiscountRule(name="x", discount_bps=1, funder="club"),
            DiscountRule(name="x", discount_bps=2, funder="club"),
        )
    ),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_nonsense_is_refused(make: Callable[[], Programme]) -> None:
    with pytest.raises(ProgrammeError):
        make()


def test_the_extremes_that_can_be_counted_are_accepted() -> None:
    accepted = with_(
        tender=Tender(point_value_minor=AMOUNT_MINOR_MAX, points_min=0),
        earning=(
            EarnRule(
                name="e",
                points=1_000,
                per_minor=1,
                available_after_days=18_250,
                expires_after_days=18_250,
            ),
        ),
        commission_bps=10_000,
        money_floor_minor=-AMOUNT_MINOR_MAX,
    )

    assert accepted.commission_bps == 10_000


@pytest.mark.parametrize("months", [1, 2, 5, 6, 7, 11, 12, 25])
@pytest.mark.parametrize("calendar", ["jalali", "gregorian"])
def test_the_shortest_of_so_many_months_is_the_shortest_of_any_day(
    calendar: Calendar, months: int
) -> None:
    ending = Ending(after_months=months, calendar=calendar)
    first = 20_000  # 2024-10-04: the years until 2030 have leap years of both calendars

    ends = [
        months_after(CALENDARS[calendar], day, months) - day for day in range(first, first + 2_000)
    ]

    assert min(ends) == shortest_days(ending)


@pytest.mark.parametrize("kind", ["day", "week", "month", "quarter", "half-year", "year"])
@pytest.mark.parametrize("calendar", ["jalali", "gregorian"])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_period_may_have_only_its_last_day_left(calendar: Calendar, kind: Any, more: int) -> None:
    ending = Ending(period=Period(kind=kind, calendar=calendar), periods_more=more)
    last = shortest_days(ending)
    assert last is not None

    left = [
        found - 1 - day
        for day in range(20_000, 20_800)
        if (found := first_day_after(ending, day)) is not None
    ]

    assert min(left) - 1 <= last <= min(left)
