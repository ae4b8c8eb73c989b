"""The counters of what one card owes by when, in plain Python: lots named by plan, and their days.

Owns looking and taking; who takes what is `tests.model.debts` and, for being late,
`tests.model.late`.
"""

from collections.abc import Callable, Sequence

from switch.instalments import Terms
from tests.model.book import Account, Lot, PlainBook, Posting
from tests.model.endings import SECONDS_A_DAY, start_of

COUNTS: Account = ("club", 0, "counts")
FEES: Account = ("club", 0, "fees")
NAMES, FIRST_PLAN = 16, 8  # of a row's lots, and the one that stands for the first plan
PRINCIPAL, FEE, LATE = "due", "due fee", "due late"
CHARGED = "late charged"  # what was charged for the principal that is still owed
DEBTS = (PRINCIPAL, FEE, LATE, CHARGED)

Key = tuple[int, int]
"""A lot's name and end: principal, and what is charged for it, are in lots of the same key."""


class Owed:
    """One card's counters on a day. Every change is a posting, which `post` carries out.

    `plans`: what they say now. A debt's name says which one it was bought by.
    """

    def __init__(
        self,
        book: PlainBook,
        card: int,
        post: Callable[[Posting], None],
        plans: Sequence[Terms],
        today: int,
        utc_offset_s: int,
    ) -> None:
        self._book, self._card, self.post = book, card, post
        self.plans, self.today, self.offset_s = plans, today, utc_offset_s

    def account(self, name: str) -> Account:
        return ("card", self._card, name)

    def balance(self, name: str) -> int:
        return self._book.balance(self.account(name))

    def lots(self, name: str) -> list[tuple[int, Lot]]:
        return self._book.in_order(self.account(name))

    def left(self, name: str, key: Key) -> int:
        """Give what is left of a lot; 0: there is none."""
        lot = self._book.lots.get(self.account(name), {}).get(key)
        return lot.remaining if lot is not None else 0

    def take(self, name: str, lot_name: int, lot: Lot, amount: int) -> None:
        """Let an amount of a lot be owed no more; below zero: let it be owed again."""
        terms = (lot_name, lot.available_at, lot.expires_at)
        if amount > 0:
            self.post(Posting(self.account(name), COUNTS, amount, *terms))
        elif amount < 0:
            self.post(Posting(COUNTS, self.account(name), -amount, *terms))

    def keep(self, amount: int, seq: int) -> None:
        """More than is owed was paid: it pays what is owed or bought next."""
        self.take(PRINCIPAL, seq * NAMES, self.ending(self.today), amount)

    def oldest(self, name: str, *, credit: bool = False) -> tuple[int, Lot] | None:
        """Give the first lot that is owed, or the first that is the card's credit."""
        return next((item for item in self.lots(name) if (item[1].remaining < 0) == credit), None)

    def ending(self, day: int) -> Lot:
        """Give the lot of what is due on a day, with nothing in it."""
        return Lot(0, 0, start_of(day + 1, self.offset_s))

    def day_before(self, midnight_s: int) -> int:
        """Give the day that ends with a second, or within half a day of it."""
        return (midnight_s + self.offset_s - SECONDS_A_DAY // 2) // SECONDS_A_DAY

    def is_to_come(self, lot: Lot) -> bool:
        """Is it due after today?"""
        return self.day_before(lot.expires_at) > self.today

    def terms_of(self, lot_name: int) -> Terms | None:
        """Give the terms of the plan that a debt's name says, if there is still such a plan."""
        plan = lot_name % NAMES - FIRST_PLAN
        return self.plans[plan] if 0 <= plan < len(self.plans) else None
