"""Python face of `_calendar`. A day is a number, days since 1970-01-01.

What does not exist or lies beyond a calendar's years (Jalali 1300 to 1500, Gregorian 1900 to 2200)
raises `switch.calendar.OutOfCalendar`.
"""

from switch.calendar import Calendar, Period

def civil(calendar: Calendar, day: int) -> tuple[int, int, int]:
    """Give year, month and day of a day."""

def day_number(calendar: Calendar, year: int, month: int, day: int) -> int:
    """Give the day of a date."""

def days_of_month(calendar: Calendar, year: int, month: int) -> int:
    """Give how many days a month has."""

def weekday(day: int) -> int:
    """Give the weekday; Saturday is 0."""

def period(calendar: Calendar, kind: Period, day: int) -> tuple[int, int]:
    """Give the first day of the period that holds a day, and the first day after it."""

def day_months_after(calendar: Calendar, anchor_day: int, months: int) -> int:
    """Give the same day of the month `months` later, or that month's last day if it is shorter.

    `months` may be 0 or negative. Count from the anchor always, never from an answer: what February
    or Esfand cut off does not come back.
    """
