"""`make bench` runs: its rows, its exit code, and that a missing database is said, not hidden."""

import json
from pathlib import Path

import pytest

from benchmarks import bench_gate, bench_slow_lane, table
from benchmarks.__main__ import names, run
from switch.errors import OperatingError


@pytest.mark.slow
def test_the_benchmark_of_the_lane_measures_what_it_says() -> None:
    rows = bench_gate.cases(seconds=0.01)

    table.check(rows)
    assert all(row["value"] > 0 and row["message_ns"] > 0 for row in rows)


@pytest.mark.slow
def test_the_benchmark_of_the_slow_lane_measures_what_it_says() -> None:
    in_memory, through_everything = bench_slow_lane.cases(seconds=0.02)

    table.check([in_memory, through_everything])
    assert 0 < in_memory["ratio"] < 1
    assert through_everything["value"] > 0


@pytest.mark.slow
def test_a_run_prints_a_table_and_writes_a_list_of_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["gate"], 0.01, tmp_path / "bench.json")

    written = json.loads((tmp_path / "bench.json").read_text())
    assert code == 0
    assert len(written) == 4
    assert all(tuple(row)[:7] == table.COLUMNS for row in written)
    assert {row["command"] for row in written} == {"python -m benchmarks --only gate"}
    assert "purchase" in capsys.readouterr().out


NO_DATABASE = OperatingError("no PostgreSQL here")


@pytest.mark.slow
@pytest.mark.parametrize("error", [NO_DATABASE, ExceptionGroup("of a nursery", [NO_DATABASE])])
def test_a_benchmark_without_its_database_is_named_and_the_others_go_on(
    error: Exception,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_database(*, seconds: float) -> list[dict[str, object]]:
        raise error

    monkeypatch.setattr("benchmarks.bench_journal.cases", no_database)

    code = run(["journal", "gate"], 0.01, tmp_path / "bench.json", page_path=tmp_path / "page.md")

    written = json.loads((tmp_path / "bench.json").read_text())
    assert code == 1
    assert written[0]["could_not_run"] == "OperatingError: no PostgreSQL here"
    assert not written[0]["met"]
    assert len(written) == 5
    assert "COULD NOT RUN: journal" in capsys.readouterr().out
    assert "journal: could not run (OperatingError" in (tmp_path / "page.md").read_text()


def test_a_mistake_beside_what_is_missing_is_no_reason_not_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*, seconds: float) -> list[dict[str, object]]:
        raise ExceptionGroup("of a nursery", [NO_DATABASE, KeyError("a mistake")])

    monkeypatch.setattr("benchmarks.bench_journal.cases", wrong)

    with pytest.raises(ExceptionGroup, match="of a nursery"):
        run(["journal"], 0.01, tmp_path / "bench.json")


@pytest.mark.parametrize(
    ("ratio", "at_least", "unmet"), [(2.0, 3, ["x"]), (3.0, 3, []), (None, None, [])]
)
def test_a_promise_that_is_not_met_is_named(
    ratio: float | None, at_least: int | None, unmet: list[str]
) -> None:
    baseline = None if ratio is None else 1.0

    row = table.row("x", ratio or 1.0, "1/s", baseline=baseline, at_least=at_least)

    assert table.unmet([row]) == unmet
    assert ("NOT MET" in table.line(row)) == bool(unmet)


def test_less_is_better_for_a_time_and_the_ratio_says_how_many_times() -> None:
    row = table.row("x", 5.0, "ms", baseline=20.0, at_least=1.0, better="less")

    assert row["ratio"] == 4.0
    assert row["met"]


def test_what_was_not_right_is_not_met_however_fast() -> None:
    row = table.row("x", 5.0, "1/s", baseline=1.0, at_least=1.0, right=False)

    assert table.unmet([row]) == ["x"]


def test_every_benchmark_is_found() -> None:
    assert {"gate", "iso8583", "journal"} <= set(names())
