"""Python face of `_unmatched`: reversals that were replayed without their originals."""

from switch._core import Core

def take_unmatched(core: Core) -> list[int]:
    """Give the sequences of approved reversals whose originals memory did not hold, each once."""

def uncount(core: Core, card: int, day: int, change_minor: int, whole: bool) -> None:
    """Give back to a card's limits what a reversal undid of something of that business day.

    `day` counts from 1970-01-01; `whole`: now all of the original is undone. Nothing happens when
    the card's counters are of another day.
    """
