"""Vouchers among all products of a club beside the plain model: sold, redeemed, guessed at, undone.

Goal: whatever happens to a voucher and to the cards that have its PIN, its value is there once, one
card has it at most, and a guesser learns nothing and is stopped. Method: the walks of
`test_products_walks`, in which half of the steps are about vouchers. The walks here are always the
same, and counted: when all of them together no longer get to each outcome, they fail.
"""

from collections import Counter

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis import target
from hypothesis.stateful import initialize

from switch.programme import Programme
from switch.rules import Ending, Limits, Vouchers
from tests.support.paired_club import Reached
from tests.support.paired_shop import PairedShop
from tests.support.paired_vouchers import Typed, VoucherDesk, pin_of
from tests.support.product_walks import walk
from tests.support.programmes import products
from tests.support.voucher_programmes import SHORT
from tests.support.voucher_rules import PRICES
from tests.support.voucher_shop import VOUCHERS
from tests.support.voucher_walks import VoucherWalk
from tests.switch.test_products_properties import ProductsMachine
from tests.switch.test_products_walks import EVERY_PRODUCT

WALKS = 30

EVERYWHERE = {
    Reached(what, outcome)
    for what, outcomes in {
        "vouchers": (
            "loaded of money",
            "loaded of points",
            "not loaded: a PIN of another one",
        ),
        "sale": (
            "of money",
            "of points",
            "voucher_price_is_another",
            "card_already_activated",
            "card_blocked",
            "card_expired",
            "undone",
            "not undone: voucher_redeemed",
            "not undone: voucher_price_is_another",
        ),
        "redemption": (
            "money into a plain wallet",
            "money into a dated wallet",
            "points into a dated wallet",
            "again, after it was undone",
            "operation_not_allowed",
            "above_balance_limit",
            "card_not_activated",
            "voucher_unreadable",
            "voucher_refused",
            "voucher_redeemed",
            "no tries of the card are left, when it was asked for",
            "no tries of the card are left, at the verdict",
            "no tries of the terminal are left, when it was asked for",
            "no tries of the terminal are left, at the verdict",
            "undone",
            "not undone: insufficient_funds",
            "not undone: insufficient_points",
        ),
        "refused": ("a PIN of nobody's", "a voucher's PIN"),
        "no good": ("not sold", "void", "expired", "redeemed", "of another programme"),
        "breakage": ("of money", "of points"),
        "restart": (
            "from the journal",
            "from a snapshot",
            "between a sale and its redemption",
            "between a sale and its reversal",
            "between a redemption and the next one",
            "between a redemption and its reversal",
            "between wrong PINs and the bound on them",
        ),
        "recall": ("from the journal",),
        "version": ("live",),
    }.items()
    for outcome in outcomes
}

EVERY_KIND = {each.what for each in EVERYWHERE} - {"version", "recall"}

SOON = Ending(after_days=30)
PARTS = (
    Vouchers(programme=VOUCHERS, money="money", points="points", ends=SOON, tries_max=3),
    Vouchers(programme=VOUCHERS, money="gift", points="points", terminal_tries_max=2),
    Vouchers(programme=SHORT, money="money", tries_max=2, terminal_tries_max=4),
    Vouchers(programme=VOUCHERS, points="points", ends=SOON, tries_max=1),
    Vouchers(programme=VOUCHERS, money="credit"),
)


def taking(programme: Programme, version: int) -> Programme:
    """Let a version take vouchers in one of these ways; each seventh one takes none."""
    return msgspec.structs.replace(
        programme,
        version=version,
        vouchers=None if version % 7 == 0 else PARTS[version % len(PARTS)],
        limits=Limits(balance_minor_max=2_400_000),
    )


def next_version(before: Programme) -> Programme:
    return taking(before, before.version + 1)


@pytest.mark.slow
def test_walks_with_vouchers_get_everywhere() -> None:
    reached: Counter[Reached] = Counter()
    for seed in range(WALKS):
        reached += walk(taking(EVERY_PRODUCT, 1 + seed), next_version, seed, VoucherWalk)

    assert [each for each in sorted(EVERYWHERE) if not reached[each]] == []


class VoucherMachine(ProductsMachine):
    """The machine over all products, of cards that take vouchers from the first message on."""

    @initialize(
        programme=products().filter(lambda programme: programme.vouchers is not None),
        price=PRICES,
        points=st.sampled_from([0, 700]),
    )
    def open_shop(self, programme: Programme, price: int, points: int) -> None:
        self.pair = PairedShop(programme, activated=True, renewed=True)
        self.desk = VoucherDesk(self.pair)
        for card in (0, 1):
            self.desk.make_good(price, points)
            self.desk.redeem(Typed(pin_of(self.desk.all()[-1]), card))
        self.desk.make_good(price, points)

    def aim(self) -> None:
        kinds = {each for each in self.pair.reached if each.what in EVERY_KIND}
        target(float(len(kinds)), label="what came of vouchers")


VoucherMachine.TestCase.settings = ProductsMachine.TestCase.settings
test_vouchers_do_what_the_model_says = pytest.mark.slow(VoucherMachine.TestCase)
