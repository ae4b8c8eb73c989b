"""What selling takes, as steps: limits, tier, discount, points, wallets, postings, earning, counts.

Owns the order in which a purchase, a hold or a load is decided. Must not know rule tables beyond
their numbers: `switch.plan` makes them.
"""

from collections.abc import Callable

import msgspec

from switch.machine import Account, Layout, Op, R, Writer, ending_code
from switch.operations import Operation
from switch.plan_bounds import Bounds
from switch.programme import Programme
from switch.reasons import Reason
from switch.units import BPS

DISCOUNTS, EARNING = 0, 1  # rule tables


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps of one programme are written with."""

    writer: Writer
    programme: Programme
    layout: Layout
    earned_terms: int  # rule table of who pays for points; -1: the club for all
    fund_tables: tuple[int, ...]  # of each wallet that pays; -1: it always may
    linked: Layout | None  # of the cards that a referral rewards
    voucher: Layout | None  # of the vouchers that are redeemed

    @property
    def bounds(self) -> Bounds:
        """Give its caps and budgets."""
        return Bounds(writer=self.writer, programme=self.programme, layout=self.layout)

    def tier(self) -> None:
        """TIER: how many levels are reached by the most that a period has seen."""
        tiers = self.programme.tiers
        writer = self.writer
        if tiers is None:
            return
        writer.step(Op.LARGEST_LOT, R.A, imm=self.layout.slot("tier"))
        reached = []
        for number, level in enumerate(tiers.levels[1:], start=1):
            writer.set(R.C, level.at)
            reached.append(writer.jump(Op.JUMP_IF_LESS, R.A, R.C))
            writer.set(R.TIER, number)
        writer.land(*reached)


def purchase(sale: Sale, *, points_only: bool) -> None:
    """Money to the merchant, points to the club, what the club funds, commission, and earning."""
    writer = sale.writer
    _may_pay(sale)
    _discount(sale)
    _points(sale, points_only=points_only)
    _funds(sale, partial=not points_only)
    _name_bound(sale)
    given = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.DISCOUNT)
    # Less than a unit of discount is none: no rule and no funder are named for it.
    writer.set(R.FUNDER, 0)
    writer.set(R.DISCOUNT_RULE, 0)
    writer.land(given)
    _pay(sale)
    _commission(sale)
    _earn(sale)
    _refer(sale)
    _count(sale, R.EARNING)
    if sale.programme.membership is not None:
        tell_membership(sale, sale.programme.membership.reminder_days)


def _name_bound(sale: Sale) -> None:
    """BOUND names what has lowered the discount; not one that it did not reach."""
    if not any(bound.of == "discount" for bound in sale.programme.bounds()):
        return
    writer = sale.writer
    writer.step(Op.BPS_FLOOR, R.A, R.AMOUNT, R.GROSS_BPS)
    lowered = writer.jump(Op.JUMP_IF_LESS, R.GROSS_MAX, R.A)
    writer.set(R.BOUND, 0)
    writer.land(lowered)


def hold(sale: Sale, seconds: int) -> None:
    """Reserve the whole amount; discount and earning come with the completion."""
    writer = sale.writer
    _may_pay(sale)
    writer.set(R.GROSS_BPS, 0)
    writer.set(R.GROSS_MAX, 0)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    _points(sale, points_only=False)
    _funds(sale, partial=True)
    for at, fund in enumerate(sale.programme.funding):
        writer.move(R.PART + at, sale.layout.account(fund.wallet), sale.layout.held(fund.wallet))
    if sale.programme.tender is not None:
        writer.move(R.POINTS, sale.layout.account("points"), sale.layout.held("points"))
    writer.set(R.HOLD_SECONDS, seconds)
    _count(sale, None)


def load(sale: Sale) -> None:
    """Money enters the purse; it earns nothing."""
    writer, limits = sale.writer, sale.programme.limits
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    wallet = sale.programme.loaded()
    if not wallet:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    need_activation(sale)
    need_membership(sale)
    if limits.transaction_minor_max:
        writer.set(R.C, limits.transaction_minor_max)
        writer.decline_if_less(R.C, R.AMOUNT, Reason.ABOVE_TRANSACTION_LIMIT)
    below_balance_limit(sale, wallet)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    activation = sale.programme.activation
    if activation is not None and activation.wallet == wallet:
        writer.set(R.C, ending_code(activation.ends))
        writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.C, R.TODAY)
    enter_wallet(sale, wallet, R.AMOUNT, Account.CLUB_FLOAT)


def enter_wallet(sale: Sale, wallet: str, register: int, source: int) -> None:
    """Put money into a wallet; into one that is dated with the terms that LOT_… say."""
    slot = sale.layout.slots[sale.layout.slot(wallet)]
    target = sale.layout.account(wallet)
    if slot.dated:
        sale.writer.move_new_lot(register, source, target, any_version=False)
    else:
        sale.writer.move(register, source, target)


def below_balance_limit(sale: Sale, wallet: str) -> None:
    """Decline what would leave more in a wallet than a card may have."""
    writer, most = sale.writer, sale.programme.limits.balance_minor_max
    if not most:
        return
    slot = sale.layout.slot(wallet)
    writer.step(Op.BALANCE, R.A, imm=slot)
    if any(w.name == wallet and w.held for w in sale.programme.wallets):
        writer.step(Op.BALANCE, R.B, imm=slot + 1)
        writer.step(Op.ADD, R.A, R.A, R.B)
    writer.step(Op.ADD, R.A, R.A, R.AMOUNT)
    writer.set(R.C, most)
    writer.decline_if_less(R.C, R.A, Reason.ABOVE_BALANCE_LIMIT)


def need_activation(sale: Sale) -> None:
    """Decline for a card that has not been sold, or whose time is over."""
    if sale.programme.activation is not None:
        sale.writer.step(Op.COUNTED, R.A, imm=sale.layout.slot("activated"))
        sale.writer.decline_if_less(R.A, R.ONE, Reason.CARD_NOT_ACTIVATED)


def need_membership(sale: Sale) -> None:
    """Decline for a card whose membership has not begun or is over, grace included."""
    if sale.programme.membership is not None:
        sale.writer.step(Op.COUNTED, R.A, imm=sale.layout.slot("membership"))
        sale.writer.decline_if_less(R.A, R.ONE, Reason.MEMBERSHIP_ENDED)


def tell_membership(sale: Sale, days: int) -> None:
    """UNTIL: the membership's end, grace left out, if it is at most so many days away."""
    writer, membership = sale.writer, sale.programme.membership
    if membership is None:
        return
    writer.step(Op.LAST_END, R.A, imm=sale.layout.slot("membership"))
    never = writer.jump(Op.JUMP_IF_ZERO, R.A)
    writer.set(R.B, membership.grace_days * 86_400)
    writer.step(Op.SUBTRACT, R.A, R.A, R.B)
    writer.step(Op.DAY_OF, R.B, R.A)
    writer.set(R.C, days)
    writer.step(Op.ADD, R.C, R.C, R.TODAY)
    far_away = writer.jump(Op.JUMP_IF_LESS, R.C, R.B)
    writer.step(Op.COPY, R.UNTIL, R.A)
    writer.land(never, far_away)


def _may_pay(sale: Sale) -> None:
    """Validity, bounds of one message and of the card's periods; an advice has happened already."""
    writer, limits = sale.writer, sale.programme.limits
    bounds = (
        (R.AMOUNT, limits.transaction_minor_max, Reason.ABOVE_TRANSACTION_LIMIT),
        (R.A, limits.day_minor_max, Reason.ABOVE_DAY_AMOUNT),
        (R.B, limits.day_count_max, Reason.ABOVE_DAY_COUNT),
    )
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    is_request = writer.jump(Op.JUMP_IF_ZERO, R.ADVICE)
    is_advice = writer.jump(Op.JUMP)
    writer.land(is_request)
    need_activation(sale)
    need_membership(sale)
    if sale.programme.referral is not None:
        writer.decline_if_less(R.LINKED, R.ONE, Reason.CARD_NOT_LINKED)
    writer.step(Op.ADD, R.A, R.DAY_SPENT, R.AMOUNT)
    writer.step(Op.ADD, R.B, R.DAY_COUNT, R.ONE)
    for register, bound, reason in bounds:
        if bound:
            writer.set(R.C, bound)
            writer.decline_if_less(R.C, register, reason)
    sale.bounds.decline_above()
    writer.land(is_advice)


def _discount(sale: Sale) -> None:
    """DISCOUNT, FUNDER and NET of AMOUNT, by the first discount rule that holds."""
    writer = sale.writer
    writer.step(Op.RULE, R.RULE_0, R.DISCOUNT_RULE, imm=DISCOUNTS)
    writer.step(Op.COPY, R.GROSS_BPS, R.RULE_0)
    writer.step(Op.COPY, R.GROSS_MAX, R.RULE_1)
    writer.step(Op.COPY, R.SHARE, R.RULE_3)
    sale.bounds.give_no_more("discount", R.GROSS_MAX, R.BOUND, R.DISCOUNT_RULE, R.SHARE)
    writer.step(Op.BPS_FLOOR, R.DISCOUNT, R.AMOUNT, R.GROSS_BPS)
    writer.step(Op.MIN, R.DISCOUNT, R.DISCOUNT, R.GROSS_MAX)
    writer.step(Op.COPY, R.FUNDER, R.RULE_2)
    writer.step(Op.SUBTRACT, R.NET, R.AMOUNT, R.DISCOUNT)


def _points(sale: Sale, *, points_only: bool) -> None:
    """POINTS, POINTS_VALUE and REST of NET.

    A points payment without a bound takes the whole from points or declines; else points pay up to
    POINTS_LIMIT, as many as there are and as the net amount needs, and money the rest.
    """
    writer, tender = sale.writer, sale.programme.tender
    writer.set(R.POINTS, 0)
    writer.set(R.POINTS_VALUE, 0)
    writer.step(Op.COPY, R.REST, R.NET)
    if tender is None:
        if points_only:
            writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    writer.set(R.C, tender.point_value_minor)
    writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot("points"))
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    bounded = []
    if points_only:
        unbounded = writer.jump(Op.JUMP_IF_LESS, R.POINTS_LIMIT, R.ZERO)
        bounded.append(writer.jump(Op.JUMP))
        writer.land(unbounded)
        writer.step(Op.DIVIDE_CEIL, R.POINTS, R.NET, R.C)
        writer.decline_if_less(R.A, R.POINTS, Reason.INSUFFICIENT_POINTS)
        writer.step(Op.COPY, R.POINTS_VALUE, R.NET)
        done = [writer.jump(Op.JUMP)]
    else:
        done = [writer.jump(Op.JUMP_IF_LESS, R.POINTS_LIMIT, R.ONE)]
    writer.land(*bounded)
    writer.step(Op.DIVIDE_FLOOR, R.POINTS, R.NET, R.C)
    writer.step(Op.MIN, R.POINTS, R.POINTS, R.A)
    writer.step(Op.MIN, R.POINTS, R.POINTS, R.POINTS_LIMIT)
    writer.set(R.B, tender.points_min)
    enough = writer.jump(Op.JUMP_IF_LESS, R.POINTS, R.B)
    writer.step(Op.MULTIPLY, R.POINTS_VALUE, R.POINTS, R.C)
    over = writer.jump(Op.JUMP)
    writer.land(enough)
    writer.set(R.POINTS, 0)
    writer.land(over, *done)
    writer.step(Op.SUBTRACT, R.REST, R.NET, R.POINTS_VALUE)


def _funds(sale: Sale, *, partial: bool) -> None:
    """Have the wallets pay REST in their order, or less of everything where that can be taken."""
    writer, programme = sale.writer, sale.programme
    _take_turns(sale)
    if programme.cash:
        writer.step(Op.COPY, R.CASH, R.REST)
        return
    covered = writer.jump(Op.JUMP_IF_ZERO, R.REST)
    beyond = _beyond(sale)
    if partial:
        # Only money, some of it there, and a terminal that can take less; else decline.
        writer.decline_if_less(R.PARTIAL_OK, R.ONE, Reason.INSUFFICIENT_FUNDS)
        writer.decline_if_less(R.MONEY, R.ONE, Reason.INSUFFICIENT_FUNDS)
        writer.step(Op.SUBTRACT, R.B, R.ONE, R.POINTS)
        writer.decline_if_less(R.B, R.ONE, Reason.INSUFFICIENT_FUNDS)
        # AMOUNT is what conditions look at: it stays what was asked for until wallets have paid.
        writer.step(Op.GROSS_OF_NET, R.C, R.MONEY, R.GROSS_BPS)
        writer.step(Op.ADD, R.B, R.MONEY, R.GROSS_MAX)
        undiscounted = writer.jump(Op.JUMP_IF_ZERO, R.DISCOUNT_RULE)
        writer.step(Op.MIN, R.C, R.C, R.B)
        writer.land(undiscounted)
        writer.step(Op.BPS_FLOOR, R.DISCOUNT, R.C, R.GROSS_BPS)
        writer.step(Op.MIN, R.DISCOUNT, R.DISCOUNT, R.GROSS_MAX)
        writer.step(Op.SUBTRACT, R.NET, R.C, R.DISCOUNT)
        writer.step(Op.COPY, R.REST, R.NET)
        _take_turns(sale)
        writer.step(Op.COPY, R.AMOUNT, R.C)
    else:
        writer.decline_if_less(R.ZERO, R.ONE, Reason.INSUFFICIENT_FUNDS)
    writer.land(covered, *beyond)


def _take_turns(sale: Sale) -> None:
    """PART, MONEY and EARNING of each wallet, as far as it goes; REST is what none pays."""
    writer = sale.writer
    writer.set(R.MONEY, 0)
    writer.set(R.EARNING, 0)
    for at, fund in enumerate(sale.programme.funding):
        part = R.PART + at
        writer.set(part, 0)
        skipped = []
        if sale.fund_tables[at] >= 0:
            writer.step(Op.RULE, R.RULE_0, R.A, imm=sale.fund_tables[at])
            skipped.append(writer.jump(Op.JUMP_IF_ZERO, R.RULE_0))
        writer.step(Op.SPENDABLE, part, imm=sale.layout.slot(fund.wallet))
        # A wallet in debt has nothing, but what takes nothing from it does not fail for that.
        writer.step(Op.MAX, part, part, R.ZERO)
        writer.step(Op.MIN, part, part, R.REST)
        writer.step(Op.SUBTRACT, R.REST, R.REST, part)
        writer.step(Op.ADD, R.MONEY, R.MONEY, part)
        if fund.earns:
            writer.step(Op.ADD, R.EARNING, R.EARNING, part)
        writer.land(*skipped)


def _last_to_pay(sale: Sale) -> tuple[int, bool]:
    """Give the place of the wallet that what has happened is taken from, and if it is dated.

    The last plain one, beyond its floor; of a card that has none the last one, which then owes it.
    """
    dated = [
        sale.layout.slots[sale.layout.slot(fund.wallet)].dated for fund in sale.programme.funding
    ]
    plain = [at for at, is_dated in enumerate(dated) if not is_dated]
    return (plain[-1], False) if plain else (len(dated) - 1, True)


def _beyond(sale: Sale) -> list[int]:
    """What has happened already is paid, whatever the wallets have."""
    writer, programme = sale.writer, sale.programme
    if not programme.funding:
        return []
    last, owes = _last_to_pay(sale)
    is_advice = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.ADVICE)
    is_request = writer.jump(Op.JUMP)
    writer.land(is_advice)
    part = R.PART + last
    if owes:
        writer.step(Op.COPY, R.OVERDRAWN, R.REST)
    else:
        writer.step(Op.ADD, part, part, R.REST)
    writer.step(Op.ADD, R.MONEY, R.MONEY, R.REST)
    if programme.funding[last].earns:
        writer.step(Op.ADD, R.EARNING, R.EARNING, R.REST)
    writer.set(R.REST, 0)
    paid = writer.jump(Op.JUMP)
    writer.land(is_request)
    return [paid]


def _pay(sale: Sale) -> None:
    """The merchant gets the money, what points are worth, and what the club gives."""
    writer, layout = sale.writer, sale.layout
    credit = sale.programme.credit
    for at, fund in enumerate(sale.programme.funding):
        writer.move(R.PART + at, layout.account(fund.wallet), Account.MERCHANT)
        if credit is not None and credit.wallet == fund.wallet:
            writer.step(Op.OWE, R.PART + at)
    _overdraw(sale)
    if sale.programme.tender is not None or sale.programme.pricing:
        writer.move(R.POINTS, layout.account("points"), Account.CLUB_POINTS_REDEEMED)
        writer.move(R.POINTS_VALUE, Account.CLUB_POINTS_PAID, Account.MERCHANT)
    writer.step(Op.BPS_FLOOR, R.CLUB_PAYS, R.DISCOUNT, R.SHARE)
    writer.step(Op.SUBTRACT, R.CLUB_PAYS, R.DISCOUNT, R.CLUB_PAYS)
    writer.move(R.CLUB_PAYS, Account.CLUB_DISCOUNTS, Account.MERCHANT)


def _overdraw(sale: Sale) -> None:
    """OVERDRAWN leaves the last dated wallet in a lot below zero, which the next money fills."""
    writer = sale.writer
    if sale.programme.pricing or not sale.programme.funding or sale.programme.cash:
        return
    last, owes = _last_to_pay(sale)
    if not owes:
        return
    wallet = sale.layout.account(sale.programme.funding[last].wallet)
    writer.set(R.LOT_AVAILABLE_AT, 0)
    writer.set(R.LOT_EXPIRES_AT, 0)
    writer.move_new_lot(R.OVERDRAWN, wallet, Account.MERCHANT, any_version=False)
    writer.step(Op.ADD, R.PART + last, R.PART + last, R.OVERDRAWN)


def _commission(sale: Sale) -> None:
    """What the merchant pays the club, of what was paid with money."""
    writer, programme = sale.writer, sale.programme
    if programme.commission_bps:
        writer.step(Op.ADD, R.A, R.MONEY, R.CASH)
        writer.set(R.BPS, programme.commission_bps)
        writer.step(Op.BPS_FLOOR, R.FEE, R.A, R.BPS)
        writer.move(R.FEE, Account.MERCHANT, Account.CLUB_FEES)


def _earn(sale: Sale) -> None:
    """EARNED and its lot's terms, on the money part alone: net of discount and of points."""
    writer = sale.writer
    if sale.programme.cash:
        writer.step(Op.ADD, R.EARNING, R.EARNING, R.CASH)
    if not sale.programme.earning:
        return
    writer.step(Op.RULE, R.RULE_0, R.EARN_RULE, imm=EARNING)
    nothing = writer.jump(Op.JUMP_IF_ZERO, R.EARN_RULE)
    writer.step(Op.DIVIDE_FLOOR, R.EARNED, R.EARNING, R.RULE_1)
    writer.step(Op.MULTIPLY, R.EARNED, R.EARNED, R.RULE_0)
    writer.step(Op.MIN, R.EARNED, R.EARNED, R.RULE_2)
    sale.bounds.give_no_more("earned", R.EARNED, R.EARN_BOUND, R.EARN_RULE, R.ZERO)
    writer.step(Op.LOCAL_DAY_START, R.LOT_AVAILABLE_AT, R.RULE_3)
    writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.RULE_4, R.TODAY)
    _pay_for_points(sale)
    earned = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.EARNED)
    writer.set(R.EARN_RULE, 0)
    writer.land(nothing, earned)
    target = sale.layout.account("points")
    writer.move_new_lot(R.EARNED, Account.CLUB_POINTS_ISSUED, target, any_version=False)
    if sale.earned_terms >= 0:
        writer.set(R.LOT_MARKS, 0)


def _pay_for_points(sale: Sale) -> None:
    """The merchant pays the club for the points that it funds; LOT_MARKS says so of their lot."""
    writer = sale.writer
    if sale.earned_terms < 0:
        return
    # The same rule holds as a moment ago: nothing that conditions look at has changed.
    writer.step(Op.RULE, R.RULE_0, R.A, imm=sale.earned_terms)
    writer.step(Op.MULTIPLY, R.A, R.EARNED, R.RULE_0)
    writer.step(Op.BPS_FLOOR, R.A, R.A, R.RULE_1)
    writer.move(R.A, Account.MERCHANT, Account.CLUB_POINTS_PAID)
    writer.step(Op.COPY, R.LOT_MARKS, R.RULE_2)


def _refer(sale: Sale) -> None:
    """The member whose card this one is linked to gets points that never end."""
    writer, referral = sale.writer, sale.programme.referral
    if referral is None:
        return
    assert sale.linked is not None
    nobody = writer.jump(Op.JUMP_IF_ZERO, R.LINKED)  # an advice: it has happened already
    writer.set(R.LOT_AVAILABLE_AT, 0)
    writer.set(R.LOT_EXPIRES_AT, 0)
    writer.set(R.A, referral.points)
    target = Account.LINKED_CARD + sale.linked.slot(referral.wallet)
    writer.move_new_lot(R.A, Account.CLUB_POINTS_ISSUED, target, any_version=False)
    writer.land(nobody)


def _count(sale: Sale, paid: int | None) -> None:
    """Let caps, budgets and the tier see it. Of a hold (nothing `paid` yet) what it reserves."""
    programme = sale.programme
    sale.bounds.count(paid=paid is not None)
    if programme.tiers is not None and paid is not None:
        register = paid if programme.tiers.of == "paid" else R.EARNED
        sale.bounds.see(
            sale.layout.account("tier"), register, programme.tiers.period, periods_more=1
        )


def _remote_purchase(sale: Sale) -> None:
    """What the card's bank has agreed to: the card's purse goes below zero by what the bank owes.

    Run once before the bank is asked, for the limits, and undone; and once after it.
    """
    writer = sale.writer
    _may_pay(sale)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    writer.step(Op.COPY, R.MONEY, R.AMOUNT)
    writer.move(R.MONEY, sale.layout.account("money"), Account.MERCHANT)


def _priced(sale: Sale, *, hold: bool) -> None:
    """Have Python fill the registers; the moves see to the money, this to the points."""
    writer = sale.writer
    _may_pay(sale)
    writer.step(Op.PRICE, imm=int(hold))
    writer.step(Op.SPENDABLE, R.A, imm=sale.layout.slot("points"))
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    writer.decline_if_less(R.A, R.POINTS, Reason.INSUFFICIENT_POINTS)
    writer.step(Op.COPY, R.PART, R.MONEY)


def _sale(sale: Sale, *, points_only: bool) -> None:
    """A purchase, priced by the programme's rules, its function or the card's own bank."""
    writer = sale.writer
    if sale.programme.host:
        _remote_purchase(sale)
        return
    if not sale.programme.pricing:
        purchase(sale, points_only=points_only)
        return
    _priced(sale, hold=False)
    writer.set(R.SHARE, 0)
    writer.set(R.A, 2)
    by_merchant = writer.jump(Op.JUMP_IF_LESS, R.FUNDER, R.A)
    by_club = writer.jump(Op.JUMP)
    writer.land(by_merchant)
    writer.set(R.SHARE, BPS)
    writer.land(by_club)
    _pay(sale)
    writer.move(R.FEE, Account.MERCHANT, Account.CLUB_FEES)
    target = sale.layout.account("points")
    writer.move_new_lot(R.EARNED, Account.CLUB_POINTS_ISSUED, target, any_version=False)


def _hold(sale: Sale, seconds: int) -> None:
    """A hold, priced by the programme's rules or by its function."""
    writer, layout = sale.writer, sale.layout
    if not sale.programme.pricing:
        hold(sale, seconds)
        return
    _priced(sale, hold=True)
    writer.move(R.MONEY, layout.account("money"), layout.held("money"))
    writer.move(R.POINTS, layout.account("points"), layout.held("points"))
    writer.set(R.HOLD_SECONDS, seconds)


SALE_OPERATIONS: dict[Operation, Callable[[Sale], None]] = {
    Operation.PURCHASE: lambda sale: _sale(sale, points_only=False),
    Operation.POINTS_PAYMENT: lambda sale: _sale(sale, points_only=True),
    Operation.LOAD: load,
    Operation.HOLD: lambda sale: _hold(sale, sale.programme.hold_seconds),
    Operation.PREAUTHORISATION: lambda sale: _hold(
        sale, sale.programme.preauthorisation_hold_seconds
    ),
}
