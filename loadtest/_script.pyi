"""Message number i as a function of the seed and i."""

from typing import final

from loadtest.tables import Tables

@final
class Script:
    """The tables of one run, compiled."""

    def __init__(self, rows: Tables) -> None: ...
    def render(self, arrival: int, step: int, second: int) -> bytes:
        """Give the body of a message as it is sent at a Unix second. Raises `IndexError`."""

    def draft(self, arrival: int, step: int) -> dict[str, int]:
        """Give what was drawn for a message: number, scenario, kind, card, terminal and so on."""
