"""Several products on one card: who pays first, one message for all, one reversal for all."""

import pytest

from issuers.club_card import club_card
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import Shop

BOOKS_TERMINAL = "T0000003"


@pytest.fixture
def shop() -> Shop:
    """Sold with 200,000 of gift money, then topped up to 40,000,000. Wednesday noon."""
    shop = Shop(club_card(1, 1, 1))
    shop.send(code="720000", amount_minor=200_000)
    shop.load(40_000_000)
    return shop


def test_gift_money_pays_first_where_cafes_take_it_and_the_purse_the_rest(shop: Shop) -> None:
    said = shop.send(amount_minor=300_000)

    assert (said.code, said.tag("PW")) == ("00", "gift:200000 money:100000")
    assert (said.tag("NP"), said.tag("PE")) == ("300000", "10")  # gift money earns nothing
    assert said.balances() == {
        "1001": 0,
        "1002": 0,
        "0001": 39_900_000,
        "0002": 39_900_000,
        "6001": 10,
        "6002": 10,
    }


def test_a_bookshop_takes_no_gift_money(shop: Shop) -> None:
    said = shop.send(amount_minor=300_000, terminal=BOOKS_TERMINAL)

    assert (said.tag("PW"), said.tag("PE")) == ("money:300000", "30")


def test_one_message_moves_everything_and_one_reversal_undoes_it(shop: Shop) -> None:
    gold = shop.send(amount_minor=30_000_000, terminal=BOOKS_TERMINAL)
    assert gold.tag("PE") == "2000"  # 3,000 by the rule; a month gives 2,000
    before = standing(shop)

    said = shop.send(amount_minor=1_000_000, extra={"48.PR": "100"})

    # 10 % off is 100,000; 100 points are 100,000; gift 200,000; the purse the last 600,000.
    assert (said.tag("TI"), said.tag("DS"), said.tag("DF")) == ("gold", "100000", "S")
    assert (said.tag("PX"), said.tag("PV")) == ("100", "100000")
    assert said.tag("PW") == "gift:200000 money:600000"
    assert said.tag("PE") == ""  # the month has given what it gives
    assert said.balances()["6001"] == 1_900
    assert reverse(shop, said).code == "00"
    assert standing(shop)[:2] == before[:2]


def test_a_partial_refund_gives_each_wallet_its_share(shop: Shop) -> None:
    said = shop.send(amount_minor=400_000)
    assert said.tag("PW") == "gift:200000 money:200000"

    back = shop.refund(said, 100_000)

    assert (back.balances()["1001"], back.balances()["0001"]) == (50_000, 39_850_000)


def test_gift_money_ends_before_the_purse_does(shop: Shop) -> None:
    shop.now_s = tehran_s(2026, 10, 18, 23)  # 26 Mehr 1405
    assert shop.send("0100", "310000", None).balances()["1002"] == 200_000
    shop.now_s = tehran_s(2026, 10, 19, 0)

    said = shop.send(amount_minor=10_000)

    assert (said.code, said.reason) == ("62", "card_not_activated")


def test_a_hold_takes_of_both_and_its_completion_gives_discount_and_points(shop: Shop) -> None:
    held = shop.send("0100", amount_minor=500_000)
    assert shop.send("0100", "310000", None).balances()["1002"] == 0

    done = shop.complete(held, 300_000)

    assert (done.code, done.tag("PW"), done.tag("PE")) == ("00", "gift:200000 money:100000", "10")
    assert shop.send("0100", "310000", None).balances()["0002"] == 39_900_000


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    said = shop.send(amount_minor=400_000, extra={"48.PR": "1"})
    shop.refund(said, 123_456)
    shop.send("0100", amount_minor=70_000)

    assert_rebuilt(shop)
