"""Debts as dated lots: what a card owes by when, of principal, of fees and for being late.

Theory. A purchase in instalments puts one lot for each due day into two counters of the card,
principal and fee; the lot's end is the end of its due day, and what has ended is overdue, not gone.
A fee's lot opens when the time begins that it is for; of profit for several months each has a lot
of its own, counted from the day of the purchase. Paying takes lots away, the oldest due day
first and in it the fee before the principal. So the schedule, what is due, what ends the debt early
and what a reversed payment restores are all in the lots; nothing is computed twice.

What was refunded after it had been paid leaves a lot below zero: a credit, which is set against the
oldest debt before anything is paid or bought.

Late charges. What a lot of principal is to be charged is a function of what is left of it, its due
day and today. A counter beside them, `charged`, has in a lot of the same name what was charged for
the principal that is still owed. So what is to be done is the difference, however long nobody
looked, and whatever was undone meanwhile; a difference below zero is taken back. Whoever pays
principal has paid its charge before (it comes first), and that is final: `charged` goes down with
the principal.

Must not know a programme or a card: it is given accounts and terms. The last four bits of a debt's
name say which terms are its.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from switch._schedule cimport Holidays, Terms
from switch.ledger._book cimport Book, Move

cdef enum:
    TERMS_FIRST = 8             # a debt's name modulo 16, less this, is the number of its terms

cdef struct Debts:              # where a card's debts stand, and what stands against them
    int64_t principal           # accounts
    int64_t fee
    int64_t late
    int64_t charged             # -1 = nothing is charged for being late
    int64_t against             # the club's counts
    int64_t wallet              # the card's: a charge that was paid and is taken back enters it
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

cdef struct Paid:               # what of a payment went where
    int64_t fees
    int64_t principal           # with what is more than is owed: the card's credit
    int64_t late
    int64_t rebate              # of the principal: not the card's holder paid it

cdef struct FirstDue:           # what the buyer is told of a schedule
    int32_t count
    int64_t minor
    int64_t ends_s              # of its due day

cdef int debts_begin(Book *book, const Debts *debts, const Terms *terms, int64_t minor,
                     int64_t lot, bint has_happened, FirstDue *first, Move *moves,
                     int32_t *count) noexcept nogil
cdef int debts_charge(Book *book, const Debts *debts, Move *moves, int32_t *count) noexcept nogil
cdef int debts_pay(Book *book, const Debts *debts, int64_t minor, int64_t lot, Paid *paid,
                   Move *moves, int32_t *count) noexcept nogil
cdef int debts_settle(Book *book, const Debts *debts, Paid *paid, Move *moves,
                      int32_t *count) noexcept nogil
cdef void debts_owed(const Book *book, const Debts *debts, int64_t due_by_s,
                     Owed *owed) noexcept nogil
