"""Instalments as pure functions. See `_schedule.pxd` for the theory and the contracts."""

from libc.string cimport memset

from switch import instalments
from switch._calendar cimport (
    CALENDAR_GREGORIAN, DAY_INVALID, months_after, weekday_of,
)
from switch.calendar import OutOfCalendar

cdef extern from *:
    """
    static inline int64_t bashgah_share_floor(int64_t amount, int64_t numerator,
                                              int64_t denominator)
    {
        __int128 share = (__int128)amount * numerator / denominator;
        return share > INT64_MAX ? INT64_MAX : (int64_t)share;
    }
    """
    # Of operands that are zero or more; rounded down, and never beyond 64 bits.
    int64_t share_floor "bashgah_share_floor"(int64_t amount, int64_t numerator,
                                              int64_t denominator) nogil

cdef enum:
    BPS = 10000
    YEAR_MONTHS = 12
    YEAR_DAYS = 365             # of a late charge: a leap year's day is the payer's
    ALL_WEEKDAYS = 127

cdef int64_t AMOUNT_MINOR_MAX = 999999999999LL  # as `limits`


cdef inline bint is_profit(int fee) noexcept nogil:
    return fee == FEE_PROFIT_DECLINING or fee == FEE_PROFIT_FLAT


cdef inline bint is_qarz(int fee) noexcept nogil:
    return fee == FEE_QARZ_11 or fee == FEE_QARZ_12


cdef inline bint is_share(int32_t bps) noexcept nogil:
    return 0 <= bps <= BPS


cdef bint terms_hold(const Terms *terms) noexcept nogil:
    if not (1 <= terms.count <= INSTALMENTS_MAX
            and 1 <= terms.months_between <= MONTHS_BETWEEN_MAX
            and 0 <= terms.first_due_months <= MONTHS_MAX
            and due_months(terms, terms.count - 1) <= MONTHS_MAX
            and 1 <= terms.multiple_minor <= AMOUNT_MINOR_MAX
            and terms.calendar <= CALENDAR_GREGORIAN and terms.rest <= REST_FIRST):
        return False
    if not (is_share(terms.rate_bps) and is_share(terms.rebate_bps)
            and is_share(terms.late_rate_bps) and is_share(terms.late_cap_bps)):
        return False
    if (terms.fee > FEE_QARZ_12 or (terms.fee == FEE_NONE) != (terms.rate_bps == 0)
            or not 0 <= terms.grace_count < terms.count
            or (terms.grace_count > 0 and not is_profit(terms.fee))
            or (is_qarz(terms.fee) and terms.months_between != 1)
            or (terms.fee == FEE_QARZ_11 and terms.count % YEAR_MONTHS == 1)):
        return False
    return (0 <= terms.late_tolerance_days <= TOLERANCE_DAYS_MAX
            and (terms.late_rate_bps == 0) == (terms.late_cap_bps == 0))


cdef inline int32_t due_months(const Terms *terms, int32_t i) noexcept nogil:
    """Give how many months after the anchor an instalment is due."""
    return terms.first_due_months + i * terms.months_between


cdef inline int32_t months_since(const Terms *terms, int32_t i) noexcept nogil:
    """Give the months since the instalment before, or since the anchor."""
    return terms.months_between if i > 0 else terms.first_due_months


cdef inline int32_t months_of_year(const Terms *terms, int32_t i) noexcept nogil:
    """Give the months of the year of qarz-al-hasaneh that begins with an instalment."""
    return YEAR_MONTHS if terms.count - i > YEAR_MONTHS else terms.count - i


cdef inline bint pays_principal(const Terms *terms, int32_t i) noexcept nogil:
    if terms.fee == FEE_QARZ_11:
        return i % YEAR_MONTHS != 0
    return i >= terms.grace_count


cdef inline int32_t principal_parts(const Terms *terms) noexcept nogil:
    """Give how many instalments pay principal."""
    if terms.fee == FEE_QARZ_11:
        return terms.count - (terms.count + YEAR_MONTHS - 1) // YEAR_MONTHS
    return terms.count - terms.grace_count


cdef inline int64_t yearly(const Terms *terms, int64_t principal, int32_t months) noexcept nogil:
    """Give the rate on a principal for so many months: simple, rounded down."""
    return share_floor(principal, <int64_t> terms.rate_bps * months, BPS * YEAR_MONTHS)


cdef inline int64_t part_of(const Terms *terms, int64_t whole, int32_t parts,
                            int32_t part) noexcept nogil:
    """Give a part (from 0) of an amount: a multiple, or what is left for the one of the rest."""
    cdef int64_t each = whole // parts // terms.multiple_minor * terms.multiple_minor
    if part == (0 if terms.rest == REST_FIRST else parts - 1):
        return whole - each * (parts - 1)
    return each


cdef int schedule_of(const Terms *terms, int64_t principal, int32_t anchor_day,
                     Instalment *out) noexcept nogil:
    cdef int32_t i, parts
    cdef int32_t part = 0
    cdef int64_t left = principal
    cdef int64_t flat
    if not terms_hold(terms):
        return SCHEDULE_TERMS
    parts = principal_parts(terms)
    if not 0 < principal <= AMOUNT_MINOR_MAX or principal // parts < terms.multiple_minor:
        return SCHEDULE_PRINCIPAL
    flat = share_floor(principal, terms.rate_bps, BPS)
    for i in range(terms.count):
        out[i].due_day = months_after(terms.calendar, anchor_day, due_months(terms, i))
        if out[i].due_day == DAY_INVALID:
            return SCHEDULE_DAY
        out[i].principal = 0
        out[i].fee = 0
        if is_profit(terms.fee):
            out[i].fee = yearly(terms, principal if terms.fee == FEE_PROFIT_FLAT else left,
                                months_since(terms, i))
        elif is_qarz(terms.fee) and i % YEAR_MONTHS == 0:
            out[i].fee = yearly(terms, left, months_of_year(terms, i))
        elif terms.fee == FEE_FLAT_FIRST and i == 0:
            out[i].fee = flat
        if pays_principal(terms, i):
            out[i].principal = part_of(terms, principal, parts, part)
            if terms.fee == FEE_FLAT_SPREAD:
                out[i].fee = part_of(terms, flat, parts, part)
            part += 1
            left -= out[i].principal
    return terms.count


cdef int32_t fee_parts(const Terms *terms, int32_t i) noexcept nogil:
    return months_since(terms, i) if is_profit(terms.fee) else 1


cdef int64_t fee_part(const Terms *terms, const Instalment *row, int64_t owed,
                      int32_t part) noexcept nogil:
    if not is_profit(terms.fee):
        return row.fee
    # What rounding cut off of the months before comes with a later one: together they are the fee.
    return yearly(terms, owed, part + 1) - yearly(terms, owed, part)


cdef int32_t fee_part_from(const Terms *terms, int32_t i, int32_t part,
                           int32_t anchor_day) noexcept nogil:
    return months_after(terms.calendar, anchor_day,
                        due_months(terms, i) - months_since(terms, i) + part)


cdef int64_t late_charge(const Terms *terms, int64_t overdue_principal, int32_t pay_by,
                         int32_t day) noexcept nogil:
    cdef int64_t days = <int64_t> day - pay_by
    cdef int64_t charge, most
    if not terms_hold(terms):
        return SCHEDULE_TERMS
    if overdue_principal <= 0 or days <= terms.late_tolerance_days:
        return 0
    charge = share_floor(overdue_principal, terms.late_rate_bps * days, BPS * YEAR_DAYS)
    most = share_floor(overdue_principal, terms.late_cap_bps, BPS)
    return charge if charge < most else most


cdef inline bint is_listed(const Holidays *holidays, int32_t day) noexcept nogil:
    cdef int32_t low = 0
    cdef int32_t high = holidays.count
    cdef int32_t middle
    while low < high:
        middle = low + (high - low) // 2
        if holidays.days[middle] < day:
            low = middle + 1
        else:
            high = middle
    return low < holidays.count and holidays.days[low] == day


cdef int32_t pay_by_day(const Holidays *holidays, int32_t due_day) noexcept nogil:
    cdef int32_t day = due_day
    cdef int weekday = weekday_of(day)
    if holidays.weekdays & ALL_WEEKDAYS == ALL_WEEKDAYS:
        return DAY_INVALID
    while weekday >= 0:         # ends: days run out, or a listed day is not listed
        if not (holidays.weekdays >> weekday & 1 or is_listed(holidays, day)):
            return day
        day += 1
        weekday = weekday_of(day)
    return DAY_INVALID


cdef int terms_from(object declared, Terms *terms) except -1:
    memset(terms, 0, sizeof(Terms))
    terms.count = declared.count
    terms.calendar = declared.calendar
    terms.months_between = declared.months_between
    terms.first_due_months = declared.first_due_months
    terms.grace_count = declared.grace_count
    terms.multiple_minor = declared.multiple_minor
    terms.rest = declared.rest
    terms.fee = declared.fee
    terms.rate_bps = declared.rate_bps
    terms.rebate_bps = declared.rebate_bps
    terms.late_rate_bps = declared.late_rate_bps
    terms.late_tolerance_days = declared.late_tolerance_days
    terms.late_cap_bps = declared.late_cap_bps
    return 0


cdef int made(int64_t answer) except -1:
    """Raise what an answer of SCHEDULE_* says."""
    if answer == SCHEDULE_TERMS:
        raise instalments.ScheduleError("terms that no schedule can follow")
    if answer == SCHEDULE_PRINCIPAL:
        raise instalments.ScheduleError("a principal that the terms cannot split")
    if answer == SCHEDULE_DAY:
        raise instalments.ScheduleError("a day beyond the calendar, or of another schedule")
    return 0


def schedule(declared, principal_minor, anchor_day):
    """Give the instalments. See `_schedule.pyi`."""
    cdef Terms terms
    cdef Instalment out[120]
    cdef int i, count
    terms_from(declared, &terms)
    count = schedule_of(&terms, principal_minor, anchor_day, out)
    made(count)
    return [instalments.Instalment(out[i].due_day, out[i].principal, out[i].fee)
            for i in range(count)]


def late(declared, overdue_minor, pay_by, day):
    """Give the charge for being late. See `_schedule.pyi`."""
    cdef Terms terms
    cdef int64_t charge
    terms_from(declared, &terms)
    charge = late_charge(&terms, overdue_minor, pay_by, day)
    made(charge)
    return charge


def pay_by(due_day, const int32_t[::1] holidays not None, weekdays=FRIDAY_ONLY):
    """Give the day until which to pay. See `_schedule.pyi`."""
    cdef Holidays table
    cdef int32_t day
    if list(holidays) != sorted(holidays):
        raise ValueError("holidays: in ascending order")
    table.count = <int32_t> holidays.shape[0]
    table.days = &holidays[0] if table.count > 0 else NULL
    table.weekdays = weekdays
    day = pay_by_day(&table, due_day)
    if day == DAY_INVALID:
        raise OutOfCalendar("no day to pay on")
    return day
