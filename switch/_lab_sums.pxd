"""What moves mean to whom: the figures that the replay lab adds up, without Python objects.

Both worlds, what happened and what a draft would have done, are summed by the same function from
nothing but moves, so that equal moves give equal figures.
"""

from libc.stdint cimport int32_t, int64_t

from switch.ledger._book cimport Book, Move

cdef enum:                      # `switch.lab.SUMS` has their names in this order
    SUM_PURCHASES = 0           # approved ones
    SUM_DECLINED = 1            # by the programme
    SUM_SALES = 2               # gross, less what was undone, like everything below
    SUM_DISCOUNT = 3
    SUM_DISCOUNT_CLUB = 4       # of it: what the club pays; the merchant bears the rest
    SUM_EARNED = 5              # points
    SUM_REDEEMED = 6            # points
    SUM_EXPIRED = 7             # points
    SUM_POINTS_PAID = 8         # what the club pays merchants for points
    SUM_COMMISSION = 9
    SUM_FEES = 10               # of cards' holders
    SUM_FEE_POINTS = 11         # the same in points; part of those redeemed
    SUM_CASH = 12               # paid at the till
    SUM_MONEY = 13              # paid by wallets
    SUM_GRANTED = 14            # by an organisation, less what it got back
    SUM_BREAKAGE = 15           # money that ended on cards
    SUM_MERCHANTS = 16          # what the club owes merchants more than before
    SUM_COUNT = 17

cdef void add_moves(const Book *book, const Move *moves, int32_t count,
                    int64_t *sums) noexcept nogil
cdef void add_sums(int64_t *into, const int64_t *sums) noexcept nogil
