"""When something ends, on paper: days, months and periods, by `tests.model.calendars`.

Gives Unix seconds: the first second in which it is over, 0 = never. Knows no card and no book.
"""

from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.rules import Ending, Period
from tests.model.calendars import civil_of, months_after, period

SECONDS_A_DAY = 86_400
CALENDARS = {"jalali": Calendar.JALALI, "gregorian": Calendar.GREGORIAN}
KINDS = {
    "day": Kind.DAY,
    "week": Kind.WEEK,
    "month": Kind.MONTH,
    "quarter": Kind.QUARTER,
    "half-year": Kind.HALF_YEAR,
    "year": Kind.YEAR,
}


def start_of(day: int, utc_offset_s: int) -> int:
    """Give the first second of a local day."""
    return day * SECONDS_A_DAY - utc_offset_s


def first_day_after(ending: Ending, begins_day: int) -> int | None:
    """Give the first day on which it is over; None = never."""
    if ending.after_days:
        return begins_day + ending.after_days + 1
    if ending.after_months:
        return months_after(CALENDARS[ending.calendar], begins_day, ending.after_months) + 1
    if ending.period is None or ending.period.kind == "no end":
        return None
    day = begins_day
    for _ in range(ending.periods_more + 1):
        _, day = period(CALENDARS[ending.period.calendar], KINDS[ending.period.kind], day)
    return day


def carried_on_until(ending: Ending, begins_day: int, anchor_day: int) -> int | None:
    """As `first_day_after`, months counted from the day on which the first of a row began."""
    if not ending.after_months:
        return first_day_after(ending, begins_day)
    calendar = CALENDARS[ending.calendar]
    (year, month, _), (first_year, first_month, _) = (
        civil_of(calendar, day) for day in (begins_day, anchor_day)
    )
    months = (year - first_year) * 12 + month - first_month
    return months_after(calendar, anchor_day, months + ending.after_months) + 1


def ends_at(ending: Ending, begins_day: int, utc_offset_s: int) -> int:
    """Give the second in which it is over."""
    day = first_day_after(ending, begins_day)
    return 0 if day is None else start_of(day, utc_offset_s)


def period_ends_at(bounds: Period, day: int, utc_offset_s: int, periods_more: int = 0) -> int:
    """Give the second in which the period that holds a day, or a later one, is over."""
    return ends_at(Ending(period=bounds, periods_more=periods_more), day, utc_offset_s)
