"""A shop whose credit costs something when it is paid late, and saves something when early.

Owns its plans and what is done there by hand; what has to come of it is said by tests.
"""

import msgspec

from issuers.credit import credit
from switch.instalments import FeeKind, Terms
from switch.machine import Account
from switch.programme import Programme
from switch.rules import Credit, InstalmentPlan
from tests.support.shop import NOON_S, Said, Shop

DAY_S = 86_400
TODAY = (NOON_S + 12_600) // DAY_S
PART = 2_500_000

LATE = Terms(
    count=4,
    first_due_months=0,
    late_rate_bps=1_800,
    late_tolerance_days=3,
    late_cap_bps=1_000,
    rebate_bps=200,
)
PROFIT = Terms(count=12, fee=FeeKind.PROFIT_DECLINING, rate_bps=1_800, rebate_bps=100)
PLANS = (
    InstalmentPlan(name="four", terms=LATE),
    InstalmentPlan(name="twelve", terms=PROFIT),
)


def late_credit(version: int = 1, plans: tuple[InstalmentPlan, ...] = PLANS) -> Programme:
    return msgspec.structs.replace(
        credit(1, version, 1), credit=Credit(limit_minor=200_000_000, plans=plans)
    )


def shop() -> Shop:
    return Shop(late_credit())


def buy(here: Shop, amount_minor: int = 4 * PART, card: int = 0) -> Said:
    said = here.send(amount_minor=amount_minor, card=card)
    assert said.code == "00", said.elements
    return said


def pay(here: Shop, amount_minor: int) -> Said:
    said = here.send(code="213000", amount_minor=amount_minor)
    assert said.code == "00", said.elements
    return said


def counted(here: Shop, name: str, card: int = 0) -> int:
    return here.account(card, here.directory.layout_of(1).slot(name))


def club(here: Shop, account: Account) -> int:
    return int(here.core.account(here.core.club_account(1, account & 15))[4])


def wait(here: Shop, days: int) -> None:
    here.now_s += days * DAY_S


def charge(days: int, minor: int = PART) -> int:
    return minor * days * 1_800 // (10_000 * 365)
