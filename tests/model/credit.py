"""Paying later in plain Python: what an operation owes, pays back, settles and tells.

Owns the money that goes with it; what is owed by when is `tests.model.debts`.
"""

from switch.reasons import Reason
from switch.rules import Credit, Period
from tests.model.book import Account, Posting
from tests.model.debts import Paid, can_split
from tests.model.endings import period_ends_at, start_of
from tests.model.late import LATE_CHARGES
from tests.model.moves import DISCOUNTS, FLOAT, Moves
from tests.model.owed import FEES
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
    rows = entry.debts.owe(asked - 1, amount_minor, entry.seq)
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
        debt_minor=entry.debts.owed(),
        due_minor=entry.debts.due(month_ends),
        rebate_minor=entry.debts.rebate(),
    )


def inquire_debt(entry: Moves) -> Priced | Reason:
    if entry.programme.credit is None:
        return Reason.OPERATION_NOT_ALLOWED
    return telling_debt(entry, Priced(0))


def repay(entry: Moves, ask: Ask) -> Priced | Reason:
    """Money pays charges, then the oldest instalments; what is left over is the card's."""
    if entry.programme.credit is None:
        return Reason.OPERATION_NOT_ALLOWED
    paid = entry.debts.pay(ask.amount_minor, entry.seq)
    return _paid_back(entry, entry.programme.credit, ask.amount_minor, paid)


def settle(entry: Moves, ask: Ask) -> Priced | Reason:
    """The debt ends with exactly what ends it; a good payer pays less."""
    if entry.programme.credit is None:
        return Reason.OPERATION_NOT_ALLOWED
    if ask.amount_minor != entry.debts.owed():
        return Reason.SETTLEMENT_IS_ANOTHER
    paid = entry.debts.settle(entry.seq)
    priced = _paid_back(entry, entry.programme.credit, ask.amount_minor, paid)
    return priced._replace(rebate_minor=paid.rebate)


def _paid_back(entry: Moves, credit: Credit, amount_minor: int, paid: Paid) -> Priced:
    _take_paid(entry, credit, paid, FLOAT)
    entry.post(Posting(DISCOUNTS, entry.wallet(credit.wallet), paid.rebate))
    return telling_debt(entry, Priced(amount_minor, told_fee_minor=paid.fees + paid.late))


def _take_paid(entry: Moves, credit: Credit, paid: Paid, source: Account) -> None:
    entry.post(Posting(source, FEES, paid.fees))
    entry.post(Posting(source, LATE_CHARGES, paid.late))
    entry.post(Posting(source, entry.wallet(credit.wallet), paid.principal - paid.rebate))


def pay_by_itself(entry: Moves) -> str:
    """What is due by the end of today is paid from a wallet, as far as it goes; says how far."""
    credit = entry.programme.credit
    assert credit is not None
    day_ends = start_of(entry.place.local_day + 1, entry.place.utc_offset_s)
    due = entry.debts.due(day_ends)
    amount = min(due, entry.spendable(credit.pays_from))
    if not amount:
        return "nothing there" if due else ""
    paid = entry.debts.pay(amount, entry.seq)
    _take_paid(entry, credit, paid, entry.wallet(credit.pays_from))
    return "whole" if amount == due else "in part"
