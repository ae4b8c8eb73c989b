"""What a card can do beside paying, as steps: be sold, renewed, emptied, vouch for things.

Owns these operations; what selling takes is `plan_sales`.
"""

from collections.abc import Callable

from switch.machine import NO_SLOT, Account, Op, R, Writer, ending_code, period_code
from switch.operations import Operation
from switch.plan_sales import (
    Sale,
    below_balance_limit,
    enter_wallet,
    need_activation,
    need_membership,
)
from switch.programme import CHARGED
from switch.reasons import Reason
from switch.rules import Credit, Ending, Membership, Period

LOT_SECOND_MAX = 0xFFFF_FFFF  # Unix seconds of lots have 32 bits


def _begin(writer: Writer) -> None:
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)


def _activate(sale: Sale) -> None:
    """The till has taken the money, so the merchant owes it to the wallet; it earns nothing."""
    writer, activation = sale.writer, sale.programme.activation
    _begin(writer)
    if activation is None:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    counter = sale.layout.account("activated")
    writer.step(Op.COUNTED, R.A, imm=sale.layout.slot("activated"))
    if not activation.again:
        writer.step(Op.LAST_END, R.B, imm=sale.layout.slot("activated"))
        writer.step(Op.ADD, R.A, R.A, R.B)
        writer.step(Op.SUBTRACT, R.B, R.ONE, R.A)
        writer.decline_if_less(R.B, R.ONE, Reason.CARD_ALREADY_ACTIVATED)
    if activation.most_minor:
        writer.set(R.C, activation.most_minor)
        writer.decline_if_less(R.C, R.AMOUNT, Reason.ABOVE_TRANSACTION_LIMIT)
    if sale.programme.stock is not None:
        writer.decline_if_less(R.AMOUNT, R.PRICE, Reason.VOUCHER_PRICE_IS_ANOTHER)
        writer.decline_if_less(R.PRICE, R.AMOUNT, Reason.VOUCHER_PRICE_IS_ANOTHER)
    writer.set(R.LOT_AVAILABLE_AT, 0)
    writer.set(R.C, ending_code(activation.ends))
    writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.C, R.TODAY)
    writer.step(Op.COPY, R.UNTIL, R.LOT_EXPIRES_AT)
    writer.move_new_lot(R.ONE, Account.CLUB_COUNTS, counter, any_version=True)
    of_points = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.VOUCHER_POINTS)
    below_balance_limit(sale, activation.wallet)
    enter_wallet(sale, activation.wallet, R.AMOUNT, Account.MERCHANT)
    of_money = writer.jump(Op.JUMP)
    writer.land(of_points)
    if sale.programme.stock is not None and sale.programme.stock.points:
        # The club is paid for points now, and pays whoever takes them later.
        writer.move(R.AMOUNT, Account.MERCHANT, Account.CLUB_POINTS_PAID)
        target = sale.layout.account(sale.programme.stock.points)
        writer.move_new_lot(R.VOUCHER_POINTS, Account.CLUB_POINTS_ISSUED, target, any_version=False)
    writer.land(of_money)
    writer.step(Op.COPY, R.NET, R.AMOUNT)


def _redeem(sale: Sale) -> None:
    """All that the voucher is worth enters the card: LINKED_CARD is the voucher, found by its PIN.

    It earns nothing and counts for nothing, as it was neither bought nor earned with this card.
    """
    writer, vouchers = sale.writer, sale.programme.vouchers
    _begin(writer)
    if vouchers is None:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    need_activation(sale)
    need_membership(sale)
    assert sale.voucher is not None
    for unit, register, wallet, club in (
        ("money", R.AMOUNT, vouchers.money, Account.CLUB_FLOAT),
        ("points", R.VOUCHER_POINTS, vouchers.points, Account.CLUB_POINTS_ISSUED),
    ):
        slot = sale.voucher.first_of(unit)
        writer.set(register, 0)
        if slot == NO_SLOT:
            continue
        writer.step(Op.LINKED_SPENDABLE, register, imm=slot)
        if not wallet:
            writer.decline_if_less(R.ZERO, register, Reason.OPERATION_NOT_ALLOWED)
            continue
        source = Account.LINKED_CARD + slot
        if sale.layout.slots[sale.layout.slot(wallet)].dated:
            # By way of the club: a move keeps its lot, and this one is to end by other terms.
            writer.set(R.LOT_AVAILABLE_AT, 0)
            writer.set(R.C, ending_code(vouchers.ends))
            writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.C, R.TODAY)
            writer.move(register, source, club)
            source = club
        if unit == "money":
            nothing = writer.jump(Op.JUMP_IF_LESS, register, R.ONE)
            below_balance_limit(sale, wallet)
            writer.land(nothing)
        enter_wallet(sale, wallet, register, source)
    writer.step(Op.COPY, R.NET, R.AMOUNT)


def _withdraw(sale: Sale) -> None:
    """What is in the purse is paid out at the till."""
    writer, wallet = sale.writer, sale.programme.loaded()
    _begin(writer)
    need_activation(sale)
    if not wallet:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    if most := sale.programme.limits.transaction_minor_max:
        writer.set(R.C, most)
        writer.decline_if_less(R.C, R.AMOUNT, Reason.ABOVE_TRANSACTION_LIMIT)
    writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot(wallet))
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    writer.decline_if_less(R.A, R.AMOUNT, Reason.INSUFFICIENT_FUNDS)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    writer.step(Op.COPY, R.MONEY, R.AMOUNT)
    writer.move(R.AMOUNT, sale.layout.account(wallet), Account.MERCHANT)
    if sale.programme.credit is not None and sale.programme.credit.wallet == wallet:
        writer.step(Op.OWE, R.AMOUNT)


def _renew(sale: Sale) -> None:
    """A membership begins, or is carried on from its end; grace does not shift it."""
    writer, membership = sale.writer, sale.programme.membership
    _begin(writer)
    if membership is None:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    carry_on(sale, membership)
    writer.set(R.AMOUNT, 0)
    writer.set(R.FEE, membership.fee_minor)
    writer.move(R.FEE, Account.MERCHANT, Account.CLUB_FEES)
    if membership.fee_points:
        writer.set(R.POINTS, membership.fee_points)
        writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot("points"))
        writer.decline_if_less(R.A, R.POINTS, Reason.INSUFFICIENT_POINTS)
        writer.move(R.POINTS, sale.layout.account("points"), Account.CLUB_POINTS_REDEEMED)


def carry_on(sale: Sale, membership: Membership) -> None:
    """Open the next membership: from the last one's end, or from today if that is over."""
    writer = sale.writer
    grace_s = membership.grace_days * 86_400
    writer.step(Op.LAST_END, R.A, imm=sale.layout.slot("membership"))
    writer.set(R.B, grace_s)
    writer.step(Op.SUBTRACT, R.A, R.A, R.B)
    writer.step(Op.DAY_OF, R.B, R.A)
    # In grace, too: else whoever always waits has thirteen months for a year's fee.
    writer.step(Op.COUNTED, R.C, imm=sale.layout.slot("membership"))
    valid = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.C)
    writer.step(Op.MAX, R.B, R.B, R.TODAY)
    writer.land(valid)
    # A day begins where the one before it ends: what carries on begins on the day of the end. The
    # day is kept of what begins today, too: it is what all that carry it on are counted from.
    writer.set(R.C, ending_code(Ending(after_days=1)))
    writer.step(Op.END_OF, R.LOT_AVAILABLE_AT, R.C, R.B)
    writer.set(R.C, 2 * 86_400)
    writer.step(Op.SUBTRACT, R.LOT_AVAILABLE_AT, R.LOT_AVAILABLE_AT, R.C)
    writer.set(R.C, ending_code(membership.valid))
    carried_on = grace_s << 8 | sale.layout.slot("membership") + 1
    writer.step(Op.END_OF, R.UNTIL, R.C, R.B, imm=carried_on)
    if membership.valid.period is None:
        # A year from the 5th ends with the 4th: the next one begins on the same day again. Not the
        # year from the day before: of a month's first that is another month's last.
        writer.set(R.B, 86_400)
        writer.step(Op.SUBTRACT, R.UNTIL, R.UNTIL, R.B)
    writer.set(R.B, grace_s)
    writer.step(Op.ADD, R.LOT_EXPIRES_AT, R.UNTIL, R.B)
    # Renewed so often that it would end after 2106, or beyond what calendars know.
    writer.decline_if_less(R.UNTIL, R.ONE, Reason.OPERATION_NOT_ALLOWED)
    writer.set(R.C, LOT_SECOND_MAX)
    writer.decline_if_less(R.C, R.LOT_EXPIRES_AT, Reason.OPERATION_NOT_ALLOWED)
    writer.move_new_lot(
        R.ONE, Account.CLUB_COUNTS, sale.layout.account("membership"), any_version=True
    )


def _find_item(sale: Sale) -> None:
    """RULE_0 to RULE_2: what is left of the item's claims, its end and its beginning."""
    writer = sale.writer
    _begin(writer)
    writer.set(R.AMOUNT, 0)
    if sale.programme.items is None:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    need_membership(sale)
    writer.decline_if_less(R.ITEM, R.ONE, Reason.ITEM_MISSING)
    writer.step(Op.FIND_LOT, R.RULE_0, imm=sale.layout.slot("items"))


def _register_item(sale: Sale) -> None:
    """A warranty begins today."""
    writer, items = sale.writer, sale.programme.items
    _find_item(sale)
    if items is None:
        return
    writer.step(Op.SUBTRACT, R.A, R.ONE, R.RULE_0)
    writer.decline_if_less(R.A, R.ONE, Reason.ITEM_KNOWN)
    # Below zero: it was claimed, then its registration was undone. The claim stands and keeps it.
    writer.decline_if_less(R.RULE_0, R.ZERO, Reason.ITEM_KNOWN)
    writer.set(R.A, items.claims + 1)
    writer.set(R.LOT_AVAILABLE_AT, 0)
    writer.set(R.C, ending_code(items.term))
    writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.C, R.TODAY)
    writer.step(Op.COPY, R.UNTIL, R.LOT_EXPIRES_AT)
    writer.step(Op.MOVE_ITEM, R.A, Account.CLUB_COUNTS, sale.layout.account("items"))


def _inquire_item(sale: Sale) -> None:
    """Until when an item is vouched for; a term that is over is told, too."""
    writer = sale.writer
    _find_item(sale)
    if sale.programme.items is not None:
        writer.decline_if_less(R.RULE_0, R.ONE, Reason.ITEM_UNKNOWN)
        writer.step(Op.COPY, R.UNTIL, R.RULE_1)


def _claim_item(sale: Sale) -> None:
    """One claim less is left; the last of its counts stays, so that the item stays known."""
    writer = sale.writer
    _find_item(sale)
    if sale.programme.items is None:
        return
    writer.decline_if_less(R.RULE_0, R.ONE, Reason.ITEM_UNKNOWN)
    never = writer.jump(Op.JUMP_IF_ZERO, R.RULE_1)
    writer.step(Op.DAY_OF, R.B, R.RULE_1)
    writer.step(Op.ADD, R.A, R.TODAY, R.ONE)
    writer.decline_if_less(R.B, R.A, Reason.ITEM_TERM_ENDED)
    writer.land(never)
    writer.step(Op.SUBTRACT, R.A, R.RULE_0, R.ONE)
    writer.decline_if_less(R.A, R.ONE, Reason.ITEM_CLAIMED)
    writer.step(Op.COPY, R.UNTIL, R.RULE_1)
    writer.step(Op.COPY, R.LOT_EXPIRES_AT, R.RULE_1)
    writer.step(Op.COPY, R.LOT_AVAILABLE_AT, R.RULE_2)
    writer.step(Op.MOVE_ITEM, R.ONE, sale.layout.account("items"), Account.CLUB_COUNTS)


def tell_debt(sale: Sale) -> None:
    """OWED, and DUE by the end of this month."""
    sale.writer.set(R.C, period_code(Period(kind="month")))
    sale.writer.step(Op.TELL_DEBT, 0, R.C)


def _has_credit(sale: Sale) -> Credit | None:
    """Begin; decline for a card without credit."""
    _begin(sale.writer)
    if sale.programme.credit is None:
        sale.writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
    return sale.programme.credit


def take_paid(sale: Sale, credit: Credit, source: int) -> None:
    """Move what PAY_DEBT says: RULE_0 of fees, RULE_1 of principal, RULE_2 for being late."""
    writer = sale.writer
    writer.step(Op.ADD, R.FEE, R.RULE_0, R.RULE_2)
    writer.move(R.RULE_0, source, Account.CLUB_FEES)
    writer.move(R.RULE_1, source, sale.layout.account(credit.wallet))
    if sale.layout.has(CHARGED):  # or a version before this one has charged
        writer.move(R.RULE_2, source, Account.CLUB_LATE_CHARGES)


def _repay(sale: Sale) -> None:
    """Money pays charges, then the oldest instalments; more than is owed is the card's credit."""
    writer, credit = sale.writer, _has_credit(sale)
    if credit is None:
        return
    writer.step(Op.PAY_DEBT, R.AMOUNT, R.RULE_0)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    take_paid(sale, credit, Account.CLUB_FLOAT)
    tell_debt(sale)


def _inquire_debt(sale: Sale) -> None:
    """What ends the debt now, and what is due by the end of this month."""
    if _has_credit(sale) is not None:
        sale.writer.set(R.AMOUNT, 0)
        tell_debt(sale)


def _settle(sale: Sale) -> None:
    """The whole debt is paid: exactly what an inquiry tells. Fees of times to come are not owed."""
    writer, credit = sale.writer, _has_credit(sale)
    if credit is None:
        return
    tell_debt(sale)
    writer.decline_if_less(R.AMOUNT, R.OWED, Reason.SETTLEMENT_IS_ANOTHER)
    writer.decline_if_less(R.OWED, R.AMOUNT, Reason.SETTLEMENT_IS_ANOTHER)
    writer.step(Op.SETTLE_DEBT, 0, R.RULE_0)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    writer.step(Op.SUBTRACT, R.RULE_1, R.RULE_1, R.RULE_3)
    take_paid(sale, credit, Account.CLUB_FLOAT)
    writer.move(R.RULE_3, Account.CLUB_DISCOUNTS, sale.layout.account(credit.wallet))
    writer.set(R.OWED, 0)
    writer.set(R.DUE, 0)


CARD_OPERATIONS: dict[Operation, Callable[[Sale], None]] = {
    Operation.ACTIVATION: _activate,
    Operation.VOUCHER_REDEMPTION: _redeem,
    Operation.WITHDRAWAL: _withdraw,
    Operation.RENEWAL: _renew,
    Operation.ITEM_REGISTRATION: _register_item,
    Operation.ITEM_INQUIRY: _inquire_item,
    Operation.ITEM_CLAIM: _claim_item,
    Operation.REPAYMENT: _repay,
    Operation.SETTLEMENT: _settle,
    Operation.DEBT_INQUIRY: _inquire_debt,
}
