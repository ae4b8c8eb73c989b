"""CPU per authorisation with few cards and with very many.

Owns the comparison: two stands of their own take the same load in turns, spread evenly over all
their cards, which is harder than what customers do. CPU is that of the switch's threads and of
the journal's writer in PostgreSQL; snapshots are off here: what they take depends on how often they
are made. Must not know how cards are made.
"""

import statistics
import time
from contextlib import ExitStack

from benchmarks.promises.measured import Measured, cpu_us
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import NEVER, Stand, bench_target, running_stand
from benchmarks.promises.throughput import Say, links_of
from benchmarks.table import Row, row
from loadtest.result import RunResult

GROWTH_MAX = 0.25


def cases(sizes: Sizes, say: Say) -> list[Row]:
    """Start both stands and measure; one row."""
    with ExitStack() as resources:
        began_at = time.monotonic()
        stands: list[Stand] = []
        for count in (sizes.cards_few, sizes.cards_many):
            target = bench_target(cards=count, terminals=sizes.many_terminals)
            stand = running_stand(target, snapshot_every_entries=NEVER, say=say)
            stands.append(resources.enter_context(stand))
        made_seconds = time.monotonic() - began_at
        few, many = _take_turns(stands, sizes)
    return [_row(sizes, few, many, made_seconds)]


Costs = tuple[list[float], list[RunResult]]


def _take_turns(stands: list[Stand], sizes: Sizes) -> tuple[Costs, Costs]:
    """Give for both stands the cost of each round, in microseconds, and the rounds."""
    found: tuple[Costs, Costs] = (([], []), ([], []))
    for stand in stands:
        stand.run(links_of(sizes), sizes.warmup_seconds)
    for _ in range(sizes.rounds):
        for stand, (costs_us, results) in zip(stands, found, strict=True):
            watch = stand.cpu_watch()
            result = stand.run(links_of(sizes), sizes.seconds, watch=watch).result
            costs_us.append(cpu_us(watch, result))
            results.append(result)
    return found


def _row(sizes: Sizes, few: Costs, many: Costs, made_seconds: float) -> Row:
    measured = Measured(results=tuple(many[1]))
    right = measured.right and Measured(results=tuple(few[1])).right
    return row(
        f"CPU per authorisation, {sizes.cards_many:,} cards",
        statistics.median(many[0]),
        "us",
        baseline=statistics.median(few[0]),
        at_least=round(1 / (1 + GROWTH_MAX), 3),
        better="less",
        right=right,
        dream=1.0,
        baseline_is=f"{sizes.cards_few:,} cards",
        beside=f"grows by {statistics.median(many[0]) / statistics.median(few[0]) - 1:.0%}; "
        f"both clubs were made and recovered in {made_seconds:.0f} s",
        rounds_us=[round(cost, 2) for cost in many[0]],
        rounds_baseline=[round(cost, 2) for cost in few[0]],
        **{**measured.facts, "p50_ms": None, "p99_ms": None},
    )
