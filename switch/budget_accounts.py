"""Which accounts count the budgets of clubs: one for all cards, or one for each merchant.

Owns when they are opened and how a budget is shared among the shards. What is counted, and what
happens at the bound, is the plan's (`switch.plan_bounds`). Must not know events' rows.
"""

import msgspec

from switch._core import Core
from switch._plan_loading import extend_budget, share_budget
from switch.events import BudgetShared, ClubAdded, MerchantAdded
from switch.machine import Account
from switch.programme import Programme
from switch.rules import Budget
from switch.units import bps_of_floor

EVEN = -1
"""Shares that nobody has said: the first shard has what cannot be divided."""

PlanBudget = tuple[int, int, bool, list[int]]
"""As `switch._plan_loading.set_plan` takes it."""


class BudgetBook(msgspec.Struct, kw_only=True):
    """A budget of a club. What it counts stays the same for ever, its bound may change.

    `accounts`: the only one, or by the merchants' numbers; -1 for one of another club.
    """

    club: int
    budget: Budget
    number: int
    accounts: list[int]
    share_bps: int = EVEN


class BudgetAccounts:
    """The budgets of a shard's clubs, by club and name."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._books: dict[tuple[int, str], BudgetBook] = {}
        self.opened = 0
        """How many accounts the last version opened."""

    def all(self) -> list[BudgetBook]:
        """Give them in the order in which they were opened."""
        return list(self._books.values())

    def load(self, books: list[BudgetBook]) -> None:
        """Take over those of a dump; their accounts are there."""
        self._books = {(book.club, book.budget.name): book for book in books}

    def open(self, definition: Programme, club: ClubAdded, merchants: list[MerchantAdded]) -> None:
        """Open what a version's new budgets need. Raises ValueError; nothing is opened then."""
        if definition.budgets and club.accounts <= Account.CLUB_COUNTS & 15:
            raise ValueError("its club has no account for counts: it is of an older journal")
        for budget in definition.budgets:
            known = self._books.get((club.club, budget.name))
            if known is not None and _counts(known.budget) != _counts(budget):
                raise ValueError(f"budget {budget.name}: that counts something else in its club")
        self.opened = 0
        for budget in definition.budgets:
            if (club.club, budget.name) in self._books:
                continue
            number = len(self._books)
            places = [club.club] if budget.per == "club" else [one.club for one in merchants]
            accounts = [self._account(club.club, place, number) for place in places]
            self._books[club.club, budget.name] = BudgetBook(
                club=club.club, budget=budget, number=number, accounts=accounts
            )
            self.opened += sum(account >= 0 for account in accounts)

    def add_merchant(self, club: int, live: dict[int, tuple[int, Programme]]) -> None:
        """Open what one more merchant needs; `live`: the rows of plans and their programmes."""
        for book in self._books.values():
            if book.budget.per != "merchant":
                continue
            account = self._account(book.club, club, book.number)
            book.accounts.append(account)
            for row, definition in live.values():
                if definition.club == book.club:
                    for at in _places(definition, book):
                        extend_budget(self._core, row, at, account)

    def of_merchant(self, club: int) -> int:
        """Count the accounts that each merchant of a club has for budgets."""
        return sum(
            book.budget.per == "merchant" and book.club == club for book in self._books.values()
        )

    def of_plan(self, definition: Programme) -> list[PlanBudget]:
        """Give a version's budgets as its plan takes them."""
        books = [self._books[definition.club, budget.name] for budget in definition.budgets]
        return [
            (budget.most, book.share_bps, budget.per == "merchant", book.accounts)
            for budget, book in zip(definition.budgets, books, strict=True)
        ]

    def expect_room(
        self, event: BudgetShared, live: dict[int, tuple[int, Programme]], now_s: int
    ) -> None:
        """Raise ValueError where this shard has used more than what would be its share."""
        book, share_bps = self._found(event)
        for _, definition in live.values():
            if definition.club != book.club:
                continue
            for at in _places(definition, book):
                share = bps_of_floor(definition.budgets[at].most, share_bps)
                for account in book.accounts:
                    used = self._used(account, now_s)
                    if used > share:
                        raise ValueError(
                            f"budget {event.budget}: {used} of it are used here already,"
                            f" its share would be {share}"
                        )

    def share(
        self, event: BudgetShared, live: dict[int, tuple[int, Programme]], _now_s: int
    ) -> None:
        """Say how much of a budget is this shard's from here on. Raises ValueError."""
        book, share_bps = self._found(event)
        book.share_bps = share_bps
        for row, definition in live.values():
            if definition.club == book.club:
                for at in _places(definition, book):
                    share_budget(self._core, row, at, book.share_bps)

    def _found(self, event: BudgetShared) -> tuple[BudgetBook, int]:
        book = self._books.get((event.club, event.budget))
        if book is None:
            raise ValueError(f"club {event.club} has no budget {event.budget!r}")
        if self._core.number >= len(event.shares_bps):
            raise ValueError(f"budget {event.budget}: no share for shard {self._core.number}")
        return book, event.shares_bps[self._core.number]

    def _account(self, club: int, of_club: int, number: int) -> int:
        return self._core.add_budget(club, number) if club == of_club else -1

    def _used(self, account: int, now_s: int) -> int:
        lots = self._core.lots(account) if account >= 0 else []
        return sum(remaining for _, remaining, _, expires_at in lots if not 0 < expires_at <= now_s)


def _counts(budget: Budget) -> tuple[object, ...]:
    """Give what may not change: counts of one kind do not go on as those of another."""
    return budget.of, budget.per, budget.funder, budget.period


def _places(definition: Programme, book: BudgetBook) -> list[int]:
    """Give where a programme names a budget."""
    return [at for at, one in enumerate(definition.budgets) if one.name == book.budget.name]
