"""`make bench` runs: its table, its exit code, and that a missing database is said, not hidden."""

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
def test_a_run_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["gate"], 0.01, tmp_path / "bench.json")

    written = json.loads((tmp_path / "bench.json").read_text())
    assert code == 0
    assert len(written["results"]["gate"]) == 4
    assert "purchase" in capsys.readouterr().out


@pytest.mark.slow
def test_a_benchmark_without_its_database_is_named_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_database(*, seconds: float) -> list[dict[str, object]]:
        raise OperatingError("no PostgreSQL here")

    monkeypatch.setattr("benchmarks.bench_journal.cases", no_database)

    code = run(["journal", "gate"], 0.01, tmp_path / "bench.json")

    written = json.loads((tmp_path / "bench.json").read_text())
    assert code == 1
    assert written["could_not_run"] == {"journal": "OperatingError: no PostgreSQL here"}
    assert len(written["results"]["gate"]) == 4
    assert "COULD NOT RUN: journal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ratio", "at_least", "unmet"), [(2.0, 3, ["x"]), (3.0, 3, []), (None, None, [])]
)
def test_a_promise_that_is_not_met_is_named(
    ratio: float | None, at_least: int | None, unmet: list[str]
) -> None:
    met = at_least is None or (ratio is not None and ratio >= at_least)
    row = {"case": "x", "value": 1, "unit": "1/s", "baseline": None, "ratio": ratio,
           "at_least": at_least, "met": met}  # fmt: skip

    assert table.unmet([row]) == unmet
    assert ("NOT MET" in table.line(row)) == bool(unmet)


def test_every_benchmark_is_found() -> None:
    assert {"gate", "iso8583", "journal"} <= set(names())
