"""Loyalty: points for what is paid, by merchant, category, level, weekday and hour.

The card has no money: what points do not pay is paid at the till, and earns. Points open when their
rule says and end with the next Jalali year; levels are of the Jalali year's spending and last to
the end of the next one. Data only.
"""

from issuers.purse import BOOKSHOP, CAFE
from switch.operations import Operation
from switch.programme import Programme
from switch.rules import Cap, EarnRule, Ending, Period, Tender, Tier, Tiers, Vouchers, Wallet, When

SATURDAY, SUNDAY, MONDAY, TUESDAY, WEDNESDAY = range(5)
WORKDAYS = (SATURDAY, SUNDAY, MONDAY, TUESDAY, WEDNESDAY)

NEXT_YEARS_END = Ending(period=Period(kind="year"), periods_more=1)


def loyalty(
    programme: int, version: int, club: int, *, partner: str = "", vouchers: int = 0
) -> Programme:
    """Give loyalty as a club's programme. `partner`: the merchant whose own points are triple.

    `vouchers`: the programme whose vouchers of points it takes; 0 = none's.
    """
    by_pin = (Operation.VOUCHER_REDEMPTION,) if vouchers else ()
    return Programme(
        programme=programme,
        version=version,
        club=club,
        name="Loyalty",
        name_fa="وفاداری",
        operations=(
            Operation.PURCHASE,
            Operation.POINTS_PAYMENT,
            Operation.BALANCE,
            Operation.POINTS_BALANCE,
            *by_pin,
        ),
        wallets=(Wallet(name="points", unit="points", dated=True, account_type=60),),
        funding=(),
        cash=True,
        tiers=Tiers(
            levels=(
                Tier(name="blue", at=0),
                Tier(name="silver", at=20_000_000),
                Tier(name="gold", at=100_000_000),
            )
        ),
        earning=(*_partner_rules(partner), *_RULES),
        caps=(Cap(name="month-points", of="earned", most=5_000),),
        tender=Tender(point_value_minor=1_000, points_min=10),
        vouchers=_vouchers(vouchers),
    )


def _vouchers(programme: int) -> Vouchers | None:
    if not programme:
        return None
    return Vouchers(programme=programme, points="points", ends=NEXT_YEARS_END)


def _partner_rules(partner: str) -> tuple[EarnRule, ...]:
    """Points of the partner's own; open tomorrow, so that nobody earns and spends in one visit."""
    if not partner:
        return ()
    rule = EarnRule(
        name="partner",
        when=When(merchants=(partner,)),
        points=3,
        per_minor=10_000,
        available_after_days=1,
        expires=NEXT_YEARS_END,
    )
    return (rule,)


# The first that holds counts: a level never doubles what an hour has doubled already.
_RULES = (
    EarnRule(
        name="quiet-hours",
        when=When(categories=(CAFE,), weekdays=WORKDAYS, hour_from=15, hour_to=18),
        points=4,
        per_minor=10_000,
        points_max=400,
        expires=NEXT_YEARS_END,
    ),
    EarnRule(
        name="gold",
        when=When(tiers=("gold",)),
        points=3,
        per_minor=10_000,
        expires=NEXT_YEARS_END,
    ),
    EarnRule(
        name="silver",
        when=When(tiers=("silver",)),
        points=2,
        per_minor=10_000,
        expires=NEXT_YEARS_END,
    ),
    EarnRule(
        name="books",
        when=When(categories=(BOOKSHOP,), amount_min_minor=500_000),
        points=2,
        per_minor=10_000,
        expires=NEXT_YEARS_END,
    ),
    EarnRule(name="base", points=1, per_minor=10_000, expires=NEXT_YEARS_END),
)
