"""Python face of `_plan_loading`: puts compiled plans in force."""

from array import array

from switch._core import Core
from switch.plan import CompiledPlan

def set_plan(
    core: Core,
    compiled: CompiledPlan,
    *,
    programme: int,
    version: int,
    club: int,
    money_floor: int,
    seq: int,
    organisation: int = -1,
    budgets: list[tuple[int, int, bool, list[int]]] = ...,
) -> int:
    """Put a compiled version of a programme in force from row `seq` on; gives its row.

    `organisation`: the account of the one that funds it; -1 = none. `budgets`: the bound, this
    shard's share of it in basis points (-1 = even shares), whether each merchant has one, and the
    accounts that count it: by the merchants' numbers, or the only one.
    Raises ValueError for what the machine could not run.
    """

def extend_budget(core: Core, plan_row: int, at: int, account: int) -> None:
    """Have a budget of each merchant count for one more merchant; -1: for none."""

def share_budget(core: Core, plan_row: int, at: int, share_bps: int) -> None:
    """Say how much of a plan's budget is this shard's from here on, in basis points."""

def link_cards(core: Core, cards: list[int], to_card: int) -> None:
    """Have cards reward another one, by their numbers; the caller has checked their programmes."""

def set_holidays(core: Core, plan_row: int, days: array[int], weekdays: int) -> None:
    """Say on which days nobody has to pay: `array("i")` in ascending order, and weekdays' bits."""

def set_credit_limit(core: Core, card: int, limit_minor: int) -> bool:
    """Say how far a card's credit goes; False when its programme gives none."""
