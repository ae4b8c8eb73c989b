"""What a purchase costs whom: discount, points, money, earning, by a programme's own words.

Pure functions. A partial approval is found by its definition (the largest amount that the purse can
pay), not by the formula that the plan uses.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import DiscountRule, EarnRule

SECONDS_A_DAY = 86_400
Rule = TypeVar("Rule", DiscountRule, EarnRule)


class Place(NamedTuple):
    """Where and when something is bought; `weekday` counts from Saturday = 0."""

    merchant: str
    category: int
    local_day: int
    weekday: int
    hour: int
    utc_offset_s: int


class Ask(NamedTuple):
    """What a terminal asks for; `points_limit` None = not said."""

    amount_minor: int
    points_limit: int | None = None
    points_only: bool = False
    partial_ok: bool = False
    advice: bool = False


class Purse(NamedTuple):
    """What the card has: neither is ever below zero here."""

    money: int
    points: int


class Priced(NamedTuple):
    """An approved amount and who pays which part of it."""

    amount_minor: int
    discount_minor: int = 0
    funder: str = ""
    discount_rule: str = ""
    points: int = 0
    points_value_minor: int = 0
    money_minor: int = 0
    fee_minor: int = 0
    earned: int = 0
    earn_rule: str = ""
    available_at: int = 0
    expires_at: int = 0


def price_purchase(programme: Programme, place: Place, ask: Ask, purse: Purse) -> Priced | Reason:
    """Price a purchase or points payment, or say why it cannot be."""
    rule = first_that_holds(programme.discounts, place, ask.amount_minor)
    paid = _pay(programme, ask, purse, rule)
    if isinstance(paid, Reason):
        return paid
    if rule is not None and paid.discount_minor:
        paid = paid._replace(funder=rule.funder[0].upper(), discount_rule=rule.name)
    fee_minor = paid.money_minor * programme.commission_bps // 10_000
    return _earn(programme, place, paid._replace(fee_minor=fee_minor))


def price_hold(programme: Programme, ask: Ask, purse: Purse) -> Priced | Reason:
    """Price a hold: no discount and no earning before it is captured."""
    return _pay(programme, ask, purse, None)


def first_that_holds(rules: Sequence[Rule], place: Place, amount_minor: int) -> Rule | None:
    """Give the first rule whose every condition holds."""
    for rule in rules:
        when = rule.when
        if (
            (not when.merchants or place.merchant in when.merchants)
            and (not when.categories or place.category in when.categories)
            and (not when.weekdays or place.weekday in when.weekdays)
            and when.hour_from <= place.hour < when.hour_to
            and amount_minor >= when.amount_min_minor
        ):
            return rule
    return None


def discount_of(amount_minor: int, rule: DiscountRule | None) -> int:
    """Give a rule's share of an amount, rounded down, within its bound."""
    if rule is None:
        return 0
    discount = amount_minor * rule.discount_bps // 10_000
    return min(discount, rule.max_minor) if rule.max_minor else discount


def _pay(
    programme: Programme, ask: Ask, purse: Purse, rule: DiscountRule | None
) -> Priced | Reason:
    amount = ask.amount_minor
    discount = discount_of(amount, rule)
    points, value = 0, 0
    wants_all = ask.points_only and ask.points_limit is None
    if ask.points_only and programme.tender is None:
        return Reason.OPERATION_NOT_ALLOWED
    if programme.tender is not None and (wants_all or ask.points_limit):
        worth = programme.tender.point_value_minor
        if wants_all:
            points, value = -(-(amount - discount) // worth), amount - discount
            if points > purse.points:
                return Reason.INSUFFICIENT_POINTS
        else:
            assert ask.points_limit is not None
            points = min(ask.points_limit, purse.points, (amount - discount) // worth)
            points = points if points >= programme.tender.points_min else 0
            value = points * worth
    money = amount - discount - value
    if money > purse.money and not ask.advice:
        if ask.points_only or not ask.partial_ok or points or purse.money < 1:
            return Reason.INSUFFICIENT_FUNDS
        amount = _largest_amount(amount, rule, purse.money)
        discount = discount_of(amount, rule)
        money = amount - discount
    return Priced(
        amount_minor=amount,
        discount_minor=discount,
        points=points,
        points_value_minor=value,
        money_minor=money,
    )


def _largest_amount(asked_minor: int, rule: DiscountRule | None, money: int) -> int:
    """Give the largest amount that costs no more than there is, by halving."""
    low, high = 0, asked_minor
    while low < high:
        middle = (low + high + 1) // 2
        if middle - discount_of(middle, rule) <= money:
            low = middle
        else:
            high = middle - 1
    return low


def _earn(programme: Programme, place: Place, paid: Priced) -> Priced:
    rule = first_that_holds(programme.earning, place, paid.amount_minor)
    if rule is None:
        return paid
    earned = paid.money_minor // rule.per_minor * rule.points
    earned = min(earned, rule.points_max) if rule.points_max else earned
    if not earned:
        return paid
    opens, ends = rule.available_after_days, rule.expires_after_days
    return paid._replace(
        earned=earned,
        earn_rule=rule.name,
        available_at=_start_of(place, opens) if opens else 0,
        expires_at=_start_of(place, ends + 1) if ends else 0,
    )


def _start_of(place: Place, days_from_now: int) -> int:
    """Give the Unix second at which a coming local day begins."""
    return (place.local_day + days_from_now) * SECONDS_A_DAY - place.utc_offset_s
