"""What leaves: the state of a run, and the ways in which a message is begun and sent again."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from loadtest._arrivals cimport Arrivals
from loadtest._inflight cimport InFlight
from loadtest._reply cimport Reply, Rules
from loadtest._script cimport Tables
from loadtest._tally cimport Tally
from loadtest._wire cimport Link
from switch._frames cimport FrameForm

cdef enum:
    EVENTS_MAX = 512
    READ_BYTES = 65536
    BUFFER_BYTES = 81920        # a read behind the rest of the one before
    BACKLOG_MAX = 4000000       # beyond it the schedule waits; due moments stay what they are
    GARBAGE_LINKS = 8
    EVENTS_PER_FLUSH = 64

cdef struct Waiting:            # due, not sent
    int64_t arrival
    int64_t due_ns
    int64_t second
    int32_t step
    int32_t next
    uint8_t measured

cdef struct Engine:
    Tables *tables
    Arrivals *arrivals
    const Rules *rules
    FrameForm form
    Tally tally
    InFlight store
    Link *links                 # connections, then those for garbage
    int32_t connections
    int32_t link_count
    int32_t window
    int32_t up_count
    int epoll
    int out_of_memory
    uint32_t address
    uint16_t port
    uint8_t is_open             # schedule decides; else each reply
    uint8_t is_stopping         # no more arrivals
    uint8_t is_finished
    int64_t origin_ns           # monotonic clock at the run's beginning; all others count from it
    int64_t origin_second       # Unix second at the run's beginning, of the time elements
    int64_t now_ns
    int64_t end_ns
    int64_t heard_ns            # when something came
    int64_t last_ns             # when the last arrival left: behind the end if there was a backlog
    int64_t warm_ns
    int64_t reply_ns
    int64_t think_ns
    int64_t drain_ns
    int64_t next_due_ns
    int64_t next_arrival
    int64_t backlog
    int64_t outstanding
    Waiting *waiting
    int32_t waiting_count
    int32_t waiting_room
    int32_t waiting_free
    int32_t *dirty
    int32_t dirty_count
    int32_t *down               # links to connect again, in a ring, soonest first
    int32_t down_from
    int32_t down_count
    int32_t *thinking           # links whose customer thinks, in a ring; one entry a message
    int64_t *thinking_until
    int32_t thinking_room
    int32_t thinking_from
    int32_t thinking_count
    uint8_t resends             # some link came back
    uint8_t *buffer
    Reply reply
    uint64_t random             # of jitter only

cdef int32_t queue_arrival(
    Engine *engine, int64_t arrival, int64_t due_ns) noexcept nogil
cdef void pump(Engine *engine, int32_t index) noexcept nogil
cdef bint next_step(Engine *engine, int32_t slot_index, int trigger) noexcept nogil
cdef void give_credit(Engine *engine, int32_t index) noexcept nogil
cdef void finish(Engine *engine, int32_t slot_index, int state) noexcept nogil
cdef void resend(Engine *engine, int32_t slot_index) noexcept nogil
cdef void lose(Engine *engine, int32_t index, int error) noexcept nogil
cdef void flush_dirty(Engine *engine) noexcept nogil
cdef void mark_dirty(Engine *engine, int32_t index) noexcept nogil
