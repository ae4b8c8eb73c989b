"""The bench's club with PINs and MACs: they are verified; what is declined changes no account."""

import msgspec
import pytest

from benchmarks.promises.club import declared
from benchmarks.promises.measured import WrongPathError
from benchmarks.promises.pins import (
    expect_missing_macs_to_be_declined,
    expect_wrong_pins_to_be_declined,
)
from benchmarks.promises.stand import HERE, Shape, bench_target, running_stand
from hsm_sim.lmk_files import TEST, VARIANT_TEST
from loadtest.journal_check import read_heads
from loadtest.ledger_check import check_ledger
from loadtest.run_evidence import evidence_of
from loadtest.workload import Step, Workload, load_workload


def mixed() -> Workload:
    """Two of three purchases with the right PIN, the third by who never knows it."""
    right = load_workload(str(HERE / "purchase-pin.toml")).scenario[0]
    wrong = load_workload(str(HERE / "wrong-pin.toml")).scenario[0]
    return Workload(
        name="mixed",
        amount_minor=(200_000, 900_000),
        scenario=(msgspec.structs.replace(right, weight=2), wrong),
    )


@pytest.mark.slow
@pytest.mark.parametrize("lmk", [TEST, VARIANT_TEST])
def test_right_pins_are_approved_and_wrong_ones_change_no_account(lmk: str) -> None:
    target = bench_target(cards=100, terminals=20)
    with running_stand(target, lmk=lmk) as stand:
        expect_wrong_pins_to_be_declined(stand)
        heads = read_heads(stand.site.dsn)

        outcome = stand.run(
            Shape(connections=4, window=4), 0.3, keep_records=True, workload=mixed()
        )

        books = check_ledger(stand.site.dsn, heads, declared(target), evidence_of(outcome)).books
    counts = outcome.result.counts
    assert outcome.result.good, outcome.result.findings
    assert counts.approved > counts.declined > 0
    assert {record.response_code for record in outcome.records} == {"00", "75"}
    assert books.differences == 0


@pytest.mark.slow
def test_messages_with_macs_and_their_repeats_are_taken() -> None:
    purchase = load_workload(str(HERE / "purchase-mac.toml"))
    once = purchase.scenario[0]
    twice = msgspec.structs.replace(once, step=(*once.step, Step(repeat=True)))
    workload = msgspec.structs.replace(purchase, scenario=(twice,))
    with running_stand(bench_target(cards=10, terminals=4), lmk=TEST, macs=True) as stand:
        expect_missing_macs_to_be_declined(stand)

        result = stand.run(Shape(connections=4, window=4), 0.3, workload=workload).result

    assert result.good, result.findings
    assert result.counts.approved > 0
    assert result.counts.repeated > 0
    assert result.counts.declined == 0


@pytest.mark.slow
def test_a_switch_that_verifies_neither_pins_nor_macs_is_not_measured() -> None:
    with running_stand(bench_target(cards=10, terminals=4)) as stand:
        with pytest.raises(WrongPathError, match="wrong PINs are not declined"):
            expect_wrong_pins_to_be_declined(stand)
        with pytest.raises(WrongPathError, match="without a MAC are not declined"):
            expect_missing_macs_to_be_declined(stand)
