"""Checks before approval: planted faults are found with a counter-example, sound ones pass."""

import msgspec
import pytest

from issuers.purse import CAFE, purse
from issuers.purse_in_python import purse_in_python
from switch.operations import Operation
from switch.programme import Programme
from switch.programme_checks import findings, segments, ways
from switch.programme_promises import breaks, is_as_wide, takes_away
from switch.rules import (
    Activation,
    Budget,
    Cap,
    DiscountRule,
    Ending,
    Limits,
    Membership,
    Period,
    Referral,
    Tender,
    Tier,
    Tiers,
    Wallet,
    When,
)

replace = msgspec.structs.replace
PURSE = purse(1, 1, 1)
TIERED = replace(
    PURSE,
    tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=300_000))),
)
CASH_POINTS = replace(
    PURSE,
    wallets=(Wallet(name="points", unit="points", dated=True, account_type=60),),
    funding=(),
    cash=True,
    operations=(Operation.PURCHASE, Operation.POINTS_PAYMENT, Operation.BALANCE),
)


@pytest.mark.parametrize("make", [purse, purse_in_python])
def test_what_is_shipped_is_sound(make: object) -> None:
    assert callable(make)

    assert findings(make(1, 1, 1), None) == []


def test_a_segment_with_one_way_to_redeem_is_named() -> None:
    found = findings(CASH_POINTS, None)

    assert found
    assert all("2 ways are needed, there is points as tender" in one for one in found)
    assert any(one.startswith("redemption: a shop that no rule names, Saturdays") for one in found)
    assert not any(f"category {CAFE}, Thursdays" in one for one in found)  # a discount, too


def test_a_level_whose_rules_leave_it_one_way_is_named() -> None:
    gold = DiscountRule(
        name="gold", when=When(tiers=("gold",)), discount_bps=100, funder="club", max_minor=1
    )
    programme = replace(CASH_POINTS, tiers=TIERED.tiers, discounts=(gold,))

    found = findings(programme, None)

    assert found
    assert all("level blue" in one for one in found)


def test_a_card_that_collects_nothing_is_for_one_thing_and_has_to_do_it() -> None:
    gift = replace(PURSE, earning=(), discounts=(), tender=None, operations=(Operation.PURCHASE,))
    useless = replace(gift, operations=(Operation.BALANCE,))

    assert findings(gift, None) == []
    assert findings(useless, None) == ["redemption: a card is good for nothing anywhere"]


NO_LIMITS = replace(PURSE, limits=Limits(balance_minor_max=1_000))


def test_rules_without_a_bound_are_named() -> None:
    found = findings(NO_LIMITS, None)

    assert [one.split(" has no bound")[0] for one in found] == [
        "exposure: discount cafe-weekend",
        "exposure: discount books",
        "exposure: earning cafe-double",
        "exposure: earning base",
    ]


@pytest.mark.parametrize(
    "bounded",
    [
        replace(NO_LIMITS, caps=(Cap(name="c", of="spent", most=1_000_000),)),
        replace(NO_LIMITS, limits=Limits(day_minor_max=1)),
        replace(NO_LIMITS, limits=Limits(day_count_max=1, transaction_minor_max=5)),
        replace(
            NO_LIMITS,
            caps=(Cap(name="d", of="discount", most=1), Cap(name="e", of="earned", most=1)),
        ),
        replace(NO_LIMITS, budgets=(Budget(name="b", of="spent", most=1_000_000),)),
        replace(
            NO_LIMITS,
            budgets=(
                Budget(name="shops'", of="discount", most=1, funder="merchant"),
                Budget(name="club's", of="discount", most=1, rules=("books",)),
                Budget(name="points", of="earned", most=1),
            ),
        ),
    ],
)
def test_each_kind_of_bound_is_one(bounded: Programme) -> None:
    assert findings(bounded, None) == []


def test_a_bound_at_each_merchant_or_of_others_is_none() -> None:
    """There are any number of merchants; a club's budget does not bound what merchants bear."""
    at_each = replace(NO_LIMITS, caps=(Cap(name="c", of="spent", most=1, per="merchant"),))
    others = replace(
        NO_LIMITS,
        budgets=(
            Budget(name="b", of="discount", most=1, funder="club"),
            Budget(name="c", of="earned", most=1, rules=("base",)),
            Budget(name="d", of="count", most=1, per="merchant"),
        ),
    )

    assert len(findings(at_each, None)) == 4
    assert [one.split(" has no bound")[0] for one in findings(others, None)] == [
        "exposure: discount cafe-weekend",
        "exposure: earning cafe-double",
    ]


def test_a_referral_for_any_number_of_purchases_has_no_bound() -> None:
    limits = Limits(day_minor_max=1_000_000)
    guest = replace(PURSE, limits=limits, referral=Referral(programme=2, points=5))

    assert [one.split(":")[1] for one in findings(guest, None)] == [" referral has no bound"]


BUDGET = Budget(name="b", of="earned", most=9)
FOR_LIFE = Cap(name="uses", of="count", most=5, period=Period(kind="no end"))


@pytest.mark.parametrize(
    ("old", "changes", "said"),
    [
        (PURSE, {"tender": None}, "a card with 1 point could not pay"),
        (PURSE, {"tender": Tender(point_value_minor=900, points_min=10)}, "worth 100000"),
        (PURSE, {"tender": Tender(point_value_minor=1_000, points_min=11)}, "with 10 points"),
        (PURSE, {"money_floor_minor": 5}, "below its floor"),
        (PURSE, {"wallets": PURSE.wallets[:1]}, "wallet points"),
        (PURSE, {"funding": (replace(PURSE.funding[0], when=When(categories=(1,))),)}, "fewer"),
        (PURSE, {"membership": Membership(valid=Ending(after_days=1))}, "none that is valid"),
        (PURSE, {"activation": Activation(wallet="money")}, "wait to be activated"),
        (PURSE, {"caps": (FOR_LIFE,)}, "for life"),
        (TIERED, {"tiers": None}, "count for nothing"),
        (
            TIERED,
            {"tiers": Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=300_001)))},
            "a member who has collected 300000 has it and would lose it",
        ),
    ],
)
def test_what_members_hold_is_not_taken(
    old: Programme, changes: dict[str, object], said: str
) -> None:
    base = {name: getattr(old, name) for name in old.__struct_fields__}
    new = base | changes | {"version": 2}
    if changes.keys() & {"wallets"}:
        new |= {"earning": (), "tender": None, "discounts": ()}

    found = breaks(old, Programme(**new))

    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"discounts": PURSE.discounts[:1]}, "discount books: there is none any more"),
        ({"earning": PURSE.earning[1:]}, "earning cafe-double: there is none"),
        ({"limits": replace(PURSE.limits, day_count_max=499)}, "day_count_max goes down to 499"),
        ({"caps": (Cap(name="c", of="spent", most=9),)}, "cap c: 9 spent in a month"),
        ({"budgets": (BUDGET,)}, "budget b: 9 earned in a month for all cards together"),
        ({"inactive_days": 90}, "points end after 90 days without use"),
        ({"operations": PURSE.operations[:-1]}, "preauthorisation is no longer possible"),
        ({"discounts": PURSE.discounts[::-1]}, "another rule comes first"),
    ],
)
def test_what_members_would_get_less_of_is_told(changes: dict[str, object], said: str) -> None:
    base = {name: getattr(PURSE, name) for name in PURSE.__struct_fields__}

    found = takes_away(PURSE, Programme(**base | changes))

    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    ("old", "changes", "said"),
    [
        ({"budgets": (BUDGET,)}, {"budgets": (replace(BUDGET, most=8),)}, "budget b: 9 → 8"),
        (
            {"budgets": (replace(BUDGET, rules=("base",)),)},
            {"budgets": (BUDGET,)},
            "it bounds more rules",
        ),
        (
            {"caps": (Cap(name="c", of="count", most=9, per="merchant"),)},
            {"caps": (Cap(name="c", of="count", most=9),)},
            "cap c",
        ),
        (
            {"earning": (replace(PURSE.earning[1], ends_inactive=False),), "inactive_days": 9},
            {"earning": PURSE.earning[1:], "inactive_days": 9},
            "its points end with inactivity",
        ),
    ],
)
def test_a_bound_that_becomes_tighter_is_told(
    old: dict[str, object], changes: dict[str, object], said: str
) -> None:
    base = {name: getattr(PURSE, name) for name in PURSE.__struct_fields__}
    before, after = Programme(**base | old), Programme(**base | changes)

    assert any(said in one for one in takes_away(before, after)), takes_away(before, after)
    assert takes_away(before, before) == []


def test_the_same_programme_takes_nothing() -> None:
    assert breaks(TIERED, TIERED) == takes_away(TIERED, TIERED) == []


@pytest.mark.parametrize(
    ("now", "was", "wide"),
    [
        (When(), When(categories=(1,)), True),
        (When(categories=(1, 2)), When(categories=(1,)), True),
        (When(categories=(1,)), When(), False),
        (When(hour_from=8), When(hour_from=7), False),
        (When(amount_min_minor=1), When(), False),
    ],
)
def test_a_condition_is_as_wide_when_it_holds_wherever_the_other_does(
    now: When, was: When, wide: bool
) -> None:
    assert is_as_wide(now, was) is wide


def test_segments_are_told_apart_by_what_rules_ask_for() -> None:
    found = segments(PURSE)

    assert {one.category for one in found} == {5812, 5942, -1}
    assert {one.weekday for one in found} == {0, 5}
    weekend = next(one for one in found if (one.category, one.weekday) == (CAFE, 5))
    assert ways(PURSE, weekend) == (
        "points as tender",
        "a price advantage",
        "money on the card",
    )
