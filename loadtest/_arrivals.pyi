"""When arrival k of an open loop is due."""

from typing import final

from loadtest.arrival import Timetable

@final
class Schedule:
    """The moments of one run."""

    def __init__(self, rows: Timetable, seed: int) -> None: ...
    def take(self) -> float | None:
        """Give the next moment in seconds, None when there is none any more."""
