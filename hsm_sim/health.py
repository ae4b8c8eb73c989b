"""What an HSM knows of itself: since when it runs, what it was asked, how busy it was.

Owns the counts. The clock comes in, so that tests can turn it; the server tells how long it worked.
Must not know commands nor sockets.
"""

from collections import Counter
from collections.abc import Callable

LOAD_BUCKETS = ((0, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60), (60, 70), (70, 80),
                (80, 90), (90, 100))  # fmt: skip
"""In percent, the upper end not included (but in the last). Of each second's share of work."""
SECOND_NS = 1_000_000_000


class Health:
    """Counts of one HSM since it started."""

    __slots__ = ("_busy_ns", "_now_ns", "_second", "counts", "load_seconds", "started_ns")

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.started_ns = now_ns()
        self.counts: Counter[str] = Counter()
        self.load_seconds = [0] * len(LOAD_BUCKETS)
        self._second = self.started_ns // SECOND_NS
        self._busy_ns = 0

    def now_ns(self) -> int:
        """Give the Unix time."""
        return self._now_ns()

    def worked(self, began_ns: int, ended_ns: int) -> None:
        """Count time that was spent on commands. Spans come in the order of time."""
        if ended_ns // SECOND_NS != self._second:
            self.advance(ended_ns)
        self._busy_ns += max(0, ended_ns - began_ns)

    def advance(self, now_ns: int) -> None:
        """Sort the seconds that are over into the buckets; those without work are idle ones.

        A span over the end of a second counts to the one in which it ended: spans are of
        milliseconds. Of a clock that was set back the second under way is forgotten.
        """
        second = now_ns // SECOND_NS
        elapsed = second - self._second
        if elapsed > 0:
            percent = min(99, self._busy_ns * 100 // SECOND_NS)
            self.load_seconds[percent // 10] += 1
            self.load_seconds[0] += elapsed - 1
        if elapsed != 0:
            self._second = second
            self._busy_ns = 0

    @property
    def seconds(self) -> int:
        """For how many seconds the load is known."""
        return sum(self.load_seconds)
