"""What has to be so of a programme before it is approved, as far as its data say it.

Owns two of the checks: ways to redeem, and bounds on what is given. What a version takes from
members is `switch.programme_promises`, loops are found by running it (`issuers.loops`). Each
finding is a sentence that names its counter-example.

A way to redeem is one of: points as tender; a price advantage; money on the card (gift, purse);
a fee in points; a referral; a warranty; a voucher's PIN; money paid out. Whoever collects (earns
points) needs two of them wherever the card is used; a card that collects nothing is for one thing
and needs that.
"""

from collections.abc import Iterator

import msgspec

from switch.operations import Operation
from switch.programme import Programme
from switch.programme_promises import breaks
from switch.programme_words import WEEKDAYS_EN
from switch.rules import DiscountRule, EarnRule, When

WAYS_MIN = 2
ANYWHERE = -1


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Members of a level at a kind of shop at a time, for whom the same rules hold.

    `category` -1: one that no rule names; `merchant` "": one that none names.
    """

    tier: str
    category: int
    merchant: str
    weekday: int
    hour: int

    def said(self) -> str:
        """Name it in a finding."""
        level = f"level {self.tier}, " if self.tier else ""
        place = self.merchant or (
            "a shop that no rule names"
            if self.category == ANYWHERE
            else f"category {self.category}"
        )
        return f"{level}{place}, {WEEKDAYS_EN[self.weekday]} {self.hour}:00"


def findings(programme: Programme, live: Programme | None) -> list[str]:
    """Give what speaks against a version, without running it."""
    broken = [] if live is None else breaks(live, programme)
    return [*redeems_too_little(programme), *gives_without_bound(programme), *broken]


def segments(programme: Programme) -> list[Segment]:
    """Give one of each kind of segment."""
    conditions = programme.conditions()
    levels = [level.name for level in programme.tiers.levels] if programme.tiers else [""]
    categories = sorted({code for when in conditions for code in when.categories})
    shops = sorted({name for when in conditions for name in when.merchants})
    places = [("", code) for code in [*categories, ANYWHERE]] + [(name, ANYWHERE) for name in shops]
    days: dict[tuple[bool, ...], int] = {}
    for day in range(7):
        seen = tuple(not when.weekdays or day in when.weekdays for when in conditions)
        days.setdefault(seen, day)
    hours = sorted({0} | {at for w in conditions for at in (w.hour_from, w.hour_to) if at < 24})
    return [
        Segment(tier=tier, category=category, merchant=merchant, weekday=day, hour=hour)
        for tier in levels
        for merchant, category in places
        for day in days.values()
        for hour in hours
    ]


def holds(when: When, segment: Segment) -> bool:
    """Say whether a condition holds in a segment, for some amount."""
    return (
        (not when.merchants or segment.merchant in when.merchants)
        and (not when.categories or segment.category in when.categories)
        and (not when.weekdays or segment.weekday in when.weekdays)
        and when.hour_from <= segment.hour < when.hour_to
        and (not when.tiers or segment.tier in when.tiers)
    )


def ways(programme: Programme, segment: Segment) -> tuple[str, ...]:
    """Give the kinds of redemption that a segment can reach."""
    can = programme.operations
    buys = Operation.PURCHASE in can
    pays = buys or Operation.POINTS_PAYMENT in can
    found = {
        "points as tender": pays and programme.tender is not None and bool(programme.earning),
        "a price advantage": buys
        and any(rule.discount_bps and holds(rule.when, segment) for rule in programme.discounts),
        "money on the card": buys and any(holds(fund.when, segment) for fund in programme.funding),
        "a fee in points": programme.has_fee_in_points() and Operation.RENEWAL in can,
        "a referral": buys and programme.referral is not None,
        "a warranty": programme.items is not None and Operation.ITEM_CLAIM in can,
        "a voucher's PIN": programme.stock is not None and Operation.ACTIVATION in can,
        "money paid out": bool(programme.loaded()) and Operation.WITHDRAWAL in can,
    }
    if programme.pricing:  # its function decides: what it may use counts
        found["points as tender"] = Operation.POINTS_PAYMENT in can
    return tuple(name for name, there in found.items() if there)


def redeems_too_little(programme: Programme) -> Iterator[str]:
    """Name segments with fewer ways to redeem than they need."""
    everywhere = segments(programme)
    if programme.earning or programme.pricing:
        for segment in everywhere:
            found = ways(programme, segment)
            if len(found) < WAYS_MIN:
                only = found[0] if found else "none"
                yield f"redemption: {segment.said()}: {WAYS_MIN} ways are needed, there is {only}"
        return
    for tier in dict.fromkeys(segment.tier for segment in everywhere):
        if not any(ways(programme, one) for one in everywhere if one.tier == tier):
            level = f" of level {tier}" if tier else ""
            yield f"redemption: a card{level} is good for nothing anywhere"


def gives_without_bound(programme: Programme) -> Iterator[str]:
    """Name the rules by which one card can be given any amount in a day."""
    spending = spends_within(programme)
    counted = counts_within(programme)
    capped = {cap.of for cap in programme.caps if cap.per == "card"}
    example = "buy again and again on one day, and nothing ends it"
    for rule in programme.discounts:
        bounded = spending or "discount" in capped or (counted and rule.max_minor)
        bounded = bounded or _has_budget(programme, rule, "discount")
        if rule.discount_bps and not bounded:
            yield f"exposure: discount {rule.name} has no bound: {example}"
    for earn in programme.earning:
        bounded = spending or "earned" in capped or (counted and earn.points_max)
        bounded = bounded or _has_budget(programme, earn, "earned")
        if earn.points and not bounded:
            yield f"exposure: earning {earn.name} has no bound: {example}"
    if programme.referral is not None and not counted:
        yield f"exposure: referral has no bound: {example}"
    if programme.pricing and not spending:
        yield f"exposure: the function {programme.pricing} has no bound: {example}"


def spends_within(programme: Programme) -> bool:
    """Say whether there is a bound on what a card can spend in a day."""
    limits = programme.limits
    return bool(
        limits.day_minor_max
        or _is_bounded(programme, "spent")
        or (counts_within(programme) and limits.transaction_minor_max)
    )


def counts_within(programme: Programme) -> bool:
    """Say whether there is a bound on how often a card can buy in a day."""
    return bool(programme.limits.day_count_max) or _is_bounded(programme, "count")


def _is_bounded(programme: Programme, of: str) -> bool:
    """Bounds at one merchant are none in all: there are others."""
    return any(bound.of == of and bound.per != "merchant" for bound in programme.bounds())


def _has_budget(programme: Programme, rule: DiscountRule | EarnRule, of: str) -> bool:
    """Say whether a budget bounds all that a rule gives, in all places together.

    Of a discount everybody's part has to be bounded: one that the merchant alone bears is not the
    club's budget's.
    """
    payers = {"club": {"club"}, "merchant": {"merchant"}, "shared": {"club", "merchant"}}
    covered: set[str] = set()
    for budget in programme.budgets:
        if (
            budget.of != of
            or budget.per != "club"
            or (budget.rules and rule.name not in budget.rules)
        ):
            continue
        covered |= {budget.funder} if budget.funder else {"club", "merchant"}
    return payers[rule.funder] <= covered
