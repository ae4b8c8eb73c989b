"""The discount network: a card that makes things cheaper at the network's merchants.

Paid at the till. Who bears a discount is said by each rule: the merchant, the club, or both; the
network takes a commission on what is paid. Bounds hold for a day and a Jalali month. Data only.
"""

from issuers.loyalty import WORKDAYS
from issuers.purse import BOOKSHOP, CAFE
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Cap, DiscountRule, Period, Tier, Tiers, When

DAY = Period(kind="day")
MONTH = Period(kind="month")


def discount(programme: int, version: int, club: int) -> Programme:
    """Give the discount network as a club's programme."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Discount network",
        name_fa="شبکهٔ تخفیف",
        operations=(Operation.PURCHASE, Operation.BALANCE),
        wallets=(),
        funding=(),
        cash=True,
        tiers=Tiers(
            levels=(Tier(name="basic", at=0), Tier(name="gold", at=50_000_000)),
            period=Period(kind="quarter"),
        ),
        discounts=(
            DiscountRule(
                name="quiet-hours",
                when=When(categories=(CAFE,), weekdays=WORKDAYS, hour_from=15, hour_to=18),
                discount_bps=2_000,
                max_minor=400_000,
                funder="merchant",
            ),
            DiscountRule(
                name="gold-books",
                when=When(categories=(BOOKSHOP,), tiers=("gold",)),
                discount_bps=1_500,
                funder="shared",
                merchant_share_bps=4_000,
            ),
            DiscountRule(
                name="books",
                when=When(categories=(BOOKSHOP,), amount_min_minor=200_000),
                discount_bps=500,
                funder="club",
            ),
            DiscountRule(
                name="network", when=When(categories=(CAFE,)), discount_bps=300, funder="merchant"
            ),
        ),
        caps=(
            Cap(name="day-discount", of="discount", most=1_000_000, period=DAY),
            Cap(name="month-discount", of="discount", most=5_000_000, period=MONTH),
            Cap(name="day-uses", of="count", most=10, period=DAY),
        ),
        commission_bps=100,
    )
