"""Qarz-al-hasaneh: lent without interest, for a yearly fee on what is still owed.

By the 11-month rule each year's fee is an instalment of its own, the year's first; the plain
12-month way adds it to the year's first instalment. Data only.
"""

from switch.instalments import FeeKind, Terms
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Credit, Fund, InstalmentPlan, Security, Wallet

OPERATIONS = (
    Operation.PURCHASE,
    Operation.WITHDRAWAL,
    Operation.BALANCE,
    Operation.REPAYMENT,
    Operation.DEBT_INQUIRY,
    Operation.SETTLEMENT,
)

LIMIT_MINOR = 500_000_000
FEE_BPS = 400  # a year: the most that is usual


def qarz(programme: int, version: int, club: int, limit_minor: int = LIMIT_MINOR) -> Programme:
    """Give qarz-al-hasaneh as a club's programme."""
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Qarz-al-hasaneh",
        name_fa="قرض‌الحسنه",
        operations=OPERATIONS,
        wallets=(Wallet(name="qarz", unit="money", account_type=30),),
        funding=(Fund(wallet="qarz", earns=False),),
        credit=Credit(
            wallet="qarz",
            limit_minor=limit_minor,
            plans=(
                InstalmentPlan(
                    name="36-months",
                    terms=Terms(count=36, fee=FeeKind.QARZ_11, rate_bps=FEE_BPS),
                ),
                InstalmentPlan(
                    name="60-months",
                    terms=Terms(count=60, fee=FeeKind.QARZ_11, rate_bps=FEE_BPS),
                ),
                InstalmentPlan(
                    name="36-months-plain",
                    terms=Terms(count=36, fee=FeeKind.QARZ_12, rate_bps=FEE_BPS),
                ),
            ),
        ),
        security=Security(pin="if_sent"),
    )
