"""What a card owes by when, in plain Python: a lot for each due day, of principal and of fees.

Owns owing by a plan, paying, settling, and what is told of it. Written from what a plan promises:
the schedule itself is `tests.model.instalments`. Knows no programme and no message.
"""

from collections.abc import Callable, Sequence

import msgspec

from switch.instalments import FeeKind, Instalment, Terms
from tests.model.book import Account, Lot, PlainBook, Posting
from tests.model.endings import SECONDS_A_DAY, start_of
from tests.model.instalments import fee_parts, payers, schedule

COUNTS: Account = ("club", 0, "counts")
NAMES, FIRST_PLAN = 16, 8  # of a row's lots, and the one that stands for the first plan
PRINCIPAL, FEE, LATE = DEBTS = ("due", "due fee", "due late")


def can_split(terms: Terms, amount_minor: int) -> bool:
    """Say whether every instalment that pays principal gets a multiple of it."""
    return amount_minor // len(payers(terms)) >= terms.multiple_minor


class Debts:
    """The three counters of one card. Every change is a posting, which `post` carries out.

    `plans`: what they say now. A debt's name says which one it was bought by.
    """

    def __init__(
        self,
        book: PlainBook,
        card: int,
        post: Callable[[Posting], None],
        plans: Sequence[Terms],
        utc_offset_s: int,
    ) -> None:
        self._book, self._card, self._post = book, card, post
        self._plans, self._offset_s = plans, utc_offset_s

    def account(self, name: str) -> Account:
        return ("card", self._card, name)

    def _lots(self, name: str) -> list[tuple[int, Lot]]:
        return self._book.in_order(self.account(name))

    def _take(self, name: str, lot_name: int, lot: Lot, amount: int) -> None:
        """Let an amount of a lot be owed no more; below zero: let it be owed again."""
        terms = (lot_name, lot.available_at, lot.expires_at)
        if amount > 0:
            self._post(Posting(self.account(name), COUNTS, amount, *terms))
        elif amount < 0:
            self._post(Posting(COUNTS, self.account(name), -amount, *terms))

    def _oldest(self, name: str, *, credit: bool = False) -> tuple[int, Lot] | None:
        """Give the first lot that is owed, or the first that is the card's credit."""
        return next((item for item in self._lots(name) if (item[1].remaining < 0) == credit), None)

    def _set_credits_against(self, name: str) -> None:
        """What was refunded after it had been paid takes the place of a payment."""
        while True:
            credit, debt = self._oldest(name, credit=True), self._oldest(name)
            if credit is None or debt is None:
                return
            amount = min(-credit[1].remaining, debt[1].remaining)
            self._take(name, *debt, amount)
            self._take(name, *credit, -amount)

    def owe(self, plan: int, amount_minor: int, local_day: int, seq: int) -> list[Instalment]:
        """Owe an amount by a plan (counted from 0), from a day on; gives the instalments."""
        terms, lot = self._plans[plan], seq * NAMES + FIRST_PLAN + plan
        # What was paid beyond all debts pays first.
        own = min(amount_minor, self.credit())
        today = Lot(0, 0, start_of(local_day + 1, self._offset_s))
        self._take(PRINCIPAL, lot, today, -own)
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
            rows = schedule(terms, amount_minor - own, local_day)
        for row in rows:
            ends_at = start_of(row.due_day + 1, self._offset_s)
            self._take(PRINCIPAL, lot, Lot(0, 0, ends_at), -row.principal_minor)
        for number, row in enumerate(rows, 1):
            parts = fee_parts(terms, rows, number, local_day)
            ends_at = start_of(row.due_day + 1, self._offset_s) - len(parts)
            for part in parts:
                ends_at += 1  # due together, told apart by their second
                opens_at = 0 if part.day_before is None else part.day_before + 1
                lot_terms = Lot(0, opens_at and start_of(opens_at, self._offset_s), ends_at)
                self._take(FEE, lot, lot_terms, -part.fee_minor)
        self._set_credits_against(PRINCIPAL)
        self._set_credits_against(FEE)
        return rows

    def _next_to_pay(self) -> tuple[str, int, Lot] | None:
        """Charges come first, then the oldest instalment, its fee before its principal."""
        late = self._oldest(LATE)
        if late is not None:
            return LATE, *late
        found = [
            (item[1].expires_at, name, *item)
            for name in (FEE, PRINCIPAL)
            if (item := self._oldest(name)) is not None
        ]
        return min(found, key=lambda each: each[0])[1:] if found else None

    def credit(self) -> int:
        """Give what was paid, or refunded, beyond all debts."""
        return max(0, -self._book.balance(self.account(PRINCIPAL)))

    def pay(self, amount_minor: int, local_day: int, seq: int) -> tuple[int, int]:
        """Pay; gives how much of it went to fees and charges, and how much did not.

        What is more than is owed is the card's: it pays the next purchase.
        """
        self._set_credits_against(PRINCIPAL)
        self._set_credits_against(FEE)
        fees, rest = 0, amount_minor
        while rest and (found := self._next_to_pay()) is not None:
            name, lot_name, lot = found
            paid = min(rest, lot.remaining)
            self._take(name, lot_name, lot, paid)
            rest -= paid
            fees += paid if name != PRINCIPAL else 0
        today = Lot(0, 0, start_of(local_day + 1, self._offset_s))
        self._take(PRINCIPAL, seq * NAMES, today, rest)
        return fees, amount_minor - fees

    def settle(self, now_s: int) -> tuple[int, int]:
        """End the whole debt; gives what that takes of fees and charges, and of principal."""
        fees, principal = self._begun(now_s), self._left()
        for name in (LATE, FEE):
            for lot_name, lot in self._lots(name):
                self._take(name, lot_name, lot, lot.remaining)
        self._set_credits_against(PRINCIPAL)
        if self._left():
            for lot_name, lot in self._lots(PRINCIPAL):
                self._take(PRINCIPAL, lot_name, lot, lot.remaining)
        return fees, principal

    def _left(self) -> int:
        return max(0, self._book.balance(self.account(PRINCIPAL)))

    def _begun(self, now_s: int) -> int:
        """Give charges, and fees of the time that has begun; credits count at once."""
        begun = sum(self._begun_of(lot, now_s) for _, lot in self._lots(FEE))
        return max(0, begun) + self._book.balance(self.account(LATE))

    def _begun_of(self, lot: Lot, now_s: int) -> int:
        """Give what of a fee is for time that has begun, on the day after another one ended."""
        today = (now_s + self._offset_s) // SECONDS_A_DAY
        begins = (lot.available_at + self._offset_s) // SECONDS_A_DAY
        return lot.remaining if lot.remaining < 0 or today >= begins else 0

    def owed(self, now_s: int) -> int:
        """Give what would end the debt now."""
        return self._left() + self._begun(now_s)

    def due(self, by_s: int) -> int:
        """Give what has to be paid by a second."""
        due = self._book.balance(self.account(LATE))
        for name in (FEE, PRINCIPAL):
            due += max(
                0,
                sum(
                    lot.remaining
                    for _, lot in self._lots(name)
                    if lot.expires_at <= by_s or lot.remaining < 0
                ),
            )
        return due
