"""Percentiles from the histogram."""

from loadtest.latency import Latency


def test_percentiles_are_within_three_digits() -> None:
    latency = Latency()

    for milliseconds in range(1, 1_001):
        latency.record(milliseconds * 1_000_000)

    assert abs(latency.percentile_ms(50) - 500) < 1
    assert abs(latency.percentile_ms(99) - 990) < 2


def test_a_look_covers_the_time_since_the_last_one() -> None:
    latency = Latency()
    latency.record(1_000_000)

    first = latency.take_recent()
    latency.record(9_000_000)
    second = latency.take_recent()

    assert abs(first[0] - 1) < 0.01
    assert abs(second[0] - 9) < 0.01
    assert latency.take_recent() == (0.0, 0.0)
    assert abs(latency.percentile_ms(99) - 9) < 0.01


def test_what_is_beyond_the_last_bucket_is_kept_in_it() -> None:
    latency = Latency()

    latency.record(10**15)

    assert latency.percentile_ms(50) > 59_000
