"""The core's latency as percentiles, and as the HDR histogram that others read.

Owns the agreement between `_tally.pxd` and the library's buckets: 1 microsecond to 60 seconds,
three significant digits.
"""

import ctypes

from hdrh.histogram import HdrHistogram

from loadtest.latency import MICROSECONDS_MAX, SIGNIFICANT_DIGITS
from loadtest.result import Percentiles
from loadtest.settings import LatencySummary


def percentiles_of(summary: LatencySummary) -> Percentiles:
    """Give percentiles in milliseconds; all 0 when there is nothing."""
    count, sum_us, max_us, p50_us, p90_us, p99_us, p999_us = summary
    return Percentiles(
        count=count,
        mean_ms=round(sum_us / count / 1000, 3) if count else 0.0,
        p50_ms=p50_us / 1000,
        p90_ms=p90_us / 1000,
        p99_ms=p99_us / 1000,
        p999_ms=p999_us / 1000,
        max_ms=max_us / 1000,
    )


def histogram_of(buckets: bytes) -> HdrHistogram:
    """Give a library's histogram with the core's counts."""
    histogram = HdrHistogram(1, MICROSECONDS_MAX, SIGNIFICANT_DIGITS)
    assert histogram.counts_len * 8 == len(buckets), "the core has the library's buckets"
    ctypes.memmove(histogram.counts, buckets, len(buckets))
    words = memoryview(buckets).cast("q")
    used = [index for index, count in enumerate(words) if count]
    if used:
        histogram.set_internal_tacking_values(used[0], used[-1], sum(words))
    return histogram


def encoded(buckets: bytes) -> str:
    """Give the base64 V2 encoding of an HDR histogram."""
    return bytes(histogram_of(buckets).encode()).decode("ascii")
