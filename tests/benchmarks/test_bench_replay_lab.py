"""The replay lab's benchmark, so small that it only shows that it works."""

import pytest

from benchmarks import bench_replay_lab, table


@pytest.mark.slow
def test_every_case_is_measured() -> None:
    rows = bench_replay_lab.cases(purchases=720, cards=50)

    table.check(rows)
    assert len(rows) == 5
    assert all(row["value"] >= 0 for row in rows)
