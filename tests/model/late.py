"""What being late costs a card, in plain Python: a function of what is left, its day and today.

Owns charging until today and taking back, what is owed of it, and what is overdue. What is charged
for an amount and some days is `tests.model.instalments.late`. Knows no programme and no message.
"""

from collections.abc import Sequence
from typing import NamedTuple

from switch.instalments import Terms
from tests.model.book import Account, Lot, Posting
from tests.model.instalments import FRIDAY_ONLY, bps, late, pay_by
from tests.model.owed import CHARGED, FEE, LATE, PRINCIPAL, Key, Owed

LATE_CHARGES: Account = ("club", 0, "late charges")


class Holidays(NamedTuple):
    """On which days nobody has to pay. Bit 0 of `weekdays` is Saturday."""

    days: tuple[int, ...] = ()
    weekdays: int = FRIDAY_ONLY


class Standing(NamedTuple):
    """A lot of principal beside its charges: `should` be charged by today for what is left.

    What of it the card's own credits pay is not late.
    """

    key: Key
    left: int
    should: int
    charged: int
    unpaid: int

    @property
    def change(self) -> int:
        return self.should - self.charged

    @property
    def unpaid_then(self) -> int:
        """What of it is to be paid when it is charged until today; below zero: paid ahead."""
        return self.unpaid + self.change

    @property
    def too_much(self) -> int:
        """What was paid for being late with what, in the end, was never owed."""
        return max(0, -self.unpaid_then) if self.left <= 0 else 0


class LateCharges:
    """One card's charges on a day. `seen`: what happened, in words, for whoever counts it."""

    def __init__(self, owed: Owed, wallet: Account, holidays: Holidays) -> None:
        self._owed, self._wallet, self._holidays = owed, wallet, holidays
        self.seen: set[str] = set()

    def pay_by(self, lot: Lot) -> int:
        """Give the last day on which who pays is not late."""
        due = self._owed.day_before(lot.expires_at)
        return pay_by(due, self._holidays.days, self._holidays.weekdays)

    def by_today(self, key: Key, left: int) -> int:
        """Give what is charged by today for so much of a lot of principal."""
        terms = self._owed.terms_of(key[0])
        if terms is None or left <= 0:
            return 0
        return late(terms, left, self.pay_by(Lot(0, 0, key[1])), self._owed.today)

    def standings(self) -> list[Standing]:
        """Give every lot that was charged for or may have to be, those without principal first."""
        keys: dict[Key, None] = {}
        for name in (CHARGED, LATE, PRINCIPAL):
            lots = self._owed.lots(name)
            keys |= dict.fromkeys((lot_name, lot.expires_at) for lot_name, lot in lots)
        found = []
        for key in keys:
            left, charged, unpaid = (
                self._owed.left(name, key) for name in (PRINCIPAL, CHARGED, LATE)
            )
            found.append(Standing(key, left, 0, charged, unpaid))
        found.sort(
            key=lambda each: (each.left > 0, each.left <= 0 and not each.charged, each.key[::-1])
        )
        late = self.late_part(sum(each.too_much for each in found))
        return [
            each._replace(should=self.by_today(each.key, late.get(each.key, 0))) for each in found
        ]

    def late_part(self, back: int) -> dict[Key, int]:
        """Give of each lot what is not paid by the card's credits, nor by what comes `back`."""
        lots = self._owed.lots(PRINCIPAL)
        credit = back + sum(-lot.remaining for _, lot in lots if lot.remaining < 0)
        found = {}
        for lot_name, lot in lots:
            if lot.remaining > 0:
                paid = min(credit, lot.remaining)
                credit -= paid
                found[lot_name, lot.expires_at] = lot.remaining - paid
        return found

    def owed(self) -> int:
        """Give what has to be paid for being late until today; below zero: was paid ahead."""
        return sum(each.unpaid_then + each.too_much for each in self.standings())

    def charge(self, seq: int) -> None:
        """Charge until today, or take back what has turned out not to be owed."""
        for each in self.standings():
            self._see(each)
            lot = Lot(0, 0, each.key[1])
            self._owed.take(CHARGED, each.key[0], lot, -each.change)
            self._owed.take(LATE, each.key[0], lot, -each.change - each.too_much)
            if each.too_much:
                self._give_back(each.too_much, seq)

    def _give_back(self, amount: int, seq: int) -> None:
        self.seen.add("given back into the wallet")
        self._owed.post(Posting(LATE_CHARGES, self._wallet, amount))
        self._owed.keep(amount, seq)

    def _see(self, each: Standing) -> None:
        terms = self._owed.terms_of(each.key[0])
        if each.change < 0:
            self.seen.add(f"taken back, {'less' if each.left > 0 else 'nothing'} is owed")
        if terms is None or each.left <= 0 or not terms.late_rate_bps:
            return
        due, until = self._owed.day_before(each.key[1]), self.pay_by(Lot(0, 0, each.key[1]))
        if self.by_today(each.key, each.left) > each.should:
            self.seen.add("not late with what the card's credit pays")
        if each.change > 0:
            self.seen.add("charged")
            if each.should == bps(each.left, terms.late_cap_bps):
                self.seen.add("charged as much as may be")
        elif due < self._owed.today <= until:
            self.seen.add("not late before the first working day")
        elif until < self._owed.today <= until + terms.late_tolerance_days:
            self.seen.add("nothing within the tolerance")

    def principal_is_paid(self, key: Key) -> None:
        """What was charged for what has now been paid is final: it is counted no more."""
        more = self._owed.left(CHARGED, key) - self.by_today(key, self._owed.left(PRINCIPAL, key))
        self._owed.take(CHARGED, key[0], Lot(0, 0, key[1]), max(0, more))

    def end(self, seq: int) -> None:
        """The debt is settled, charges too: what was paid for them ahead is the card's."""
        ahead = -self._owed.balance(LATE)
        if ahead > 0:
            self._give_back(ahead, seq)
        for name in (LATE, CHARGED):
            for lot_name, lot in self._owed.lots(name):
                self._owed.take(name, lot_name, lot, lot.remaining)

    def is_overdue(self) -> bool:
        """Should anything have been paid on a day before today?"""
        owed = [lot.expires_at for _, lot in self._owed.lots(FEE) if lot.remaining > 0]
        late = self.late_part(sum(each.too_much for each in self.standings()))
        owed += [ends_at for (_, ends_at), left in late.items() if left]
        return any(self.pay_by(Lot(0, 0, ends_at)) < self._owed.today for ends_at in owed)


def dearer(new: Sequence[Terms], old: Sequence[Terms]) -> bool:
    """Would somebody who owes by a plan of before pay more for being late, or for ending it?"""
    gone = [was for was in old[len(new) :] if was.rebate_bps]
    return bool(gone) or any(
        will_be.rebate_bps < was.rebate_bps
        or (
            will_be.late_rate_bps > 0
            and (
                will_be.late_rate_bps > was.late_rate_bps
                or will_be.late_cap_bps > was.late_cap_bps
                or will_be.late_tolerance_days < was.late_tolerance_days
            )
        )
        for will_be, was in zip(new, old, strict=False)
    )
