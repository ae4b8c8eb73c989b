"""Python handles on `_calendar` and `_schedule` in C, for benchmarks: loops without objects.

Nothing of the switch imports this.
"""

from libc.stdint cimport int32_t, int64_t

from switch._calendar cimport CivilDate, PERIOD_MONTH, civil_of, day_of, period_end, period_start
from switch._schedule cimport Instalment, Terms, schedule_of, terms_from

cdef enum:
    DAYS = 20000                # a loop goes over so many different ones


def convert_times(int calendar, int32_t first_day, int64_t times):
    """Convert that many days to dates and back; how many came back."""
    cdef CivilDate date
    cdef int64_t i
    cdef int64_t back = 0
    cdef int32_t day
    with nogil:
        for i in range(times):
            day = first_day + <int32_t> (i % DAYS)
            if civil_of(calendar, day, &date):
                back += day_of(calendar, date.year, date.month, date.day) == day
    return back


def month_times(int calendar, int32_t first_day, int64_t times):
    """Find the month that holds a day, that many times; how many hold theirs."""
    cdef int64_t i
    cdef int64_t held = 0
    cdef int32_t day
    with nogil:
        for i in range(times):
            day = first_day + <int32_t> (i % DAYS)
            held += (period_start(calendar, PERIOD_MONTH, day) <= day
                     < period_end(calendar, PERIOD_MONTH, day))
    return held


def schedule_times(declared, int64_t principal_minor, int32_t anchor_day, int64_t times):
    """Compute that many schedules; how many instalments they had."""
    cdef Terms terms
    cdef Instalment out[120]
    cdef int64_t i
    cdef int64_t count = 0
    terms_from(declared, &terms)
    with nogil:
        for i in range(times):
            count += schedule_of(&terms, principal_minor + i % DAYS,
                                 anchor_day + <int32_t> (i % DAYS), out)
    return count
