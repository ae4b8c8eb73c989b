"""The purse of `issuers.purse`, priced in Python: how an issuer says what a plan cannot.

Owns one pure function, `price`, and the programme that names it. Here it says what a plan could say
too, so that a test can hold both equal, and so that whoever writes the next one has an example.
"""

from typing import Literal, NamedTuple

from issuers.purse import BOOKSHOP, CAFE, FRIDAY, LIMITS, OPERATIONS, THURSDAY
from switch.operations import Operation
from switch.pricing import Asked, Declined, Priced, local_day_end_s
from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import Limits
from switch.units import BPS, bps_of_floor

NAME = "purse-in-python"

POINT_VALUE_MINOR = 1_000
POINTS_MIN = 10
COMMISSION_BPS = 100
EARNED_PER_MINOR = 10_000
POINTS_LIVE_DAYS = 365
HOLDS = (Operation.HOLD, Operation.PREAUTHORISATION)


def purse_in_python(programme: int, version: int, club: int, limits: Limits = LIMITS) -> Programme:
    """Give the purse as a club's programme that `price` prices."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Purse in Python",
        name_fa="کیف پول باشگاه",
        operations=OPERATIONS,
        limits=limits,
        pricing=NAME,
        pricing_rules=("cafe-weekend", "books", "cafe-double", "base"),
    )


class _Discount(NamedTuple):
    name: str
    bps: int
    minor_max: int
    funder: Literal["", "merchant", "club"]


NO_DISCOUNT = _Discount("", 0, 0, "")
CAFE_WEEKEND = _Discount("cafe-weekend", 1_000, 500_000, "merchant")
BOOKS = _Discount("books", 500, 1_000_000, "club")


class _Paid(NamedTuple):
    amount_minor: int
    discount_minor: int
    points: int
    points_value_minor: int


def price(asked: Asked) -> Priced | Declined:
    """Say who pays what of a purchase, a points payment, a hold or what completes one."""
    is_hold = asked.operation in HOLDS
    discount = NO_DISCOUNT if is_hold else _discount_of(asked)
    paid = _pay(asked, discount)
    if isinstance(paid, Declined):
        return paid
    money_minor = paid.amount_minor - paid.discount_minor - paid.points_value_minor
    if is_hold:
        return Priced(
            amount_minor=paid.amount_minor,
            money_minor=money_minor,
            points=paid.points,
            points_value_minor=paid.points_value_minor,
        )
    is_cafe = asked.category == CAFE
    earned = money_minor // EARNED_PER_MINOR * (2 if is_cafe else 1)
    return Priced(
        amount_minor=paid.amount_minor,
        money_minor=money_minor,
        discount_minor=paid.discount_minor,
        funder=discount.funder if paid.discount_minor else "",
        discount_rule=discount.name if paid.discount_minor else "",
        points=paid.points,
        points_value_minor=paid.points_value_minor,
        fee_minor=bps_of_floor(money_minor, COMMISSION_BPS),
        earned=earned,
        earn_rule=("cafe-double" if is_cafe else "base") if earned else "",
        expires_at_s=local_day_end_s(asked, POINTS_LIVE_DAYS),
    )


def _discount_of(asked: Asked) -> _Discount:
    if asked.category == CAFE and asked.local_weekday in (THURSDAY, FRIDAY):
        return CAFE_WEEKEND
    if asked.category == BOOKSHOP and asked.amount_minor >= 200_000:
        return BOOKS
    return NO_DISCOUNT


def _share(amount_minor: int, discount: _Discount) -> int:
    return min(bps_of_floor(amount_minor, discount.bps), discount.minor_max)


def _pay(asked: Asked, discount: _Discount) -> _Paid | Declined:
    """Points first, as many as are wanted, there and needed; then money, or less of everything."""
    amount_minor = asked.amount_minor
    discount_minor = _share(amount_minor, discount)
    net_minor = amount_minor - discount_minor
    points_only = asked.operation is Operation.POINTS_PAYMENT
    points_there = max(0, asked.points)
    if points_only and asked.points_limit is None:
        points = -(-net_minor // POINT_VALUE_MINOR)
        if points > points_there:
            return Declined(Reason.INSUFFICIENT_POINTS)
        return _Paid(amount_minor, discount_minor, points, net_minor)
    points = min(asked.points_limit or 0, points_there, net_minor // POINT_VALUE_MINOR)
    if points < POINTS_MIN:
        points = 0
    value_minor = points * POINT_VALUE_MINOR
    money_there = max(0, asked.money_minor)
    if net_minor - value_minor <= money_there or asked.advice:
        return _Paid(amount_minor, discount_minor, points, value_minor)
    if points_only or points or money_there == 0 or not asked.partial_ok:
        return Declined(Reason.INSUFFICIENT_FUNDS)
    amount_minor = _gross_of(money_there, discount)
    return _Paid(amount_minor, _share(amount_minor, discount), 0, 0)


def _gross_of(net_minor: int, discount: _Discount) -> int:
    """Give the largest amount that costs no more than this after its discount."""
    if discount is NO_DISCOUNT:
        return net_minor
    return min(net_minor * BPS // (BPS - discount.bps), net_minor + discount.minor_max)
