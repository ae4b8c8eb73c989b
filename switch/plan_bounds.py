"""What bounds a sale, as steps: caps of a card and budgets of all cards, looked at and counted.

Owns in which order they are looked at, which one a reply names, and what each of them counts. Must
not know what a sale is beyond the registers that it fills.
"""

import msgspec

from switch.machine import Account, Layout, Op, R, Writer, period_code
from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import Budget, Cap, Period

DECLINED = {
    (Cap, "spent", "card"): Reason.ABOVE_PERIOD_AMOUNT,
    (Cap, "count", "card"): Reason.ABOVE_PERIOD_COUNT,
    (Cap, "spent", "merchant"): Reason.ABOVE_MERCHANT_AMOUNT,
    (Cap, "count", "merchant"): Reason.ABOVE_MERCHANT_COUNT,
    (Budget, "spent", "club"): Reason.ABOVE_BUDGET_AMOUNT,
    (Budget, "count", "club"): Reason.ABOVE_BUDGET_COUNT,
    (Budget, "spent", "merchant"): Reason.ABOVE_BUDGET_AMOUNT,
    (Budget, "count", "merchant"): Reason.ABOVE_BUDGET_COUNT,
}
BPS_ALL = 10_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The caps and budgets of a programme; their names are its plan's, in this order."""

    writer: Writer
    programme: Programme
    layout: Layout

    def decline_above(self) -> None:
        """Decline what is too much of amounts or counts; BOUND names the one that does."""
        writer = self.writer
        for number, bound in enumerate(self.programme.bounds(), start=1):
            if bound.of not in ("spent", "count"):
                continue
            self._left(bound, R.A)
            writer.set(R.BOUND, number)
            asked = R.AMOUNT if bound.of == "spent" else R.ONE
            writer.decline_if_less(R.A, asked, DECLINED[type(bound), bound.of, bound.per])
            writer.set(R.BOUND, 0)

    def give_no_more(self, of: str, register: int, said: int, rule: int, share: int) -> None:
        """Lower a register to what bounds on it leave; `said` names the tightest that lowers it.

        `rule`: the register of the rule that gives. `share`: that of the merchant's part.
        """
        writer = self.writer
        for number, bound in enumerate(self.programme.bounds(), start=1):
            if bound.of != of:
                continue
            others = self._skip_other_rules(bound, rule)
            self._left(bound, R.A)
            if isinstance(bound, Budget) and bound.funder:
                self._borne(bound, R.B, share)
                writer.step(Op.GROSS_OF_NET, R.A, R.A, R.B)
            enough = writer.jump(Op.JUMP_IF_LESS, R.A, register)
            over = writer.jump(Op.JUMP)
            writer.land(enough)
            writer.step(Op.COPY, register, R.A)
            writer.set(said, number)
            writer.land(over, *others)

    def count(self, *, paid: bool) -> None:
        """Let each see what it counts. Of a hold (nothing `paid` yet) amounts and counts only."""
        seen = {"spent": R.AMOUNT, "count": R.ONE, "discount": R.DISCOUNT, "earned": R.EARNED}
        for cap in self.programme.caps:
            if paid or cap.of in ("spent", "count"):
                self.see(
                    self.layout.account(cap.name),
                    seen[cap.of],
                    cap.period,
                    # What ended at other merchants is left to the clock: it may be any number.
                    ended_leaves=paid and cap.per == "card",
                    named=None if cap.per == "card" else True,
                )
        for at, budget in enumerate(self.programme.budgets):
            if not paid and budget.of not in ("spent", "count"):
                continue
            rule = R.DISCOUNT_RULE if budget.of == "discount" else R.EARN_RULE
            others = self._skip_other_rules(budget, rule)
            register: int = seen[budget.of]
            if budget.funder:
                register = R.A
                # A share of the merchant's is rounded down, the club pays the rest.
                self.writer.step(Op.BPS_FLOOR, R.A, R.DISCOUNT, R.SHARE)
                if budget.funder == "club":
                    self.writer.step(Op.SUBTRACT, R.A, R.DISCOUNT, R.A)
            self.see(Account.BUDGET + at, register, budget.period, ended_leaves=paid, named=False)
            self.writer.land(*others)

    def see(
        self,
        account: int,
        register: int,
        period: Period,
        *,
        periods_more: int = 0,
        ended_leaves: bool = True,
        named: bool | None = None,
    ) -> None:
        """Add to a counter's lot of this period; what has ended leaves it, but not with a hold.

        A hold's every move is undone when it ends, and what has ended is not to come back.
        `named`: the lot has its name from the period and, if true, from the merchant.
        """
        writer = self.writer
        if ended_leaves:
            writer.step(Op.MOVE_ENDED, R.B, account, Account.CLUB_COUNTS, imm=1)
        writer.set(R.LOT_AVAILABLE_AT, 0)
        writer.set(R.C, period_code(period, periods_more))
        writer.step(Op.END_OF, R.LOT_EXPIRES_AT, R.C, R.TODAY)
        if named is None:
            writer.move_new_lot(register, Account.CLUB_COUNTS, account, any_version=True)
        else:
            writer.step(Op.MOVE_NAMED, register, Account.CLUB_COUNTS, account, int(named))

    def _left(self, bound: Cap | Budget, register: int) -> None:
        """Put what a bound leaves into a register; not below zero."""
        writer = self.writer
        if isinstance(bound, Budget):
            writer.step(Op.BUDGET_LEFT, register, imm=self.programme.budgets.index(bound))
            return
        counted = Op.COUNTED if bound.per == "card" else Op.COUNTED_HERE
        writer.step(counted, register, imm=self.layout.slot(bound.name))
        writer.set(R.C, bound.most)
        writer.step(Op.SUBTRACT, register, R.C, register)
        writer.step(Op.MAX, register, register, R.ZERO)

    def _skip_other_rules(self, bound: Cap | Budget, rule: int) -> list[int]:
        """Jump over what follows unless the rule that holds is one whose gifts are counted."""
        if isinstance(bound, Cap) or not bound.rules:
            return []
        writer, names = self.writer, self.programme.rule_names()
        one_of_them = []
        for name in bound.rules:
            writer.set(R.C, 1 + names.index(name))
            writer.step(Op.SUBTRACT, R.C, R.C, rule)
            one_of_them.append(writer.jump(Op.JUMP_IF_ZERO, R.C))
        others = writer.jump(Op.JUMP)
        writer.land(*one_of_them)
        return [others]

    def _borne(self, budget: Budget, register: int, share: int) -> None:
        """Put the part of a discount that does not count into a register, in basis points."""
        if budget.funder == "club":
            self.writer.step(Op.COPY, register, share)
            return
        self.writer.set(register, BPS_ALL)
        self.writer.step(Op.SUBTRACT, register, register, share)
