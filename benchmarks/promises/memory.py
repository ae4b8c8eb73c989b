"""Memory of the switch under a steady load: the slope of its resident bytes, per authorisation.

Owns the sampling and what "flat" means. The rings that remember exchanges are made small enough to
be full before measuring begins, for they fill up to their bound and stay. The least that the C
library hands out is 32 bytes: a slope below the bound says that not even one message in eight (in
`make bench`) or in thirty-two (in `make soak`) leaves its smallest piece behind. Must not know how
a limit is found.
"""

import statistics
import threading
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from benchmarks.promises.measured import faults_of
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import NEVER, Shape, Stand, bench_target, running_stand
from benchmarks.promises.throughput import Say, find_limit, links_of
from benchmarks.table import Row, row
from loadtest.arrival import poisson
from loadtest.limit import tidy_rate
from loadtest.processes import usage_alone
from loadtest.result import CommitSample, ProcessSample, RunResult
from loadtest.run import Watch
from switch.config import Journal, Memory

BENCH_BYTES_MAX = 4.0
SOAK_BYTES_MAX = 1.0
SHARE_OF_LIMIT = 0.7
LOOK_SECONDS = 0.5
FULL_TWICE = 2  # so many times as many messages as the ring has entries come before measuring
BYTES_PER_EXCHANGE = 640  # what a ring of details needs for each of the ring of entries
WARMUPS_MAX = 20


class Sample(msgspec.Struct, frozen=True):
    """One look."""

    at_s: float
    resident_bytes: int


class ResidentWatch:
    """Looks at one process's memory while a run is on, and lets another watch look too."""

    def __init__(self, pid: int, other: Watch | None = None) -> None:
        self._pid = pid
        self._other = other
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="resident", daemon=True)
        self.samples: list[Sample] = []

    def start(self, began_ns: int) -> None:
        """Begin to look."""
        self._thread.start()
        if self._other is not None:
            self._other.start(began_ns)

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        """End; give what the other one saw."""
        self._ended.set()
        self._thread.join()
        return self._other.stop() if self._other is not None else ((), ())

    def _keep_looking(self) -> None:
        number = 0
        while not self._ended.wait(LOOK_SECONDS if number else 0.0):
            usage = usage_alone(self._pid)
            if usage is not None:
                self.samples.append(Sample(number * LOOK_SECONDS, usage.resident_bytes))
            number += 1


class Memories(msgspec.Struct, frozen=True, kw_only=True):
    """A measured run."""

    result: RunResult
    samples: tuple[Sample, ...]
    rate: float
    is_full: bool  # the rings were, before it began

    @property
    def slope(self) -> float:
        """Bytes per authorisation."""
        times = [sample.at_s for sample in self.samples]
        sizes = [sample.resident_bytes for sample in self.samples]
        if len(times) < 2 or not self.result.answered_per_second:
            return float("inf")
        return statistics.linear_regression(times, sizes).slope / self.result.answered_per_second


def small_stand(
    sizes: Sizes, say: Say, *, snapshot_every_entries: int | None = None
) -> AbstractContextManager[Stand]:
    """Give a stand whose rings are full within seconds, and hold more seconds than a reply takes.

    With less a message might always be a repeat of something that has left, and ask the journal.
    """
    pending, entries = sizes.memory_pending_max, sizes.memory_entries
    return running_stand(
        bench_target(cards=sizes.cards_few, terminals=sizes.many_terminals),
        journal=Journal(
            pending_entries_max=pending,
            batch_entries_max=min(pending, Journal().batch_entries_max),
        ),
        memory=Memory(
            exchange_entries_max=entries, exchange_detail_bytes=entries * BYTES_PER_EXCHANGE
        ),
        snapshot_every_entries=snapshot_every_entries,
        say=say,
    )


def measure(
    stand: Stand,
    full: Shape,
    shape: Shape,
    *,
    warmup_seconds: float,
    seconds: float,
    other: Watch | None = None,
) -> Memories:
    """Load as much as it holds (`full`) until the rings are full, then by `shape`, and look.

    Under the fullest load every buffer becomes as large as it ever will.
    """
    messages = 0
    wanted = FULL_TWICE * stand.site.config.memory.exchange_entries_max
    for _ in range(WARMUPS_MAX):
        messages += stand.run(full, warmup_seconds).result.counts.answered
        if messages >= wanted:
            break
    watch = ResidentWatch(stand.switch_pid, other)
    result = stand.run(shape, seconds, watch=watch).result
    return Memories(
        result=result,
        samples=tuple(watch.samples),
        rate=shape.arrival.rate,
        is_full=messages >= wanted,
    )


def shape_at(sizes: Sizes, limit_per_second: float) -> Shape:
    """Give the load of a soak: Poisson arrivals at a share of the limit."""
    rate = max(1.0, tidy_rate(SHARE_OF_LIMIT * limit_per_second))
    return Shape(connections=sizes.links, window=sizes.window, arrival=poisson(rate))


def row_of(found: Memories, case: str, bytes_max: float, **more: Any) -> Row:
    """Give the row of a measured run."""
    first, last = found.samples[0].resident_bytes, found.samples[-1].resident_bytes
    result = found.result
    return row(
        case,
        found.slope,
        "B/authorisation",
        baseline=bytes_max,
        at_least=1.0,
        better="less",
        right=result.good and found.is_full,
        baseline_is="what counts as flat",
        beside=f"{found.rate:,.0f}/s offered, {result.answered_per_second:,.0f}/s answered; "
        f"resident {first / 2**20:,.1f} MiB first, {last / 2**20:,.1f} MiB last"
        + ("" if found.is_full else "; the rings were not full yet"),
        p99_ms=result.latency.p99_ms,
        **faults_of((result,)),
        declined=result.counts.declined,
        generator_cpu_us=round(
            result.generator_cpu_seconds / max(1, result.counts.answered) * 1e6, 2
        ),
        slip_p99_ms=result.slip_p99_ms,
        **more,
    )


def cases(sizes: Sizes, limit_per_second: float | None, say: Say) -> list[Row]:
    """Measure the short version, on a stand of its own that makes no snapshots.

    A fork for one leaves a step of a few pages behind: too few come in seconds to tell steps from a
    slope. The long soak has them.
    """
    with small_stand(sizes, say, snapshot_every_entries=NEVER) as stand:
        limit = limit_per_second or find_limit(stand, sizes)
        found = measure(
            stand,
            links_of(sizes),
            shape_at(sizes, limit),
            warmup_seconds=sizes.memory_warmup_seconds,
            seconds=sizes.memory_seconds,
        )
    return [
        row_of(
            found,
            f"memory: slope over {sizes.memory_seconds:g} s at 70 % of the limit",
            BENCH_BYTES_MAX,
        )
    ]
