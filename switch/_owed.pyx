"""What a card owes, looked at. See `_owed.pxd`."""

from libc.string cimport memset

from switch._calendar cimport DAY_INVALID
from switch._schedule cimport Terms, late_charge, pay_by_day
from switch.ledger._book cimport Book, Lot

cdef enum:
    BPS = 10000


cdef const Lot *oldest(const Book *book, int64_t account, bint owed) noexcept nogil:
    """The first lot that is owed, or that is a credit; NULL when there is none."""
    cdef int32_t at = book.accounts[account].lots
    while at >= 0:
        if (book.lots[at].remaining > 0) == owed:
            return &book.lots[at]
        at = book.lots[at].next
    return NULL


cdef int64_t left_of(const Book *book, int64_t account, const Lot *lot) noexcept nogil:
    """What is left of the lot of the same name and end; 0 when there is none."""
    cdef int32_t at = book.accounts[account].lots
    while at >= 0:
        if book.lots[at].lot == lot.lot and book.lots[at].expires_at == lot.expires_at:
            return book.lots[at].remaining
        at = book.lots[at].next
    return 0


cdef const Terms *terms_of(const Debts *debts, int64_t lot) noexcept nogil:
    """The terms that a debt's name says; NULL for one of before there were such."""
    cdef int64_t number = (lot & 15) - TERMS_FIRST
    return &debts.terms[number] if 0 <= number < debts.terms_count else NULL


cdef inline int32_t pay_by(const Debts *debts, const Lot *lot) noexcept nogil:
    """Until which day a lot can be paid without being late."""
    return pay_by_day(debts.holidays, day_before(debts, lot.expires_at))


cdef int64_t to_be_charged(const Debts *debts, const Lot *part, int64_t left) noexcept nogil:
    """What is charged by today for so much principal of a lot being late."""
    cdef const Terms *terms = terms_of(debts, part.lot)
    cdef int32_t last_day
    if terms == NULL or terms.late_rate_bps == 0 or left <= 0:
        return 0
    last_day = pay_by(debts, part)
    return late_charge(terms, left, last_day, debts.day) if last_day != DAY_INVALID else 0


cdef int64_t begun_of(const Debts *debts, const Lot *fee) noexcept nogil:
    """What of a fee's lot is for time that has begun; a credit counts."""
    if fee.remaining < 0 or debts.day > day_before(debts, fee.available_at):
        return fee.remaining
    return 0


cdef int64_t credits_in(const Book *book, int64_t account) noexcept nogil:
    """What was refunded after it had been paid, and pays the oldest debt next."""
    cdef int32_t at = book.accounts[account].lots
    cdef int64_t credits = 0
    while at >= 0:
        if book.lots[at].remaining < 0:
            credits -= book.lots[at].remaining
        at = book.lots[at].next
    return credits


cdef int64_t beyond(const Lot *part, int64_t *credits) noexcept nogil:
    """What of a lot credits do not pay, the oldest lot first: they are less by what they pay."""
    cdef int64_t left = part.remaining - credits[0]
    if left < 0:
        left = 0
    credits[0] -= part.remaining - left
    return left


cdef int64_t late_for_nothing(const Book *book, const Debts *debts,
                              int64_t *unpaid_out) noexcept nogil:
    """What was paid for being late with what was refunded, and how much of that is not paid."""
    cdef int64_t back = 0
    cdef int64_t unpaid
    cdef const Lot *lot
    cdef int32_t at
    unpaid_out[0] = 0
    if debts.charged < 0:
        return 0
    at = book.accounts[debts.charged].lots
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if left_of(book, debts.principal, lot) <= 0:
            unpaid = left_of(book, debts.late, lot)
            if unpaid > lot.remaining:
                unpaid = lot.remaining
            unpaid_out[0] += unpaid
            back += lot.remaining - unpaid
    at = book.accounts[debts.late].lots
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if (lot.remaining < 0 and left_of(book, debts.principal, lot) <= 0
                and left_of(book, debts.charged, lot) == 0):
            unpaid_out[0] += lot.remaining
            back -= lot.remaining
    return back


cdef int64_t late_of(const Book *book, const Debts *debts) noexcept nogil:
    """What is owed for being late, with what `debts_charge` would do; below zero is a credit."""
    cdef int64_t late = book.accounts[debts.late].balance
    cdef int64_t unpaid
    cdef int64_t credits
    cdef const Lot *lot
    cdef int32_t at
    if debts.charged < 0:
        return late
    credits = late_for_nothing(book, debts, &unpaid) + credits_in(book, debts.principal)
    late -= unpaid
    at = book.accounts[debts.principal].lots
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if is_to_come(debts, lot):
            break
        if lot.remaining > 0:
            late += (to_be_charged(debts, lot, beyond(lot, &credits))
                     - left_of(book, debts.charged, lot))
    return late


cdef int64_t due_of(const Book *book, int64_t account, int64_t due_by_s) noexcept nogil:
    """What is owed of lots that end by a second; credits count against it."""
    cdef int32_t at = book.accounts[account].lots
    cdef int64_t due = 0
    while at >= 0:
        if book.lots[at].expires_at <= due_by_s or book.lots[at].remaining < 0:
            due += book.lots[at].remaining
        at = book.lots[at].next
    return due if due > 0 else 0


cdef bint is_overdue(const Book *book, const Debts *debts, int64_t account,
                     int64_t credits) noexcept nogil:
    """Should anything have been paid by a day before today, that credits do not pay?"""
    cdef int32_t at = book.accounts[account].lots
    while at >= 0 and not is_to_come(debts, &book.lots[at]):
        if (book.lots[at].remaining > 0 and beyond(&book.lots[at], &credits) > 0
                and pay_by(debts, &book.lots[at]) < debts.day):
            return True
        at = book.lots[at].next
    return False


cdef int64_t rebate_of(const Book *book, const Debts *debts, int64_t back) noexcept nogil:
    """The good payer's share of principal that is due after today; rounded down for each plan.

    Of what credits pay, the oldest first, there is none: it has been paid. So it has with what
    goes `back` of fees.
    """
    cdef int64_t early[16]
    cdef int64_t rebate = 0
    cdef int64_t unpaid, left
    cdef int64_t credits = credits_in(book, debts.principal)
    cdef const Lot *lot
    cdef int32_t number
    cdef int32_t at = book.accounts[debts.principal].lots
    if (is_overdue(book, debts, debts.fee, 0)
            or is_overdue(book, debts, debts.principal,
                          credits + late_for_nothing(book, debts, &unpaid))):
        return 0
    memset(early, 0, sizeof(early))
    credits += back
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if lot.remaining <= 0:
            continue
        left = beyond(lot, &credits)
        if is_to_come(debts, lot):
            early[lot.lot & 15] += left
    for number in range(debts.terms_count):
        if early[TERMS_FIRST + number] > 0:
            rebate += early[TERMS_FIRST + number] * debts.terms[number].rebate_bps // BPS
    return rebate


cdef int64_t fees_owed(const Book *book, const Debts *debts, int64_t due_by_s,
                       int64_t *due) noexcept nogil:
    """Fees of time that has begun, less credits: below zero goes to the card. And what is due."""
    cdef int64_t credits = credits_in(book, debts.fee)
    cdef int64_t begun = 0
    cdef int64_t begun_due = 0
    cdef const Lot *lot
    cdef int32_t at = book.accounts[debts.fee].lots
    due[0] = 0
    while at >= 0:
        lot = &book.lots[at]
        at = lot.next
        if lot.remaining < 0:
            continue
        begun += begun_of(debts, lot)
        if lot.expires_at <= due_by_s:
            due[0] += lot.remaining
            begun_due += begun_of(debts, lot)
    due[0] -= credits if credits < begun_due else begun_due
    return begun - credits


cdef void debts_owed(const Book *book, const Debts *debts, int64_t due_by_s,
                     Owed *owed) noexcept nogil:
    """Say what is owed now, and what of it is due by a second."""
    cdef int64_t fees_due
    cdef int64_t fees = fees_owed(book, debts, due_by_s, &fees_due)
    cdef int64_t back = -fees if fees < 0 else 0
    cdef int64_t due = due_of(book, debts.principal, due_by_s) - back
    owed.principal = book.accounts[debts.principal].balance - back
    owed.fee_begun = fees if fees > 0 else 0
    owed.late = late_of(book, debts)
    owed.rebate = rebate_of(book, debts, back)
    if owed.late < 0:
        owed.late = 0
    if owed.principal < 0:
        owed.principal = 0
    owed.due = owed.late + fees_due + (due if due > 0 else 0)
