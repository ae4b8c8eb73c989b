"""The guest card: a member gives it to a friend, who pays less with it; the member gets points.

It has no money and no points of its own: what its bearer buys is paid at the till. It works as
often as it says and only once it is linked to its member's card, which is of another programme of
the same shard. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Cap, DiscountRule, Period, Referral


def guest(
    programme: int, version: int, club: int, *, member_programme: int, uses: int = 5
) -> Programme:
    """Give the guest card as a club's programme; its members have cards of `member_programme`."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Guest card",
        name_fa="کارت مهمان",
        operations=(Operation.PURCHASE, Operation.BALANCE),
        wallets=(),
        funding=(),
        cash=True,
        discounts=(
            DiscountRule(
                name="guests-price", discount_bps=1_000, max_minor=1_000_000, funder="merchant"
            ),
        ),
        caps=(Cap(name="uses", of="count", most=uses, period=Period(kind="no end")),),
        referral=Referral(programme=member_programme, points=50),
    )
