"""Replies that wait for their commit, and how they leave. See `_fastpath` for the whole.

Owns the outputs of connections behind their marks, the ring of waiting replies, the sweep that
sends what may leave, and what is counted and written down of each reply and each connection's end.
Must not know where a message came from: a gate among several adds what is sent between shards by
the methods at the end (`_shard_gate`).
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EPROTO, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from switch._connections cimport (
    CLOSED_BY_PEER, CLOSED_ERROR, CLOSED_LOST_FRAMING, CLOSED_NOT_READING,
    CLOSED_SHUTDOWN, CLOSED_TLS, close_name,
    connection_close, connection_flush, connection_room, connection_unpause, connections_clear,
    connections_open, connections_wake, output_max,
)
from switch._core cimport Core
from switch._exchange_log cimport line_facts, line_write, line_write_closed
from switch._frames cimport PREFIX_BYTES_MAX, frame_prefix
from switch._gathering cimport GATHERED_MAX
from switch._latency cimport latency_note
from switch._parking cimport PARKED_MAX
from switch._questions cimport QUESTIONS_MAX
from switch._sockets cimport EPOLL_CLOEXEC, clock_us, close_fd, epoll_create1, monotonic_us
from switch._words cimport PRICE_QUEUE_MAX
from switch.ledger._rows cimport buffer_clear

cdef enum:
    DIRTY_MAX = 4096            # connections with something to send before they are flushed


cdef int fault_cause() noexcept nogil:
    """Give the CloseCause of what has just failed: the socket, or TLS on it."""
    return CLOSED_TLS if errno == EPROTO else CLOSED_ERROR


cdef class Outbox:
    """The half of a gate from which replies leave. Belongs to the thread that decides."""

    def __cinit__(self, Core core, *, int32_t connections_max, uint32_t pending_max,
                  int32_t utc_offset_s, bint logging, object pricer=None,
                  int32_t trunks_max=0):
        """`pending_max` bounds the requests whose rows wait for a commit: beyond it they get 91."""
        cdef uint32_t ring = 1024
        self.shares.requests_max = pending_max
        self.shares.all_max = pending_max + pending_max // 4
        # What was parked or gathered had its room before.
        while (ring < self.shares.all_max + PARKED_MAX + GATHERED_MAX + PRICE_QUEUE_MAX
               + QUESTIONS_MAX):
            ring *= 2
        self.core = core
        self.shard = &core.shard
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        self.pending = <Pending *> calloc(ring, sizeof(Pending))
        self.dirty = <int32_t *> malloc(DIRTY_MAX * sizeof(int32_t))
        if (self.epoll < 0 or self.pending == NULL or self.dirty == NULL
                or connections_open(&self.connections, connections_max + trunks_max,
                                    self.epoll) != 0):
            raise MemoryError
        self.pending_mask = ring - 1
        self.accepting = True
        self.logging = logging

    def __dealloc__(self):
        connections_clear(&self.connections)
        buffer_clear(&self.log)
        free(self.pending)
        free(self.dirty)
        if self.epoll > 0:              # 0: arguments were refused before it was opened
            close_fd(self.epoll)

    def take_log(self):
        """Give the exchange log's lines since the last call."""
        lines = PyBytes_FromStringAndSize(<char *> self.log.data, <Py_ssize_t> self.log.bytes)
        self.log.bytes = 0
        return lines

    def close_all(self):
        """Close every connection."""
        cdef int32_t place
        for place in range(self.connections.capacity):
            if self.connections.all[place].fd >= 0:
                self.close(place, CLOSED_SHUTDOWN, NULL)

    # --- without the interpreter ------------------------------------------------------------------

    cdef void close(self, int32_t place, int cause, const char *why) noexcept nogil:
        """Close a connection: one line in the log says why (NULL: as the cause is called)."""
        cdef Connection *connection = &self.connections.all[place]
        if connection.postponed:
            self.postponed_count -= 1
        if cause == CLOSED_LOST_FRAMING:
            connection_flush(&self.connections, place)  # what was right before it is answered
        self.log_closed(&self.listeners[connection.listener], connection.peer_address,
                        connection.peer_port, close_name(cause) if why == NULL else why)
        connection_close(&self.connections, place, cause)
        self.ended(place)

    cdef void log_closed(self, const Listener *listener, uint32_t peer_address, uint16_t peer_port,
                         const char *why) noexcept nogil:
        """Write the line of a connection's end."""
        if self.logging and line_write_closed(listener.name, peer_address, peer_port, why,
                                              clock_us(), &self.log) != 0:
            self.counters.log_lines_dropped += 1

    cdef void write_reply(self, int32_t place, const Frame *frame, int64_t received_us,
                          bint journaled, bint slow) noexcept nogil:
        """Answer with the workspace's reply, once it has its MAC if it needs one."""
        cdef LineFacts line
        line_facts(&self.work, self.connections.all[place].listener, journaled, slow, received_us,
                   &line)
        if self.work.seal == NULL or not self.seal(place, frame, journaled, &line):
            self.put_reply(place, frame, self.work.reply, self.work.reply_bytes, journaled, &line)

    cdef void put_reply(self, int32_t place, const Frame *frame, const uint8_t *reply,
                        size_t reply_bytes, bint journaled, LineFacts *line) noexcept nogil:
        """Put a reply into the connection's output, behind its mark: its row is `line.seq`."""
        cdef Connection *connection = &self.connections.all[place]
        cdef Pending *pending
        cdef size_t prefix
        cdef uint8_t *room = connection_room(connection, PREFIX_BYTES_MAX + reply_bytes)
        if room == NULL:
            self.close(place, CLOSED_NOT_READING, NULL)
            return
        prefix = frame_prefix(&self.listeners[connection.listener].form, frame.envelope,
                              reply_bytes, room)
        memcpy(room + prefix, reply, reply_bytes)
        connection.out_bytes += <uint32_t> (prefix + reply_bytes)
        line.peer_address = connection.peer_address
        line.peer_port = connection.peer_port
        if connection.trunk:
            self.note_route(room + prefix, frame, journaled, line)
        if journaled and line.seq > self.shard.durable_seq:
            if self.pending_end - self.pending_first > self.pending_mask:
                self.broken = True      # beyond `all_max` nothing is decided: cannot be
                return
            pending = &self.pending[self.pending_end & self.pending_mask]
            self.pending_end += 1
            self.shares.all_waiting += 1
            self.shares.waiting[self.listeners[line.listener].share] += 1
            pending.seq = line.seq
            pending.place = place
            pending.generation = connection.generation
            pending.followers = 0
            pending.line = line[0]
            connection.waits_until = self.pending_end
            connection.rows += 1
        else:
            # It stands for nothing that could be lost: its line is written now, wherever it queues.
            self.account_for(line, connection, monotonic_us())
            self.queue_reply(place, prefix + reply_bytes)
            return
        pending.end = connection.out_moved + connection.out_bytes
        connection.unanswered += 1

    cdef void queue_reply(self, int32_t place, size_t bytes) noexcept nogil:
        """Let a reply without a row, the output's last `bytes`, leave behind earlier ones."""
        cdef Connection *connection = &self.connections.all[place]
        cdef Pending *pending
        if connection.waits_until <= self.pending_first:
            connection.out_ready = connection.out_bytes
            self.note_dirty(place)
            return
        if connection.trunk and self.overtake(place, bytes):
            return
        pending = &self.pending[(connection.waits_until - 1) & self.pending_mask]
        pending.followers += 1
        pending.end = connection.out_moved + connection.out_bytes
        connection.unanswered += 1

    cdef void release(self) noexcept nogil:
        """Move the marks of the replies whose rows are durable, oldest first."""
        cdef Pending *pending
        cdef Connection *connection
        cdef int64_t now_us = monotonic_us()
        while self.pending_first != self.pending_end:
            pending = &self.pending[self.pending_first & self.pending_mask]
            if pending.seq > self.shard.durable_seq:
                break
            self.pending_first += 1
            self.shares.all_waiting -= 1
            self.shares.waiting[self.listeners[pending.line.listener].share] -= 1
            connection = &self.connections.all[pending.place]
            if connection.fd < 0 or connection.generation != pending.generation:
                self.counters.undeliverable += <uint64_t> (1 + pending.followers)
                continue
            connection.out_ready = <uint32_t> (pending.end - connection.out_moved)
            connection.unanswered -= 1 + pending.followers
            connection.rows -= 1
            self.note_dirty(pending.place)
            self.account_for(&pending.line, connection, now_us)

    cdef void note_dirty(self, int32_t place) noexcept nogil:
        """Have a connection's output sent with the sweep."""
        if not self.connections.all[place].dirty:
            if self.dirty_count == DIRTY_MAX:
                self.flush_dirty()
            self.connections.all[place].dirty = 1
            self.dirty[self.dirty_count] = place
            self.dirty_count += 1

    cdef void account_for(self, const LineFacts *line, const Connection *connection,
                          int64_t now_us) noexcept nogil:
        """Count a reply's latency, where its message came in, and write its line."""
        cdef int64_t elapsed_us = now_us - line.received_us
        if not connection.trunk:
            latency_note(&self.latency, elapsed_us)
        if self.logging and line_write(self.shard, line, self.listeners[line.listener].name,
                                       clock_us(), elapsed_us, &self.log) != 0:
            self.counters.log_lines_dropped += 1

    cdef void flush_dirty(self) noexcept nogil:
        """Send what may leave, each connection once."""
        cdef int32_t i, place
        cdef Connection *connection
        for i in range(self.dirty_count):
            place = self.dirty[i]
            connection = &self.connections.all[place]
            if connection.fd < 0 or not connection.dirty:
                continue
            self.flush(place)
        self.dirty_count = 0
        self.flush_hsms()
        self.flush_trunks()
        connections_wake(&self.connections)

    cdef void flush(self, int32_t place) noexcept nogil:
        """Send what may leave, and do what waited for that."""
        cdef Connection *connection = &self.connections.all[place]
        if connection_flush(&self.connections, place) != 0:
            self.close(place, fault_cause(), NULL)
        elif connection.half_closed:
            if connection.unanswered == 0 and connection.out_bytes == 0:
                self.close(place, CLOSED_BY_PEER, NULL)
        elif (connection.paused and not connection.postponed and self.accepting
                and connection.out_bytes - connection.out_ready < output_max(connection) // 4):
            connection_unpause(&self.connections, place, monotonic_us())

    # --- what a gate does that asks an HSM: see `_hsm_stage` --------------------------------------

    cdef bint seal(self, int32_t place, const Frame *frame, bint journaled,
                   const LineFacts *line) noexcept nogil:
        return False

    cdef void flush_hsms(self) noexcept nogil:
        pass

    # --- what a gate among several does besides: see `_shard_gate` --------------------------------

    cdef void note_route(self, uint8_t *body, const Frame *frame, bint journaled,
                         LineFacts *line) noexcept nogil:
        pass

    cdef bint overtake(self, int32_t place, size_t bytes) noexcept nogil:
        return False

    cdef void ended(self, int32_t place) noexcept nogil:
        pass

    cdef void flush_trunks(self) noexcept nogil:
        pass
