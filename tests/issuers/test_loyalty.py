"""Loyalty at the till: what is paid earns, points pay, levels rise and fall."""

import pytest

from issuers.loyalty import loyalty
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import BOOKS, Shop

BOOKS_TERMINAL = "T0000003"


@pytest.fixture
def shop() -> Shop:
    """The bookshop is the partner. It is Wednesday, 26 Farvardin 1405, noon."""
    return Shop(loyalty(1, 1, 1, partner=BOOKS))


def test_a_card_without_money_earns_on_what_is_paid_at_the_till(shop: Shop) -> None:
    said = shop.send(amount_minor=1_234_567)

    assert (said.code, said.tag("CA"), said.tag("NP")) == ("00", "1234567", "")
    assert (said.tag("PE"), said.tag("WE"), said.tag("TI")) == ("123", "base", "blue")
    assert said.balances() == {"6001": 123, "6002": 123}


def test_points_end_with_the_next_jalali_year(shop: Shop) -> None:
    shop.send(amount_minor=1_000_000)

    ((_, remaining, _, ends_s),) = shop.core.lots(shop.core.card(0)[0])
    assert (remaining, ends_s) == (100, tehran_s(2028, 3, 20, 0))  # 1 Farvardin 1407


@pytest.mark.parametrize(
    ("hour", "day", "points", "rule"),
    [
        (14, 15, 100, "base"),
        (15, 15, 400, "quiet-hours"),
        (17, 15, 400, "quiet-hours"),
        (18, 15, 100, "base"),
        (15, 16, 100, "base"),  # a Thursday
    ],
)
def test_quiet_hours_of_workdays_earn_four_times(
    shop: Shop, hour: int, day: int, points: int, rule: str
) -> None:
    shop.now_s = tehran_s(2026, 4, day, hour)

    said = shop.send(amount_minor=1_000_000)

    assert (said.tag("PE"), said.tag("WE")) == (str(points), rule)


def test_quiet_hours_give_no_more_than_their_bound(shop: Shop) -> None:
    shop.now_s = tehran_s(2026, 4, 15, 15)

    assert shop.send(amount_minor=5_000_000).tag("PE") == "400"


def test_the_partners_points_open_on_the_next_day(shop: Shop) -> None:
    said = shop.send(amount_minor=1_000_000, terminal=BOOKS_TERMINAL)
    assert (said.tag("PE"), said.tag("WE")) == ("300", "partner")
    assert said.balances() == {"6001": 300, "6002": 0}

    at_once = shop.send(code="006000", amount_minor=100_000)
    shop.now_s = tehran_s(2026, 4, 16, 0)
    next_day = shop.send(code="006000", amount_minor=100_000)

    assert (at_once.code, at_once.reason) == ("51", "insufficient_points")
    assert (next_day.code, next_day.tag("PX"), next_day.tag("PV")) == ("00", "100", "100000")


def test_points_pay_a_part_and_only_the_rest_earns(shop: Shop) -> None:
    shop.send(amount_minor=1_000_000)  # 100 points

    said = shop.send(amount_minor=200_000, extra={"48.PR": "40"})

    # 40 points are 40,000 rials; 160,000 at the till are 16 points.
    assert (said.tag("PX"), said.tag("PV"), said.tag("CA")) == ("40", "40000", "160000")
    assert said.tag("PE") == "16"
    assert said.balances()["6001"] == 100 - 40 + 16


def test_points_pay_the_whole_and_earn_nothing(shop: Shop) -> None:
    shop.send(amount_minor=1_000_000)

    said = shop.send(code="006000", amount_minor=99_500)

    assert (said.code, said.tag("PX"), said.tag("CA"), said.tag("PE")) == ("00", "100", "", "")
    assert said.balances()["6001"] == 0


def test_a_level_is_reached_at_once_and_kept_to_the_end_of_the_next_year(shop: Shop) -> None:
    first = shop.send(amount_minor=20_000_000)
    second = shop.send(amount_minor=1_000_000)
    assert (first.tag("TI"), second.tag("TI"), second.tag("PE")) == ("blue", "silver", "200")

    shop.now_s = tehran_s(2028, 3, 19, 23)  # 29 Esfand 1406
    assert shop.send("0100", "310000", None).tag("TI") == "silver"
    shop.now_s = tehran_s(2028, 3, 20, 0)
    fallen = shop.send(amount_minor=1_000_000)

    assert (fallen.tag("TI"), fallen.tag("WE"), fallen.tag("PE")) == ("blue", "base", "100")


def test_gold_is_reached_by_all_that_a_year_has_seen(shop: Shop) -> None:
    for _ in range(5):
        shop.send(amount_minor=20_000_000)

    assert shop.send(amount_minor=100_000).tag("TI") == "gold"


def test_a_reversed_purchase_gives_no_level(shop: Shop) -> None:
    before = standing(shop)
    bought = shop.send(amount_minor=100_000_000)

    assert reverse(shop, bought).code == "00"

    assert standing(shop) == before
    assert shop.send(amount_minor=10_000).tag("TI") == "blue"


def test_no_more_points_than_a_month_gives(shop: Shop) -> None:
    assert shop.send(amount_minor=49_000_000).tag("PE") == "4900"
    # Silver by now: 2 for each 10,000 would be 400.
    assert shop.send(amount_minor=2_000_000).tag("PE") == "100"
    assert shop.send(amount_minor=2_000_000).tag("PE") == ""

    shop.now_s = tehran_s(2026, 4, 20, 23)  # 31 Farvardin 1405
    assert shop.send(amount_minor=2_000_000).tag("PE") == ""
    shop.now_s = tehran_s(2026, 4, 21, 0)  # 1 Ordibehesht
    assert shop.send(amount_minor=2_000_000).tag("PE") == "400"


def test_a_refund_gives_points_back_to_the_lots_that_they_came_from(shop: Shop) -> None:
    shop.send(amount_minor=500_000)  # 50 points that end with 1406
    shop.now_s = tehran_s(2027, 4, 15)  # 26 Farvardin 1406
    shop.send(amount_minor=500_000)  # 50 that end with 1407
    account = shop.core.card(0)[0]
    old, new = shop.core.lots(account)

    paid = shop.send(code="006000", amount_minor=80_000)
    assert [lot[:2] for lot in shop.core.lots(account)] == [(new[0], 20)]
    refunded = shop.refund(paid, 40_000)

    assert refunded.code == "00"
    lots = {lot[0]: lot for lot in shop.core.lots(account)}
    # Half of the 50 and of the 30 that were taken, with the dates that they had.
    assert lots == {old[0]: (old[0], 25, *old[2:]), new[0]: (new[0], 35, *new[2:])}


def test_points_that_have_ended_pay_nothing(shop: Shop) -> None:
    shop.send(amount_minor=1_000_000)
    shop.now_s = tehran_s(2028, 3, 20, 0)

    said = shop.send(code="006000", amount_minor=50_000)

    assert (said.code, said.reason) == ("51", "insufficient_points")


def test_a_load_is_refused_by_a_card_without_money(shop: Shop) -> None:
    said = shop.send(code="210000", amount_minor=50_000)

    assert (said.code, said.reason) == ("57", "operation_not_allowed")


def test_points_spent_of_a_purchase_that_is_reversed_are_owed(shop: Shop) -> None:
    """Buy, earn, spend, give back: the points are not a present."""
    bought = shop.send(amount_minor=1_000_000)
    shop.send(code="006000", amount_minor=100_000)

    reverse(shop, bought)

    assert shop.send("0100", "310000", None).balances()["6001"] == -100
    assert_rebuilt(shop)


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    bought = shop.send(amount_minor=20_000_000)
    shop.refund(bought, 1_000_000)
    shop.send(amount_minor=300_000, extra={"48.PR": "20"}, terminal=BOOKS_TERMINAL)

    assert_rebuilt(shop)
