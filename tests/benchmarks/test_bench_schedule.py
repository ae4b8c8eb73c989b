"""The benchmark of calendars and schedules, so short that it only shows that it works."""

from benchmarks import bench_schedule, table


def test_every_case_is_measured_and_right() -> None:
    rows = bench_schedule.cases(seconds=0.001)

    table.check(rows)
    assert len(rows) == 7
    assert all(row["value"] > 0 for row in rows)
