"""Messages that are waited for, and a while longer: slots, found by key, in lists by age."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    NONE = -1
    DONE_MAX = 16384            # answered ones kept, so that a second reply is known as one;
                                # 65,536 leave the cache (1.0 for 0.8 us a message)
    TIMED_OUT_MAX = 4000000     # beyond it the oldest count as never answered

cdef enum:  # each is a list, oldest first
    SLOT_FREE = 0
    SLOT_IN_FLIGHT = 1
    SLOT_TIMED_OUT = 2
    SLOT_DONE = 3
    SLOT_LISTS = 4

cdef struct Slot:
    int64_t arrival
    int64_t due_ns
    int64_t sent_ns             # first time
    int64_t timer_ns            # when it was sent last: the requester's timer
    int64_t second
    uint64_t key
    uint64_t digest             # of the first reply; 0: none yet
    int64_t record
    int64_t amount
    int32_t connection
    int32_t body                # its bytes in the arena; NONE when nobody will compare them
    int32_t body_bytes
    int32_t previous
    int32_t next
    int32_t template
    int16_t scenario
    uint8_t step                # of its message
    uint8_t reached             # last step of the chain that was begun (repeats included)
    uint8_t state
    uint8_t replies_due
    uint8_t spare               # replies that may come besides: it was sent again unanswered
    uint8_t measured
    uint8_t approved

cdef struct SlotList:
    int32_t first
    int32_t last
    int64_t count

cdef struct Entry:              # of the table: a probe need not touch the slot
    uint64_t key
    int32_t slot                # NONE: free

cdef struct InFlight:
    Slot *slots
    int32_t slot_count
    int32_t slot_room
    SlotList lists[4]
    uint8_t *bodies             # `stride` bytes each
    int32_t *free_bodies
    int32_t free_body_count
    int32_t body_count
    int32_t body_room
    int32_t stride
    Entry *table                # open addressing
    int64_t table_mask
    int64_t table_used

cdef int inflight_open(InFlight *store, int32_t stride) except -1
cdef void inflight_close(InFlight *store) noexcept
cdef int32_t slot_take(InFlight *store) noexcept nogil
cdef void slot_move(InFlight *store, int32_t index, int state) noexcept nogil
cdef void body_release(InFlight *store, int32_t index) noexcept nogil
cdef int key_put(InFlight *store, int32_t index) noexcept nogil
cdef void key_remove(InFlight *store, int32_t index) noexcept nogil
cdef int32_t key_find(const InFlight *store, uint64_t key) noexcept nogil

cdef inline uint8_t *body_of(const InFlight *store, const Slot *slot) noexcept nogil:
    return store.bodies + <int64_t> slot.body * store.stride
