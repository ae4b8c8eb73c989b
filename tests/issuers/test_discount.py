"""The discount network at the till: which rule, who bears it, what is too much."""

import pytest

from issuers.discount import discount
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import Shop

BOOKS_TERMINAL = "T0000003"


@pytest.fixture
def shop() -> Shop:
    """It is Wednesday, 26 Farvardin 1405, noon."""
    return Shop(discount(1, 1, 1))


def test_the_network_price_is_paid_at_the_till(shop: Shop) -> None:
    said = shop.send(amount_minor=1_000_000)

    assert (said.tag("DS"), said.tag("DF"), said.tag("WD")) == ("30000", "M", "network")
    assert (said.tag("CA"), said.tag("NP"), "54" in said.elements) == ("970000", "", False)


@pytest.mark.parametrize(
    ("day", "hour", "discounted"), [(15, 14, 30_000), (15, 15, 200_000), (17, 15, 30_000)]
)
def test_quiet_hours_of_workdays_are_cheaper(
    shop: Shop, day: int, hour: int, discounted: int
) -> None:
    shop.now_s = tehran_s(2026, 4, day, hour)  # the 17th is a Friday

    assert shop.send(amount_minor=1_000_000).tag("DS") == str(discounted)


def test_the_club_bears_the_bookshops_discount_and_the_network_has_its_commission(
    shop: Shop,
) -> None:
    said = shop.send(amount_minor=1_000_000, terminal=BOOKS_TERMINAL)

    assert (said.tag("DS"), said.tag("DF"), said.tag("CA")) == ("50000", "C", "950000")
    # The club owes the merchant 50,000 and gets 1 % of the 950,000 that were paid: 9,500.
    assert moved_to_merchants(shop) == 50_000 - 9_500


def test_a_shared_discount_is_borne_by_both(shop: Shop) -> None:
    shop.send(amount_minor=50_000_000)  # 1,000,000 off at most a day: 49,000,000 is not gold
    shop.send(amount_minor=2_000_000)
    shop.now_s = tehran_s(2026, 4, 16)
    at_first = moved_to_merchants(shop)

    said = shop.send(amount_minor=1_000_000, terminal=BOOKS_TERMINAL)

    assert (said.tag("TI"), said.tag("WD"), said.tag("DF")) == ("gold", "gold-books", "S")
    assert (said.tag("DS"), said.tag("CA")) == ("150000", "850000")
    # The merchant bears 40 % of 150,000; of the rest, 90,000, goes off 1 % of 850,000.
    assert moved_to_merchants(shop) - at_first == 90_000 - 8_500


def moved_to_merchants(shop: Shop) -> int:
    """Give what the club owes its merchants: all that no card and no club account has."""
    return -sum(club_accounts(shop)[at] for at in (0, 1, 2, 3))


def club_accounts(shop: Shop) -> list[int]:
    """Give the balances of club 1's accounts: float, discounts, points paid, fees, …"""
    return [int(shop.core.account(at)[4]) for at in range(7)]


def test_a_day_gives_no_more_than_its_cap(shop: Shop) -> None:
    shop.now_s = tehran_s(2026, 4, 15, 16)
    given = [int(shop.send(amount_minor=2_000_000).tag("DS") or 0) for _ in range(4)]

    assert given == [400_000, 400_000, 200_000, 0]
    shop.now_s = tehran_s(2026, 4, 16, 0)  # a Thursday
    assert shop.send(amount_minor=2_000_000).tag("DS") == "60000"


def test_a_jalali_month_gives_no_more_than_its_cap(shop: Shop) -> None:
    for day in (15, 16, 17, 18, 19):
        shop.now_s = tehran_s(2026, 4, day)
        assert shop.send(amount_minor=40_000_000).tag("DS") == "1000000"

    shop.now_s = tehran_s(2026, 4, 20, 23)  # 31 Farvardin
    assert shop.send(amount_minor=1_000_000).tag("DS") == ""
    shop.now_s = tehran_s(2026, 4, 21, 0)
    assert shop.send(amount_minor=1_000_000).tag("DS") == "30000"


def test_the_eleventh_use_of_a_day_is_declined(shop: Shop) -> None:
    first = shop.send(amount_minor=10_000)
    for _ in range(9):
        assert shop.send(amount_minor=10_000).code == "00"
    before = standing(shop)

    said = shop.send(amount_minor=10_000)

    assert (said.code, said.reason) == ("65", "above_period_count")
    assert standing(shop) == before
    reverse(shop, first)  # what is undone counts no more
    assert shop.send(amount_minor=10_000).code == "00"


def test_a_reversal_gives_the_discount_back_to_the_caps(shop: Shop) -> None:
    before = standing(shop)
    bought = shop.send(amount_minor=40_000_000)
    assert bought.tag("DS") == "1000000"

    reverse(shop, bought)

    assert standing(shop) == before
    assert shop.send(amount_minor=40_000_000).tag("DS") == "1000000"


def test_a_refund_of_a_half_gives_half_of_the_cap_back(shop: Shop) -> None:
    bought = shop.send(amount_minor=40_000_000)

    assert shop.refund(bought, 20_000_000).code == "00"

    assert shop.send(amount_minor=40_000_000).tag("DS") == "500000"


def test_the_level_falls_with_the_quarter_after_the_next(shop: Shop) -> None:
    shop.send(amount_minor=60_000_000)
    shop.now_s = tehran_s(2026, 9, 22, 23)  # 31 Shahrivar 1405: the next quarter's last hour
    assert shop.send("0100", "310000", None).tag("TI") == "gold"
    shop.now_s = tehran_s(2026, 9, 23, 0)
    assert shop.send("0100", "310000", None).tag("TI") == "basic"


def test_there_is_nothing_to_load_or_to_hold(shop: Shop) -> None:
    loaded, held = shop.send(code="210000"), shop.send("0100")

    assert {loaded.reason, held.reason} == {"operation_not_allowed"}


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    shop.refund(shop.send(amount_minor=1_000_000), 300_000)
    shop.send(amount_minor=1_000_000, terminal=BOOKS_TERMINAL)

    assert_rebuilt(shop)
