"""When messages are due: counts and gaps of each form, and what a wrong word says."""

from itertools import pairwise
from pathlib import Path

import pytest

from loadtest._arrivals import Schedule
from loadtest.arrival import ArrivalError, Timetable, parse_arrival, replay


def moments(timetable: Timetable, until_s: float, seed: int = 1) -> list[float]:
    """Give the moments before `until_s`."""
    schedule = Schedule(timetable, seed)
    found = []
    while (moment_s := schedule.take()) is not None and moment_s < until_s:
        found.append(moment_s)
    return found


def test_a_constant_rate_has_even_gaps() -> None:
    found = moments(parse_arrival("constant 300"), 10)

    assert len(found) == 3_000
    assert all(
        after - before == pytest.approx(1 / 300, abs=2e-9) for before, after in pairwise(found)
    )


def test_poisson_has_the_rate_and_the_variance_of_chance() -> None:
    found = moments(parse_arrival("poisson 1000"), 100)
    gaps = [after - before for before, after in pairwise(found)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)

    assert len(found) == pytest.approx(100_000, rel=0.02)
    # An exponential distribution's standard deviation is its mean; e**-1 of it is above the mean.
    assert variance**0.5 == pytest.approx(mean, rel=0.03)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(0.3679, rel=0.03)


def test_poisson_is_a_function_of_the_seed() -> None:
    poisson = parse_arrival("poisson 50")

    assert moments(poisson, 10, seed=4) == moments(poisson, 10, seed=4)
    assert moments(poisson, 10, seed=4) != moments(poisson, 10, seed=5)


@pytest.mark.parametrize(("begin", "end"), [(0, 200), (100, 300), (300, 100), (100, 100)])
def test_a_ramp_changes_evenly_and_then_stays(begin: int, end: int) -> None:
    found = moments(parse_arrival(f"ramp {begin} {end} 10"), 15)

    whole = (begin + end) / 2 * 10
    assert len(found) == pytest.approx(whole + 5 * end, abs=2)
    assert found == sorted(found)
    half = [moment for moment in found if moment < 5]
    assert len(half) == pytest.approx(begin * 5 + (end - begin) / 2 / 10 * 25, abs=2)
    assert len([moment for moment in found if moment >= 10]) == pytest.approx(5 * end, abs=2)


def test_a_ramp_to_nothing_ends() -> None:
    assert len(moments(parse_arrival("ramp 100 0 4"), 1_000)) == pytest.approx(200, abs=2)


def test_steps_hold_their_rates() -> None:
    found = moments(parse_arrival("step 100:2, 1000:1, 50:2"), 10)

    counts = [sum(begin <= moment < begin + 1 for moment in found) for begin in range(10)]
    assert counts == pytest.approx([100, 100, 1_000, *[50] * 7], abs=1)


def test_a_burst_comes_at_one_moment() -> None:
    found = moments(parse_arrival("burst 40 0.5"), 2)

    assert found == [0.0] * 40 + [0.5] * 40 + [1.0] * 40 + [1.5] * 40


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("day.csv", "at_s,kind\n7.5,load\n7,purchase\n9.25,\n"),
        ("bare.csv", "7.5\n7\n9.25\n"),
        ("day.jsonl", '{"at_s": 7.5, "kind": "load"}\n{"at_s": 7}\n\n{"at_s": 9.25}\n'),
    ],
)
def test_a_replay_begins_with_its_first_moment(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    timetable = replay(path)

    assert moments(timetable, 1_000) == [0.0, 0.5, 2.25]
    assert timetable.kinds[1] == ("" if name == "bare.csv" else "load")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("steady 5", "known are"),
        ("constant", "known are"),
        ("constant fast", "'fast' is no number"),
        ("poisson 0", "above zero"),
        ("constant -1", "above zero"),
        ("ramp 0 0 5", "known are"),
        ("step 100", "RATE:SECONDS"),
        ("closed 1 2", "known are"),
    ],
)
def test_a_wrong_word_is_named(text: str, word: str) -> None:
    with pytest.raises(ArrivalError, match=word):
        parse_arrival(text)


def test_a_replay_without_moments_is_refused(tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty.csv", tmp_path / "broken.csv"
    empty.write_text("at_s\n")
    broken.write_text("0.5\nnoon\n")

    with pytest.raises(ArrivalError, match="no moments"):
        parse_arrival(f"replay {empty}")
    with pytest.raises(ArrivalError, match="noon"):
        parse_arrival(f"replay {broken}")
