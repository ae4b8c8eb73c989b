"""What a card owes by when, in plain Python: a lot for each due day, of principal and of fees.

Owns owing by a plan, paying, settling, and what is told of it. Written from what a plan promises:
the schedule itself is `tests.model.instalments`, being late `tests.model.late`. Knows no programme
and no message.
"""

from typing import NamedTuple

import msgspec

from switch.instalments import FeeKind, Instalment, Terms
from tests.model.book import Account, Lot, Posting
from tests.model.endings import start_of
from tests.model.instalments import bps, fee_parts, payers, schedule
from tests.model.late import LateCharges
from tests.model.owed import FEE, FEES, FIRST_PLAN, LATE, NAMES, PRINCIPAL, Owed


def can_split(terms: Terms, amount_minor: int) -> bool:
    """Say whether every instalment that pays principal gets a multiple of it."""
    return amount_minor // len(payers(terms)) >= terms.multiple_minor


class Paid(NamedTuple):
    """What of a payment goes where. `rebate`: principal that the club pays."""

    fees: int
    principal: int
    late: int
    rebate: int = 0


class Debts:
    """The debts of one card on a day. `wallet`: where what it had paid for nothing comes back."""

    def __init__(self, owed: Owed, late: LateCharges, wallet: Account) -> None:
        self._owed, self.late, self._wallet = owed, late, wallet

    def _take(self, name: str, lot_name: int, lot: Lot, amount: int) -> None:
        """Let an amount be owed no more, and be charged for no more."""
        self._owed.take(name, lot_name, lot, amount)
        if name == PRINCIPAL:
            self.late.principal_is_paid((lot_name, lot.expires_at))

    def _set_credits_against(self, name: str) -> None:
        """What was refunded after it had been paid takes the place of a payment."""
        while True:
            credit, debt = self._owed.oldest(name, credit=True), self._owed.oldest(name)
            if credit is None or debt is None:
                return
            amount = min(-credit[1].remaining, debt[1].remaining)
            self._take(name, *debt, amount)
            self._owed.take(name, *credit, -amount)

    def _give_fees_back(self, seq: int) -> None:
        """What was paid of a refunded fee pays those that have begun; the rest is the card's."""
        ahead = 0
        while (credit := self._owed.oldest(FEE, credit=True)) is not None:
            amount, debt = -credit[1].remaining, self._oldest_begun()
            if debt is not None:
                amount = min(amount, debt[1].remaining)
                self._owed.take(FEE, *debt, amount)
            else:
                ahead += amount
            self._owed.take(FEE, *credit, -amount)
        if ahead:
            self._owed.post(Posting(FEES, self._wallet, ahead))
            self._owed.keep(ahead, seq)

    def _oldest_begun(self) -> tuple[int, Lot] | None:
        """Give the first fee that is owed for time that has begun."""
        begun = (
            item
            for item in self._owed.lots(FEE)
            if item[1].remaining > 0 and self._begun_of(item[1])
        )
        return next(begun, None)

    def _put_right(self, seq: int) -> None:
        """Charge what is late, and give back what was paid of fees and is not owed."""
        self.late.charge(seq)
        self._give_fees_back(seq)

    def _use_credits(self) -> None:
        """Use what the card has paid before."""
        for name in (PRINCIPAL, LATE):
            self._set_credits_against(name)

    def owe(self, plan: int, amount_minor: int, seq: int) -> list[Instalment]:
        """Owe an amount by a plan (counted from 0), from today on; gives the instalments."""
        terms, lot = self._owed.plans[plan], seq * NAMES + FIRST_PLAN + plan
        today = self._owed.today
        self._put_right(seq)
        # What was paid beyond all debts pays first.
        own = min(amount_minor, self.credit())
        self._owed.take(PRINCIPAL, lot, self._owed.ending(today), -own)
        rows = []
        if amount_minor > own:
            if not can_split(terms, amount_minor - own):
                terms = msgspec.structs.replace(
                    terms,
                    count=1,
                    grace_count=0,
                    multiple_minor=1,
                    fee=FeeKind.NONE,
                    rate_bps=0,
                )
            rows = schedule(terms, amount_minor - own, today)
        for row in rows:
            self._owed.take(PRINCIPAL, lot, self._owed.ending(row.due_day), -row.principal_minor)
        for number, row in enumerate(rows, 1):
            parts = fee_parts(terms, rows, number, today)
            ends_at = self._owed.ending(row.due_day).expires_at - len(parts)
            for part in parts:
                ends_at += 1  # due together, told apart by their second
                opens_at = 0
                if part.day_before is not None:
                    opens_at = start_of(part.day_before + 1, self._owed.offset_s)
                self._owed.take(FEE, lot, Lot(0, opens_at, ends_at), -part.fee_minor)
        self._use_credits()
        return rows

    def _next_to_pay(self) -> tuple[str, int, Lot] | None:
        """Charges come first, then the oldest instalment, its fee before its principal."""
        late = self._owed.oldest(LATE)
        if late is not None:
            return LATE, *late
        found = [
            (item[1].expires_at, name, *item)
            for name in (FEE, PRINCIPAL)
            if (item := self._owed.oldest(name)) is not None
        ]
        return min(found, key=lambda each: each[0])[1:] if found else None

    def credit(self) -> int:
        """Give what was paid, or refunded, beyond all debts."""
        return max(0, self._fees_back() - self._owed.balance(PRINCIPAL))

    def pay(self, amount_minor: int, seq: int) -> Paid:
        """Pay. What is more than is owed is the card's: it pays the next purchase."""
        self._put_right(seq)
        self._use_credits()
        paid, rest = {LATE: 0, FEE: 0, PRINCIPAL: 0}, amount_minor
        while rest and (found := self._next_to_pay()) is not None:
            name, lot_name, lot = found
            amount = min(rest, lot.remaining)
            self._take(name, lot_name, lot, amount)
            rest -= amount
            paid[name] += amount
        self._owed.keep(rest, seq)
        return Paid(paid[FEE], paid[PRINCIPAL] + rest, paid[LATE])

    def settle(self, seq: int) -> Paid:
        """End the whole debt; gives what that takes."""
        paid = Paid(self._begun(), self._left(), self.late_owed(), self.rebate())
        self._put_right(seq)
        self.late.end(seq)
        for lot_name, lot in self._owed.lots(FEE):
            self._owed.take(FEE, lot_name, lot, lot.remaining)
        self._set_credits_against(PRINCIPAL)
        left = self._left()
        if left:
            for lot_name, lot in self._owed.lots(PRINCIPAL):
                self._owed.take(PRINCIPAL, lot_name, lot, lot.remaining)
        # Charges that went back are the card's: they are not taken off what a settlement costs.
        self._owed.keep(paid.principal - left, seq)
        return paid

    def _left(self) -> int:
        return max(0, self._owed.balance(PRINCIPAL) - self._fees_back())

    def late_owed(self) -> int:
        return max(0, self.late.owed())

    def early(self) -> dict[int, int]:
        """Give by plan the principal that is due after today; credits pay the oldest first."""
        lots = self._owed.lots(PRINCIPAL)
        ahead = self._fees_back() + sum(-lot.remaining for _, lot in lots if lot.remaining < 0)
        found: dict[int, int] = {}
        for lot_name, lot in lots:
            if lot.remaining > 0:
                by_credit = min(ahead, lot.remaining)
                ahead -= by_credit
                if self._owed.is_to_come(lot):
                    plan = lot_name % NAMES - FIRST_PLAN
                    found[plan] = found.get(plan, 0) + lot.remaining - by_credit
        return found

    def could_give_back(self) -> int:
        """Give what a good payer would get who settled today."""
        plans = self._owed.plans
        return sum(
            bps(amount, plans[plan].rebate_bps)
            for plan, amount in self.early().items()
            if 0 <= plan < len(plans)
        )

    def rebate(self) -> int:
        """Give the good payer's share of what is paid early; nobody's who is late."""
        return 0 if self.late.is_overdue() else self.could_give_back()

    def _begun(self) -> int:
        """Give fees of the time that has begun; credits count at once."""
        return max(0, sum(self._begun_of(lot) for _, lot in self._owed.lots(FEE)))

    def _fees_back(self) -> int:
        """Give what was paid of refunded fees, beyond all fees of time that has begun."""
        return max(0, -sum(self._begun_of(lot) for _, lot in self._owed.lots(FEE)))

    def _begun_of(self, lot: Lot) -> int:
        """Give what of a fee is for time that has begun, on the day after another one ended."""
        begun = self._owed.today > self._owed.day_before(lot.available_at)
        return lot.remaining if lot.remaining < 0 or begun else 0

    def owed(self) -> int:
        """Give what would end the debt now."""
        return self._left() + self._begun() + self.late_owed() - self.rebate()

    def due(self, by_s: int) -> int:
        """Give what has to be paid by a second."""
        fees = [lot for _, lot in self._owed.lots(FEE)]
        due_fees = [lot for lot in fees if lot.remaining > 0 and lot.expires_at <= by_s]
        begun = sum(self._begun_of(lot) for lot in due_fees)
        ahead = sum(-lot.remaining for lot in fees if lot.remaining < 0)
        principal = sum(
            lot.remaining
            for _, lot in self._owed.lots(PRINCIPAL)
            if lot.expires_at <= by_s or lot.remaining < 0
        )
        return (
            self.late_owed()
            + sum(lot.remaining for lot in due_fees)
            - min(ahead, begun)
            + max(0, max(0, principal) - self._fees_back())
        )
