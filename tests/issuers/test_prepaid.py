"""The purchase card at the till: topped up, spent, paid out."""

import pytest

from issuers.prepaid import prepaid
from switch.rules import Security
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """A card with 1,000,000 rials on it."""
    shop = Shop(prepaid(1, 1, 1))
    shop.load(1_000_000)
    return shop


def withdraw_code(shop: Shop, amount_minor: int) -> tuple[str, str]:
    """Pay out at the till; gives code and reason."""
    said = shop.send(code="010000", amount_minor=amount_minor)
    return said.code, said.reason


def test_what_was_loaded_is_spent_and_the_rest_is_paid_out(shop: Shop) -> None:
    bought = shop.send(amount_minor=300_000)
    more_than_there_is = withdraw_code(shop, 700_001)
    paid_out = shop.send(code="010000", amount_minor=700_000)

    assert (bought.code, bought.tag("NP")) == ("00", "300000")
    assert more_than_there_is == ("51", "insufficient_funds")
    assert paid_out.code == "00"
    assert paid_out.balances() == {"0001": 0, "0002": 0}


def test_a_club_may_refuse_to_pay_out() -> None:
    shop = Shop(prepaid(1, 1, 1, withdrawal=False))
    shop.load(1_000_000)

    assert withdraw_code(shop, 10_000) == ("57", "operation_not_allowed")


def test_what_is_held_is_not_paid_out(shop: Shop) -> None:
    held = shop.send("0100", amount_minor=800_000)

    assert withdraw_code(shop, 200_001) == ("51", "insufficient_funds")
    assert shop.complete(held, 500_000).code == "00"
    assert withdraw_code(shop, 500_000) == ("00", "")


def test_a_month_has_its_bound(shop: Shop) -> None:
    for _ in range(4):
        shop.load(100_000_000)
    for _ in range(2):
        assert shop.send(amount_minor=100_000_000).code == "00"

    said = shop.send(amount_minor=1)

    assert (said.code, said.reason) == ("61", "above_period_amount")
    shop.now_s = tehran_s(2026, 4, 21, 0)  # 1 Ordibehesht 1405
    assert shop.send(amount_minor=100_000_000).code == "00"


def test_a_card_has_its_bounds(shop: Shop) -> None:
    assert shop.send(amount_minor=100_000_001).reason == "above_transaction_limit"
    for _ in range(4):
        shop.load(100_000_000)
    shop.load(99_000_000)
    assert shop.send(code="210000", amount_minor=1).reason == "above_balance_limit"


def test_a_named_card_may_need_its_pin() -> None:
    shop = Shop(prepaid(1, 1, 1, security=Security(pin="always")))

    assert shop.send(code="000000", amount_minor=10_000).reason == "pin_missing"


def test_reversals_leave_nothing_behind(shop: Shop) -> None:
    before = standing(shop)

    for code in ("000000", "010000", "210000"):
        assert reverse(shop, shop.send(code=code, amount_minor=400_000)).code == "00"

    assert standing(shop) == before


def test_a_refund_in_part(shop: Shop) -> None:
    bought = shop.send(amount_minor=400_000)

    assert shop.refund(bought, 150_000).balances()["0002"] == 750_000


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    shop.refund(shop.send(amount_minor=600_000), 100_000)
    shop.send("0100", amount_minor=70_000)
    shop.send(code="010000", amount_minor=50_000)

    assert_rebuilt(shop)
