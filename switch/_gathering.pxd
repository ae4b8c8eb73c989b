"""Messages that are kept until other shards have answered, or are there to be asked."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from switch._frames cimport Frame
from switch._kept cimport Kept

cdef enum:
    GATHERED_MAX = 1024         # sign-ons and the like, and repeats while a shard is down

cdef struct Gathered:
    Kept kept                   # nothing = free
    uint64_t tag                # its turn and its place here: an answer to an earlier one shows
    uint64_t awaited            # a bit for each shard that has not answered
    uint8_t held                # it has not been sent: its card's shard is down

cdef struct Gathering:
    Gathered all[GATHERED_MAX]
    int32_t count
    int32_t held_count
    uint64_t turn

cdef void gathering_clear(Gathering *gathering) noexcept nogil
cdef Gathered *gathering_keep(Gathering *gathering, int32_t place, uint32_t generation,
                              const Frame *frame, uint8_t envelope_bytes, int64_t received_us,
                              uint64_t awaited, bint held) noexcept nogil
cdef Gathered *gathering_find(Gathering *gathering, uint64_t tag) noexcept nogil
cdef Gathered *gathering_awaiting(Gathering *gathering, int32_t shard,
                                  bint held) noexcept nogil
cdef void gathering_drop(Gathering *gathering, Gathered *kept) noexcept nogil
cdef void gathering_give(Gathering *gathering, Gathered *kept, Gathered *given,
                         Frame *frame) noexcept nogil
