"""Membership: valid for a Jalali year, renewed for a fee, with members' prices while it is valid.

The fee is taken at the till or in points, or by itself when the year is over: from the points, or
from a purse that the card then has. What a member buys is paid at the till (from that purse, as far
as it goes) and earns points.
A card that has never been renewed has to be joined with money: points come with membership, so a
version whose fee is in points is for those who have some from the version before. Data only.
"""

from switch.operations import Operation
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Ending, Fund, Membership, Wallet

A_YEAR = Ending(after_months=12)


def membership(
    programme: int,
    version: int,
    club: int,
    *,
    fee_minor: int = 5_000_000,
    fee_points: int = 0,
    renews_itself: bool = False,
) -> Programme:
    """Give membership as a club's programme; its fee is in rials or in points."""
    points = Wallet(name="points", unit="points", dated=True, account_type=60)
    money = Wallet(name="money", unit="money", account_type=0)
    purse = (money,) if renews_itself and not fee_points else ()
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Membership",
        name_fa="عضویت",
        operations=(
            Operation.PURCHASE,
            Operation.RENEWAL,
            Operation.BALANCE,
            Operation.POINTS_BALANCE,
            *((Operation.LOAD,) if purse else ()),
        ),
        wallets=(*purse, points),
        funding=tuple(Fund(wallet=own.name) for own in purse),
        cash=True,
        membership=Membership(
            valid=A_YEAR,
            fee_minor=fee_minor,
            fee_points=fee_points,
            grace_days=30,
            reminder_days=30,
            renews_from=("points" if fee_points else "money") if renews_itself else "",
        ),
        discounts=(DiscountRule(name="members-price", discount_bps=500, funder="merchant"),),
        earning=(
            EarnRule(
                name="members-points", points=1, per_minor=100_000, expires=Ending(after_months=24)
            ),
        ),
    )
