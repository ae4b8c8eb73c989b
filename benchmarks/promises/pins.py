"""Purchases with a PIN, which an HSM verifies, beside the same without one.

Owns the two loads and the proof that PINs were verified. Switch, HSM, PostgreSQL and the generator
share the cores. Must not know how a PIN is sealed or verified.
"""

import statistics

from benchmarks.promises.measured import Measured, WrongPathError, expect_whole_path
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import HERE, LONELY, Stand, bench_target, running_stand
from benchmarks.promises.throughput import PER_SECOND, Say, links_of
from benchmarks.table import Row, row
from hsm_sim.lmk_files import TEST
from loadtest.result import RunResult
from loadtest.workload import Workload, load_workload

WANTED = 12_000.0
WRONG_SECONDS = 0.3  # ten cards lock after thirty wrong PINs: it takes no time


def cases(sizes: Sizes, say: Say) -> list[Row]:
    """Measure on a stand of its own, with an HSM beside it; one row."""
    target = bench_target(cards=sizes.cards_few, terminals=sizes.many_terminals)
    with running_stand(target, lmk=TEST, say=say) as stand:
        expect_wrong_pins_to_be_declined(stand)
        workload = load_workload(str(HERE / "purchase-pin.toml"))
        accounts = expect_whole_path(stand, links_of(sizes), sizes.warmup_seconds, workload)
        return [_row(stand, sizes, workload, accounts)]


def expect_wrong_pins_to_be_declined(stand: Stand) -> None:
    """Raise `WrongPathError` for a switch that approves, or does not answer, a wrong PIN."""
    workload = load_workload(str(HERE / "wrong-pin.toml"))
    result = stand.run(LONELY, WRONG_SECONDS, workload=workload).result
    if not result.good or not result.counts.declined:
        raise WrongPathError(f"wrong PINs are not declined: {', '.join(result.findings)}")


def _row(stand: Stand, sizes: Sizes, workload: Workload, accounts: int) -> Row:
    assert stand.hsm is not None, "this stand has one"
    shape = links_of(sizes)
    with_pin: list[RunResult] = []
    without: list[RunResult] = []
    hsm_us: list[float] = []
    for _ in range(sizes.rounds):
        without.append(stand.run(shape, sizes.seconds, warmup_seconds=sizes.warmup_seconds).result)
        stand.run(shape, sizes.warmup_seconds, workload=workload)
        before_seconds = stand.hsm.cpu_seconds
        with_pin.append(stand.run(shape, sizes.seconds, workload=workload).result)
        spent_seconds = stand.hsm.cpu_seconds - before_seconds
        hsm_us.append(spent_seconds / max(1, with_pin[-1].counts.answered) * 1e6)
    measured, plain = Measured(results=tuple(with_pin)), Measured(results=tuple(without))
    return row(
        f"purchases with a PIN, {sizes.links} links x {sizes.window}",
        measured.per_second,
        PER_SECOND,
        baseline=WANTED,
        at_least=1.0,
        right=measured.right and plain.right,
        baseline_is="what is wanted",
        beside=f"without a PIN, taking turns: {plain.per_second:,.0f}/s, so a PIN leaves "
        f"{measured.per_second / plain.per_second:.0%}; the HSM used "
        f"{statistics.median(hsm_us):.1f} us a PIN; wrong PINs were declined before, and the "
        f"ledger agreed with an independent model of it in {accounts:,} accounts",
        hsm_cpu_us=round(statistics.median(hsm_us), 2),
        without_per_second=round(plain.per_second),
        **measured.facts,
    )
