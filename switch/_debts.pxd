"""Debts as dated lots: what a card owes by when, of principal, of fees and for being late.

Theory. A purchase in instalments puts one lot for each due day into two counters of the card,
principal and fee; the lot's end is the end of its due day, and what has ended is overdue, not gone.
A fee's lot opens when the time begins that it is for. Paying takes lots away, the oldest due day
first and in it the fee before the principal. So the schedule, what is due, what ends the debt early
and what a reversed payment restores are all in the lots; nothing is computed twice.

What was refunded after it had been paid leaves a lot below zero: a credit, which is set against the
oldest debt before anything is paid or bought.

Must not know a programme or a card: it is given accounts.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from switch._schedule cimport Terms
from switch.ledger._book cimport Book, Move

cdef struct Debts:              # where a card's debts stand, and what stands against them
    int64_t principal           # accounts
    int64_t fee
    int64_t late
    int64_t against             # the club's counts

cdef struct Owed:
    int64_t principal           # all of it
    int64_t fee_begun           # of time that has begun: what ends the debt now
    int64_t late
    int64_t due                 # of all three: what is due by a second

cdef struct FirstDue:           # what the buyer is told of a schedule
    int32_t count
    int64_t minor
    int64_t ends_s              # of its due day

cdef int debts_begin(Book *book, const Debts *debts, const Terms *terms, int64_t minor,
                     int32_t local_day, int32_t utc_offset_s, int64_t lot, FirstDue *first,
                     Move *moves, int32_t *count) noexcept nogil
cdef int debts_pay(Book *book, const Debts *debts, int64_t minor, int64_t *fees,
                   int64_t *principal, Move *moves, int32_t *count) noexcept nogil
cdef int debts_settle(Book *book, const Debts *debts, uint32_t now_s, int64_t *fees,
                      int64_t *principal, Move *moves, int32_t *count) noexcept nogil
cdef void debts_owed(const Book *book, const Debts *debts, uint32_t now_s, int64_t due_by_s,
                     Owed *owed) noexcept nogil
