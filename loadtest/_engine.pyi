"""The generator's loop."""

from typing import final

from loadtest._arrivals import Schedule
from loadtest._reply import ReplyReader
from loadtest._script import Script
from loadtest.settings import EngineSettings, LatencySummary

@final
class Engine:
    """A run: connect, then turn until it is finished, looking at the counters in between."""

    def __init__(
        self, script: Script, reader: ReplyReader, schedule: Schedule, settings: EngineSettings
    ) -> None: ...
    def connect(self, seconds: float) -> int:
        """Open every connection; give how many are up when that is done or the time over."""

    def begin(self, second: int) -> int:
        """Start the clock; `second` is what time elements show. Gives its monotonic nanosecond."""

    def turn(self, until_s: float) -> bool:
        """Run until so many seconds from the beginning; False when the run is finished.

        Takes no interpreter lock. Raises `MemoryError`.
        """

    def stop(self) -> None:
        """Send nothing new; what is outstanding is still waited for."""

    def close(self) -> None:
        """Close every connection."""

    @property
    def seconds(self) -> float:
        """Since the beginning."""

    @property
    def end_s(self) -> float:
        """When the schedule ended, or was stopped; later if arrivals were still leaving."""

    @property
    def outstanding(self) -> int:
        """Messages that wait for a reply."""

    @property
    def backlog(self) -> int:
        """Messages that are due and have not left."""

    @property
    def connected(self) -> int:
        """Connections that are up."""

    @property
    def link_count(self) -> int:
        """Connections that there should be, those for garbage included."""

    def faults(self) -> tuple[int, ...]:
        """Give the faults, in the order of `loadtest.result.Faults`."""

    def kind_counts(self) -> list[tuple[int, ...]]:
        """Give the measured counters of every kind, as `loadtest.result.Counts`; last: garbage."""

    def take_interval(self) -> tuple[tuple[int, ...], LatencySummary]:
        """Give counters and latency of everything since the last look."""

    def latency(self) -> LatencySummary:
        """Give the latency of measured messages."""

    def buckets(self) -> bytes:
        """Give measured messages by HdrHistogram's buckets, as 64-bit numbers."""

    def slip(self) -> LatencySummary:
        """Give how late messages left for reasons of the generator."""

    def kind_latency(self, kind: int) -> LatencySummary:
        """Give the latency of one kind's measured messages."""

    def codes(self) -> dict[str, int]:
        """Give how often each response code declined a measured message."""

    def notes(self) -> list[tuple[int, int, int, int, int, str]]:
        """Give the first faults: (fault, connection, number, kind, detail, code)."""

    @property
    def record_count(self) -> int:
        """Messages that have a record."""

    def record_chunks(self) -> list[memoryview]:
        """Give the records' memory, chunk by chunk; it lives as long as the engine does."""
