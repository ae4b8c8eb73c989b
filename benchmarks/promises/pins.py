"""Purchases with a PIN, which an HSM verifies, beside the same without one; and with MACs.

Owns the loads and the proof that PINs were verified. Switch, HSM, PostgreSQL and the generator
share the cores. Must not know how a PIN is sealed or verified.
"""

import statistics

import msgspec

from benchmarks.promises.measured import Measured, WrongPathError, expect_whole_path
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import HERE, LONELY, Stand, bench_target, running_stand
from benchmarks.promises.throughput import PER_SECOND, Say, links_of
from benchmarks.table import Row, row
from hsm_sim.lmk_files import TEST
from loadtest.result import RunResult
from loadtest.workload import Workload, load_workload

WANTED = 12_000.0
MAC_ROUNDS = 3  # nothing is promised of them
WRONG_SECONDS = 0.3  # ten cards lock after thirty wrong PINs: it takes no time


class Rounds(msgspec.Struct, kw_only=True):
    """Runs of one load, and what the HSM used for a message of each."""

    results: list[RunResult] = []
    hsm_us: list[float] = []

    @property
    def measured(self) -> Measured:
        """All of them."""
        return Measured(results=tuple(self.results))

    @property
    def hsm_cpu_us(self) -> float:
        """The median round's."""
        return statistics.median(self.hsm_us)


def cases(sizes: Sizes, say: Say) -> list[Row]:
    """Measure on stands of their own, with an HSM beside each; two rows."""
    target = bench_target(cards=sizes.cards_few, terminals=sizes.many_terminals)
    with running_stand(target, lmk=TEST, say=say) as stand:
        expect_wrong_pins_to_be_declined(stand)
        pins = _with_pins(stand, sizes)
    with running_stand(target, lmk=TEST, macs=True, say=say) as stand:
        return [pins, _with_macs(stand, sizes)]


def expect_wrong_pins_to_be_declined(stand: Stand) -> None:
    """Raise `WrongPathError` for a switch that approves, or does not answer, a wrong PIN."""
    workload = load_workload(str(HERE / "wrong-pin.toml"))
    result = stand.run(LONELY, WRONG_SECONDS, workload=workload).result
    if not result.good or not result.counts.declined:
        raise WrongPathError(f"wrong PINs are not declined: {', '.join(result.findings)}")


def expect_missing_macs_to_be_declined(stand: Stand) -> None:
    """Raise `WrongPathError` for a switch that approves, or does not answer, a message without."""
    counts = stand.run(LONELY, WRONG_SECONDS).result.counts
    if counts.approved or not counts.declined:
        raise WrongPathError("messages without a MAC are not declined")


def _with_pins(stand: Stand, sizes: Sizes) -> Row:
    workload = load_workload(str(HERE / "purchase-pin.toml"))
    accounts = expect_whole_path(stand, links_of(sizes), sizes.warmup_seconds, workload)
    with_pin, without = Rounds(), Rounds()
    stand.run(links_of(sizes), sizes.warmup_seconds)
    for _ in range(sizes.rounds):
        _run_round(stand, sizes, stand.workload, without)
        _run_round(stand, sizes, workload, with_pin)
    measured, plain = with_pin.measured, without.measured
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
        f"{with_pin.hsm_cpu_us:.1f} us a message; wrong PINs were declined before, and the "
        f"ledger agreed with an independent model of it in {accounts:,} accounts",
        hsm_cpu_us=round(with_pin.hsm_cpu_us, 2),
        without_per_second=round(plain.per_second),
        **measured.facts,
    )


def _with_macs(stand: Stand, sizes: Sizes) -> Row:
    # No look at the ledger here: the journal keeps a reply as it was before its MAC.
    expect_missing_macs_to_be_declined(stand)
    workload = load_workload(str(HERE / "purchase-mac.toml"))
    rounds = Rounds()
    stand.run(links_of(sizes), sizes.warmup_seconds, workload=workload)
    for _ in range(min(MAC_ROUNDS, sizes.rounds)):
        _run_round(stand, sizes, workload, rounds)
    measured = rounds.measured
    return row(
        f"purchases with a PIN and MACs, {sizes.links} x {sizes.window}",
        measured.per_second,
        PER_SECOND,
        right=measured.right,
        hsm_cpu_us=round(rounds.hsm_cpu_us, 2),
        **measured.facts,
    )


def _run_round(stand: Stand, sizes: Sizes, workload: Workload, rounds: Rounds) -> None:
    assert stand.hsm is not None, "these stands have one"
    before_seconds = stand.hsm.cpu_seconds
    result = stand.run(links_of(sizes), sizes.seconds, workload=workload).result
    spent_seconds = stand.hsm.cpu_seconds - before_seconds
    rounds.results.append(result)
    rounds.hsm_us.append(spent_seconds / max(1, result.counts.answered) * 1e6)
