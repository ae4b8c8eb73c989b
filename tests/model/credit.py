"""Paying later in plain Python: what an operation owes, pays back, settles and tells.

Owns the money that goes with it; what is owed by when is `tests.model.debts`.
"""

from collections.abc import Callable

from switch.reasons import Reason
from switch.rules import Period
from tests.model.book import Posting
from tests.model.debts import Debts, can_split
from tests.model.endings import period_ends_at, start_of
from tests.model.moves import FEES, FLOAT, Moves
from tests.model.pricing import Ask, Priced


def owe(entry: Moves, wallet: str, amount_minor: int, ask: Ask, priced: Priced) -> Priced | Reason:
    """What credit pays is owed by the plan that is asked for, the first if none is."""
    credit = entry.programme.credit
    if credit is None or credit.wallet != wallet or not amount_minor:
        return priced
    asked = ask.terms or 1
    if asked > len(credit.plans):
        return Reason.INSTALMENTS_REFUSED
    plan = credit.plans[asked - 1]
    owed_minor = amount_minor - entry.debts.credit()
    if owed_minor > 0 and not can_split(plan.terms, owed_minor) and not ask.advice:
        return Reason.INSTALMENTS_REFUSED
    rows = entry.debts.owe(asked - 1, amount_minor, entry.place.local_day, entry.seq)
    if not rows:
        return priced
    return priced._replace(
        plan=plan.name,
        instalments=len(rows),
        first_minor=rows[0].principal_minor + rows[0].fee_minor,
        first_ends_s=start_of(rows[0].due_day + 1, entry.place.utc_offset_s),
    )


def telling_debt(entry: Moves, priced: Priced) -> Priced:
    """Say what would end the debt now, and what is due by the end of this month."""
    if entry.programme.credit is None:
        return priced
    month_ends = period_ends_at(
        Period(kind="month"), entry.place.local_day, entry.place.utc_offset_s
    )
    return priced._replace(
        debt_minor=entry.debts.owed(entry.now_s), due_minor=entry.debts.due(month_ends)
    )


def inquire_debt(entry: Moves) -> Priced | Reason:
    if entry.programme.credit is None:
        return Reason.OPERATION_NOT_ALLOWED
    return telling_debt(entry, Priced(0))


def repay(entry: Moves, ask: Ask) -> Priced | Reason:
    """Money pays charges, then the oldest instalments; what is left over is the card's."""
    return _pay_back(
        entry,
        ask.amount_minor,
        lambda debts: debts.pay(ask.amount_minor, entry.place.local_day, entry.seq),
    )


def settle(entry: Moves, ask: Ask) -> Priced | Reason:
    """The debt ends with exactly what ends it."""
    if entry.programme.credit is not None and ask.amount_minor != entry.debts.owed(entry.now_s):
        return Reason.SETTLEMENT_IS_ANOTHER
    return _pay_back(entry, ask.amount_minor, lambda debts: debts.settle(entry.now_s))


def _pay_back(
    entry: Moves, amount_minor: int, pay: Callable[[Debts], tuple[int, int]]
) -> Priced | Reason:
    credit = entry.programme.credit
    if credit is None:
        return Reason.OPERATION_NOT_ALLOWED
    fees, principal = pay(entry.debts)
    entry.post(Posting(FLOAT, FEES, fees))
    entry.post(Posting(FLOAT, entry.wallet(credit.wallet), principal))
    return telling_debt(entry, Priced(amount_minor, told_fee_minor=fees))
