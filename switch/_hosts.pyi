"""Python face of `_hosts`: which programmes other banks decide, and events that rows carry."""

from collections.abc import Sequence

from switch._core import Core

def set_host(core: Core, plan_row: int, *, remote: bool, prefixes: Sequence[str]) -> None:
    """Say whether a programme's cards are another bank's, and how their numbers begin.

    Raises ValueError when there are more prefixes than places.
    """

def take_row_events(core: Core) -> list[tuple[int, bytes]]:
    """Give the events on rows that were decided since the last call: (sequence, JSON), in order."""
