"""What the clock does with each card of a programme, as steps.

Owns what is done; over which cards and when is `switch.clock_work`. A card with which there is
nothing to do is declined, for whatever reason, and nothing of it is written.
"""

from collections.abc import Callable

from switch.machine import Account, ClockEntry, Op, R, period_code
from switch.plan_cards import carry_on, take_paid
from switch.plan_sales import Sale
from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import Period


def has_work(programme: Programme, entry: ClockEntry) -> bool:
    """Say whether a programme has such clock work."""
    credit, membership = programme.credit, programme.membership
    return {
        ClockEntry.LATE: credit is not None and credit.charges_late(),
        ClockEntry.AUTOPAY: credit is not None and credit.pays_from != "",
        ClockEntry.RENEWAL: membership is not None and membership.renews_from != "",
    }[entry]


def _charge_late(sale: Sale) -> None:
    """What is overdue is charged until today."""
    sale.writer.step(Op.CHARGE_LATE)


def _pay_what_is_due(sale: Sale) -> None:
    """What is due by the end of today is paid from another wallet, as far as that goes."""
    writer, credit = sale.writer, sale.programme.credit
    assert credit is not None
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    writer.set(R.C, period_code(Period(kind="day")))
    writer.step(Op.TELL_DEBT, 0, R.C)
    writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot(credit.pays_from))
    writer.step(Op.MIN, R.A, R.A, R.DUE)
    writer.decline_if_less(R.A, R.ONE, Reason.INSUFFICIENT_FUNDS)
    writer.step(Op.PAY_DEBT, R.A, R.RULE_0)
    take_paid(sale, credit, sale.layout.account(credit.pays_from))


def _renew(sale: Sale) -> None:
    """From its last day on, and in grace, a membership is carried on if its fee is there."""
    writer, membership = sale.writer, sale.programme.membership
    assert membership is not None
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    writer.step(Op.COUNTED, R.C, imm=sale.layout.slot("membership"))
    writer.decline_if_less(R.C, R.ONE, Reason.MEMBERSHIP_ENDED)
    writer.step(Op.LAST_END, R.A, imm=sale.layout.slot("membership"))
    writer.set(R.B, membership.grace_days * 86_400)
    writer.step(Op.SUBTRACT, R.A, R.A, R.B)
    writer.step(Op.DAY_OF, R.B, R.A)
    writer.step(Op.ADD, R.C, R.TODAY, R.ONE)
    writer.decline_if_less(R.C, R.B, Reason.OPERATION_NOT_ALLOWED)
    carry_on(sale, membership)
    source = sale.layout.account(membership.renews_from)
    reason, target = Reason.INSUFFICIENT_FUNDS, Account.CLUB_FEES
    if membership.fee_points:
        reason, target = Reason.INSUFFICIENT_POINTS, Account.CLUB_POINTS_REDEEMED
    writer.set(R.FEE, membership.fee_points or membership.fee_minor)
    writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot(membership.renews_from))
    writer.decline_if_less(R.A, R.FEE, reason)
    writer.move(R.FEE, source, target)


CLOCK_WORK: dict[ClockEntry, Callable[[Sale], None]] = {
    ClockEntry.LATE: _charge_late,
    ClockEntry.AUTOPAY: _pay_what_is_due,
    ClockEntry.RENEWAL: _renew,
}
