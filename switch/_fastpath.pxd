"""The gate: one epoll set, drained by one call. See `_fastpath.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._connections cimport Connection, Connections
from switch._counters cimport GateCounters
from switch._doors cimport Listener
from switch._exchange_log cimport LineFacts
from switch._frames cimport Frame
from switch._lane cimport Workspace
from switch._parking cimport Parking
from switch._peers cimport FIRST_LISTENER
from switch._shard cimport Recall, Shard
from switch.ledger._rows cimport Buffer

cdef struct Pending:            # a reply that waits for its row to be durable
    int64_t seq
    uint64_t end                # of the connection's output, absolute
    int32_t place
    uint32_t generation
    int32_t followers           # replies behind it, of the same connection, without a row
    LineFacts line

cdef enum Standing:             # of a message that is served
    UNFETCHED = 0               # what it needs cannot be had now: 91
    FRESH = 1
    APPROVED_ELSEWHERE = 2      # it concerns every shard, and the others have approved it

cdef class Gate:
    cdef object core
    cdef list lanes
    cdef Shard *shard
    cdef Connections connections
    cdef Listener listeners[FIRST_LISTENER + 16]    # behind the doors of trunks
    cdef int listener_count
    cdef int epoll
    cdef Pending *pending       # a ring
    cdef uint32_t pending_mask
    cdef uint64_t pending_first
    cdef uint64_t pending_end
    cdef uint32_t pending_max
    cdef Parking parking
    cdef int32_t connections_max    # of requesters
    cdef int32_t trunk_count
    cdef Workspace work
    cdef uint8_t *read_room
    cdef int32_t *dirty
    cdef int32_t dirty_count
    cdef int32_t utc_offset_s
    cdef bint available
    cdef bint accepting
    cdef bint broken
    cdef bint logging
    cdef Buffer log
    cdef GateCounters counters
    cdef int watch_listener(self, int number) except -1
    cdef void drain_ready(self) noexcept nogil
    cdef void accept_ready(self, int number, int64_t now_us) noexcept nogil
    cdef void close(self, int32_t place, int cause, const char *why) noexcept nogil
    cdef void log_closed(self, const Listener *listener, uint32_t peer_address, uint16_t peer_port,
                         const char *why) noexcept nogil
    cdef void read_ready(self, int32_t place) noexcept nogil
    cdef void serve_frame(self, int32_t place, const Frame *frame, int64_t received_us,
                          const Recall *recall, int standing) noexcept nogil
    # What `_shard_gate` does otherwise:
    cdef int forward(self, int32_t place, const Frame *frame, int64_t received_us) noexcept nogil
    cdef void take_trunk_frame(self, int32_t place, const Frame *frame) noexcept nogil
    cdef void note_route(self, uint8_t *body, const Frame *frame, bint journaled,
                         LineFacts *line) noexcept nogil
    cdef void ended(self, int32_t place) noexcept nogil
    cdef void flush_trunks(self) noexcept nogil
    cdef void queue_reply(self, int32_t place) noexcept nogil
    cdef int serve_parked(self, int32_t ticket, bint recalled) except -1
    cdef void write_reply(self, int32_t place, const Frame *frame, int64_t received_us,
                          bint journaled, bint slow) noexcept nogil
    cdef void release(self) noexcept nogil
    cdef void note_dirty(self, int32_t place) noexcept nogil
    cdef void account_for(self, const LineFacts *line, const Connection *connection,
                          int64_t now_us) noexcept nogil
    cdef void flush_dirty(self) noexcept nogil
    cdef void flush(self, int32_t place) noexcept nogil
