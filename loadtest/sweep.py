"""The saturation curve: what a host does at rates from a tenth to one and a half of its limit.

Owns the choice of rates and what a point of the curve is. Must not know how a run is made.

Goodput is what was answered in time and decided (91, "could not decide", is not): beyond the limit
a good host's goodput stays level while its latency rises; a bad one's falls.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from loadtest.limit import RunAtRate, tidy_rate
from loadtest.result import Percentiles, RunResult

SHARES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
"""Of the limit; close together where the curve bends."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One rate of the curve."""

    rate: float  # asked for, arrivals a second
    offered_per_second: float  # by the schedule, follow-ups included
    goodput_per_second: float
    latency: Percentiles
    timed_out: int
    unavailable: int
    faults: int


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    """A curve, lowest rate first, and the whole result of each point."""

    limit_per_second: float
    seconds: float
    points: tuple[Point, ...]
    results: tuple[RunResult, ...]

    @property
    def goodput_share_above(self) -> float:
        """Goodput at the highest rate as a share of the best: 1 is level, 0 is a collapse."""
        best = max((point.goodput_per_second for point in self.points), default=0.0)
        return self.points[-1].goodput_per_second / best if best else 0.0


def sweep(
    run: RunAtRate,
    limit_per_second: float,
    *,
    seconds: float = 10.0,
    shares: Sequence[float] = SHARES,
    on_point: Callable[[Point], None] | None = None,
) -> SweepResult:
    """Run each rate once, from the lowest up; `on_point` is told of each one."""
    assert limit_per_second > 0, "a curve is drawn around a limit"
    points, results = [], []
    for share in sorted(shares):
        rate = tidy_rate(limit_per_second * share)
        result = run(rate, seconds)
        point = point_of(result, rate)
        points.append(point)
        results.append(result)
        if on_point is not None:
            on_point(point)
    return SweepResult(
        limit_per_second=limit_per_second,
        seconds=seconds,
        points=tuple(points),
        results=tuple(results),
    )


def point_of(result: RunResult, rate: float) -> Point:
    """Give a run's point of the curve."""
    counts, seconds = result.counts, result.seconds or 1.0
    return Point(
        rate=rate,
        offered_per_second=round(counts.due / seconds, 1),
        goodput_per_second=round((counts.answered - counts.unavailable) / seconds, 1),
        latency=result.latency,
        timed_out=counts.timed_out,
        unavailable=counts.unavailable,
        faults=result.faults.total,
    )


def read_sweep(path: Path) -> SweepResult:
    """Read what `bashgah loadtest sweep --json` wrote. Raises as `read_result` does."""
    return msgspec.json.decode(path.read_bytes(), type=SweepResult)
