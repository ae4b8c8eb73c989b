"""A run's samples as the columns that a plot has room for.

Owns the thinning and the differences between counters. Must not know how they are drawn. A rate is
the mean of its seconds; a percentile is the worst of them, so that thinning never hides a spike.
"""

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil
from typing import TypeVar

from hdrh.codec import HdrCookieException, HdrHistogramSettingsException, HdrLengthException
from hdrh.histogram import HdrHistogram
from msgspec import Struct

from loadtest.live import sum_of_counts
from loadtest.result import CommitSample, Counts, Interval, Percentiles, ProcessSample

COLUMNS_MAX = 240  # of 560 units of width; more would make a report of a day megabytes
POINTS_A_HALVING = 6  # of the percentile plot: that many between 99 % and 99.5 %

UNREADABLE = (
    ValueError, IndexError, zlib.error, HdrLengthException, HdrCookieException,
    HdrHistogramSettingsException,
)  # fmt: skip
"""What the library raises for text that is no histogram."""

Sample = TypeVar("Sample")
Line = list[tuple[float, float | None]]


class ProcessUse(Struct, frozen=True, kw_only=True):
    """One process over a run."""

    name: str
    cores: Line
    mebibytes: Line
    cpu_seconds: float

    @property
    def cores_mean(self) -> float:
        """CPU over the whole time that was watched."""
        watched_seconds = self.mebibytes[-1][0] - self.mebibytes[0][0]
        return self.cpu_seconds / watched_seconds if watched_seconds > 0 else 0.0


def thinned(intervals: Sequence[Interval]) -> tuple[list[Interval], int]:
    """Give at most `COLUMNS_MAX` intervals, and how many of the given ones each stands for."""
    of_each = max(1, ceil(len(intervals) / COLUMNS_MAX))
    groups = [intervals[first : first + of_each] for first in range(0, len(intervals), of_each)]
    return [_joined(group) if len(group) > 1 else group[0] for group in groups], of_each


def _joined(group: Sequence[Interval]) -> Interval:
    counts = Counts()
    for interval in group:
        counts = sum_of_counts(counts, interval.counts)
    latencies = [interval.latency for interval in group]

    def worst(name: str) -> float:
        return max(float(getattr(latency, name)) for latency in latencies)

    return Interval(
        at_s=group[0].at_s,
        seconds=sum(interval.seconds for interval in group),
        counts=counts,
        latency=Percentiles(
            count=sum(latency.count for latency in latencies),
            mean_ms=worst("mean_ms"),
            p50_ms=worst("p50_ms"),
            p90_ms=worst("p90_ms"),
            p99_ms=worst("p99_ms"),
            p999_ms=worst("p999_ms"),
            max_ms=worst("max_ms"),
        ),
        outstanding=max(interval.outstanding for interval in group),
        backlog=max(interval.backlog for interval in group),
    )


def rows_a_commit(samples: Sequence[CommitSample]) -> Line:
    """Give rows in one commit between each two looks; a stretch without commits is a gap.

    Counters that fall belong to a switch that was started again: a gap, too.
    """
    line: Line = []
    for before, after in pairwise(_every(samples)):
        batches, rows = after.batches - before.batches, after.rows - before.rows
        line.append((after.at_s, rows / batches if batches > 0 and rows >= 0 else None))
    return line


def uses_of_processes(samples: Iterable[ProcessSample]) -> list[ProcessUse]:
    """Give each process with at least two looks, in the order in which they were first seen."""
    by_name: dict[str, list[ProcessSample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    uses = []
    for name, looks in by_name.items():
        if len(looks) < 2:
            continue
        cores: Line = []
        cpu_seconds = 0.0
        for before, after in pairwise(_every(looks)):
            used, elapsed = after.cpu_seconds - before.cpu_seconds, after.at_s - before.at_s
            known = used >= 0 and elapsed > 0  # else it was started again under the same name
            cpu_seconds += used if known else 0.0
            cores.append((after.at_s, used / elapsed if known else None))
        uses.append(
            ProcessUse(
                name=name,
                cores=cores,
                mebibytes=[(look.at_s, look.resident_bytes / 2**20) for look in _every(looks)],
                cpu_seconds=cpu_seconds,
            )
        )
    return uses


def percentile_line(histogram: str) -> Line:
    """Give a histogram (base64, microseconds) as (1 / (1 - share), milliseconds), ascending.

    Empty when nothing was recorded. Raises nothing for text that is no histogram: it is empty, too.
    """
    try:
        decoded = HdrHistogram.decode(histogram) if histogram else None
    except UNREADABLE:
        decoded = None
    if decoded is None or not decoded.get_total_count():
        return []
    total = decoded.get_total_count()
    line: Line = []
    wanted = 1.0
    below = 0
    for item in decoded.get_recorded_iterator():
        below += item.count_added_in_this_iter_step
        rarity = total / (total - below) if below < total else float(total)
        # A step of the histogram may cross many wanted points; its own end is enough.
        if rarity >= wanted or below == total:
            line.append((max(rarity, 1.0), item.value_iterated_to / 1000))
            while wanted <= rarity:
                wanted *= 2 ** (1 / POINTS_A_HALVING)
    return line


def _every(samples: Sequence[Sample]) -> Sequence[Sample]:
    """At most as many as there are columns, the last one always among them."""
    step = max(1, ceil(len(samples) / COLUMNS_MAX))
    kept = list(samples[::step])
    if samples and kept[-1] is not samples[-1]:
        kept.append(samples[-1])
    return kept
