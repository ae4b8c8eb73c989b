"""The core's buckets as HDR histograms: percentiles, and the encoding that others read.

Owns the agreement between `_tally.pxd` and the library's buckets: 1 microsecond to 60 seconds,
three significant digits.
"""

import ctypes

from hdrh.histogram import HdrHistogram

from loadtest.latency import MICROSECONDS_MAX, SIGNIFICANT_DIGITS
from loadtest.result import Percentiles
from loadtest.settings import HistogramCounts

NO_LATENCY = Percentiles(
    count=0, mean_ms=0.0, p50_ms=0.0, p90_ms=0.0, p99_ms=0.0, p999_ms=0.0, max_ms=0.0
)


def histogram_of(taken: HistogramCounts) -> HdrHistogram:
    """Give a library's histogram with the core's counts."""
    counts, total, _sum, _largest = taken
    histogram = HdrHistogram(1, MICROSECONDS_MAX, SIGNIFICANT_DIGITS)
    assert histogram.counts_len * 8 == len(counts), "the core has the library's buckets"
    ctypes.memmove(histogram.counts, counts, len(counts))
    if total:
        words = memoryview(counts).cast("q")
        used = [index for index in range(len(words)) if words[index]]
        histogram.set_internal_tacking_values(used[0], used[-1], total)
    return histogram


def percentiles_of(taken: HistogramCounts) -> Percentiles:
    """Give percentiles in milliseconds, in one walk over the buckets."""
    counts, total, sum_us, largest_us = taken
    if not total:
        return NO_LATENCY
    words = memoryview(counts).cast("q")
    wanted = [max(1, int(total * share + 0.5)) for share in (0.5, 0.9, 0.99, 0.999)]
    found: list[float] = []
    seen = 0
    for index, count in enumerate(words):
        if not count:
            continue
        seen += count
        while len(found) < len(wanted) and seen >= wanted[len(found)]:
            found.append(min(_highest_us(index), largest_us) / 1000)
    p50_ms, p90_ms, p99_ms, p999_ms = found
    return Percentiles(
        count=total,
        mean_ms=round(sum_us / total / 1000, 3),
        p50_ms=p50_ms,
        p90_ms=p90_ms,
        p99_ms=p99_ms,
        p999_ms=p999_ms,
        max_ms=largest_us / 1000,
    )


def encoded(taken: HistogramCounts) -> str:
    """Give the base64 V2 encoding of an HDR histogram."""
    return bytes(histogram_of(taken).encode()).decode("ascii")


def _highest_us(index: int) -> int:
    """Give the largest value that counts in a bucket."""
    bucket = max(0, (index >> 10) - 1)
    place = index - (bucket << 10)
    return ((place + 1) << bucket) - 1
