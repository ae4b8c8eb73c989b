"""What of a voucher's value can no longer be taken back, because nobody can spend it any more."""

import pytest

from issuers.prepaid import prepaid
from tests.support.products import standing, tehran_s
from tests.support.shop import Said
from tests.support.voucher_shop import PRICE_MINOR, VOUCHERS, VoucherShop, number_of


def outcome(said: Said) -> tuple[str, str]:
    return said.code, said.reason


@pytest.mark.parametrize("swept", [False, True])
def test_the_sale_of_an_ended_voucher_is_not_undone(swept: bool) -> None:
    """Whether the clock has been there or not: its value is the club's."""
    shop = VoucherShop(prepaid(1, 1, 1, vouchers=VOUCHERS))
    sold = shop.sell(1)
    shop.now_s = tehran_s(2027, 4, 16, 0)
    if swept:
        shop.keep_house()
    before = standing(shop)

    said = shop.undo(sold, card=number_of(1))

    assert outcome(said) == ("12", "voucher_redeemed")
    assert standing(shop) == before
    assert shop.value(1) == (0 if swept else PRICE_MINOR, 0)


@pytest.mark.parametrize("swept", [False, True])
def test_points_that_have_ended_on_the_card_are_not_undone(swept: bool) -> None:
    """They would be the voucher's again, for somebody for whom they have not ended."""
    shop = VoucherShop()
    shop.sell(5)
    redeemed = shop.redeem("pin5")
    shop.now_s = tehran_s(2028, 3, 20, 0)  # 1406 is over
    if swept:
        shop.keep_house()

    said = shop.undo(redeemed)

    assert outcome(said) == ("51", "insufficient_points")
    assert (shop.value(5), shop.redeemed_by(5)) == ((0, 0), 0)


def test_points_that_stand_against_what_is_owed_are_not_undone() -> None:
    """A card buys, spends the points for it, and gives back what it bought: it owes points."""
    shop = VoucherShop()
    shop.load(1_000_000)
    bought = shop.send(amount_minor=1_000_000, terminal="T0000003")
    points = int(bought.tag("PE"))
    assert shop.send(code="006000", amount_minor=1_000 * points).code == "00"
    shop.sell(5)
    redeemed = shop.redeem("pin5")
    assert shop.refund(bought, 1_000_000, terminal="T0000003").code == "00"
    assert shop.balances()["6002"] == 700 - points

    said = shop.undo(redeemed)

    assert outcome(said) == ("51", "insufficient_points")
    assert shop.redeemed_by(5) == 0
