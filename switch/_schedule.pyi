"""Python face of `_schedule`: pure functions on days and minor units.

What does not fit raises `switch.instalments.ScheduleError`; a number beyond the core's integers
raises OverflowError.
"""

from array import array
from collections.abc import Sequence

from switch.instalments import Debt, Instalment, Settlement, Terms

def schedule(declared: Terms, principal_minor: int, anchor_day: int) -> list[Instalment]:
    """Give the instalments of a principal that was lent on the anchor's day."""

def owed(rows: Sequence[Instalment], paid_minor: int, day: int) -> Debt:
    """Give what is due on or before a day and not covered by `paid_minor` (fees included)."""

def settlement(
    declared: Terms, rows: Sequence[Instalment], anchor_day: int, paid_minor: int, day: int
) -> Settlement:
    """Give what ends the debt on a day: what is left, and the fee for what has begun."""

def late(declared: Terms, overdue_minor: int, pay_by: int, day: int) -> int:
    """Give the charge on overdue principal that had to be paid by `pay_by` and is not on `day`."""

def pay_by(due_day: int, holidays: array[int], weekdays: int = 64) -> int:
    """Give the first day from `due_day` on that is neither in `holidays` nor on such a weekday.

    `holidays`: days in ascending order, `array("i")`. Bit 0 of `weekdays` is Saturday; 64 = Friday.
    """
