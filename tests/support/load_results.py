"""Results of load runs that nobody ran: seeded, plausible, and of hosts whose limit is known.

Owns a queue's arithmetic: latency of an M/M/1-like host with noise, and a backlog that grows when
more is offered than it holds. Knows nothing of the reports that are tested with it.
"""

import math
from random import Random

import msgspec
from hdrh.histogram import HdrHistogram

from loadtest.result import (
    BooksVerdict,
    CommitSample,
    Counts,
    Faults,
    Interval,
    Percentiles,
    ProcessSample,
    RunResult,
    Setting,
)

SERVICE_MS = 1.2
"""What a message takes in an idle host; its queue multiplies it."""

TIMER_MS = 8_000.0
SAMPLES_OF_SECOND = 400


class Host:
    """A host that holds `capacity` messages a second and answers as a queue does.

    `noise`: how far its latency and capacity wander from second to second, e.g. 0.2.
    `stall_share`: how many of its runs have a pause of `stall_ms` in them, as a checkpoint makes.
    """

    def __init__(
        self,
        capacity: float,
        *,
        seed: int = 1,
        noise: float = 0.05,
        stall_share: float = 0.0,
        stall_ms: float = 400.0,
        faults: Faults | None = None,
        unavailable_above: float = math.inf,
    ) -> None:
        self.capacity = capacity
        self.random = Random(seed)
        self.noise = noise
        self.stall_share = stall_share
        self.stall_ms = stall_ms
        self.faults = faults or Faults()
        self.unavailable_above = unavailable_above
        self.asked: list[tuple[float, float]] = []

    def run(self, rate: float, seconds: float = 10.0) -> RunResult:
        """Give the result of a constant load."""
        self.asked.append((rate, seconds))
        draw = self.random
        stall_at = (
            draw.randrange(max(1, int(seconds))) if draw.random() < self.stall_share else None
        )
        whole = HdrHistogram(1, 60_000_000, 3)
        intervals = []
        backlog = 0.0
        for index in range(max(1, round(seconds))):
            capacity = self.capacity * math.exp(draw.gauss(0, self.noise / 4))
            offered = rate
            answered = min(capacity, offered + backlog)
            backlog = max(0.0, backlog + offered - answered)
            # The mean wait of M/M/1, bounded: a queue near its limit is not there for ever.
            load = min(offered / capacity, 0.995)
            mean_ms = SERVICE_MS / (1 - load) + backlog / self.capacity * 1000
            mean_ms *= math.exp(draw.gauss(0, self.noise))
            stalled = index == stall_at
            intervals.append(
                self._interval(index, rate, answered, backlog, mean_ms, stalled, whole)
            )
        return self._result(rate, seconds, tuple(intervals), whole)

    def _interval(
        self,
        index: int,
        rate: float,
        answered: float,
        backlog: float,
        mean_ms: float,
        stalled: bool,
        whole: HdrHistogram,
    ) -> Interval:
        draw = self.random
        values = sorted(draw.expovariate(1 / mean_ms) + 0.3 for _ in range(SAMPLES_OF_SECOND))
        if stalled:
            values = sorted(value + self.stall_ms * (draw.random() < 0.2) for value in values)
        weight = max(1, round(answered / SAMPLES_OF_SECOND))
        for value in values:
            whole.record_value(max(1, round(value * 1000)), weight)
        timed_out = 0 if mean_ms < TIMER_MS else round(answered)
        good = round(answered) - timed_out
        unavailable = round(max(0.0, rate - self.unavailable_above))
        declined = round((good - unavailable) * 0.06) + unavailable
        return Interval(
            at_s=float(index),
            seconds=1.0,
            counts=Counts(
                due=round(rate),
                sent=round(answered),
                answered=good,
                approved=good - declined,
                declined=declined,
                unavailable=unavailable,
                timed_out=timed_out,
            ),
            latency=_percentiles(values, good),
            outstanding=round(min(answered * mean_ms / 1000, 4_096)),
            backlog=round(backlog),
        )

    def _result(
        self, rate: float, seconds: float, intervals: tuple[Interval, ...], whole: HdrHistogram
    ) -> RunResult:
        counts = Counts(
            **{
                name: sum(getattr(interval.counts, name) for interval in intervals)
                for name in Counts.__struct_fields__
            }
        )
        latency = percentiles_of(whole)
        return RunResult(
            setting=setting(rate),
            seconds=float(len(intervals)),
            warmup_seconds=2.0,
            counts=counts,
            faults=self.faults,
            latency=latency,
            histogram=whole.encode().decode(),
            declines=_declines(counts),
            kinds=_kinds(counts),
            kind_latency={"purchase": latency, "balance": latency, "reversal": latency},
            intervals=intervals,
            processes=_processes(len(intervals), rate / self.capacity),
            commits=_commits(intervals),
            generator_cpu_seconds=round(counts.sent * 3.1e-6, 3),
            slip_p99_ms=0.21,
        )


def setting(rate: float) -> Setting:
    """Give a setting, as of a run on our own switch."""
    return Setting(
        command=f"bashgah loadtest run --target bashgah.toml --rate {rate:.0f} --seed 7",
        host="127.0.0.1:9600",
        target="bashgah pos-binary",
        workload="shop-day",
        arrival=f"constant {rate:.0f}/s",
        open_loop=True,
        seed=7,
        connections=1_000,
        window=1,
        began_at="2026-11-26T19:12:01Z",
        machine={
            "cpu": "Example CPU 2.60 GHz",
            "cores": "2",
            "memory": "8.0 GiB",
            "kernel": "6.1.0",
            "python": "3.11.7",
            "commit": "d62fa11",
        },
    )


def rich_result(seconds: int = 60, seed: int = 3) -> RunResult:
    """Give a result with something in each part that a report has."""
    found = Host(60_000, seed=seed, noise=0.2, stall_share=1.0).run(42_000, seconds)
    return msgspec.structs.replace(found, books=BooksVerdict(accounts=12_345, differences=0))


def percentiles_of(histogram: HdrHistogram) -> Percentiles:
    """Give the percentiles of a histogram of microseconds."""

    def at(percentile: float) -> float:
        return round(float(histogram.get_value_at_percentile(percentile)) / 1000, 3)

    return Percentiles(
        count=histogram.get_total_count(),
        mean_ms=round(float(histogram.get_mean_value()) / 1000, 3),
        p50_ms=at(50),
        p90_ms=at(90),
        p99_ms=at(99),
        p999_ms=at(99.9),
        max_ms=at(100),
    )


def _percentiles(values: list[float], count: int) -> Percentiles:
    def at(share: float) -> float:
        return round(values[min(len(values) - 1, int(share * len(values)))], 3)

    return Percentiles(
        count=count,
        mean_ms=round(sum(values) / len(values), 3),
        p50_ms=at(0.5),
        p90_ms=at(0.9),
        p99_ms=at(0.99),
        p999_ms=at(0.999),
        max_ms=round(values[-1], 3),
    )


def _declines(counts: Counts) -> dict[str, int]:
    plain = counts.declined - counts.unavailable
    mix = {"51": plain * 7 // 10, "14": plain * 2 // 10}
    mix["54"] = plain - sum(mix.values())
    if counts.unavailable:
        mix["91"] = counts.unavailable
    return mix


def _kinds(counts: Counts) -> dict[str, Counts]:
    shares = {"purchase": 8, "balance": 1, "reversal": 1}
    return {
        kind: Counts(
            **{name: getattr(counts, name) * tenths // 10 for name in Counts.__struct_fields__}
        )
        for kind, tenths in shares.items()
    }


def _processes(seconds: int, load: float) -> tuple[ProcessSample, ...]:
    shares = {"switch": 0.8, "postgresql": 0.45, "generator": 0.35}
    mebibytes = {"switch": 310, "postgresql": 420, "generator": 95}
    return tuple(
        ProcessSample(
            at_s=float(at),
            name=name,
            cpu_seconds=round(10 + (at + 0.1 * math.sin(at)) * share * min(load, 1.0), 3),
            resident_bytes=int((mebibytes[name] + at * 0.2) * 1024 * 1024),
        )
        for at in range(seconds + 1)
        for name, share in shares.items()
    )


def _commits(intervals: tuple[Interval, ...]) -> tuple[CommitSample, ...]:
    samples, rows, batches = [CommitSample(at_s=0.0, batches=0, rows=0)], 0, 0
    for interval in intervals:
        rows += interval.counts.answered
        batches += max(1, round(220 + 40 * math.sin(interval.at_s / 5)))
        samples.append(CommitSample(at_s=interval.at_s + 1, batches=batches, rows=rows))
    return tuple(samples)
