"""The gift card at the till: sold, spent in parts, over."""

import msgspec
import pytest

from issuers.gift import gift
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import Said, Shop


def sell(shop: Shop, amount_minor: int = 1_000_000) -> Said:
    """Take money for the card."""
    return shop.send(code="720000", amount_minor=amount_minor)


@pytest.fixture
def shop() -> Shop:
    """It is 26 Farvardin 1405 (15 April 2026)."""
    return Shop(gift(1, 1, 1))


def test_a_card_that_was_not_sold_pays_nothing(shop: Shop) -> None:
    said = shop.send(amount_minor=10_000)

    assert (said.code, said.reason) == ("62", "card_not_activated")


def test_a_sold_card_has_what_was_paid_for_it_for_twelve_jalali_months(shop: Shop) -> None:
    said = sell(shop)
    asked = shop.send("0100", "310000", None)

    assert (said.code, said.tag("UN"), said.tag("PE")) == ("00", "20270415", "")
    assert asked.balances() == {"0001": 1_000_000, "0002": 1_000_000}
    assert asked.tag("UN") == "20270415"  # 26 Farvardin 1406


def test_it_is_used_several_times_and_earns_nothing(shop: Shop) -> None:
    sell(shop)

    first, second, third = (shop.send(amount_minor=400_000) for _ in range(3))

    assert [first.code, second.code, third.code] == ["00", "00", "51"]
    assert (first.tag("NP"), first.tag("PE"), third.reason) == ("400000", "", "insufficient_funds")


def test_the_last_of_it_pays_a_part(shop: Shop) -> None:
    sell(shop, 30_000)

    said = shop.send(amount_minor=50_000, extra={"48.PA": "1"})

    assert (said.code, said.elements["4"]) == ("10", "000000030000")


def test_it_is_sold_once(shop: Shop) -> None:
    sell(shop)
    before = standing(shop)

    said = sell(shop)

    assert (said.code, said.reason) == ("12", "card_already_activated")
    assert standing(shop) == before


def test_it_is_not_sold_again_when_its_time_is_over(shop: Shop) -> None:
    sell(shop)
    shop.now_s = tehran_s(2027, 4, 15, 23)
    assert shop.send(amount_minor=10_000).code == "00"
    shop.now_s = tehran_s(2027, 4, 16, 0)

    assert shop.send(amount_minor=10_000).reason == "card_not_activated"
    assert sell(shop).reason == "card_already_activated"


def test_a_sale_is_bounded(shop: Shop) -> None:
    said = sell(shop, 50_000_001)

    assert (said.code, said.reason) == ("61", "above_transaction_limit")


def test_a_reversed_sale_can_be_made_again(shop: Shop) -> None:
    before = standing(shop)
    sold = sell(shop)

    assert reverse(shop, sold).code == "00"

    assert standing(shop) == before
    assert sell(shop).code == "00"


def test_a_refund_keeps_the_end(shop: Shop) -> None:
    sell(shop)
    bought = shop.send(amount_minor=600_000)
    shop.now_s = tehran_s(2027, 4, 1)

    shop.refund(bought, 500_000)

    ((_, remaining, _, ends_s),) = shop.core.lots(shop.core.card(0)[0])
    assert (remaining, ends_s) == (900_000, tehran_s(2027, 4, 16, 0))


def test_a_hold_is_captured_from_the_lot(shop: Shop) -> None:
    sell(shop)
    held = shop.send("0100", amount_minor=700_000)
    assert shop.send("0100", "310000", None).balances() == {"0001": 1_000_000, "0002": 300_000}

    assert shop.complete(held, 250_000).code == "00"

    assert shop.send("0100", "310000", None).balances() == {"0001": 750_000, "0002": 750_000}


def test_top_up_is_the_clubs_choice(shop: Shop) -> None:
    chargeable = Shop(gift(1, 1, 1, top_up=True))
    unsold = chargeable.send(code="210000", amount_minor=50_000)
    sell(chargeable)
    sell(shop)

    refused = shop.send(code="210000", amount_minor=50_000)
    loaded = chargeable.send(code="210000", amount_minor=50_000)
    too_much = chargeable.send(code="210000", amount_minor=49_000_000)

    assert (refused.reason, unsold.reason) == ("operation_not_allowed", "card_not_activated")
    assert loaded.balances()["0002"] == 1_050_000
    assert too_much.reason == "above_balance_limit"


def test_a_reversed_purchase_leaves_nothing_behind(shop: Shop) -> None:
    sell(shop)
    before = standing(shop)

    reverse(shop, shop.send(amount_minor=600_000))

    assert standing(shop) == before


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    sell(shop)
    shop.refund(shop.send(amount_minor=600_000), 100_000)
    shop.send("0100", amount_minor=70_000)

    assert_rebuilt(shop)


def test_what_has_ended_and_not_left_yet_takes_no_room_on_a_card_that_is_sold_again() -> None:
    definition = gift(1, 1, 1)
    assert definition.activation is not None
    again = msgspec.structs.replace(definition.activation, again=True)
    shop = Shop(msgspec.structs.replace(definition, activation=again))
    assert sell(shop, 50_000_000).code == "00"
    assert shop.send("0100", amount_minor=20_000_000).code == "00"  # held of it

    too_much = sell(shop, 1)
    shop.now_s = tehran_s(2027, 4, 16)  # over, and nobody has kept house
    sold = sell(shop, 50_000_000)

    assert (too_much.code, too_much.reason) == ("61", "above_balance_limit")
    assert (sold.code, sold.balances()["0002"]) == ("00", 50_000_000)
    assert sell(shop, 1).reason == "above_balance_limit"
