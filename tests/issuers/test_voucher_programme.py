"""Vouchers' programmes: what is loaded, what a version may change, and how it is said."""

import msgspec
import pytest

from acquirers.pos import POS_BINARY
from issuers.club_card import club_card
from issuers.loops import find_loop
from issuers.loyalty import loyalty
from issuers.prepaid import prepaid
from issuers.voucher import voucher
from switch.directory import EventError
from switch.events import ProgrammeLive
from switch.iso8583 import named
from switch.operations import Operation
from switch.programme import Programme
from switch.programme_checks import findings
from switch.programme_promises import breaks, takes_away
from switch.programme_text import how_it_works
from switch.rules import Activation, ProgrammeError, Vouchers, VoucherStock, Wallet
from tests.support.voucher_shop import VOUCHERS, VoucherShop, number_of, vouchers_added

REDEMPTION = Operation.VOUCHER_REDEMPTION


@pytest.fixture
def shop() -> VoucherShop:
    """Vouchers 1 to 8 are loaded."""
    return VoucherShop()


def test_a_pin_belongs_to_one_voucher(shop: VoucherShop) -> None:
    for pins in ({20: "pin1"}, {20: "same", 21: "same"}):
        with pytest.raises(EventError, match="PIN of another one"):
            shop.record(vouchers_added(shop, pins))
    assert shop.core.card_of(shop.core.token_of(number_of(20))) is None


def test_cards_and_vouchers_are_not_mixed_up(shop: VoucherShop) -> None:
    with pytest.raises(EventError, match="has no vouchers"):
        shop.record(vouchers_added(shop, {20: "pin20"}, programme=1))
    with pytest.raises(EventError, match="digest of its PIN, and a price"):
        shop.record(vouchers_added(shop, {20: "pin20"}, price_minor=0))


def test_a_programme_takes_vouchers_of_its_club_that_are_such() -> None:
    shop = VoucherShop()
    for programme, club in ((VOUCHERS, 2), (9, 1), (77, 1)):
        definition = club_card(3, 1, club, vouchers=programme)
        with pytest.raises(EventError, match="vouchers of programme"):
            shop.record(ProgrammeLive(definition=definition))


def test_a_part_that_takes_nothing_is_refused() -> None:
    with pytest.raises(ProgrammeError, match="a wallet is named"):
        Vouchers(programme=VOUCHERS)
    with pytest.raises(ProgrammeError, match="no wallet of money"):
        msgspec.structs.replace(
            loyalty(1, 1, 1, vouchers=VOUCHERS),
            vouchers=Vouchers(programme=VOUCHERS, money="points"),
        )


@pytest.mark.parametrize(
    "definition",
    [
        voucher(VOUCHERS, 1, 1),
        prepaid(1, 1, 1, vouchers=VOUCHERS),
        loyalty(1, 1, 1, vouchers=VOUCHERS),
        club_card(1, 1, 1, vouchers=VOUCHERS),
    ],
    ids=["voucher", "prepaid", "loyalty", "club card"],
)
def test_what_is_shipped_can_be_said(definition: Programme) -> None:
    keys = [line.key for line in how_it_works(definition, {})]
    operations = tuple(one for one in definition.operations if one is not REDEMPTION)
    without = msgspec.structs.replace(definition, vouchers=None, operations=operations)

    assert findings(definition, None) == findings(without, None)
    assert ("stock" in keys, "vouchers" in keys) == (
        definition.programme == VOUCHERS,
        definition.programme != VOUCHERS,
    )


def test_a_stock_of_vouchers_has_no_loop() -> None:
    spec = named(POS_BINARY.spec)

    found = find_loop(
        voucher(VOUCHERS, 1, 1), profile=POS_BINARY, spec=spec, linked=None, pricings={}
    )

    assert found.steps == (), found.said()
    assert found.tried > 2


def test_what_members_hold_of_vouchers_is_not_taken() -> None:
    replace = msgspec.structs.replace
    old = club_card(1, 1, 1, vouchers=VOUCHERS)
    assert old.vouchers is not None
    fewer = replace(old, vouchers=replace(old.vouchers, points=""))
    stricter = replace(old, vouchers=replace(old.vouchers, tries_max=2))
    none = club_card(1, 2, 1)
    stock = voucher(VOUCHERS, 1, 1)
    of_money = replace(stock, stock=VoucherStock(), wallets=stock.wallets[:1])

    assert any("some of them could not" in one for one in takes_away(old, fewer))
    assert "vouchers: 5 → 2 wrong PINs a day" in takes_away(old, stricter)
    assert any("could not be redeemed into these" in one for one in takes_away(old, none))
    assert any(one.startswith("stock: ") for one in breaks(stock, of_money))


def test_a_stock_that_a_till_could_use_without_the_pin_is_refused() -> None:
    stock = voucher(VOUCHERS, 1, 1)
    for change, why in (
        ({"operations": (Operation.ACTIVATION, Operation.PURCHASE)}, "sold and looked up"),
        ({"activation": None}, "are sold"),
        ({"wallets": (*stock.wallets, Wallet(name="more", unit="count"))}, "of their value"),
        ({"activation": Activation(wallet="value", again=True)}, "is sold once"),
    ):
        with pytest.raises(ProgrammeError, match=why):
            msgspec.structs.replace(stock, **change)


def test_vouchers_stay_vouchers_and_cards_cards(shop: VoucherShop) -> None:
    replace = msgspec.structs.replace
    plain = replace(voucher(VOUCHERS, 2, 1), stock=None)
    with pytest.raises(EventError, match="cannot change"):
        shop.record(ProgrammeLive(definition=plain))
    shop.record(ProgrammeLive(definition=replace(voucher(8, 1, 1), stock=None)))
    with pytest.raises(EventError, match="cannot change"):
        shop.record(ProgrammeLive(definition=voucher(8, 2, 1)))
