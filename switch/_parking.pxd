"""Messages that wait for the slow lane, each under a ticket. Knows no socket and no journal."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from switch._frames cimport Frame
from switch._kept cimport Kept
from switch._shard cimport Decision, Recall

cdef enum:
    PARKED_MAX = 1024           # messages that wait for the slow lane
    RECALLS_MAX = 6             # its own key, its original's, that one's details and original

cdef struct Parked:             # a message that the slow lane has
    Kept kept                   # nothing = free
    int64_t recall_seq          # 0 = by key
    uint8_t needs_keys          # of its terminal, new ones: nothing of the journal
    Recall recall               # with what is asked for now

cdef struct Parking:
    Parked *all
    int32_t *fresh              # not yet handed to the slow lane
    int fresh_count
    int count

cdef int parking_open(Parking *parking) noexcept nogil
cdef void parking_clear(Parking *parking) noexcept nogil
cdef bint parking_keep(Parking *parking, int32_t place, uint32_t generation, const Frame *frame,
                       uint8_t envelope_bytes, int64_t received_us, const Recall *recall,
                       const Decision *decision) noexcept nogil
cdef void parking_give(Parking *parking, int32_t ticket, Parked *parked,
                       Frame *frame) noexcept nogil
cdef list parking_fresh(Parking *parking)
