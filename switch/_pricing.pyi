"""Python face of `_pricing`: who asks issuers' functions, and what they were told of it."""

from collections.abc import Mapping
from typing import TypedDict, final

from switch._core import Core
from switch.pricing import Pricing, PricingTrouble

class PricingError(ValueError):
    """An answer that no plan could have given; the text says what is wrong with it."""

class PricingStatistics(TypedDict):
    """By the function's name."""

    calls: dict[str, int]
    failures: dict[str, int]

def name_pricing(core: Core, plan_row: int, pricing: str) -> None:
    """Say which function prices a plan; "" for one that prices itself."""

@final
class Pricer:
    """Asks the functions of a registry. Belongs to the thread that decides."""

    def __init__(self, functions: Mapping[str, Pricing]) -> None:
        """`functions` is the registry, by the names that programmes give in `pricing`."""

    def take_troubles(self) -> list[PricingTrouble]:
        """Give what went wrong since the last call, each kind once in the life of the process."""

    def statistics(self) -> PricingStatistics:
        """Give how often each function was asked, and how often it failed."""
