"""The benchmark of clock work, so small that it only shows that it works."""

import pytest

from benchmarks import bench_clock, table


@pytest.mark.slow
def test_every_case_is_measured_and_right() -> None:
    rows = bench_clock.cases(cards=1_500)

    table.check(rows)
    assert len(rows) == 8
    assert all(row["value"] > 0 for row in rows)
