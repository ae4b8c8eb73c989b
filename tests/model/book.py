"""Accounts and lots as dictionaries. An account is a tuple of names, e.g. `("card", 3, "points")`.

Knows no programme: who moves what is said by `tests.model.entry`, which accounts keep lots by
whoever makes the book.
"""

from collections.abc import Callable
from typing import NamedTuple

Account = tuple[str, int, str]


class Posting(NamedTuple):
    """An amount that left one account for another; `lot` 0 where none is kept.

    `stays`: nothing undoes it.
    """

    source: Account
    target: Account
    amount: int
    lot: int = 0
    available_at: int = 0
    expires_at: int = 0
    stays: bool = False

    def back(self, amount: int) -> "Posting":
        """Give the posting that takes some of it back, to the very lot."""
        return self._replace(source=self.target, target=self.source, amount=amount)


class Lot(NamedTuple):
    """What is left of one earning, and when it can be spent (Unix seconds; 0 = always)."""

    remaining: int
    available_at: int
    expires_at: int

    def is_open(self, now_s: int) -> bool:
        return self.available_at <= now_s and not self.has_ended(now_s)

    def has_ended(self, now_s: int) -> bool:
        return self.expires_at != 0 and self.expires_at <= now_s


class PlainBook:
    """Balances and lots; what is not there is zero."""

    def __init__(self, keeps_lots: Callable[[Account], bool]) -> None:
        self.keeps_lots = keeps_lots
        self.balances: dict[Account, int] = {}
        self.floors: dict[Account, int] = {}  # how low it may go; zero where nothing is said
        self.lots: dict[Account, dict[tuple[int, int], Lot]] = {}

    def balance(self, account: Account) -> int:
        return self.balances.get(account, 0)

    def post(self, posting: Posting) -> None:
        """Carry out a posting, whatever it leads to."""
        for account, change in (
            (posting.source, -posting.amount),
            (posting.target, posting.amount),
        ):
            self.balances[account] = self.balance(account) + change
            if self.keeps_lots(account):
                self._change_lot(account, posting, change)

    def _change_lot(self, account: Account, posting: Posting, change: int) -> None:
        lots = self.lots.setdefault(account, {})
        key = (posting.lot, posting.expires_at)
        lot = lots.get(key, Lot(0, posting.available_at, posting.expires_at))
        lots[key] = lot._replace(remaining=lot.remaining + change)
        if lots[key].remaining == 0:
            del lots[key]

    def in_order(self, account: Account) -> list[tuple[int, Lot]]:
        """Give an account's lots by name, soonest to expire first, those that never do last."""
        ordered = sorted(
            self.lots.get(account, {}).items(),
            key=lambda item: (item[1].expires_at == 0, item[1].expires_at, item[0]),
        )
        return [(name, lot) for (name, _), lot in ordered]

    def spendable(self, account: Account, now_s: int) -> int:
        """Give what can be spent: open lots, less what was spent and then taken back."""
        above_floor = self.balance(account) - self.floors.get(account, 0)
        if not self.keeps_lots(account):
            return max(0, above_floor)
        counted = sum(
            lot.remaining
            for _, lot in self.in_order(account)
            if lot.remaining < 0 or lot.is_open(now_s)
        )
        return max(0, min(counted, above_floor))

    def counted(self, account: Account, now_s: int) -> int:
        """Give what is counted in an account's lots that are open now."""
        return sum(lot.remaining for _, lot in self.in_order(account) if lot.is_open(now_s))

    def spend(self, source: Account, target: Account, amount: int, now_s: int) -> list[Posting]:
        """Split an amount over the open lots it comes from; nothing is posted yet."""
        if not self.keeps_lots(source):
            return [Posting(source, target, amount)] if amount else []
        postings = []
        for name, lot in self.in_order(source):
            taken = min(amount, lot.remaining)
            if taken > 0 and lot.is_open(now_s):
                postings.append(
                    Posting(source, target, taken, name, lot.available_at, lot.expires_at)
                )
                amount -= taken
        assert amount == 0, "more was promised than is there"
        return postings
