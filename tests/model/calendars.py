"""Civil calendars by other people's code: persiantools and the standard library. Slow and right.

A date is (year, month, day), a day is days since 1970-01-01. Knows nothing of the compiled core.
"""

from datetime import date, timedelta

from persiantools.jdatetime import JalaliDate

from switch.calendar import Calendar, Period

EPOCH = date(1970, 1, 1)
YEARS = {Calendar.JALALI: range(1300, 1501), Calendar.GREGORIAN: range(1900, 2201)}
FIRST_WEEKDAY = {Calendar.JALALI: 5, Calendar.GREGORIAN: 0}  # as date.weekday counts: Monday = 0
MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.HALF_YEAR: 6, Period.YEAR: 12}


def day_of(calendar: Calendar, year: int, month: int, day: int) -> int:
    """Give the day of a date. ValueError for one that does not exist."""
    if calendar is Calendar.JALALI:
        return (JalaliDate(year, month, day).to_gregorian() - EPOCH).days
    return (date(year, month, day) - EPOCH).days


def civil_of(calendar: Calendar, day: int) -> tuple[int, int, int]:
    """Give the date of a day."""
    gregorian = EPOCH + timedelta(days=day)
    if calendar is Calendar.JALALI:
        jalali = JalaliDate(gregorian)
        return jalali.year, jalali.month, jalali.day
    return gregorian.year, gregorian.month, gregorian.day


def days_of(calendar: Calendar) -> range:
    """Give all days of the years that we serve."""
    years = YEARS[calendar]
    return range(day_of(calendar, years[0], 1, 1), day_of(calendar, years[-1] + 1, 1, 1))


def month_days(calendar: Calendar, year: int, month: int) -> int:
    """Give the length of a month: the first day of the next one less its own."""
    following = (year, month + 1) if month < 12 else (year + 1, 1)
    return day_of(calendar, *following, 1) - day_of(calendar, year, month, 1)


def months_after(calendar: Calendar, anchor_day: int, months: int) -> int:
    """Go on month by month on paper, then take the anchor's day or the month's last."""
    year, month, day = civil_of(calendar, anchor_day)
    step = 1 if months >= 0 else -1
    for _ in range(abs(months)):
        month += step
        if month in (0, 13):
            year, month = year + step, 12 if month == 0 else 1
    return day_of(calendar, year, month, min(day, month_days(calendar, year, month)))


def period(calendar: Calendar, kind: Period, day: int) -> tuple[int, int]:
    """Give the first day of the period that holds a day and the first day after it."""
    if kind is Period.DAY:
        return day, day + 1
    if kind is Period.WEEK:
        start = day
        while (EPOCH + timedelta(days=start)).weekday() != FIRST_WEEKDAY[calendar]:
            start -= 1
        return start, start + 7
    year, month, _ = civil_of(calendar, day)
    while (month - 1) % MONTHS[kind]:
        month -= 1
    start = day_of(calendar, year, month, 1)
    return start, months_after(calendar, start, MONTHS[kind])
