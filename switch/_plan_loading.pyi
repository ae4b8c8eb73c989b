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
) -> int:
    """Put a compiled version of a programme in force from row `seq` on; gives its row.

    `organisation`: the account of the one that funds it; -1 = none.
    Raises ValueError for what the machine could not run.
    """

def link_cards(core: Core, cards: list[int], to_card: int) -> None:
    """Have cards reward another one, by their numbers; the caller has checked their programmes."""

def set_holidays(core: Core, plan_row: int, days: array[int], weekdays: int) -> None:
    """Say on which days nobody has to pay: `array("i")` in ascending order, and weekdays' bits."""

def set_credit_limit(core: Core, card: int, limit_minor: int) -> bool:
    """Say how far a card's credit goes; False when its programme gives none."""
