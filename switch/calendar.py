"""Words for civil calendars: which there are, and the periods that they cut time into.

Owns the names, whose numbers index the compiled side (`switch._calendar`), and the error for days
that no calendar here knows. Must not know a clock: a day is a number, days since 1970-01-01, as a
place's own clocks count them.
"""

from enum import IntEnum


class Calendar(IntEnum):
    """Whose months and years count."""

    JALALI = 0  # 1300 to 1500; weeks begin on Saturday
    GREGORIAN = 1  # 1900 to 2200; weeks begin on Monday (ISO 8601)


class Period(IntEnum):
    """What a day lies in. Quarters and halves are those of the calendar's own year."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    QUARTER = 3
    HALF_YEAR = 4
    YEAR = 5


class OutOfCalendar(ValueError):
    """A date or day that does not exist, or that lies beyond the calendar's years."""
