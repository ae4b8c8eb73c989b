"""Clock work over many cards, in slices. See `_clock.pyx`."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t

cdef enum:
    LOTS_A_ROW = 16             # names that a journal row may give to new lots, of each card
    UNBOUNDED_DAY = 2147483647  # every card, however recently it was used

cdef struct Ending:             # what leaves one of a card's accounts
    uint8_t slot
    uint8_t owed_too            # what is owed there is settled, too
    int64_t to_account

cdef struct Going:              # a programme's cards, gone over from `next_card` on
    int32_t plan_row
    int64_t next_card           # cards below it are done
    int64_t end_card            # exclusive
    uint32_t until_s            # what has ended by then; of an opening: when it ends
    int32_t used_before_day     # only cards that were used, and not from that day on
    int16_t good_to_yymm        # only cards whose last month is before that; 0 = all of them
    int fault                   # a MoveFault, MOVE_DONE as long as all is well
