"""What a purchase costs whom: discount, points, wallets, earning, by a programme's own words.

Pure functions. A partial approval is found by its definition (the largest amount that the wallets
can pay), not by the formula that the plan uses.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import DiscountRule, EarnRule, When
from tests.model.endings import ends_at, start_of

Rule = TypeVar("Rule", DiscountRule, EarnRule)


class Place(NamedTuple):
    """Where and when something is bought; `weekday` counts from Saturday = 0.

    `number`: the merchant's, by which lots are named that count at one merchant.
    """

    merchant: str
    category: int
    local_day: int
    weekday: int
    hour: int
    utc_offset_s: int
    number: int = 0


class Ask(NamedTuple):
    """What a terminal asks for; `points_limit` None = not said, `item` 0 = none is named.

    `terms`: the plan by which it is paid later, 0 = not said. `pin`: of a voucher, as it was typed
    at `terminal`.
    """

    amount_minor: int
    points_limit: int | None = None
    points_only: bool = False
    partial_ok: bool = False
    advice: bool = False
    item: int = 0
    terms: int = 0
    pin: str = ""
    terminal: str = ""


class Left(NamedTuple):
    """What a cap or budget on what is given leaves. Empty `rules`: of all of them."""

    name: str
    of: str
    left: int
    funder: str = ""
    rules: tuple[str, ...] = ()

    def of_discount(self, rule: DiscountRule) -> int | None:
        """The largest discount whose part that counts is left; None = any.

        Of a part of the merchant's, which is rounded down, no discount that could reach beyond it.
        """
        if self.rules and rule.name not in self.rules:
            return None
        part = {"": 10_000, "club": 10_000 - rule.merchant_bps, "merchant": rule.merchant_bps}
        return self.left * 10_000 // part[self.funder] if part[self.funder] else None


class Purse(NamedTuple):
    """What the card has: nothing here is ever below zero.

    `funds`: in each wallet of the funding order. `lefts`: of caps, then of budgets.
    """

    funds: tuple[int, ...]
    points: int
    level: str = ""
    lefts: tuple[Left, ...] = ()

    def most(self, rule: DiscountRule | None) -> tuple[int | None, str]:
        """Give the bound on a rule's discount (None = none), and which cap or budget it is of."""
        if rule is None:
            return None, ""
        most, name = rule.max_minor or None, ""
        for one in self.lefts:
            left = one.of_discount(rule) if one.of == "discount" else None
            if left is not None and (most is None or left < most):
                most, name = left, one.name
        return most, name


class Priced(NamedTuple):
    """An approved amount and who pays which part of it.

    `owed`: how much of the last part its wallet has not got. `base`: what earns, and counts as
    paid. `fee_minor` is the merchant's, as is what points cost; `told_fee_minor` the holder's.
    `bound`: for which less was discounted, or earned. Marks: 1 = not ended by inactivity, 2 = the
    merchant pays.
    `plan` and what follows: of what is paid later, and what ends the card's debt or is due by the
    month's end. `voucher_minor`, `voucher_points`: what a voucher is worth.
    """

    amount_minor: int
    discount_minor: int = 0
    funder: str = ""
    discount_rule: str = ""
    club_pays_minor: int = 0
    points: int = 0
    points_value_minor: int = 0
    parts: tuple[int, ...] = ()
    owed_minor: int = 0
    cash_minor: int = 0
    base_minor: int = 0
    fee_minor: int = 0
    earned: int = 0
    earn_rule: str = ""
    bound: str = ""
    earn_bound: str = ""
    points_cost_minor: int = 0
    lot_marks: int = 0
    available_at: int = 0
    expires_at: int = 0
    told_fee_minor: int = 0
    until_s: int = 0
    level: str = ""
    plan: str = ""
    instalments: int = 0
    first_minor: int = 0
    first_ends_s: int = 0
    debt_minor: int = 0
    due_minor: int = 0
    rebate_minor: int = 0
    voucher_minor: int = 0
    voucher_points: int = 0

    @property
    def money_minor(self) -> int:
        return sum(self.parts)


def price_purchase(programme: Programme, place: Place, ask: Ask, purse: Purse) -> Priced | Reason:
    """Price a purchase or points payment, or say why it cannot be."""
    rule = first_that_holds(programme.discounts, place, ask.amount_minor, purse.level)
    paid = _pay(programme, place, ask, purse, rule)
    if isinstance(paid, Reason):
        return paid
    most, bound = purse.most(rule)
    if rule is not None and most is not None:
        lowered = paid.amount_minor * rule.discount_bps // 10_000 > most
        paid = paid._replace(bound=bound if lowered else "")
    if rule is not None and paid.discount_minor:
        by_merchant = paid.discount_minor * rule.merchant_bps // 10_000
        paid = paid._replace(
            funder=rule.funder[0].upper(),
            discount_rule=rule.name,
            club_pays_minor=paid.discount_minor - by_merchant,
        )
    commission = (paid.money_minor + paid.cash_minor) * programme.commission_bps // 10_000
    return _earn(programme, place, paid._replace(fee_minor=commission), purse)


def price_hold(programme: Programme, place: Place, ask: Ask, purse: Purse) -> Priced | Reason:
    """Price a hold: no discount and no earning before it is captured."""
    return _pay(programme, place, ask, purse, None)


def holds(when: When, place: Place, amount_minor: int, level: str) -> bool:
    """Say whether every condition holds."""
    return (
        (not when.merchants or place.merchant in when.merchants)
        and (not when.categories or place.category in when.categories)
        and (not when.weekdays or place.weekday in when.weekdays)
        and (not when.tiers or level in when.tiers)
        and when.hour_from <= place.hour < when.hour_to
        and amount_minor >= when.amount_min_minor
    )


def first_that_holds(
    rules: Sequence[Rule], place: Place, amount_minor: int, level: str
) -> Rule | None:
    """Give the first rule whose conditions hold."""
    return next((rule for rule in rules if holds(rule.when, place, amount_minor, level)), None)


def discount_of(amount_minor: int, rule: DiscountRule | None, most: int | None) -> int:
    """Give a rule's share of an amount, rounded down, within its bound."""
    if rule is None:
        return 0
    share = amount_minor * rule.discount_bps // 10_000
    return share if most is None else min(share, most)


def _pay(
    programme: Programme, place: Place, ask: Ask, purse: Purse, rule: DiscountRule | None
) -> Priced | Reason:
    amount = ask.amount_minor
    left, _ = purse.most(rule)
    discount = discount_of(amount, rule, left)
    redeemed = _redeem(programme, ask, purse, amount - discount)
    if isinstance(redeemed, Reason):
        return redeemed
    points, value = redeemed
    may_pay = [
        has if holds(fund.when, place, ask.amount_minor, purse.level) else 0
        for fund, has in zip(programme.funding, purse.funds, strict=True)
    ]
    parts, rest = _take_turns(may_pay, amount - discount - value)
    owed = cash = 0
    if programme.cash:
        cash = rest
    elif rest and ask.advice and programme.funding:
        last, owes = last_to_pay(programme)
        parts[last] += rest
        owed = rest if owes else 0
    elif rest:
        if ask.points_only or not ask.partial_ok or points or sum(parts) < 1:
            return Reason.INSUFFICIENT_FUNDS
        amount = _largest_amount(amount, rule, left, sum(parts))
        discount = discount_of(amount, rule, left)
        parts, rest = _take_turns(may_pay, amount - discount)
        assert rest == 0
    earns = [part for fund, part in zip(programme.funding, parts, strict=True) if fund.earns]
    return Priced(
        amount_minor=amount,
        discount_minor=discount,
        points=points,
        points_value_minor=value,
        parts=tuple(parts),
        owed_minor=owed,
        cash_minor=cash,
        base_minor=sum(earns) + cash,
    )


def _redeem(
    programme: Programme, ask: Ask, purse: Purse, price_minor: int
) -> tuple[int, int] | Reason:
    """Give how many points pay, and what they are worth."""
    wants_all = ask.points_only and ask.points_limit is None
    if ask.points_only and programme.tender is None:
        return Reason.OPERATION_NOT_ALLOWED
    if programme.tender is None or not (wants_all or ask.points_limit):
        return 0, 0
    worth = programme.tender.point_value_minor
    if wants_all:
        points = -(-price_minor // worth)
        return Reason.INSUFFICIENT_POINTS if points > purse.points else (points, price_minor)
    assert ask.points_limit is not None
    points = min(ask.points_limit, purse.points, price_minor // worth)
    points = points if points >= programme.tender.points_min else 0
    return points, points * worth


def last_to_pay(programme: Programme) -> tuple[int, bool]:
    """Give which wallet what has happened is taken from, and whether that one keeps lots."""
    dated = {wallet.name: wallet.dated for wallet in programme.wallets}
    plain = [at for at, fund in enumerate(programme.funding) if not dated[fund.wallet]]
    return (plain[-1], False) if plain else (len(programme.funding) - 1, True)


def _take_turns(may_pay: list[int], price_minor: int) -> tuple[list[int], int]:
    """Have each pay as far as it goes; gives the parts and what nobody pays."""
    parts, rest = [], price_minor
    for has in may_pay:
        parts.append(min(has, rest))
        rest -= parts[-1]
    return parts, rest


def _largest_amount(asked_minor: int, rule: DiscountRule | None, left: int | None, has: int) -> int:
    """Give the largest amount that costs no more than there is, by halving."""
    low, high = 0, asked_minor
    while low < high:
        middle = (low + high + 1) // 2
        if middle - discount_of(middle, rule, left) <= has:
            low = middle
        else:
            high = middle - 1
    return low


def _earn(programme: Programme, place: Place, paid: Priced, purse: Purse) -> Priced:
    rule = first_that_holds(programme.earning, place, paid.amount_minor, purse.level)
    if rule is None:
        return paid
    earned = paid.base_minor // rule.per_minor * rule.points
    earned = min(earned, rule.points_max) if rule.points_max else earned
    for one in purse.lefts:
        counts = one.of == "earned" and (not one.rules or rule.name in one.rules)
        if counts and one.left < earned:
            earned, paid = one.left, paid._replace(earn_bound=one.name)
    if not earned:
        return paid
    day, offset_s = place.local_day, place.utc_offset_s
    opens = rule.available_after_days
    return paid._replace(
        earned=earned,
        earn_rule=rule.name,
        points_cost_minor=earned * programme.price_of_point(rule) * rule.merchant_bps // 10_000,
        lot_marks=2 * bool(rule.merchant_bps) + (not rule.ends_inactive),
        available_at=start_of(day + opens, offset_s) if opens else 0,
        expires_at=ends_at(rule.ending(), day, offset_s),
    )
