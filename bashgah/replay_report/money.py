"""Amounts on the page: in which unit they are told, with signs, and on axes that go below zero.

Owns the choice of units and ticks. Must not know what is counted.
"""

from collections.abc import Sequence
from math import ceil, floor

from acquirers.terminal.texts import Text
from bashgah.replay_report import words
from loadtest.report.plot import Axis
from loadtest.report.scale import Scale, round_step
from loadtest.report.writer import Writer

MINUS = "\N{MINUS SIGN}"
LEFT_TO_RIGHT_MARK = "\N{LEFT-TO-RIGHT MARK}"
TICKS = 5
RIAL_UNITS = (
    (1, words.RIALS),
    (1_000, words.THOUSANDS),
    (1_000_000, words.MILLIONS),
    (1_000_000_000, words.BILLIONS),
)
POINT_UNITS = (
    (1, words.POINTS),
    (1_000, words.THOUSAND_POINTS),
    (1_000_000, words.MILLION_POINTS),
)
Units = Sequence[tuple[int, Text]]
NEARLY_NOTHING = 0.05  # of a unit: one digit would say 0.0


def unit_for(values: Sequence[float], units: Units) -> tuple[int, Text]:
    """Give the largest unit of which the largest value has at least one."""
    most = max((abs(value) for value in values), default=0)
    return next((one for one in reversed(units) if most >= one[0]), units[0])


def unit_for_difference(
    values: Sequence[float], difference: float, units: Units
) -> tuple[int, Text]:
    """Give the unit in which values are short and their difference is not nearly nothing."""
    large = units.index(unit_for(values, units))
    small = units.index(unit_for([difference], units)) if difference else large
    return units[max(min(large, small), large - 1)]


def unit_of_most(values: Sequence[float], units: Units) -> tuple[int, Text]:
    """Give the unit that suits the value in the middle, so that few of them are nearly nothing."""
    sizes = sorted(abs(value) for value in values if value)
    return unit_for(sizes[len(sizes) // 2 : len(sizes) // 2 + 1], units)


def amount(value: int, writer: Writer, units: Units = RIAL_UNITS) -> str:
    """Give an amount with its unit, ready for HTML."""
    factor, name = unit_for([value], units)
    return f"{signless(value, writer, factor)} {writer.say(name)}"


def signless(value: float, writer: Writer, factor: int = 1) -> str:
    """Give an amount in units of `factor`; one below zero with a sign that stays on its left.

    Whole units where an amount is whole; else one digit, as long as it is not nearly nothing.
    """
    return (
        f"{LEFT_TO_RIGHT_MARK}{MINUS}{_size(value, writer, factor)}"
        if value < 0
        else _size(value, writer, factor)
    )


def signed(value: float, writer: Writer, factor: int = 1) -> str:
    """Give a difference: with a plus, too; nothing is just 0."""
    if value > 0:
        return f"{LEFT_TO_RIGHT_MARK}+{_size(value, writer, factor)}"
    return signless(value, writer, factor)


def _size(value: float, writer: Writer, factor: int) -> str:
    size = abs(value) / factor
    if size == int(size) or size >= 1_000:
        return writer.number(size)
    return writer.number(size, 1 if size >= NEARLY_NOTHING else 3)


def axis(label: str, values: Sequence[float], writer: Writer, *, count: int = TICKS) -> Axis:
    """Give an axis around zero and all values, with round ticks."""
    low, high = min(0.0, *values), max(0.0, *values)
    step = round_step((high - low) / count) if high > low else 1.0
    first, last = floor(low / step + 1e-9), max(ceil(high / step - 1e-9), floor(low / step) + 1)
    digits = 0 if step == int(step) else 1 if step * 10 == int(step * 10) else 2

    def name(value: float) -> str:
        text = writer.number(abs(value), digits if value else 0)
        return f"{LEFT_TO_RIGHT_MARK}{MINUS}{text}" if value < 0 else text

    return Axis(
        label=label,
        scale=Scale(low=first * step, high=last * step),
        ticks=[(at * step, name(at * step)) for at in range(first, last + 1)],
    )
