"""Warranty at the till: registered, looked up, claimed, over."""

import pytest

from issuers.warranty import warranty
from tests.support.products import assert_rebuilt, reverse, send_item, standing, tehran_s
from tests.support.shop import Shop

REGISTER, INQUIRE, CLAIM = "92", "93", "94"
SERIAL = "TV-55/0012"


@pytest.fixture
def shop() -> Shop:
    """It is 26 Farvardin 1405. A warranty lasts 18 Jalali months and serves twice."""
    return Shop(warranty(1, 1, 1, claims=2))


def test_a_warranty_begins_today_and_is_found_at_any_terminal(shop: Shop) -> None:
    registered = send_item(shop, REGISTER, SERIAL)
    found = shop.send("0100", "930000", None, terminal="T0000003", extra={"48.SN": SERIAL})

    # 26 Farvardin 1405 and 18 months: 26 Mehr 1406.
    assert (registered.code, registered.tag("UN")) == ("00", "20271018")
    assert (found.code, found.tag("UN")) == ("00", "20271018")
    assert "38" in registered.elements
    assert "38" not in found.elements  # as of every inquiry


def test_the_31st_becomes_the_30th_where_a_month_has_no_more(shop: Shop) -> None:
    shop.now_s = tehran_s(2026, 4, 20)  # 31 Farvardin 1405; Mehr has 30 days

    assert send_item(shop, REGISTER, SERIAL).tag("UN") == "20271022"  # 30 Mehr 1406


def test_it_serves_as_often_as_it_says(shop: Shop) -> None:
    send_item(shop, REGISTER, SERIAL)

    said = [send_item(shop, CLAIM, SERIAL) for _ in range(3)]

    assert [one.code for one in said] == ["00", "00", "57"]
    assert said[2].reason == "item_claimed"
    assert said[0].tag("UN") == "20271018"
    assert send_item(shop, INQUIRE, SERIAL).code == "00"  # it stays known


def test_a_claim_after_the_term_is_declined_but_the_term_is_told(shop: Shop) -> None:
    send_item(shop, REGISTER, SERIAL)
    shop.now_s = tehran_s(2027, 10, 18, 23)
    assert send_item(shop, CLAIM, SERIAL).code == "00"
    shop.now_s = tehran_s(2027, 10, 19, 0)

    claimed, asked = send_item(shop, CLAIM, SERIAL), send_item(shop, INQUIRE, SERIAL)

    assert (claimed.code, claimed.reason) == ("57", "item_term_ended")
    assert (asked.code, asked.tag("UN")) == ("00", "20271018")


def test_what_is_unknown_or_not_named_is_declined(shop: Shop) -> None:
    for code in (INQUIRE, CLAIM):
        unknown, missing = send_item(shop, code, SERIAL), send_item(shop, code, None)
        assert (unknown.code, unknown.reason) == ("25", "item_unknown")
        assert (missing.code, missing.reason) == ("30", "item_missing")
    assert send_item(shop, REGISTER, None).reason == "item_missing"


def test_a_thing_is_registered_once(shop: Shop) -> None:
    send_item(shop, REGISTER, SERIAL)
    before = standing(shop)

    said = send_item(shop, REGISTER, SERIAL)

    assert (said.code, said.reason) == ("94", "item_known")
    assert standing(shop) == before


def test_another_cards_thing_is_not_known(shop: Shop) -> None:
    send_item(shop, REGISTER, SERIAL)

    assert send_item(shop, CLAIM, SERIAL, card=1).reason == "item_unknown"
    assert send_item(shop, REGISTER, SERIAL, card=1).code == "00"


def test_reversals_leave_nothing_behind(shop: Shop) -> None:
    empty = standing(shop)
    registered = send_item(shop, REGISTER, SERIAL)
    known = standing(shop)
    claimed = send_item(shop, CLAIM, SERIAL)

    assert reverse(shop, claimed).code == "00"
    assert standing(shop) == known
    assert reverse(shop, registered).code == "00"
    assert standing(shop) == empty
    assert send_item(shop, INQUIRE, SERIAL).reason == "item_unknown"


def test_a_purchase_is_refused(shop: Shop) -> None:
    assert shop.send(amount_minor=1_000).reason == "operation_not_allowed"


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    send_item(shop, REGISTER, SERIAL)
    send_item(shop, REGISTER, "another")
    send_item(shop, CLAIM, SERIAL)

    assert_rebuilt(shop)
