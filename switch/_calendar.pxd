"""Civil calendars in integers: a day is a number, days since 1970-01-01.

Theory. Nowruz is astronomical, yet from 1210 to 1501 the leap years repeat exactly every 33 years:
the 1st, 5th, 9th, 13th, 17th, 21st, 25th and 29th of each 33, counted from 1210 (the break-point
algorithm of Borkowski has one segment there, 1210 to 1634; astronomy leaves it in 1502). So 1399,
1403 and 1408 are leap years, 1404 is none. The well-known mistake is the cycle of 2820 years, which
makes 1404 a leap year and puts a whole year off by one day. We serve 1300 to 1500, where rule and
astronomy agree year for year (decision 0034), and refuse the rest instead of guessing.

Must not know what a date is for. No state, no memory, no clock: a Unix second becomes a local day
by the caller's utc offset (`moment_at` in `_plan`).
"""

from libc.stdint cimport int32_t

cdef enum Calendar:
    CALENDAR_JALALI = 0
    CALENDAR_GREGORIAN = 1

cdef enum Period:
    PERIOD_DAY = 0
    PERIOD_WEEK = 1             # begins on Saturday (Jalali) or Monday (Gregorian, ISO 8601)
    PERIOD_MONTH = 2
    PERIOD_QUARTER = 3
    PERIOD_HALF_YEAR = 4
    PERIOD_YEAR = 5

cdef enum:
    DAY_INVALID = -2147483648   # the answer to whatever no calendar here knows
    JALALI_YEAR_MIN = 1300      # 1921-03-21
    JALALI_YEAR_MAX = 1500      # ends with 2122-03-20
    GREGORIAN_YEAR_MIN = 1900
    GREGORIAN_YEAR_MAX = 2200
    JALALI_DAY_MIN = -17818
    JALALI_DAY_MAX = 55595
    GREGORIAN_DAY_MIN = -25567
    GREGORIAN_DAY_MAX = 84370

cdef struct CivilDate:
    int32_t year
    int32_t month               # from 1
    int32_t day                 # from 1

# Give the date of a day; false, with zeroes in `date`, beyond the calendar's years.
cdef bint civil_of(int calendar, int32_t day, CivilDate *date) noexcept nogil

# Give the day of a date, or DAY_INVALID for one that does not exist.
cdef int32_t day_of(int calendar, int32_t year, int32_t month, int32_t day) noexcept nogil

# Give how many days a month has, 0 for one that the calendar does not know.
cdef int32_t month_days(int calendar, int32_t year, int32_t month) noexcept nogil

# Give the weekday, 0 = Saturday, of any day that a calendar knows; else -1.
cdef int weekday_of(int32_t day) noexcept nogil

# Give the first day of the period that holds a day, or the first day after it. DAY_INVALID when
# calendar or period is none or the day lies beyond the years. Answers are exact, so those for the
# last period lie behind the last year, and a week may begin before the first.
cdef int32_t period_start(int calendar, int period, int32_t day) noexcept nogil
cdef int32_t period_end(int calendar, int period, int32_t day) noexcept nogil

# Give the same day of the month `months` later (or earlier), or that month's last day if it is
# shorter. Always from the anchor: whoever adds to an answer drifts (decision 0034).
cdef int32_t months_after(int calendar, int32_t anchor_day, int32_t months) noexcept nogil
