"""Vouchers at the till: sold, redeemed once, undone; and what a guesser learns: nothing.

The HSM is the test's own (`tests/support/voucher_shop.py`).
"""

import struct

import msgspec
import pytest

from issuers.club_card import club_card
from issuers.loyalty import loyalty
from issuers.prepaid import prepaid
from issuers.voucher import voucher
from switch._core import Core
from switch._security import voucher as voucher_of
from switch._security import voucher_tries
from switch._snapshot import SnapshotBroken, dump
from switch.directory import Directory, EventError
from switch.events import (
    CardStatusChanged,
    PinTriesReset,
    ProgrammeLive,
    VoucherRefused,
    decode_event,
)
from switch.operations import CardStatus
from switch.rules import Limits, Vouchers
from tests.support.products import assert_rebuilt, standing, tehran_s
from tests.support.shop import Said, events_of, new_core
from tests.support.voucher_shop import (
    MISTYPED,
    PRICE_MINOR,
    VOUCHER_PIN,
    VOUCHERS,
    VoucherShop,
    digest_key,
    number_of,
    vouchers_added,
)
from tests.switch.test_snapshot import load, parts, rows


def outcome(said: Said) -> tuple[str, str]:
    return said.code, said.reason


REFUSED = ("55", "voucher_refused")


def loaded(shop: VoucherShop) -> Core:
    """Give a shard that was loaded from a snapshot."""
    core = new_core()
    load(core, list(dump(shop.core)))
    return core


@pytest.fixture
def shop() -> VoucherShop:
    """It is 26 Farvardin 1405 (15 April 2026)."""
    return VoucherShop()


# --- selling --------------------------------------------------------------------------------------


def test_a_voucher_is_worth_nothing_until_it_is_sold(shop: VoucherShop) -> None:
    before = standing(shop)

    said = shop.redeem("pin1")

    assert outcome(said) == REFUSED
    assert standing(shop) == before


def test_a_sold_voucher_has_its_price_for_twelve_months(shop: VoucherShop) -> None:
    said = shop.sell(1)

    assert (said.code, said.tag("UN"), said.tag("PE")) == ("00", "20270415", "")
    assert shop.value(1) == (PRICE_MINOR, 0)
    asked = shop.send("0100", "310000", None, card=number_of(1))
    assert asked.balances()["0001"] == PRICE_MINOR


def test_it_is_sold_for_its_price_and_nothing_else(shop: VoucherShop) -> None:
    before = standing(shop)

    less, more = shop.sell(1, PRICE_MINOR - 1), shop.sell(1, PRICE_MINOR + 1)

    assert [less.reason, more.reason] == ["voucher_price_is_another"] * 2
    assert less.code == "13"
    assert standing(shop) == before


def test_it_is_sold_once(shop: VoucherShop) -> None:
    shop.sell(1)

    assert outcome(shop.sell(1)) == ("12", "card_already_activated")


def test_it_pays_for_nothing_by_its_own_number(shop: VoucherShop) -> None:
    shop.sell(1)

    for code in ("000000", "010000", "210000", "730000"):
        amount_minor = None if code == "730000" else 10_000
        said = shop.send(code=code, amount_minor=amount_minor, card=number_of(1))
        assert outcome(said) == ("57", "operation_not_allowed")
    assert shop.send("0100", amount_minor=10_000, card=number_of(1)).code == "57"


def test_points_are_sold_for_a_price(shop: VoucherShop) -> None:
    merchant = shop.core.merchant_account(0)
    before = shop.core.account(merchant)[4]

    said = shop.sell(5)

    assert (said.code, said.tag("VT"), said.tag("PE")) == ("00", "700", "")
    assert shop.value(5) == (0, 700)
    assert shop.core.account(merchant)[4] == before - PRICE_MINOR
    assert shop.core.account(shop.core.club_account(1, 2))[4] == PRICE_MINOR  # points paid
    assert shop.core.imbalances() == []


def test_its_number_tells_what_it_has_and_not_what_it_was_loaded_with(shop: VoucherShop) -> None:
    asked = shop.send("0100", "310000", None, card=number_of(5))
    shop.sell(5)
    sold = shop.send("0100", "310000", None, card=number_of(5))

    assert [(one.tag("VT"), one.balances()["6002"]) for one in (asked, sold)] == [
        ("", 0),
        ("", 700),
    ]


def test_a_reversed_sale_can_be_made_again(shop: VoucherShop) -> None:
    before = standing(shop)

    for serial in (1, 5):
        assert shop.undo(shop.sell(serial), card=number_of(serial)).code == "00"

    assert standing(shop) == before
    assert outcome(shop.redeem("pin1")) == REFUSED
    assert shop.sell(1).code == "00"
    assert shop.redeem("pin1").code == "00"


def test_a_sale_is_not_undone_in_part(shop: VoucherShop) -> None:
    sold = shop.sell(1)

    said = shop.send(
        "0400",
        "720000",
        PRICE_MINOR,
        card=number_of(1),
        extra={90: sold.original(), 95: "000000000001" + "0" * 30},
    )

    assert outcome(said) == ("13", "voucher_price_is_another")
    assert shop.value(1) == (PRICE_MINOR, 0)


# --- redeeming ------------------------------------------------------------------------------------


def test_money_enters_the_purse(shop: VoucherShop) -> None:
    shop.sell(1)

    said = shop.redeem("pin1")

    assert (said.code, said.tag("VR"), said.tag("VT")) == ("00", str(PRICE_MINOR), "")
    assert said.asked == (VOUCHER_PIN,)
    assert said.balances()["0002"] == PRICE_MINOR
    assert (shop.value(1), shop.redeemed_by(1)) == ((0, 0), 0)


def test_points_enter_with_the_end_that_the_card_says(shop: VoucherShop) -> None:
    shop.sell(5)

    said = shop.redeem("pin5", card=1)

    assert (said.code, said.tag("VT"), said.tag("VR"), said.tag("PE")) == ("00", "700", "", "")
    ((_, remaining, _, ends_s),) = shop.core.lots(shop.core.card(1)[0] + 4)
    assert (remaining, ends_s) == (700, tehran_s(2028, 3, 20, 0))  # the end of 1406
    assert (shop.value(5), shop.redeemed_by(5)) == ((0, 0), 1)


def test_it_earns_nothing_and_counts_for_no_level(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.sell(5)
    first = shop.core.card(0)[0]
    counters = range(6, 10)
    before = [shop.core.account(first + slot)[4] for slot in counters]

    said = [shop.redeem("pin1"), shop.redeem("pin5")]

    assert [one.tag("PE") for one in said] == ["", ""]
    assert [shop.core.account(first + slot)[4] for slot in counters] == before
    assert shop.core.card_limits(0)[1:] == (0, 0)


def test_there_is_one_winner(shop: VoucherShop) -> None:
    shop.sell(1)

    said = [shop.redeem("pin1", card=card) for card in (2, 0, 1, 2)]

    assert [one.code for one in said] == ["00", "55", "55", "12"]
    assert [one.reason for one in said[1:]] == ["voucher_refused"] * 2 + ["voucher_redeemed"]
    assert sum(shop.balances(card)["0002"] for card in range(3)) == PRICE_MINOR


def test_whoever_got_it_is_told_so_and_no_try_is_counted(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.redeem("pin1")

    said = [shop.redeem("pin1") for _ in range(20)]

    assert {outcome(one) for one in said} == {("12", "voucher_redeemed")}


def test_a_repeat_gets_the_first_answer(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.pin = "pin1"
    message = shop.message(code="730000", amount_minor=None, extra={"48.VP": "00" * 24})
    first = shop.ask(message)

    again = shop.ask(message)

    assert (again.reply, again.asked) == (first.reply, ())
    assert shop.balances()["0002"] == PRICE_MINOR


def test_a_prepaid_and_a_loyalty_card_take_what_they_have_a_wallet_for() -> None:
    money = VoucherShop(prepaid(1, 1, 1, vouchers=VOUCHERS))
    points = VoucherShop(loyalty(1, 1, 1, vouchers=VOUCHERS))
    for shop in (money, points):
        shop.sell(1)
        shop.sell(5)

    assert money.redeem("pin1").code == points.redeem("pin5").code == "00"
    assert money.redeem("pin5").reason == points.redeem("pin1").reason == "operation_not_allowed"
    assert (money.value(5), points.value(1)) == ((0, 700), (PRICE_MINOR, 0))


def test_a_bound_on_the_balance_holds() -> None:
    shop = VoucherShop(prepaid(1, 1, 1, vouchers=VOUCHERS))
    for _ in range(5):
        shop.load(100_000_000)
    shop.sell(1)

    assert outcome(shop.redeem("pin1")) == ("61", "above_balance_limit")
    assert shop.value(1) == (PRICE_MINOR, 0)


def test_points_are_not_bounded_by_what_there_is_of_money() -> None:
    """Neither in the purse of the card, which a refund has filled, nor in the voucher."""
    replace = msgspec.structs.replace
    bound = Limits(balance_minor_max=PRICE_MINOR - 1)
    shop = VoucherShop(replace(club_card(1, 1, 1, vouchers=VOUCHERS), limits=bound))
    shop.record(ProgrammeLive(definition=replace(voucher(VOUCHERS, 2, 1), limits=bound)))
    shop.load(bound.balance_minor_max)
    bought = shop.send(amount_minor=bound.balance_minor_max, terminal="T0000003")
    shop.load(bound.balance_minor_max)
    shop.refund(bought, bound.balance_minor_max, terminal="T0000003")

    assert outcome(shop.sell(1)) == ("61", "above_balance_limit")
    assert shop.sell(5).code == "00"
    assert shop.redeem("pin5").code == "00"


def test_a_card_of_a_programme_without_vouchers_takes_none() -> None:
    shop = VoucherShop(club_card(1, 1, 1))
    shop.sell(1)

    said = shop.redeem("pin1")

    assert (outcome(said), said.asked) == (("57", "operation_not_allowed"), ())


# --- what a guesser learns ------------------------------------------------------------------------


def test_of_a_pin_that_is_not_good_nothing_is_told(shop: VoucherShop) -> None:
    for serial in (2, 3, 4):
        shop.sell(serial)
    shop.record(CardStatusChanged(card=shop.card_of(2), status=CardStatus.BLOCKED))
    shop.redeem("pin3", card=1)
    of_others = vouchers_added(shop, {9: "pin9"}, programme=6)
    shop.record(ProgrammeLive(definition=voucher(6, 1, 1)))
    shop.record(digest_key(6))
    shop.record(of_others)
    shop.sell(9)

    said = [
        shop.redeem(pin, terminal=f"T000000{at % 3 + 1}")
        for at, pin in enumerate(("nobody's", "pin1", "pin2", "pin3", "pin9"))
    ]

    assert {outcome(one) for one in said} == {REFUSED}
    shown = [{key: one.elements.get(key) for key in ("3", "39", "48", "54")} for one in said]
    assert all(one == shown[0] for one in shown)
    found = [decode_event(body) for body in events_of(shop.journal()).values()]
    assert [one for one in found if isinstance(one, VoucherRefused)] == [
        VoucherRefused(voucher=shop.card_of(1), why="not sold"),
        VoucherRefused(voucher=shop.card_of(2), why="void"),
        VoucherRefused(voucher=shop.card_of(3), why="redeemed"),
        VoucherRefused(voucher=shop.card_of(9), why="of another programme"),
    ]


@pytest.mark.parametrize("swept", [False, True])
def test_an_ended_voucher_is_refused_and_its_value_is_the_clubs(swept: bool) -> None:
    shop = VoucherShop(prepaid(1, 1, 1, vouchers=VOUCHERS))
    shop.sell(1)
    shop.now_s = tehran_s(2027, 4, 15, 23)
    shop.sell(2)
    shop.now_s = tehran_s(2027, 4, 16, 0)
    if swept:
        shop.keep_house()

    assert outcome(shop.redeem("pin1")) == REFUSED
    assert shop.redeem("pin2").code == "00"
    assert shop.value(1) == (0 if swept else PRICE_MINOR, 0)
    breakage = shop.core.account(shop.core.club_account(1, 8))[4]
    assert breakage == (PRICE_MINOR if swept else 0)


def test_a_voucher_is_not_good_beyond_its_month(shop: VoucherShop) -> None:
    shop.record(vouchers_added(shop, {10: "pin10"}, expires_yymm=2604))
    shop.sell(10)
    shop.now_s = tehran_s(2026, 5, 1, 0)

    assert outcome(shop.redeem("pin10")) == REFUSED
    assert outcome(shop.sell(10)) == ("54", "card_expired")


def test_wrong_pins_are_bounded_on_each_card(shop: VoucherShop) -> None:
    shop.sell(1)
    tries = [shop.redeem(f"guess {at}", terminal=f"T000000{at % 3 + 1}") for at in range(8)]

    right = shop.redeem("pin1")

    assert [one.reason for one in tries] == ["voucher_refused"] * 5 + ["voucher_tries_exceeded"] * 3
    assert outcome(right) == ("75", "voucher_tries_exceeded")
    assert right.asked == ()
    assert shop.redeem("pin1", card=1).code == "00"


def test_tomorrow_there_are_tries_again(shop: VoucherShop) -> None:
    shop.sell(1)
    for at in range(6):
        shop.redeem(f"guess {at}")
    shop.now_s += 86_400

    assert shop.redeem("guess").reason == "voucher_refused"
    assert shop.redeem("pin1").code == "00"


def test_a_right_pin_gives_no_new_tries(shop: VoucherShop) -> None:
    for serial in (1, 2):
        shop.sell(serial)
    for at in range(4):
        shop.redeem(f"guess {at}")

    assert shop.redeem("pin1").code == "00"
    assert shop.redeem("guess").reason == "voucher_refused"
    assert shop.redeem("pin2").reason == "voucher_tries_exceeded"


def test_wrong_pins_are_bounded_on_each_terminal() -> None:
    vouchers = Vouchers(programme=VOUCHERS, money="money", tries_max=2, terminal_tries_max=3)
    definition = club_card(1, 1, 1, vouchers=VOUCHERS)
    shop = VoucherShop(msgspec.structs.replace(definition, vouchers=vouchers))
    shop.sell(1)
    tries = [shop.redeem(f"guess {card}", card=card) for card in range(5)]

    assert [one.reason for one in tries] == ["voucher_refused"] * 3 + ["voucher_tries_exceeded"] * 2
    assert shop.redeem("pin1", card=4).reason == "voucher_tries_exceeded"
    assert shop.redeem("pin1", card=4, terminal="T0000002").code == "00"


def test_a_hundred_at_once_are_five_tries(shop: VoucherShop) -> None:
    """All of them were asked for before the first was decided; the last one is even right."""
    shop.sell(1)
    lane = shop.lane("binary")
    now_us, utc_offset_s = shop.now_s * 1_000_000, shop.utc_offset_s
    requests = [
        shop.encoded(shop.message(code="730000", amount_minor=None, extra={"48.VP": "00" * 24}))
        for _ in range(100)
    ]
    for request in requests:
        assert lane.answer(request, now_us=now_us, utc_offset_s=utc_offset_s)[3] == (
            "prove",
            VOUCHER_PIN,
        )

    said = []
    for at, request in enumerate(requests):
        shop.pin = "pin1" if at == 99 else f"guess {at}"
        verdict = shop.hsm(VOUCHER_PIN, 0)
        reply = lane.answer(
            request, recalled=True, verdict=verdict, now_us=now_us, utc_offset_s=utc_offset_s
        )[1]
        said.append(b"voucher_refused" in reply)

    assert said == [True] * 5 + [False] * 95
    assert shop.value(1) == (PRICE_MINOR, 0)


def test_mistyped_is_no_try(shop: VoucherShop) -> None:
    shop.sell(1)

    said = [shop.redeem(MISTYPED) for _ in range(20)] + [shop.redeem("")]

    assert {one.reason for one in said} == {"voucher_unreadable"}
    assert {one.code for one in said} == {"55"}
    assert said[-1].asked == ()
    assert shop.redeem("pin1").code == "00"


def test_without_an_hsm_nothing_is_decided(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.away = True
    before = standing(shop)

    said = shop.redeem("pin1")

    assert (outcome(said), said.seq) == (("91", "hsm_unavailable"), 0)
    assert standing(shop) == before


# --- undoing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("serial", [1, 5])
def test_a_reversed_redemption_is_as_if_it_had_not_been(shop: VoucherShop, serial: int) -> None:
    shop.sell(serial)
    before = standing(shop)

    said = shop.undo(shop.redeem(f"pin{serial}"))

    assert said.code == "00"
    assert standing(shop) == before
    assert shop.redeemed_by(serial) is None
    assert shop.redeem(f"pin{serial}", card=1).code == "00"


def test_it_is_undone_once(shop: VoucherShop) -> None:
    shop.sell(1)
    redeemed = shop.redeem("pin1")
    shop.undo(redeemed)
    shop.redeem("pin1", card=1)

    again = shop.undo(redeemed)

    assert (again.code, again.reason) == ("00", "reversed_before")
    assert (shop.redeemed_by(1), shop.balances(1)["0002"]) == (1, PRICE_MINOR)


def test_a_reversal_before_the_redemption_keeps_it_from_happening(shop: VoucherShop) -> None:
    shop.sell(1)
    message = shop.message(code="730000", amount_minor=None, extra={"48.VP": "00" * 24})
    named = f"0200{int(message[11]):06d}{message[13]}{message[12]}" + "0" * 22
    early = shop.send("0400", "730000", PRICE_MINOR, extra={90: named})
    shop.pin = "pin1"

    said = shop.ask(message)

    assert early.reason == "reversed_unknown_original"
    assert outcome(said) == ("05", "original_reversed_before_arrival")
    assert shop.value(1) == (PRICE_MINOR, 0)


def test_a_redemption_is_not_given_back_in_part(shop: VoucherShop) -> None:
    shop.sell(1)
    redeemed = shop.redeem("pin1")

    said = shop.refund(redeemed, 100_000)
    in_part = shop.send(
        "0400",
        "730000",
        PRICE_MINOR,
        extra={90: redeemed.original(), 95: "000000100000" + "0" * 30},
    )

    assert outcome(said) == ("12", "original_not_refundable")
    assert outcome(in_part) == ("13", "replacement_above_original")
    assert shop.redeemed_by(1) == 0


def test_what_was_spent_is_not_undone(shop: VoucherShop) -> None:
    """Redeem, buy, reverse, redeem again: the value would be there twice, and one card owe it."""
    shop.sell(1)
    redeemed = shop.redeem("pin1")
    assert shop.send(amount_minor=1, terminal="T0000003").code == "00"

    said = shop.undo(redeemed)

    assert outcome(said) == ("51", "insufficient_funds")
    assert outcome(shop.redeem("pin1", card=1)) == REFUSED
    assert shop.balances()["0001"] == PRICE_MINOR - 1


def test_what_is_held_is_not_undone_and_points_neither(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.sell(5)
    money, points = shop.redeem("pin1"), shop.redeem("pin5")
    shop.send("0100", amount_minor=100_000, terminal="T0000003")
    assert shop.send(code="006000", amount_minor=100_000).code == "00"

    assert outcome(shop.undo(money)) == ("51", "insufficient_funds")
    assert outcome(shop.undo(points)) == ("51", "insufficient_points")


def test_a_sale_is_not_undone_once_it_is_redeemed(shop: VoucherShop) -> None:
    sold = shop.sell(1)
    redeemed = shop.redeem("pin1")
    before = standing(shop)

    said = shop.undo(sold, card=number_of(1))

    assert outcome(said) == ("12", "voucher_redeemed")
    assert standing(shop) == before
    assert shop.undo(redeemed).code == "00"
    assert shop.undo(sold, card=number_of(1)).code == "00"


# --- what lasts -----------------------------------------------------------------------------------


def test_replay_and_snapshot_give_the_same(shop: VoucherShop) -> None:
    for serial in (1, 2, 5):
        shop.sell(serial)
    shop.undo(shop.redeem("pin1"))
    shop.redeem("pin1", card=2)
    shop.redeem("pin5", card=1)
    shop.redeem("guess", card=3)
    shop.redeem("pin7", card=3)

    assert_rebuilt(shop)
    assert list(dump(shop.replayed())) == list(dump(shop.core))


def test_a_loaded_shard_knows_who_has_redeemed_and_who_has_tried(shop: VoucherShop) -> None:
    shop.sell(1)
    shop.redeem("pin1", card=2)
    for at in range(3):
        shop.redeem(f"guess {at}", card=3)

    core = loaded(shop)

    assert voucher_of(core, shop.card_of(1)) == (PRICE_MINOR, 0, 2)
    assert voucher_of(core, 0) is None
    assert voucher_tries(core, 3, 0) == voucher_tries(shop.core, 3, 0)
    assert [count for _, count in voucher_tries(core, 3, 0)] == [3, 3]
    directory = Directory(core)
    directory.load(shop.directory.dump())
    with pytest.raises(EventError, match="PIN of another one"):
        directory.record(vouchers_added(shop, {20: "pin1"}), now_us=0, utc_offset_s=0)


def test_an_operator_counts_a_cards_tries_anew(shop: VoucherShop) -> None:
    shop.sell(1)
    for at in range(5):
        shop.redeem(f"guess {at}")
    assert shop.redeem("pin1").reason == "voucher_tries_exceeded"

    shop.record(PinTriesReset(card=0))

    assert shop.redeem("pin1").code == "00"


def test_a_snapshot_whose_vouchers_lead_nowhere_is_refused(shop: VoucherShop) -> None:
    found = parts(shop.core)
    for at, number in ((32, 1_000_000), (36, 1_000_000)):
        body = bytearray(found["vouchers"])
        struct.pack_into("<I", body, at, number)

        with pytest.raises(SnapshotBroken, match="vouchers: row 0 leads nowhere"):
            load(new_core(), list(rows(found | {"vouchers": bytes(body)})))
