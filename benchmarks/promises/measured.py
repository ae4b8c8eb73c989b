"""What several runs of one load say together: the median round, and whether all were right.

Owns the choice of the round that counts and what a row says of it. Must not know what was promised.
"""

import statistics
from collections import Counter
from itertools import islice
from typing import Any

import msgspec

from benchmarks.promises.club import declared
from benchmarks.promises.cpu import CpuWatch
from benchmarks.promises.stand import Shape, Stand
from loadtest.errors import LoadtestError
from loadtest.journal_check import read_heads
from loadtest.ledger_check import check_ledger
from loadtest.result import RunResult
from loadtest.run_evidence import evidence_of
from loadtest.workload import Workload

RECORDS_LOOKED_AT = 1_000


class WrongPathError(LoadtestError):
    """What would be measured is not what is promised; the text says why."""


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
            **faults_of(self.results),
            "declined": sum(result.counts.declined for result in self.results),
            "rounds": [round(result.answered_per_second) for result in self.results],
            "generator_cpu_us": round(generator_seconds / max(1, answered) * 1e6, 2),
            "slip_p99_ms": max(result.slip_p99_ms for result in self.results),
        }


def faults_of(results: tuple[RunResult, ...]) -> dict[str, Any]:
    """Give how many faults the oracle found, and of which kinds, for a row."""
    kinds = Counter[str]()
    for result in results:
        kinds.update(msgspec.structs.asdict(result.faults))
    found = {name.replace("_", " "): count for name, count in kinds.items() if count}
    return {"faults": sum(found.values()), "fault_kinds": found}


def cpu_us(watch: CpuWatch, result: RunResult) -> float:
    """Give the CPU of switch and backend per answer of a run without warm-up, in microseconds."""
    return watch.deciding_seconds / max(1, result.counts.answered) * 1e6


def expect_whole_path(
    stand: Stand, shape: Shape, seconds: float, workload: Workload | None = None
) -> int:
    """Run a load and look at what became of it: everything that a purchase is for must happen.

    Then the ledger is compared with an independent model of it; gives how many accounts were.
    Raises `WrongPathError`: something else than what is promised would be measured.
    """
    heads = read_heads(stand.site.dsn)
    outcome = stand.run(shape, seconds, keep_records=True, workload=workload)
    result = outcome.result
    if not result.good or not result.counts.answered:
        raise WrongPathError(f"the switch made faults: {', '.join(result.findings)}")
    for record in islice(outcome.records, RECORDS_LOOKED_AT):
        if record.response_code != "00":
            raise WrongPathError(f"a purchase was declined with {record.response_code!r}")
        if not record.discount_minor or not record.points_earned:
            raise WrongPathError("a purchase was not discounted, or earned nothing")
    evidence = evidence_of(outcome)
    books = check_ledger(stand.site.dsn, heads, declared(stand.target), evidence).books
    if books.differences:
        raise WrongPathError(f"the ledger is wrong: {', '.join(books.examples)}")
    return books.accounts
