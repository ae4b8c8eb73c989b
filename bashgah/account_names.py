"""Whose an account is, in words, put together from the journal's events that opened accounts.

Owns the order in which they open them: the club's ten, a merchant's own and one for each budget of
merchants, a version's new budgets. Must not know why a message was decided as it was.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from switch.machine import Account, Layout
from switch.programme import Programme
from switch.rules import Budget

CLUB = {
    account & 15: account.name.removeprefix("CLUB_").lower().replace("_", " ")
    for account in Account
    if account.name.startswith("CLUB_")
}

Block = Mapping[str, Any]
"""A row of `account_blocks_view`."""


class AccountNames:
    """Names the accounts of one shard.

    `budgets`: the versions that opened some, by their rows. `layout`: of the cards of the programme
    that is asked about; of cards with another number of accounts only their place is said.
    """

    def __init__(
        self, blocks: Sequence[Block], budgets: Mapping[int, Programme], layout: Layout | None
    ) -> None:
        self._blocks = blocks
        self._firsts = [block["first_account"] for block in blocks]
        self._layout = layout
        self._budgets = _budgets_by_account(blocks, budgets)

    def name(self, account: int) -> str:
        """Say whose an account is, and what it is for."""
        if account in self._budgets:
            return self._budgets[account]
        block = self._blocks[bisect_right(self._firsts, account) - 1]
        at = account - block["first_account"]
        if block["owner"] == "club":
            return f"club {block['club']}: {CLUB[at]}"
        if block["owner"] == "merchant":
            return f"merchant {block['merchant_id']}"
        if block["owner"] == "organisation":
            return "organisation"
        each = block["account_count"] // block["card_count"]
        card, slot = divmod(at, each)
        name = f"account {slot}"
        if self._layout is not None and len(self._layout.slots) == each:
            found = self._layout.slots[slot]
            name = found.name + (" held" if found.held else "")
        return f"card {block['first_card'] + card}: {name}"


def _budgets_by_account(
    blocks: Sequence[Block], versions: Mapping[int, Programme]
) -> dict[int, str]:
    """Open again what was opened, in the order of the rows (`switch.budget_accounts`)."""
    opened: dict[tuple[int, str], Budget] = {}
    merchants: list[tuple[int, str]] = []
    names: dict[int, str] = {}
    for block in blocks:
        said: list[str] = []
        if block["owner"] == "merchant":
            club, merchant = block["club"], block["merchant_id"]
            merchants.append((club, merchant))
            said = [
                f"merchant {merchant}: budget {name}"
                for (its_club, name), budget in opened.items()
                if its_club == club and budget.per == "merchant"
            ]
        elif block["owner"] == "programme":
            definition = versions[block["seq"]]
            for budget in definition.budgets:
                if (definition.club, budget.name) not in opened:
                    opened[definition.club, budget.name] = budget
                    said += _places(budget, definition.club, merchants)
        # A merchant's own account comes before those of its budgets.
        first = block["first_account"] + (block["owner"] == "merchant")
        names |= {first + at: name for at, name in enumerate(said)}
    return names


def _places(budget: Budget, club: int, merchants: Sequence[tuple[int, str]]) -> list[str]:
    if budget.per == "club":
        return [f"club {club}: budget {budget.name}"]
    return [
        f"merchant {merchant}: budget {budget.name}"
        for its_club, merchant in merchants
        if its_club == club
    ]
