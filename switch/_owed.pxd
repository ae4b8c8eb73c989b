"""What a card owes, looked at: its lots of principal, of fees and for being late on a day.

Owns what is due, overdue, begun, to be charged and to be given back, as functions of the lots and
the day: an inquiry tells what `_debts` would do. Changes nothing; must not know a programme or a
card. The last four bits of a debt's name say which terms are its.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from switch._schedule cimport Holidays, Terms
from switch.ledger._book cimport Book, Lot

cdef enum:
    TERMS_FIRST = 8             # a debt's name modulo 16, less this, is the number of its terms
    SECONDS_A_DAY = 86400

cdef struct Debts:              # where a card's debts stand, and what stands against them
    int64_t principal           # accounts
    int64_t fee
    int64_t late
    int64_t charged             # -1 = nothing is charged for being late
    int64_t against             # the club's counts
    int64_t wallet              # the card's: a fee or charge that was paid and goes back enters it
    int64_t club_fees           # the club's fees
    int64_t club_late           # the club's late charges
    const Terms *terms
    int32_t terms_count
    const Holidays *holidays
    int32_t day                 # today, as the clocks of the place show it
    int32_t utc_offset_s

cdef struct Owed:
    int64_t principal           # all of it
    int64_t fee_begun           # of time that has begun: what ends the debt now
    int64_t late                # with what is to be charged until today
    int64_t rebate              # of the principal, if the debt ends now
    int64_t due                 # of the first three: what is due by a second

# The first lot that is owed, or that is a credit; what is left of the lot of the same name and end.
cdef const Lot *oldest(const Book *book, int64_t account, bint owed) noexcept nogil
cdef int64_t left_of(const Book *book, int64_t account, const Lot *lot) noexcept nogil

# What is charged by today for so much principal of a lot being late.
cdef int64_t to_be_charged(const Debts *debts, const Lot *part, int64_t left) noexcept nogil

# What was refunded after it had been paid, and pays the oldest debt next; and what of a lot that
# does not pay: asked of one debt after the other, the oldest first.
cdef int64_t credits_in(const Book *book, int64_t account) noexcept nogil
cdef int64_t beyond(const Lot *part, int64_t *credits) noexcept nogil

# What of a fee's lot is for time that has begun; a credit counts.
cdef int64_t begun_of(const Debts *debts, const Lot *fee) noexcept nogil

cdef void debts_owed(const Book *book, const Debts *debts, int64_t due_by_s,
                     Owed *owed) noexcept nogil


cdef inline int32_t day_before(const Debts *debts, uint32_t midnight_s) noexcept nogil:
    """The local day that ends with a second."""
    # By its noon: whatever the clocks of the place have been set to since.
    return <int32_t> ((<int64_t> midnight_s + debts.utc_offset_s - SECONDS_A_DAY // 2)
                      // SECONDS_A_DAY)


cdef inline int64_t day_ends(int32_t day, int32_t utc_offset_s) noexcept nogil:
    return (<int64_t> day + 1) * SECONDS_A_DAY - utc_offset_s


cdef inline bint is_to_come(const Debts *debts, const Lot *lot) noexcept nogil:
    """Is its due day after today?"""
    return lot.expires_at > day_ends(debts.day, debts.utc_offset_s)
