"""Waiting: the 99th percentile at half of the limit, and a lonely terminal's round trip.

Owns the two loads. Must not know how the limit was found.
"""

import statistics

from benchmarks.promises.measured import Measured
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import LONELY, Shape, Stand
from benchmarks.table import Row, row
from loadtest.arrival import poisson
from loadtest.baseline import running_echo
from loadtest.limit import tidy_rate
from loadtest.result import RunResult

P99_MS_WANTED = 20.0
P99_MS_DREAM = 8.0
LONELY_MS_WANTED = 1.5
LONELY_MS_DREAM = 0.7


def cases(stand: Stand, sizes: Sizes, limit_per_second: float) -> list[Row]:
    """Measure both; `limit_per_second` is what the links hold."""
    return [_half(stand, sizes, limit_per_second), _lonely(stand, sizes)]


def _half(stand: Stand, sizes: Sizes, limit_per_second: float) -> Row:
    rate = max(1.0, tidy_rate(limit_per_second / 2))
    shape = Shape(connections=sizes.links, window=sizes.window, arrival=poisson(rate))
    results: list[RunResult] = [
        stand.run(shape, sizes.latency_seconds, warmup_seconds=sizes.warmup_seconds).result
        for _ in range(sizes.rounds)
    ]
    measured = Measured(results=tuple(results))
    return row(
        "p99 at half of the limit, open loop",
        measured.p99_ms,
        "ms",
        baseline=P99_MS_WANTED,
        at_least=1.0,
        better="less",
        right=measured.right,
        dream=P99_MS_WANTED / P99_MS_DREAM,
        baseline_is="what is wanted",
        beside=f"Poisson arrivals at {rate:,.0f}/s, half of what the links hold",
        rounds_ms=[result.latency.p99_ms for result in results],
        **measured.facts,
    )


def _lonely(stand: Stand, sizes: Sizes) -> Row:
    results: list[RunResult] = []
    echo_ms: list[float] = []
    with running_echo() as echo:
        for _ in range(sizes.rounds):
            echo_run = stand.run_echo(echo.address, LONELY, sizes.beside_seconds / 2)
            echo_ms.append(echo_run.result.latency.p50_ms)
            results.append(stand.run(LONELY, sizes.beside_seconds).result)
    measured = Measured(results=tuple(results))
    return row(
        "one lonely terminal, median round trip",
        measured.p50_ms,
        "ms",
        baseline=LONELY_MS_WANTED,
        at_least=1.0,
        better="less",
        right=measured.right,
        dream=round(LONELY_MS_WANTED / LONELY_MS_DREAM, 3),
        baseline_is="what is wanted",
        beside=f"C echo server: {statistics.median(echo_ms):.3f} ms",
        rounds_ms=[result.latency.p50_ms for result in results],
        **measured.facts,
    )
