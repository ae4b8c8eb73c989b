"""Samples to columns: thinning hides no spike, counters that fall are gaps, the tail is exact."""

import pytest
from hdrh.histogram import HdrHistogram
from msgspec import structs

from loadtest.report.columns import (
    COLUMNS_MAX,
    percentile_line,
    rows_a_commit,
    thinned,
    uses_of_processes,
)
from loadtest.result import CommitSample, ProcessSample
from tests.support.load_results import Host


@pytest.mark.slow
def test_thinning_keeps_the_worst_and_the_sums() -> None:
    intervals = list(Host(9_000).run(5_000, 500).intervals)
    spike = intervals[321]
    intervals[321] = structs.replace(
        spike, backlog=777, latency=structs.replace(spike.latency, p99_ms=9_999.0)
    )

    columns, of_each = thinned(intervals)

    assert of_each == 3
    assert len(columns) <= COLUMNS_MAX
    assert max(column.latency.p99_ms for column in columns) == 9_999
    assert max(column.backlog for column in columns) == 777
    assert sum(column.counts.due for column in columns) == 500 * 5_000
    assert columns[-1].at_s + columns[-1].seconds == 500


def test_a_short_run_is_not_thinned() -> None:
    intervals = Host(9_000).run(5_000, 5).intervals

    assert thinned(intervals) == (list(intervals), 1)


def commit(at_s: float, batches: int, rows: int) -> CommitSample:
    return CommitSample(at_s=at_s, batches=batches, rows=rows)


def test_rows_in_a_commit_are_differences() -> None:
    looks = [commit(0, 5, 50), commit(1, 15, 550), commit(2, 15, 550), commit(3, 2, 9)]

    assert rows_a_commit(looks) == [(1, 50.0), (2, None), (3, None)]
    assert rows_a_commit([]) == []
    assert rows_a_commit(looks[:1]) == []


def look(name: str, at_s: float, cpu_seconds: float, mebibytes: int) -> ProcessSample:
    return ProcessSample(
        at_s=at_s, name=name, cpu_seconds=cpu_seconds, resident_bytes=mebibytes * 2**20
    )


def test_cpu_is_cores_and_a_new_process_of_the_same_name_is_a_gap() -> None:
    samples = [
        look("switch", 0, 10, 100),
        look("once", 0, 1, 1),
        look("switch", 2, 13, 120),
        look("switch", 3, 0.5, 40),
        look("switch", 4, 1.0, 50),
    ]

    [use] = uses_of_processes(samples)

    assert use.name == "switch"
    assert use.cores == [(2, 1.5), (3, None), (4, 0.5)]
    assert use.mebibytes == [(0, 100), (2, 120), (3, 40), (4, 50)]
    assert use.cpu_seconds == 3.5
    assert use.cores_mean == 3.5 / 4


def test_the_percentile_line_ends_at_the_maximum_and_passes_the_median() -> None:
    histogram = HdrHistogram(1, 60_000_000, 3)
    for milliseconds in range(1, 10_001):
        histogram.record_value(milliseconds * 1_000)

    line = percentile_line(histogram.encode().decode())

    rarities, values = [x for x, _ in line], [y for _, y in line]
    assert rarities == sorted(rarities)
    assert values == sorted(value for value in values if value is not None)
    assert line[-1][1] == pytest.approx(10_000, rel=0.001)
    assert len(line) < 100
    [median] = [y for x, y in line if 2 <= x < 2.1][:1]
    assert median == pytest.approx(5_000, rel=0.03)
    [p99] = [y for x, y in line if 100 <= x < 110][:1]
    assert p99 == pytest.approx(9_900, rel=0.003)


@pytest.mark.parametrize("text", ["", "?", "AAAA", "SElTVA==", "HISTFAAAAA" * 9, "\x00"])
def test_text_that_is_no_histogram_has_no_line(text: str) -> None:
    assert percentile_line(text) == []


def test_an_empty_histogram_has_no_line() -> None:
    assert percentile_line(HdrHistogram(1, 1_000, 3).encode().decode()) == []
