"""From values to places on a plot, and which values an axis names.

Owns the arithmetic. Must not know what is plotted.
"""

from collections.abc import Sequence
from math import ceil, floor, log10

from msgspec import Struct

TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200)


class Scale(Struct, frozen=True, kw_only=True):
    """A range of values on a range of places; `log` scales need values above 0."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Give where a value is: 0 at `low`, 1 at `high`; what is outside is at the nearer end."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            span = log10(self.high) - log10(self.low)
            return (log10(inside) - log10(self.low)) / span
        return (inside - self.low) / (self.high - self.low)


def linear_scale(values: Sequence[float], count: int = 5) -> tuple[Scale, tuple[float, ...]]:
    """Give a scale from 0 to a round number above all values, and its round ticks."""
    highest = max(values, default=0.0)
    step = round_step(highest / count) if highest > 0 else 1.0
    steps = max(1, ceil(highest / step - 1e-9))
    return Scale(low=0.0, high=steps * step), tuple(step * index for index in range(steps + 1))


def log_scale(values: Sequence[float]) -> tuple[Scale, tuple[float, ...]]:
    """Give a logarithmic scale around all positive values, and ticks: 1, 2 and 5 if they fit."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = _round_below(min(positive)), _round_above(max(positive))
    if low >= high:
        high = low * 10
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 4 else (1,)
    ticks = (factor * 10.0**decade for decade in decades for factor in factors)
    return (
        Scale(low=low, high=high, log=True),
        tuple(tick for tick in ticks if low * 0.999 <= tick <= high * 1.001),
    )


def time_scale(seconds: float, count: int = 8) -> tuple[Scale, tuple[float, ...]]:
    """Give the scale of a run's time, and ticks at whole seconds, minutes or hours."""
    seconds = max(seconds, 1.0)
    step = next((step for step in TIME_STEPS_S if seconds / step <= count), TIME_STEPS_S[-1])
    ticks = tuple(float(step * index) for index in range(int(seconds // step) + 1))
    return Scale(low=0.0, high=seconds), ticks


def round_step(least: float) -> float:
    """Give the next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * 0.999)


def _round_below(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= value * 1.001)


def _round_above(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value * 0.999)
