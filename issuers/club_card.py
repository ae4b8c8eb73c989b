"""The club card: several products on one card.

Sold at a till with gift money, which cafes take and which ends after six Jalali months; a purse
that is topped up, also with a voucher's PIN; points; and a level that makes cafes cheaper. A
purchase uses as many points as the cardholder says, then gift money where that pays, then the
purse: one message moves all of it, and one reversal undoes it. Data only.
"""

from issuers.purse import CAFE
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import (
    Activation,
    Cap,
    DiscountRule,
    EarnRule,
    Ending,
    Fund,
    Period,
    Tender,
    Tier,
    Tiers,
    Vouchers,
    Wallet,
    When,
)

AT_CAFES = When(categories=(CAFE,))


def club_card(programme: int, version: int, club: int, *, vouchers: int = 0) -> Programme:
    """Give the club card as a club's programme. `vouchers`: whose it takes; 0 = none's."""
    next_years_end = Ending(period=Period(kind="year"), periods_more=1)
    by_pin = (Operation.VOUCHER_REDEMPTION,) if vouchers else ()
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Club card",
        name_fa="کارت باشگاه",
        operations=(
            Operation.ACTIVATION,
            Operation.LOAD,
            Operation.PURCHASE,
            Operation.POINTS_PAYMENT,
            Operation.BALANCE,
            Operation.POINTS_BALANCE,
            Operation.HOLD,
            Operation.PREAUTHORISATION,
            *by_pin,
        ),
        wallets=(
            Wallet(name="gift", unit="money", dated=True, held=True, account_type=10),
            Wallet(name="money", unit="money", held=True, account_type=0),
            Wallet(name="points", unit="points", dated=True, held=True, account_type=60),
        ),
        funding=(Fund(wallet="gift", when=AT_CAFES, earns=False), Fund(wallet="money")),
        purse="money",
        activation=Activation(wallet="gift", ends=Ending(after_months=6), most_minor=20_000_000),
        tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=30_000_000))),
        discounts=(
            DiscountRule(
                name="gold-cafe",
                when=When(categories=(CAFE,), tiers=("gold",)),
                discount_bps=1_000,
                funder="shared",
                merchant_share_bps=4_000,
            ),
        ),
        earning=(
            EarnRule(
                name="base",
                points=1,
                per_minor=10_000,
                expires=next_years_end,
            ),
        ),
        caps=(
            Cap(name="day-discount", of="discount", most=500_000, period=Period(kind="day")),
            Cap(name="month-points", of="earned", most=2_000),
        ),
        tender=Tender(point_value_minor=1_000, points_min=10),
        commission_bps=100,
        vouchers=Vouchers(programme=vouchers, money="money", points="points", ends=next_years_end)
        if vouchers
        else None,
    )
