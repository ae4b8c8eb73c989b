"""What a payment must cost whom: a club's programme, read off the programme's own words.

Owns the arithmetic that a reply is held to: which rule gives the discount, who funds it, what
points are worth, what is earned, what commission the merchant pays. Written from what a programme
says, not from how the switch carries it out; must not import anything of the switch but that
declaration.

What depends on an order that nobody outside can know (how many points a concurrent payment still
found, how much money was left for a partial approval) is held to its bounds and to the arithmetic
that follows from it.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from msgspec import Struct

from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, When

BPS = 10_000
SECONDS_AN_HOUR = 3_600
HOURS_A_DAY = 24
SATURDAY = 5  # 1970-01-01 was a Thursday: day 0 is the fifth after a Saturday

Rule = TypeVar("Rule", DiscountRule, EarnRule)


class Club(Struct, frozen=True, kw_only=True):
    """What a club has declared: its programme, and the category of each of its merchants."""

    programme: Programme
    categories: Mapping[str, int]  # DE 42 (15 characters) to merchant category code


class Payment(Struct, frozen=True, kw_only=True, gc=False):
    """A payment as it was asked for and as the reply told it."""

    merchant: str
    asked_minor: int
    approved_minor: int
    money_minor: int
    points: int
    points_value_minor: int
    discount_minor: int
    points_earned: int
    points_only: bool = False  # asked to be paid with points alone
    may_use_points: bool = True
    decided_from_s: int  # local seconds between which it was decided
    decided_to_s: int


class Cost(NamedTuple):
    """What follows from a payment and is not in its reply. `fault` "" = the reply is right."""

    fault: str
    by_club_minor: int
    fee_minor: int


class _Terms(NamedTuple):
    """The rules that can hold at one merchant in one hour, amounts apart, first come first."""

    discounts: tuple[DiscountRule, ...]
    earning: tuple[EarnRule, ...]


class Tariff:
    """A club's programme, ready to judge payments."""

    def __init__(self, club: Club) -> None:
        self._club = club
        self._commission_bps = club.programme.commission_bps
        self._terms: dict[tuple[str, int], _Terms] = {}

    def cost(self, payment: Payment) -> Cost:
        """Judge a payment's reply. Decided about the turn of an hour, either hour's rules do."""
        first = payment.decided_from_s // SECONDS_AN_HOUR
        last = payment.decided_to_s // SECONDS_AN_HOUR
        cost = self._cost(payment, first)
        while cost.fault and first < last:
            first += 1
            other = self._cost(payment, first)
            cost = cost if other.fault else other
        return cost

    def _cost(self, payment: Payment, hour: int) -> Cost:
        terms = self._terms_at(payment.merchant, hour)
        rule = _first(terms.discounts, payment.asked_minor)
        discount = discount_of(rule, payment.approved_minor)
        by_club = discount if rule is not None and rule.funder == "club" else 0
        fee = payment.money_minor * self._commission_bps // BPS
        fault = self._wrong_amounts(payment, discount)
        if not fault:
            earning = _first(terms.earning, payment.approved_minor)
            earned = earned_of(earning, payment.money_minor)
            if earned != payment.points_earned:
                fault = f"{payment.points_earned} points earned, should be {earned}"
        return Cost(fault, by_club, fee)

    def _wrong_amounts(self, payment: Payment, discount: int) -> str:
        approved = payment.approved_minor
        if discount != payment.discount_minor:
            return f"discount {payment.discount_minor}, should be {discount}"
        paid, worth = payment.money_minor, payment.points_value_minor
        if paid < 0 or paid + worth + discount != approved:
            return f"amount {approved} is not money {paid} + points' {worth} + discount {discount}"
        if approved != payment.asked_minor and not 0 < approved < payment.asked_minor:
            return f"{approved} approved of {payment.asked_minor}"
        return self._wrong_points(payment, approved - discount)

    def _wrong_points(self, payment: Payment, net_minor: int) -> str:
        tender, points = self._club.programme.tender, payment.points
        worth = payment.points_value_minor
        if points == 0:
            needed = payment.points_only and net_minor > 0
            if worth or needed:
                return f"no points redeemed, and they paid {worth} of {net_minor}"
            return ""
        if tender is None or points < 0 or not payment.may_use_points:
            return f"{points} points redeemed, should be 0"
        if payment.points_only:
            if worth != net_minor or points != -(-net_minor // tender.point_value_minor):
                return f"{points} points for {worth} of {net_minor}, alone"
            return ""
        if points < tender.points_min:
            return f"{points} points redeemed, fewer than {tender.points_min}"
        if worth != points * tender.point_value_minor or worth > net_minor:
            return f"{points} points paid {worth} of {net_minor}"
        return ""

    def _terms_at(self, merchant: str, hour: int) -> _Terms:
        key = (merchant, hour)
        terms = self._terms.get(key)
        if terms is None:
            programme = self._club.programme
            category = self._club.categories[merchant]
            terms = self._terms[key] = _Terms(
                tuple(r for r in programme.discounts if _holds(r.when, merchant, category, hour)),
                tuple(r for r in programme.earning if _holds(r.when, merchant, category, hour)),
            )
        return terms


def discount_of(rule: DiscountRule | None, amount_minor: int) -> int:
    """Give a rule's share of an amount, rounded down, within the rule's bound."""
    if rule is None:
        return 0
    discount = amount_minor * rule.discount_bps // BPS
    return min(discount, rule.max_minor) if rule.max_minor else discount


def earned_of(rule: EarnRule | None, money_minor: int) -> int:
    """Give the points for what was paid with money: so many for each full `per_minor`."""
    if rule is None:
        return 0
    earned = money_minor // rule.per_minor * rule.points
    return min(earned, rule.points_max) if rule.points_max else earned


def _first(rules: tuple[Rule, ...], amount_minor: int) -> Rule | None:
    for rule in rules:
        if amount_minor >= rule.when.amount_min_minor:
            return rule
    return None


def _holds(when: When, merchant: str, category: int, hour: int) -> bool:
    day, hour_of_day = divmod(hour, HOURS_A_DAY)
    return (
        (not when.merchants or merchant in when.merchants)
        and (not when.categories or category in when.categories)
        and (not when.weekdays or (day + SATURDAY) % 7 in when.weekdays)
        and when.hour_from <= hour_of_day < when.hour_to
    )
