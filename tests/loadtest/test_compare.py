"""The comparison against runs whose true difference is known, and how often it is wrong.

Method: hosts with and without a difference, seeded. Where there is none, the headline may claim one
in about 5 % of cases; the test counts over many pairs with neighbouring seconds that resemble each
other.
"""

from math import exp
from random import Random

import pytest
from msgspec import json, structs

from loadtest.compare import (
    BLOCKS_MAX,
    FIGURES,
    Answer,
    Comparison,
    Difference,
    blocks_of,
    compare,
    ratio_interval,
    student_factor,
    superiority,
)
from loadtest.result import BooksVerdict, Faults, RunResult
from tests.support.load_results import Host


def runs(capacity: float, count: int, *, seed: int, seconds: int = 15) -> list[RunResult]:
    return [
        Host(capacity, seed=seed * 100 + index, noise=0.1).run(5_000, seconds)
        for index in range(count)
    ]


def figure(comparison: Comparison, name: str) -> Difference:
    [found] = [difference for difference in comparison.differences if difference.name == name]
    return found


def wandering(random: Random, count: int, level: float = 10.0) -> list[float]:
    """Give seconds that resemble their neighbours: an AR(1) of 0.6 around the level."""
    at, values = random.gauss(0, 1.25), []
    for _ in range(count):
        at = 0.6 * at + random.gauss(0, 1)
        values.append(level * exp(0.1 * at))
    return values


@pytest.mark.slow
def test_a_faster_host_is_called_faster_and_the_other_way_round_slower() -> None:
    slow, fast = runs(7_000, 1, seed=1), runs(10_000, 1, seed=2)

    forwards, backwards = compare(slow, fast), compare(fast, slow)

    assert forwards.answer is Answer.FASTER
    assert backwards.answer is Answer.SLOWER
    p99 = figure(forwards, "p99")
    # The mean wait is 1 / (1 - load): 3.5 against 2 service times.
    assert p99.change_low < 2 / 3.5 - 1 + 0.05 < p99.change_high + 0.1
    assert p99.superiority < 0.05
    assert figure(forwards, "throughput").answer is Answer.NO_DIFFERENCE


@pytest.mark.slow
def test_the_same_host_shows_no_difference() -> None:
    found = compare(runs(8_000, 1, seed=3), runs(8_000, 1, seed=4))

    assert found.answer is Answer.NO_DIFFERENCE
    assert all(one.change_low < 0 < one.change_high for one in found.differences[1:])


@pytest.mark.slow
def test_sets_of_runs_are_compared_by_run() -> None:
    found = compare(runs(7_000, 4, seed=5), runs(9_000, 3, seed=6))

    assert found.answer is Answer.FASTER
    assert found.samples == "the means of 4 and 3 runs"
    assert not found.cautions


@pytest.mark.slow
def test_runs_that_differ_among_themselves_show_less() -> None:
    # Each set's runs are on hosts of other speeds: seconds would call it a difference, runs don't.
    before = [runs(capacity, 1, seed=7)[0] for capacity in (6_500, 8_000, 12_000)]
    after = [runs(capacity, 1, seed=8)[0] for capacity in (6_800, 9_000, 11_500)]

    assert compare(before[:1], after[1:2]).answer is Answer.FASTER
    assert compare(before, after).answer is Answer.NO_DIFFERENCE


@pytest.mark.slow
@pytest.mark.parametrize(("count", "alarms_max"), [(10, 0.1), (20, 0.1), (60, 0.1), (300, 0.1)])
def test_a_difference_is_claimed_seldom_where_there_is_none(count: int, alarms_max: float) -> None:
    random = Random(11)
    pairs, alarms = 100, 0
    for _ in range(pairs):
        before = blocks_of(wandering(random, count))
        after = blocks_of(wandering(random, count))
        low, high = ratio_interval(before, after, 0.95)
        alarms += not low <= 1 <= high

    assert alarms / pairs <= alarms_max


@pytest.mark.slow
def test_the_same_files_give_the_same_answer() -> None:
    before, after = runs(7_000, 1, seed=9, seconds=6), runs(8_000, 1, seed=10, seconds=6)

    assert json.encode(compare(before, after)) == json.encode(compare(before, after))


def test_a_few_seconds_say_nothing() -> None:
    found = compare(runs(7_000, 1, seed=1, seconds=3), runs(20_000, 1, seed=2, seconds=3))

    assert found.answer is Answer.TOO_SHORT
    assert figure(found, "p50").answer is Answer.TOO_SHORT


@pytest.mark.slow
def test_what_is_not_alike_is_said() -> None:
    [before] = runs(7_000, 1, seed=1, seconds=6)
    after = structs.replace(
        before,
        setting=structs.replace(
            before.setting, connections=50, machine={**before.setting.machine, "cores": "64"}
        ),
    )

    cautions = compare([before], [after]).cautions

    assert "different connections: 1000 against 50" in cautions
    assert "another machine: cores differs" in cautions


@pytest.mark.slow
def test_a_side_that_answered_wrongly_is_named() -> None:
    [before] = runs(7_000, 1, seed=1, seconds=6)
    wrong = structs.replace(before, faults=Faults(cross_talk=3))
    unbalanced = structs.replace(before, books=BooksVerdict(accounts=9, differences=1))

    assert compare([before], [wrong]).faulty == ("B: 3 faults",)
    assert compare([unbalanced], [before]).faulty == ("A: 0 faults, books differ",)
    assert compare([before], [before]).faulty == ()


@pytest.mark.slow
def test_seconds_without_an_answer_have_no_latency_but_count_as_throughput() -> None:
    [run] = runs(7_000, 1, seed=1, seconds=9)
    first = run.intervals[0]
    silent = structs.replace(
        first,
        counts=structs.replace(first.counts, answered=0),
        latency=structs.replace(first.latency, count=0, p50_ms=0.0),
    )
    paused = structs.replace(run, intervals=(silent, *run.intervals[1:]))

    found = compare([run], [paused])

    assert figure(found, "p50").after > 0.9 * figure(found, "p50").before
    assert figure(found, "throughput").change == pytest.approx(-1 / 9, abs=0.01)


@pytest.mark.slow
def test_mixed_figures_are_called_mixed() -> None:
    before, after = runs(7_000, 1, seed=1)[0], runs(7_000, 1, seed=1)[0]
    turned = structs.replace(
        after,
        intervals=tuple(
            structs.replace(
                one,
                latency=structs.replace(
                    one.latency, p50_ms=one.latency.p50_ms / 3, p999_ms=one.latency.p999_ms * 3
                ),
            )
            for one in after.intervals
        ),
    )

    assert compare([before], [turned]).answer is Answer.MIXED


def test_blocks_cover_every_second_once() -> None:
    values = [float(value) for value in range(47)]

    blocks = blocks_of(values)

    assert len(blocks) == 9
    assert blocks[0] == 2.0  # of 0, 1, 2, 3, 4
    assert sum(blocks_of(values[:45])) * 5 == sum(values[:45])
    assert len(blocks_of(values * 10)) == BLOCKS_MAX
    assert len(blocks_of(values[:7])) == 3
    assert blocks_of(values[:5]) == []


def test_the_effect_size_counts_pairs() -> None:
    assert superiority([1, 2], [3, 4]) == 1
    assert superiority([1, 2], [1, 2]) == 0.5


def test_students_factor_is_that_of_the_tables() -> None:
    # t of 95 % for 2 and 3 degrees: 4.303, 3.182.
    assert student_factor(0.95, 2) == pytest.approx(4.303 / 1.960, rel=0.001)
    assert student_factor(0.95, 3) == pytest.approx(3.182 / 1.960, rel=0.03)
    # t of 95 % for 4, 9 and 14 degrees: 2.776, 2.262, 2.145; normal: 1.960. Of 99 % for 4: 4.604.
    assert student_factor(0.95, 4) == pytest.approx(2.776 / 1.960, rel=0.01)
    assert student_factor(0.95, 9) == pytest.approx(2.262 / 1.960, rel=0.002)
    assert student_factor(0.95, 14) == pytest.approx(2.145 / 1.960, rel=0.002)
    assert student_factor(0.99, 4) == pytest.approx(4.604 / 2.576, rel=0.03)


@pytest.mark.slow
def test_every_figure_is_compared() -> None:
    found = compare(runs(7_000, 1, seed=1, seconds=6), runs(7_000, 1, seed=2, seconds=6))

    assert [one.name for one in found.differences] == [one.name for one in FIGURES]
