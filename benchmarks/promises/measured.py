"""What several runs of one load say together: the median round, and whether all were right.

Owns the choice of the round that counts and what a row says of it. Must not know what was promised.
"""

import statistics
from typing import Any

import msgspec

from benchmarks.promises.cpu import CpuWatch
from benchmarks.promises.stand import Shape, Stand
from loadtest.result import RunResult

RECORDS_LOOKED_AT = 1_000


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds of one load."""

    results: tuple[RunResult, ...]

    @property
    def per_second(self) -> float:
        """Answers a second in the median round."""
        return statistics.median(result.answered_per_second for result in self.results)

    @property
    def p50_ms(self) -> float:
        """The median over the rounds."""
        return statistics.median(result.latency.p50_ms for result in self.results)

    @property
    def p99_ms(self) -> float:
        """The median over the rounds."""
        return statistics.median(result.latency.p99_ms for result in self.results)

    @property
    def right(self) -> bool:
        """Whether the oracle found nothing wrong, and every answer was an approval."""
        return all(
            result.good and result.counts.answered and not result.counts.declined
            for result in self.results
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What a row says besides its figure."""
        answered = sum(result.counts.answered for result in self.results)
        generator_seconds = sum(result.generator_cpu_seconds for result in self.results)
        return {
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "faults": sum(result.faults.total for result in self.results),
            "declined": sum(result.counts.declined for result in self.results),
            "rounds": [round(result.answered_per_second) for result in self.results],
            "generator_cpu_us": round(generator_seconds / max(1, answered) * 1e6, 2),
            "slip_p99_ms": max(result.slip_p99_ms for result in self.results),
        }


def cpu_us(watch: CpuWatch, result: RunResult) -> float:
    """Give the CPU of switch and backend per answer of a run without warm-up, in microseconds."""
    return watch.deciding_seconds / max(1, result.counts.answered) * 1e6


def expect_whole_path(stand: Stand, shape: Shape, seconds: float) -> None:
    """Run a load and look at what it was told: everything that a purchase can be must happen.

    Raises AssertionError: another path than the promised one would be measured.
    """
    outcome = stand.run(shape, seconds, keep_records=True)
    assert outcome.result.good, outcome.result.findings
    looked_at = 0
    for record in outcome.records:
        assert record.response_code == "00", "every purchase is approved"
        assert record.discount_minor > 0, "every purchase is discounted"
        assert record.points_earned > 0, "every purchase earns"
        looked_at += 1
        if looked_at == RECORDS_LOOKED_AT:
            break
    assert looked_at, "nothing was answered"
