"""Credit that is paid back in instalments: a limit, and plans that a purchase chooses from.

Data only; knows nothing of how it is decided or where it runs.
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


def credit(programme: int, version: int, club: int, limit_minor: int = LIMIT_MINOR) -> Programme:
    """Give instalment credit as a club's programme; the first plan is whoever says none."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Instalment credit",
        name_fa="اعتبار اقساطی",
        operations=OPERATIONS,
        wallets=(Wallet(name="credit", unit="money", held=True, account_type=30),),
        funding=(Fund(wallet="credit"),),
        credit=Credit(limit_minor=limit_minor, plans=PLANS),
        security=Security(pin="if_sent"),
        commission_bps=300,
        spare_counters=2,
    )
