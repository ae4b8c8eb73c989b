"""Debts as dated lots: what a card owes by when, of principal, of fees and for being late.

Theory. A purchase in instalments puts one lot for each due day into two counters of the card,
principal and fee; the lot's end is the end of its due day, and what has ended is overdue, not gone.
A fee's lot opens when the time begins that it is for; of profit for several months each has a lot
of its own, counted from the day of the purchase. Paying takes lots away, the oldest due day first
and in it the fee before the principal. So the schedule, what is due, what ends the debt early and
what a reversed payment restores are all in the lots; nothing is computed twice.

What was refunded after it had been paid leaves a lot below zero: a credit, which is set against the
oldest debt before anything is paid or bought. A credit of fees pays fees of time that has begun;
the rest of it goes from the club's fees to the card, and pays what the card owes or buys next.

Late charges. What a lot of principal is to be charged is a function of what is left of it, its due
day and today. A counter beside them, `charged`, has in a lot of the same name what was charged for
the principal that is still owed. So what is to be done is the difference, however long nobody
looked, and whatever was undone meanwhile; a difference below zero is taken back. Whoever pays
principal has paid its charge before (it comes first), and that is final: `charged` goes down with
the principal.

What is owed is looked at in `_owed`; this changes it. Must not know a programme or a card: it is
given accounts and terms.
"""

from libc.stdint cimport int32_t, int64_t

from switch._owed cimport Debts
from switch._schedule cimport Terms
from switch.ledger._book cimport Book, Move

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
cdef int debts_charge(Book *book, const Debts *debts, int64_t lot, Move *moves,
                      int32_t *count) noexcept nogil
cdef int debts_pay(Book *book, const Debts *debts, int64_t minor, int64_t lot, Paid *paid,
                   Move *moves, int32_t *count) noexcept nogil
cdef int debts_settle(Book *book, const Debts *debts, int64_t lot, Paid *paid, Move *moves,
                      int32_t *count) noexcept nogil
