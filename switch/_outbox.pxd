"""Replies that wait for their commit, and how they leave. See `_outbox.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._connections cimport Connection, Connections
from switch._doors cimport Listener
from switch._exchange_log cimport LineFacts
from switch._frames cimport Frame
from switch._lane cimport Workspace
from switch._latency cimport Latency
from switch._peers cimport FIRST_LISTENER
from switch._pressure cimport Shares
from switch._shard cimport Shard
from switch.ledger._rows cimport Buffer

cdef struct Pending:            # a reply that waits for its row to be durable
    int64_t seq
    uint64_t end                # of the connection's output, absolute
    int32_t place
    uint32_t generation
    int32_t followers           # replies behind it, of the same connection, without a row
    LineFacts line

cdef struct GateCounters:
    uint64_t accepted
    uint64_t refused            # no place was free
    uint64_t accepts_failed     # descriptors or memory ran out
    uint64_t handshakes         # of TLS, that came to their end
    uint64_t handshakes_failed  # for whatever reason; of peers that said something
    uint64_t handshake_us       # spent on them
    uint64_t frames
    uint64_t fast
    uint64_t slow
    uint64_t ignored
    uint64_t hopeless
    uint64_t stale              # dropped: their requesters wait no more
    uint64_t unknown            # not answered: whether they were decided cannot be told now
    uint64_t postponed          # connections that had to wait for room
    uint64_t undeliverable      # the connection was gone when the reply could leave
    uint64_t log_lines_dropped
    uint64_t hsm_commands       # sent
    uint64_t hsm_refusals       # answered with an error that says nothing of what was asked
    uint64_t hsm_lost           # links that broke, or were too slow
    uint64_t unsealed           # replies that were dropped: their MAC could not be had

cdef int fault_cause() noexcept nogil

cdef class Outbox:
    cdef object core
    cdef Shard *shard
    cdef Connections connections
    cdef Listener listeners[FIRST_LISTENER + 16]    # behind the doors of trunks
    cdef int listener_count
    cdef int epoll
    cdef Pending *pending       # a ring
    cdef uint32_t pending_mask
    cdef uint64_t pending_first
    cdef uint64_t pending_end
    cdef Shares shares
    cdef int32_t postponed_count
    cdef Workspace work
    cdef int32_t *dirty
    cdef int32_t dirty_count
    cdef bint accepting
    cdef bint broken
    cdef bint logging
    cdef Buffer log
    cdef GateCounters counters
    cdef Latency latency
    cdef void close(self, int32_t place, int cause, const char *why) noexcept nogil
    cdef void log_closed(self, const Listener *listener, uint32_t peer_address, uint16_t peer_port,
                         const char *why) noexcept nogil
    cdef void write_reply(self, int32_t place, const Frame *frame, int64_t received_us,
                          bint journaled, bint slow) noexcept nogil
    cdef void put_reply(self, int32_t place, const Frame *frame, const uint8_t *reply,
                        size_t reply_bytes, bint journaled, LineFacts *line) noexcept nogil
    cdef void queue_reply(self, int32_t place, size_t bytes) noexcept nogil
    cdef void release(self) noexcept nogil
    cdef void note_dirty(self, int32_t place) noexcept nogil
    cdef void account_for(self, const LineFacts *line, const Connection *connection,
                          int64_t now_us) noexcept nogil
    cdef void flush_dirty(self) noexcept nogil
    cdef void flush(self, int32_t place) noexcept nogil
    # What `_hsm_stage` does:
    cdef bint seal(self, int32_t place, const Frame *frame, bint journaled,
                   const LineFacts *line) noexcept nogil
    cdef void flush_hsms(self) noexcept nogil
    # What `_shard_gate` does besides:
    cdef void note_route(self, uint8_t *body, const Frame *frame, bint journaled,
                         LineFacts *line) noexcept nogil
    cdef bint overtake(self, int32_t place, size_t bytes) noexcept nogil
    cdef void ended(self, int32_t place) noexcept nogil
    cdef void flush_trunks(self) noexcept nogil
