"""Under too much: goodput at twice the limit, reversals, memory, and how soon all is well again.

Owns one load: half of the limit, then twice, then half again, over links that hold back nothing.
Goodput counts approvals that came within the requester's timer. Must not know how the limit was
found.
"""

import statistics
from typing import Any

from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import HERE, Shape, Stand
from benchmarks.table import Row, row
from loadtest.arrival import steps
from loadtest.limit import tidy_rate
from loadtest.result import Interval, RunResult
from loadtest.watch import Watch
from loadtest.workload import load_workload

TIMES_THE_LIMIT = 2.0
SHARE_BEFORE_AND_AFTER = 0.5
WINDOW = 8192  # a link of that many outstanding holds nothing back
GOODPUT_WANTED = 0.9
RECOVERED_SECONDS = 2.0
RECOVERED_P99_MS = 50.0  # as long as `loadtest limit` lets p99 be
NEVER_SECONDS = 3_600.0
RINGS_BYTES = 1_000_000 * 160 + (256 << 20)  # of exchanges: they fill up to their bound and stay
# Two streams of 40,000 waiting rows at twice their size (buffers double), 2 MiB of replies a link.
GROWN_BYTES_MAX = RINGS_BYTES + (256 << 20)


def cases(stand: Stand, sizes: Sizes, limit_per_second: float) -> list[Row]:
    """Measure all; `limit_per_second` is what the links hold."""
    calm = tidy_rate(limit_per_second * SHARE_BEFORE_AND_AFTER)
    offered = tidy_rate(limit_per_second * TIMES_THE_LIMIT)
    before, during, after = sizes.overload_before, sizes.overload_during, sizes.overload_after
    # Reversals come on top of what the schedule says: one for ten purchases.
    rates = [(rate / 1.1, seconds) for rate, seconds in
             ((calm, before), (offered, during), (calm, after))]  # fmt: skip
    watch = Watch({"switch": stand.switch_pid})
    outcome = stand.run(
        Shape(connections=sizes.links, window=WINDOW, arrival=steps(tuple(rates))),
        before + during + after,
        watch=watch,
        workload=load_workload(str(HERE / "overload.toml")),
    )
    return _rows(outcome.result, limit_per_second, before, before + during)


def _rows(result: RunResult, limit: float, began_s: float, ended_s: float) -> list[Row]:
    # The first second of the flood still answers what came before it.
    during = [one for one in result.intervals if began_s + 1 <= one.at_s < ended_s]
    after = [one for one in result.intervals if one.at_s >= ended_s]
    goodput = statistics.median(one.counts.approved / one.seconds for one in during)
    reversals = result.kinds["reversal"]
    sizes = [(sample.at_s, sample.resident_bytes) for sample in result.processes]
    calm = max((size for at_s, size in sizes if at_s < began_s), default=0)
    facts: dict[str, Any] = {
        "offered_per_second": round(statistics.median(_offered(one) for one in during)),
        "refused": result.counts.unavailable,
        "timed_out": result.counts.timed_out,
        "faults": result.faults.total,
        "p99_ms": statistics.median(one.latency.p99_ms for one in during),
    }
    return [
        row(
            "goodput at twice the limit",
            goodput,
            "messages/s",
            baseline=limit,
            at_least=GOODPUT_WANTED,
            right=result.faults.total == 0,
            baseline_is="the limit",
            **facts,
        ),
        row(
            "reversals refused or lost at twice the limit",
            reversals.due - reversals.approved,
            "messages",
            baseline=0.5,
            at_least=1.0,
            better="less",
            baseline_is="none",
            reversals=reversals.due,
        ),
        row(
            "memory of the switch under too much, more than before",
            (max(size for _, size in sizes) - calm) / 1e6 if sizes else 0.0,
            "MB",
            baseline=GROWN_BYTES_MAX / 1e6,
            at_least=1.0,
            better="less",
            right=calm > 0,
            baseline_is="its bounds",
        ),
        row(
            "recovered after the end of too much within",
            _recovered_seconds(after, ended_s, _p99_allowed(result, began_s)),
            "s",
            baseline=RECOVERED_SECONDS,
            at_least=1.0,
            better="less",
            baseline_is="what is wanted",
        ),
    ]


def _offered(one: Interval) -> float:
    return one.counts.due / one.seconds


def _p99_allowed(result: RunResult, began_s: float) -> float:
    """Give what p99 may be again: twice what it was before, which is noise, or the usual bound."""
    before = [one.latency.p99_ms for one in result.intervals if one.at_s + one.seconds < began_s]
    return max(RECOVERED_P99_MS, 2 * statistics.median(before or [0.0]))


def _recovered_seconds(after: list[Interval], ended_s: float, p99_ms_max: float) -> float:
    """Give when the first second began from which on all was well; a look is a second long."""
    whole = [one for one in after if one.seconds > 0.5 and one.counts.answered]  # not the drain's
    well_s = whole[-1].at_s + whole[-1].seconds - ended_s if whole else NEVER_SECONDS
    for one in reversed(whole):
        if one.counts.unavailable or one.latency.p99_ms > p99_ms_max:
            break
        well_s = one.at_s - ended_s
    return max(0.0, well_s)
