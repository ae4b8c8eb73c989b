"""Lots: which points are spent first, when, and where they come back."""

import msgspec
import pytest

from issuers.purse import purse
from switch.rules import EarnRule
from tests.support.shop import BOOKS, Shop

DAY_S = 86_400
# Earned in the café: open at once, ended in 10 days; in the bookshop: open in 2 days, never ended.
EARNING = (
    EarnRule(
        name="late",
        when=msgspec.structs.replace(
            purse(1, 1, 1).earning[0].when, merchants=(BOOKS,), categories=()
        ),
        points=1,
        per_minor=1_000,
        available_after_days=2,
    ),
    EarnRule(name="soon", points=1, per_minor=1_000, expires_after_days=10),
)


@pytest.fixture
def shop() -> Shop:
    """A shop whose card 0 has 1,000,000 rials; a point is worth 1,000."""
    shop = Shop(msgspec.structs.replace(purse(1, 1, 1), earning=EARNING, discounts=()))
    shop.load(1_000_000)
    return shop


def remaining(shop: Shop) -> list[int]:
    return [lot[1] for lot in shop.lots()]


def test_what_ends_soonest_is_spent_first(shop: Shop) -> None:
    shop.send(amount_minor=40_000, terminal="T0000003")
    shop.now_s += 3 * DAY_S
    shop.send(amount_minor=20_000)
    shop.now_s += DAY_S
    shop.send(amount_minor=30_000)
    before = remaining(shop)

    shop.send(code="006000", amount_minor=35_000)

    assert before == [20, 30, 40]
    assert remaining(shop) == [15, 40]


def test_points_are_not_spent_before_they_open(shop: Shop) -> None:
    shop.send(amount_minor=40_000, terminal="T0000003")
    opens_at = shop.lots()[0][2]
    shop.now_s = opens_at - 1
    early = shop.send(code="006000", amount_minor=10_000).reason
    shop.now_s += 1

    assert (opens_at + shop.utc_offset_s) % DAY_S == 0
    assert early == "insufficient_points"
    assert shop.send(code="006000", amount_minor=10_000).code == "00"


def test_points_are_good_to_the_last_second_of_their_day(shop: Shop) -> None:
    shop.send(amount_minor=40_000)
    ends_at = shop.lots()[0][3]
    shop.now_s = ends_at - 1
    last = shop.send(code="006000", amount_minor=10_000).code
    shop.now_s += 1

    assert (ends_at + shop.utc_offset_s) % DAY_S == 0
    assert last == "00"
    assert shop.send(code="006000", amount_minor=10_000).reason == "insufficient_points"


def test_earnings_of_one_day_and_version_share_a_lot(shop: Shop) -> None:
    shop.send(amount_minor=40_000)
    shop.send(amount_minor=20_000)
    shop.now_s += DAY_S
    shop.send(amount_minor=10_000)

    assert remaining(shop) == [60, 10]


def test_a_lot_that_was_spent_up_comes_back_with_its_dates(shop: Shop) -> None:
    shop.send(amount_minor=40_000)
    before = shop.lots()
    paid = shop.send(code="006000", amount_minor=40_000)
    emptied = shop.lots()
    shop.now_s += 20 * DAY_S

    shop.reverse(paid, 40_000)

    assert emptied == []
    assert shop.lots() == before


def test_a_debt_of_points_counts_against_the_other_lots(shop: Shop) -> None:
    bought = shop.send(amount_minor=40_000)
    shop.now_s += DAY_S
    shop.send(amount_minor=50_000)
    shop.send(code="006000", amount_minor=60_000)

    shop.reverse(bought, 40_000)

    assert remaining(shop) == [-40, 30]
    assert shop.send(code="006000", amount_minor=10_000).reason == "insufficient_points"
    assert shop.core.imbalances() == []
