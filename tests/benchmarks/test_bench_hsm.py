"""The HSM's benchmark, so short that it only shows that it works."""

import pytest

from benchmarks import bench_hsm, table


@pytest.mark.slow
def test_every_case_is_measured_and_compared() -> None:
    rows = bench_hsm.cases(seconds=0.03)

    table.check(rows)
    assert [row["case"] for row in rows] == [
        f"HSM {name}, window {window}" for name in ("CA", "CC") for window in (1, 8, 64)
    ]
    assert all(row["value"] > 0 for row in rows)


@pytest.mark.slow
def test_another_answer_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    command, _ = bench_hsm.COMMANDS["CC"]
    monkeypatch.setitem(bench_hsm.COMMANDS, "CC", (command, b"CD0004" + b"0" * 16 + b"01"))

    with pytest.raises(AssertionError, match="another answer"):
        bench_hsm.cases(seconds=0.03)
