"""Instalments as pure functions: terms, a principal and a day in; due days and amounts out.

Theory. Each number follows from the terms, the principal and the anchor (the day of the purchase)
alone, so a schedule is never kept up to date: it is computed again, and equal. Amounts are minor
units, zero or more; products take 128 bits; what a division cuts off is the payer's gain. The sum
of all parts of principal is the principal, exactly.

Must not know a card, a programme, an account or a clock. `switch.instalments` has the words.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    INSTALMENTS_MAX = 120
    MONTHS_BETWEEN_MAX = 12
    MONTHS_MAX = 600
    TOLERANCE_DAYS_MAX = 366
    FRIDAY_ONLY = 64            # weekdays of `Holidays`, bit 0 = Saturday

cdef enum FeeKind:
    FEE_NONE = 0
    FEE_FLAT_SPREAD = 1
    FEE_FLAT_FIRST = 2
    FEE_PROFIT_DECLINING = 3
    FEE_PROFIT_FLAT = 4
    FEE_QARZ_11 = 5
    FEE_QARZ_12 = 6

cdef enum Rest:
    REST_LAST = 0
    REST_FIRST = 1

cdef enum:                      # what a function gives instead of a count or an amount
    SCHEDULE_DONE = 0
    SCHEDULE_TERMS = -1         # terms that cannot be
    SCHEDULE_PRINCIPAL = -2     # not above zero, or less than a multiple for each instalment
    SCHEDULE_DAY = -3           # a day beyond the calendar

cdef struct Terms:              # as `switch.instalments.Terms`
    int32_t count
    int32_t months_between
    int32_t first_due_months
    int32_t grace_count
    int32_t rate_bps
    int32_t rebate_bps
    int32_t late_rate_bps
    int32_t late_tolerance_days
    int32_t late_cap_bps
    uint8_t calendar
    uint8_t rest
    uint8_t fee
    int64_t multiple_minor

cdef struct Instalment:
    int32_t due_day
    int64_t principal
    int64_t fee

cdef struct Holidays:
    const int32_t *days         # ascending
    int32_t count
    uint8_t weekdays            # never paid on; bit 0 = Saturday

# Whether terms can be followed; the other functions ask it themselves.
cdef bint terms_hold(const Terms *terms) noexcept nogil

# Write a schedule of `terms.count` instalments into `out` (room for INSTALMENTS_MAX). The count, or
# one of SCHEDULE_*; then `out` holds nothing of use.
cdef int schedule_of(const Terms *terms, int64_t principal, int32_t anchor_day,
                     Instalment *out) noexcept nogil

# How many parts an instalment's fee has that begin one after another: the months of profit that it
# is for, else one. What a part comes to, of the principal that is owed as its time begins (the
# whole of it for flat profit), and the day before its time: the parts are the fee, and each month
# is counted from the anchor, never from the due day before.
cdef int32_t fee_parts(const Terms *terms, int32_t i) noexcept nogil
cdef int64_t fee_part(const Terms *terms, const Instalment *row, int64_t owed,
                      int32_t part) noexcept nogil
cdef int32_t fee_part_from(const Terms *terms, int32_t i, int32_t part,
                           int32_t anchor_day) noexcept nogil

# Give the charge on principal that should have been paid by a day (holidays counted in) and is
# still owed: simple, capped, and a function of that principal alone, so it never compounds. Within
# the tolerance nothing; after it all days count. Zero or more, or SCHEDULE_TERMS.
cdef int64_t late_charge(const Terms *terms, int64_t overdue_principal, int32_t pay_by,
                         int32_t day) noexcept nogil

# Give the first day from a due day on that is no holiday; DAY_INVALID beyond the calendars, or
# when no weekday is left.
cdef int32_t pay_by_day(const Holidays *holidays, int32_t due_day) noexcept nogil

# Copy `switch.instalments.Terms`.
cdef int terms_from(object declared, Terms *terms) except -1
