"""What the purse's rules make of a payment, in numbers worked out by hand."""

from datetime import UTC, datetime

import msgspec
import pytest

from issuers.purse import purse
from loadtest.tariff import Club, Cost, Payment, Tariff
from switch.rules import DiscountRule, When

CAFE, BOOKS = "CAFE00000000001", "BOOKS0000000001"
CLUB = Club(programme=purse(1, 1, 1), categories={CAFE: 5812, BOOKS: 5942})


def local(day: int, hour: int, minute: int = 0) -> int:
    """Give local seconds in April 2026; the 16th was a Thursday."""
    return int(datetime(2026, 4, day, hour, minute, tzinfo=UTC).timestamp())


WEDNESDAY, THURSDAY = local(15, 12), local(16, 12)


def payment(merchant: str = BOOKS, at_s: int = WEDNESDAY, **changes: int | bool) -> Payment:
    """Give a purchase of 250,000 at the bookshop, told rightly, but for `changes`."""
    right = Payment(
        merchant=merchant,
        asked_minor=250_000,
        approved_minor=250_000,
        money_minor=237_500,
        points=0,
        points_value_minor=0,
        discount_minor=12_500,
        points_earned=23,
        decided_from_s=at_s,
        decided_to_s=at_s,
    )
    return msgspec.structs.replace(right, **changes)


def test_a_discount_of_the_club_and_commission_on_the_money_follow_from_the_rules() -> None:
    assert Tariff(CLUB).cost(payment()) == Cost("", by_club_minor=12_500, fee_minor=2_375)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"discount_minor": 12_501}, "discount 12501, should be 12500"),
        ({"money_minor": 237_499}, "is not money 237499"),
        ({"points_earned": 22}, "22 points earned, should be 23"),
        ({"approved_minor": 250_001, "money_minor": 237_501}, "250001 approved of 250000"),
        ({"points_value_minor": 10_000, "money_minor": 227_500}, "no points redeemed"),
        (
            {"points": 9, "points_value_minor": 9_000, "money_minor": 228_500},
            "9 points redeemed, fewer than 10",
        ),
        (
            {"points": 10, "points_value_minor": 10_001, "money_minor": 227_499},
            "10 points paid 10001 of 237500",
        ),
        (
            {
                "points": 10,
                "points_value_minor": 10_000,
                "money_minor": 227_500,
                "may_use_points": False,
            },
            "10 points redeemed, should be 0",
        ),
        (
            {"points": 237, "points_value_minor": 237_000, "money_minor": 500, "points_only": True},
            "237 points for 237000 of 237500, alone",
        ),
    ],
)
def test_a_reply_that_tells_another_sum_is_named(changes: dict[str, int], fault: str) -> None:
    told = msgspec.structs.replace(payment(), **changes)

    assert fault in Tariff(CLUB).cost(told).fault


def test_points_alone_pay_the_whole_rounded_up_to_a_point() -> None:
    paid = payment(
        points=238,
        points_value_minor=237_500,
        money_minor=0,
        points_earned=0,
        points_only=True,
    )

    assert Tariff(CLUB).cost(paid).fault == ""


def test_a_weekend_rule_holds_on_its_days_and_its_merchant_pays_for_it() -> None:
    told = {"discount_minor": 25_000, "money_minor": 225_000, "points_earned": 44}
    tariff = Tariff(CLUB)

    assert tariff.cost(payment(CAFE, THURSDAY, **told)) == Cost("", 0, 2_250)
    assert tariff.cost(payment(CAFE, WEDNESDAY, **told)).fault == "discount 25000, should be 0"
    assert tariff.cost(payment(BOOKS, THURSDAY, **told)).fault == "discount 25000, should be 12500"


def test_about_the_turn_of_an_hour_the_rules_of_either_will_do() -> None:
    told = {"discount_minor": 25_000, "money_minor": 225_000, "points_earned": 44}
    late, early = local(15, 23, 59), local(16, 0, 0)
    tariff = Tariff(CLUB)

    crossing = payment(CAFE, late, decided_to_s=early, **told)
    assert tariff.cost(crossing).fault == ""
    assert tariff.cost(payment(CAFE, late, **told)).fault != ""


@pytest.mark.parametrize(("hour", "discount"), [(9, 0), (10, 50), (11, 50), (12, 0)])
def test_hours_run_from_the_first_until_before_the_last(hour: int, discount: int) -> None:
    morning = DiscountRule(
        name="morning", when=When(hour_from=10, hour_to=12), discount_bps=500, funder="merchant"
    )
    programme = msgspec.structs.replace(CLUB.programme, discounts=(morning,), earning=())
    tariff = Tariff(Club(programme=programme, categories=CLUB.categories))
    paid = payment(
        at_s=local(15, hour, 59),
        asked_minor=1_000,
        approved_minor=1_000,
        money_minor=1_000 - discount,
        discount_minor=discount,
        points_earned=0,
    )

    assert tariff.cost(paid).fault == ""


def test_a_part_is_discounted_by_the_rule_of_what_was_asked() -> None:
    """5 % are given from 200,000 asked; 100,000 of it were approved."""
    part = payment(
        approved_minor=100_000, money_minor=95_000, discount_minor=5_000, points_earned=9
    )

    assert Tariff(CLUB).cost(part).fault == ""
