"""Latency as HDR histograms: the whole run, and the time since the last look.

Owns the buckets (1 microsecond to 60 seconds, three significant digits). Source of the method:
hdrhistogram.org; the library is `hdrhistogram`.
"""

from hdrh.histogram import HdrHistogram

MICROSECONDS_MAX = 60_000_000
SIGNIFICANT_DIGITS = 3


class Latency:
    """Percentiles of what was recorded, in milliseconds."""

    def __init__(self) -> None:
        self._whole = HdrHistogram(1, MICROSECONDS_MAX, SIGNIFICANT_DIGITS)
        self._recent = HdrHistogram(1, MICROSECONDS_MAX, SIGNIFICANT_DIGITS)

    def record(self, elapsed_ns: int) -> None:
        """Count one exchange. What is beyond the last bucket counts as the last bucket."""
        microseconds = min(max(1, elapsed_ns // 1000), MICROSECONDS_MAX)
        self._recent.record_value(microseconds)

    def take_recent(self) -> tuple[float, float]:
        """Give p50 and p99 since the last call, in milliseconds; (0, 0) when nothing came."""
        recent = self._recent
        figures = _percentile_ms(recent, 50), _percentile_ms(recent, 99)
        self._fold()
        return figures

    def percentile_ms(self, percentile: float) -> float:
        """Give a percentile of the whole run, in milliseconds; 0 when nothing was recorded."""
        self._fold()
        return _percentile_ms(self._whole, percentile)

    def _fold(self) -> None:
        # One recording instead of two for each exchange: the whole is the sum of the looks.
        self._whole.add(self._recent)
        self._recent.reset()


def _percentile_ms(histogram: HdrHistogram, percentile: float) -> float:
    if histogram.get_total_count() == 0:
        return 0.0
    return round(float(histogram.get_value_at_percentile(percentile)) / 1000, 3)
