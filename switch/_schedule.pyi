"""Python face of `_schedule`: pure functions on days and minor units.

What does not fit raises `switch.instalments.ScheduleError`; a number beyond the core's integers
raises OverflowError.
"""

from array import array

from switch.instalments import Instalment, Terms

def schedule(declared: Terms, principal_minor: int, anchor_day: int) -> list[Instalment]:
    """Give the instalments of a principal that was lent on the anchor's day."""

def late(declared: Terms, overdue_minor: int, pay_by: int, day: int) -> int:
    """Give the charge on overdue principal that had to be paid by `pay_by` and is not on `day`."""

def pay_by(due_day: int, holidays: array[int], weekdays: int = 64) -> int:
    """Give the first day from `due_day` on that is neither in `holidays` nor on such a weekday.

    `holidays`: days in ascending order, `array("i")`. Bit 0 of `weekdays` is Saturday; 64 = Friday.
    """
