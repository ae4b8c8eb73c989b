"""Civil calendars in integers. See `_calendar.pxd` for the rule of leap years and the contracts.

Everything is closed form: no table, no loop. `cdivision` rounds towards zero, so whatever is
divided here is first made zero or more.
"""

from libc.stdint cimport int64_t

from switch.calendar import OutOfCalendar

cdef enum:
    JALALI_CYCLE_YEAR = 1210        # a leap year, the first of a 33
    JALALI_CYCLE_DAY = -50690       # its first day, 1831-03-21
    CYCLE_YEARS = 33
    CYCLE_DAYS = 12053              # 33 * 365 + 8
    FOUR_YEARS_DAYS = 1461          # the first of four is the leap year
    LONG_MONTHS_DAYS = 186          # Farvardin to Shahrivar: six of 31 days
    ERA_DAYS = 146097               # 400 Gregorian years
    ERA_SHIFT_DAYS = 719468         # from 0000-03-01 to 1970-01-01
    WEEK_SHIFT_DAYS = 70005         # 1970-01-01 was a Thursday, the fifth day after a Saturday
    MONDAY = 2


cdef inline bint knows_year(int calendar, int32_t year) noexcept nogil:
    if calendar == CALENDAR_JALALI:
        return JALALI_YEAR_MIN <= year <= JALALI_YEAR_MAX
    return calendar == CALENDAR_GREGORIAN and GREGORIAN_YEAR_MIN <= year <= GREGORIAN_YEAR_MAX


cdef inline bint knows_day(int calendar, int32_t day) noexcept nogil:
    if calendar == CALENDAR_JALALI:
        return JALALI_DAY_MIN <= day <= JALALI_DAY_MAX
    return calendar == CALENDAR_GREGORIAN and GREGORIAN_DAY_MIN <= day <= GREGORIAN_DAY_MAX


cdef inline bint is_leap(int calendar, int32_t year) noexcept nogil:
    cdef int32_t turn
    if calendar == CALENDAR_JALALI:
        turn = (year - JALALI_CYCLE_YEAR) % CYCLE_YEARS
        return turn % 4 == 0 and turn < 32
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


cdef inline int32_t jalali_first(int32_t year, int32_t month) noexcept nogil:
    """Give the first day of a month of a year from 1210 on."""
    cdef int32_t years = year - JALALI_CYCLE_YEAR
    cdef int32_t leap_days = years // CYCLE_YEARS * 8 + (years % CYCLE_YEARS + 3) // 4
    cdef int32_t past = month - 1
    return JALALI_CYCLE_DAY + 365 * years + leap_days + 30 * past + (past if past < 6 else 6)


cdef inline int32_t gregorian_first(int32_t year, int32_t month) noexcept nogil:
    """Give the first day of a month; years begin in March here, so that the leap day is last."""
    cdef int32_t march_year = year if month > 2 else year - 1
    cdef int32_t past = month - 3 if month > 2 else month + 9
    cdef int32_t era = march_year // 400
    cdef int32_t of_era = march_year - 400 * era
    cdef int32_t day = 365 * of_era + of_era // 4 - of_era // 100 + (153 * past + 2) // 5
    return era * ERA_DAYS + day - ERA_SHIFT_DAYS


cdef inline int32_t first_of(int calendar, int32_t year, int32_t month) noexcept nogil:
    """Give the first day of a month of a year that the calendar knows, or of the one after."""
    if calendar == CALENDAR_JALALI:
        return jalali_first(year, month)
    return gregorian_first(year, month)


cdef inline void jalali_of(int32_t day, CivilDate *date) noexcept nogil:
    cdef int32_t since = day - JALALI_CYCLE_DAY
    cdef int32_t of_cycle = since % CYCLE_DAYS
    cdef int32_t fours = of_cycle // FOUR_YEARS_DAYS
    cdef int32_t rest, years
    if fours > 7:
        fours = 7                   # the last group has five years: leap and four common ones
    rest = of_cycle - fours * FOUR_YEARS_DAYS
    years = 0 if rest < 366 else (rest - 1) // 365
    rest -= 365 * years + (years > 0)
    date.year = JALALI_CYCLE_YEAR + since // CYCLE_DAYS * CYCLE_YEARS + 4 * fours + years
    if rest < LONG_MONTHS_DAYS:
        date.month = rest // 31 + 1
        date.day = rest % 31 + 1
    else:
        rest -= LONG_MONTHS_DAYS
        date.month = rest // 30 + 7
        date.day = rest % 30 + 1


cdef inline void gregorian_of(int32_t day, CivilDate *date) noexcept nogil:
    cdef int32_t since = day + ERA_SHIFT_DAYS
    cdef int32_t era = since // ERA_DAYS
    cdef int32_t of_era = since - era * ERA_DAYS
    cdef int32_t years = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int32_t of_year = of_era - (365 * years + years // 4 - years // 100)
    cdef int32_t past = (5 * of_year + 2) // 153
    date.month = past + 3 if past < 10 else past - 9
    date.year = 400 * era + years + (date.month <= 2)
    date.day = of_year - (153 * past + 2) // 5 + 1


cdef bint civil_of(int calendar, int32_t day, CivilDate *date) noexcept nogil:
    if not knows_day(calendar, day):
        date.year = date.month = date.day = 0
        return False
    if calendar == CALENDAR_JALALI:
        jalali_of(day, date)
    else:
        gregorian_of(day, date)
    return True


cdef int32_t month_days(int calendar, int32_t year, int32_t month) noexcept nogil:
    if not knows_year(calendar, year) or not 1 <= month <= 12:
        return 0
    if calendar == CALENDAR_JALALI:
        if month == 12:
            return 29 + is_leap(calendar, year)
        return 31 if month <= 6 else 30
    if month == 2:
        return 28 + is_leap(calendar, year)
    return 30 + (month + (month > 7)) % 2


cdef int32_t day_of(int calendar, int32_t year, int32_t month, int32_t day) noexcept nogil:
    if not 1 <= day <= month_days(calendar, year, month):
        return DAY_INVALID
    return first_of(calendar, year, month) + day - 1


cdef int weekday_of(int32_t day) noexcept nogil:
    if not GREGORIAN_DAY_MIN <= day <= GREGORIAN_DAY_MAX:
        return -1
    return (day + WEEK_SHIFT_DAYS) % 7


cdef inline int32_t week_start(int calendar, int32_t day) noexcept nogil:
    cdef int weekday = weekday_of(day)
    if calendar == CALENDAR_JALALI:
        return day - weekday
    return day - (weekday + 7 - MONDAY) % 7


cdef inline int32_t period_months(int period) noexcept nogil:
    """Give the length of a period in months, 0 for one that months do not make."""
    if period == PERIOD_MONTH:
        return 1
    if period == PERIOD_QUARTER:
        return 3
    if period == PERIOD_HALF_YEAR:
        return 6
    return 12 if period == PERIOD_YEAR else 0


cdef int32_t period_edge(int calendar, int period, int32_t day, bint end) noexcept nogil:
    """Give the first day of the period that holds a day, or (`end`) of the next."""
    cdef CivilDate date
    cdef int32_t months = period_months(period)
    cdef int32_t first_month
    if not civil_of(calendar, day, &date):
        return DAY_INVALID
    if months == 0:
        if period == PERIOD_DAY:
            return day + end
        if period == PERIOD_WEEK:
            return week_start(calendar, day) + (7 if end else 0)
        return DAY_INVALID
    first_month = (date.month - 1) // months * months + 1
    if end:
        first_month += months
        if first_month > 12:
            return first_of(calendar, date.year + 1, 1)
    return first_of(calendar, date.year, first_month)


cdef int32_t period_start(int calendar, int period, int32_t day) noexcept nogil:
    return period_edge(calendar, period, day, False)


cdef int32_t period_end(int calendar, int period, int32_t day) noexcept nogil:
    return period_edge(calendar, period, day, True)


cdef int32_t months_after(int calendar, int32_t anchor_day, int32_t months) noexcept nogil:
    cdef CivilDate date
    cdef int64_t target
    cdef int32_t year, month, days
    if not civil_of(calendar, anchor_day, &date):
        return DAY_INVALID
    target = 12 * <int64_t> date.year + date.month - 1 + months
    if not 0 <= target <= 12 * GREGORIAN_YEAR_MAX + 11:
        return DAY_INVALID
    year = <int32_t> (target // 12)
    month = <int32_t> (target % 12) + 1
    days = month_days(calendar, year, month)
    if days == 0:
        return DAY_INVALID
    return first_of(calendar, year, month) + (date.day if date.day < days else days) - 1


cdef int32_t known(int32_t day) except? DAY_INVALID:
    if day == DAY_INVALID:
        raise OutOfCalendar("no such date, or beyond the calendar's years")
    return day


cdef int32_t narrow(object number) except? DAY_INVALID:
    """Give a Python number as the core counts; one that does not fit is no date."""
    if not -2**31 < number < 2**31:
        raise OutOfCalendar("no such date, or beyond the calendar's years")
    return <int32_t> number


def civil(calendar, day):
    """Give year, month and day of a day. See `_calendar.pyi`."""
    cdef CivilDate date
    if not civil_of(calendar, narrow(day), &date):
        raise OutOfCalendar(f"day {day} is beyond the calendar's years")
    return date.year, date.month, date.day


def day_number(calendar, year, month, day):
    """Give the day of a date. See `_calendar.pyi`."""
    return known(day_of(calendar, narrow(year), narrow(month), narrow(day)))


def days_of_month(calendar, year, month):
    """Give the length of a month. See `_calendar.pyi`."""
    cdef int32_t days = month_days(calendar, narrow(year), narrow(month))
    return known(days if days > 0 else DAY_INVALID)


def weekday(day):
    """Give the weekday. See `_calendar.pyi`."""
    cdef int found = weekday_of(narrow(day))
    return known(found if found >= 0 else DAY_INVALID)


def period(calendar, kind, day):
    """Give the edges of a period. See `_calendar.pyi`."""
    cdef int32_t local_day = narrow(day)
    return (known(period_start(calendar, kind, local_day)),
            known(period_end(calendar, kind, local_day)))


def day_months_after(calendar, anchor_day, months):
    """Add months to an anchor. See `_calendar.pyi`."""
    return known(months_after(calendar, narrow(anchor_day), narrow(months)))
