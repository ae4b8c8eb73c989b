"""The saturation curve of hosts that bend and of one that breaks."""

import pytest

from loadtest.result import RunResult
from loadtest.sweep import SHARES, Point, sweep
from tests.support.load_results import Host


@pytest.mark.slow
def test_goodput_follows_what_is_offered_and_then_stays_level() -> None:
    host = Host(20_000, noise=0.05)

    curve = sweep(host.run, 18_000, seconds=5)

    assert [point.rate for point in curve.points] == [18_000 * share for share in SHARES]
    assert host.asked == [(point.rate, 5) for point in curve.points]
    below = [point for point in curve.points if point.rate <= 16_000]
    assert all(point.goodput_per_second == pytest.approx(point.rate, 0.01) for point in below)
    assert curve.points[-1].goodput_per_second == pytest.approx(20_000, rel=0.05)
    assert curve.goodput_share_above > 0.9
    assert curve.points[-1].latency.p99_ms > 20 * curve.points[0].latency.p99_ms


def test_a_host_that_breaks_is_seen() -> None:
    host = Host(20_000)

    def run(rate: float, seconds: float) -> RunResult:
        return (Host(5_000) if rate > 20_000 else host).run(rate, seconds)

    curve = sweep(run, 20_000, seconds=2, shares=(1.2, 0.5))

    assert [point.rate for point in curve.points] == [10_000, 24_000]
    assert curve.goodput_share_above == pytest.approx(0.5, rel=0.05)


def test_unavailable_is_no_goodput() -> None:
    curve = sweep(Host(20_000, unavailable_above=900).run, 1_000, seconds=2, shares=(1.0,))

    assert curve.points[0].goodput_per_second == 900
    assert curve.points[0].offered_per_second == 1_000


def test_each_point_is_told() -> None:
    told: list[Point] = []

    curve = sweep(Host(500).run, 400, seconds=1, shares=(0.5, 1.0), on_point=told.append)

    assert tuple(told) == curve.points
    assert len(curve.results) == 2
