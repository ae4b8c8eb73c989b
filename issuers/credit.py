"""Credit that is paid back in instalments: a limit, and plans that a purchase chooses from.

It may have a plan whose good payers get some back when they settle early, and a purse beside the
credit that pays by itself what is due. Data only; knows nothing of how it is decided or where it
runs.
"""

from switch.instalments import FeeKind, Terms
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Credit, Fund, InstalmentPlan, Security, Wallet

OPERATIONS = (
    Operation.PURCHASE,
    Operation.BALANCE,
    Operation.HOLD,
    Operation.REPAYMENT,
    Operation.DEBT_INQUIRY,
    Operation.SETTLEMENT,
)

LIMIT_MINOR = 200_000_000

PLANS = (
    # As members know it: four parts, no fee, the first one at the till.
    InstalmentPlan(name="four", terms=Terms(count=4, first_due_months=0, multiple_minor=10_000)),
    InstalmentPlan(
        name="twelve-18",
        terms=Terms(
            count=12,
            multiple_minor=10_000,
            fee=FeeKind.PROFIT_DECLINING,
            rate_bps=1_800,
        ),
    ),
    # Whoever forgets it for more than five days pays 12 % a year for all of them.
    InstalmentPlan(
        name="next-month",
        terms=Terms(count=1, late_rate_bps=1_200, late_tolerance_days=5, late_cap_bps=1_000),
    ),
)


def for_good_payers(rebate_bps: int) -> InstalmentPlan:
    """Give six parts for 6 %, whenever it ends; of what is paid before its day some goes back."""
    terms = Terms(
        count=6,
        multiple_minor=10_000,
        fee=FeeKind.FLAT_SPREAD,
        rate_bps=600,
        rebate_bps=rebate_bps,
    )
    return InstalmentPlan(name="six-6", terms=terms)


def credit(
    programme: int,
    version: int,
    club: int,
    limit_minor: int = LIMIT_MINOR,
    *,
    rebate_bps: int = 0,
    pays_itself: bool = False,
) -> Programme:
    """Give instalment credit as a club's programme; the first plan is whoever says none.

    With a rebate it has one plan more. `pays_itself`: the card has a purse, too; what is due is
    paid from it day by day, and what the credit does not reach for.
    """
    purse = (Wallet(name="money", unit="money", held=True, account_type=0),) if pays_itself else ()
    good = (for_good_payers(rebate_bps),) if rebate_bps else ()
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Instalment credit",
        name_fa="اعتبار اقساطی",
        operations=(*OPERATIONS, Operation.LOAD) if purse else OPERATIONS,
        wallets=(*purse, Wallet(name="credit", unit="money", held=True, account_type=30)),
        funding=(Fund(wallet="credit"), *(Fund(wallet=own.name) for own in purse)),
        purse="money" if purse else "",
        credit=Credit(
            limit_minor=limit_minor,
            plans=(*PLANS, *good),
            pays_from="money" if purse else "",
        ),
        security=Security(pin="if_sent"),
        commission_bps=300,
        spare_counters=2,
    )
