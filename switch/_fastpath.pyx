"""The gate: sockets, the fast lane, and the replies that wait for their commit.

Theory of operation. Listeners and connections are in one epoll set, which is itself a descriptor:
one Trio task waits until it is readable, then `drain` serves everything that is ready, without the
interpreter. A reply is written into its connection's output at once, framed, behind a mark:
`durable` moves the marks and sends. So replies of a connection leave in the order in which its
messages were decided, none before its row is durable, and a commit's replies leave in one sweep. A
reply without a row (an echo, 91 while the journal is away) waits for nothing but its own
connection's earlier replies; it follows the newest of them, so that the ring of waiting replies
holds rows only. What is decided when much waits, and what is not, is `_pressure`'s.

What the fast lane cannot answer alone is parked: `take_parked` hands it to the slow lane, `resume`
serves it again on the same path. Must not know PostgreSQL, Trio or a profile by name.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strncpy

cimport cython

from switch._connections cimport (
    CLOSED_BY_PEER, CLOSED_CAUSES, CLOSED_ERROR, CLOSED_IDLE, CLOSED_LOST_FRAMING,
    CLOSED_NOT_READING, CLOSED_SHUTDOWN, CLOSED_SLOW_FRAME, Connection, close_name,
    connection_close, connection_flush, connection_keep_rest, connection_pause, connection_room,
    connection_take, connection_unpause, connections_clear, connections_open,
)
from switch._core cimport Core
from switch._doors cimport (
    LISTENERS_MAX, Caller, door_leave, door_next, door_share, door_watch, mark_is_door,
)
from switch._exchange_log cimport LineFacts, line_facts, line_write, line_write_closed
from switch._frames cimport (
    FRAME_LOST, FRAME_WHOLE, PREFIX_BYTES_MAX, frame_form, frame_next, frame_prefix,
)
from switch._lane cimport (
    SERVED_AT_SEQ, SERVED_BROKEN, SERVED_HOPELESS, SERVED_IGNORED, SERVED_LATER, SERVED_NO_ROOM,
    SERVED_NOW, SERVED_STALE, Lane, serve,
)
from switch._latency cimport LATENCY_BUCKETS, latency_note
from switch._parking cimport (
    PARKED_MAX, RECALLS_MAX, Parked, parking_clear, parking_fresh, parking_give, parking_keep,
    parking_open,
)
from switch._plan cimport Moment, moment_at
from switch._pressure cimport Pressure, pressure_of
from switch._price_queue cimport queue_clear, queue_count, queue_open, queue_put
from switch._pricing cimport Pricer
from switch._shard cimport PRICE_FIRST, Recall
from switch._sockets cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLL_CLOEXEC, MSG_DONTWAIT, clock_us,
    close_fd, epoll_create1, epoll_event, epoll_wait, monotonic_us, recv,
)
from switch._words cimport (
    FRAME_BYTES_MAX, LEDGER_UNAVAILABLE, OUTPUT_BYTES_MAX, OVERLOADED, PRICE_QUEUE_MAX,
    READ_BYTES_MAX, TURN_US_MAX,
)
from switch.ledger._rows cimport buffer_clear

cdef enum:
    EVENTS_MAX = 16             # served before the clock is looked at
    ACCEPTS_MAX = 64            # of one listener in one turn
    DIRTY_MAX = 4096            # connections with something to send before they are flushed

cdef Recall NOTHING_RECALLED
NOTHING_RECALLED.count = 0
NOTHING_RECALLED.terminal = -1
NOTHING_RECALLED.stan = -1



@cython.final
cdef class Gate:
    """The gate of one shard. Belongs to the thread that decides."""

    def __cinit__(self, Core core, *, int32_t connections_max, uint32_t pending_max,
                  int32_t utc_offset_s, bint logging, Pricer pricer=None):
        """`pending_max` bounds the requests whose rows wait for a commit: beyond it they get 91."""
        cdef uint32_t ring = 1024
        self.shares.requests_max = pending_max
        self.shares.all_max = pending_max + pending_max // 4
        # What was parked had its room before.
        while ring < self.shares.all_max + PARKED_MAX + PRICE_QUEUE_MAX:
            ring *= 2
        self.core = core
        self.shard = &core.shard
        self.lanes = []
        self.pricer = Pricer({}) if pricer is None else pricer
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        self.pending = <Pending *> calloc(ring, sizeof(Pending))
        self.read_room = <uint8_t *> malloc(READ_BYTES_MAX + FRAME_BYTES_MAX + PREFIX_BYTES_MAX)
        self.dirty = <int32_t *> malloc(DIRTY_MAX * sizeof(int32_t))
        if (parking_open(&self.parking) != 0 or self.epoll < 0
                or self.pending == NULL or self.read_room == NULL or self.dirty == NULL
                or queue_open(&self.to_price) != 0
                or connections_open(&self.connections, connections_max, self.epoll) != 0):
            raise MemoryError
        self.pending_mask = ring - 1
        self.utc_offset_s = utc_offset_s
        self.available = True
        self.accepting = True
        self.logging = logging

    def __dealloc__(self):
        connections_clear(&self.connections)
        parking_clear(&self.parking)
        queue_clear(&self.to_price)
        buffer_clear(&self.log)
        free(self.pending)
        free(self.read_room)
        free(self.dirty)
        if self.epoll > 0:              # 0: arguments were refused before it was opened
            close_fd(self.epoll)

    def fileno(self):
        """Give the epoll set's descriptor: readable when there is something to drain."""
        return self.epoll

    def listen(self, int fd, Lane lane, *, int32_t reply_seconds):
        """Serve a listening socket (IPv4, non-blocking; the caller keeps it open) by a lane.

        `reply_seconds`: how long its requesters wait for a reply.
        """
        cdef Listener *listener = &self.listeners[self.listener_count]
        assert self.listener_count < LISTENERS_MAX
        assert lane.shard == self.shard
        self.lanes.append(lane)
        listener.fd = fd
        listener.profile = &lane.profile
        frame_form(lane.framing, &listener.form)
        listener.reply_seconds = reply_seconds
        listener.share = door_share(self.listeners, self.listener_count)
        strncpy(listener.name, lane.name.encode("ascii"), 31)
        self.watch_listener(self.listener_count)
        self.listener_count += 1

    cdef int watch_listener(self, int number) except -1:
        """Have the kernel wake us for new connections."""
        if door_watch(self.epoll, &self.listeners[number], number) != 0:
            raise OSError(errno, "the listening socket could not be watched")
        return 0

    def stop_accepting(self):
        """Take no new connections; those that are open go on."""
        cdef int i
        if self.accepting:
            self.accepting = False
            for i in range(self.listener_count):
                door_leave(self.epoll, &self.listeners[i])

    def set_available(self, bint available):
        """Say whether the journal can take rows; while it cannot, requests get 91."""
        self.available = available

    def set_utc_offset(self, int32_t utc_offset_s):
        """Set the local clock's distance from UTC, for business days and hours."""
        self.utc_offset_s = utc_offset_s

    def drain(self):
        """Serve what is ready. True when rows wait for a batch."""
        with nogil:
            self.drain_ready()
        assert not self.broken, "a decision could not be journaled"
        return self.shard.last_seq != self.shard.cut_seq

    def durable(self, int64_t seq):
        """Let every reply leave whose row is durable: up to `seq`."""
        with nogil:
            self.shard.durable_seq = seq
            self.release()
            self.flush_dirty()

    def close_overdue(self, int64_t idle_us_max, int64_t frame_us_max):
        """Close connections that say nothing, or do not finish a frame, for too long.

        Listeners that ran out of descriptors are watched again.
        """
        cdef int64_t now_us = monotonic_us()
        cdef int32_t place
        cdef Connection *connection
        for number in range(self.listener_count):
            if self.listeners[number].resting and self.accepting:
                self.listeners[number].resting = 0
                self.watch_listener(number)
        with nogil:
            for place in range(self.connections.capacity):
                connection = &self.connections.all[place]
                if connection.fd < 0:
                    continue
                if connection.paused:
                    continue            # it is we who do not read
                if connection.rest_since_us and now_us - connection.rest_since_us > frame_us_max:
                    self.close(place, CLOSED_SLOW_FRAME, NULL)
                elif now_us - connection.heard_us > idle_us_max and connection.unanswered == 0:
                    self.close(place, CLOSED_IDLE, NULL)

    def close_all(self):
        """Close every connection."""
        cdef int32_t place
        for place in range(self.connections.capacity):
            if self.connections.all[place].fd >= 0:
                self.close(place, CLOSED_SHUTDOWN, NULL)

    def take_parked(self):
        """Give what the slow lane has to do: (ticket, what to recall), each once."""
        return parking_fresh(&self.parking)

    def resume(self, int32_t ticket):
        """Serve a parked message again, now that what it needed has been recalled."""
        self.serve_parked(ticket, True)

    def abandon(self, int32_t ticket):
        """Answer a parked message with 91: the journal could not be asked."""
        self.serve_parked(ticket, False)

    cdef int serve_parked(self, int32_t ticket, bint recalled) except -1:
        """Serve a parked message, if its connection is still there."""
        cdef Parked parked
        cdef Frame frame
        assert self.parking.all[ticket].body != NULL
        parking_give(&self.parking, ticket, &parked, &frame)
        with nogil:
            if self.connections.all[parked.place].generation == parked.generation \
                    and self.connections.all[parked.place].fd >= 0:
                self.connections.all[parked.place].unanswered -= 1
                self.serve_frame(parked.place, &frame, parked.received_us, &parked.recall, recalled)
            else:
                self.counters.undeliverable += 1
            free(parked.body)
            if self.postponed_count and self.parking.count < PARKED_MAX // 2:
                self.serve_postponed()
            self.flush_dirty()
        assert not self.broken, "a decision could not be journaled"
        return 0

    def take_log(self):
        """Give the exchange log's lines since the last call."""
        lines = PyBytes_FromStringAndSize(<char *> self.log.data, <Py_ssize_t> self.log.bytes)
        self.log.bytes = 0
        return lines

    def statistics(self):
        """Give counters and sizes for the metrics."""
        cdef int i
        cdef dict counted = self.counters
        return counted | {
            "open": self.connections.open_count,
            "closed": {(<bytes> close_name(i)).decode(): self.connections.closed[i]
                       for i in range(<int> CLOSED_CAUSES)},
            "pending": self.pending_end - self.pending_first,
            "parked": self.parking.count + queue_count(&self.to_price),
            "pricing_us": self.pricing_us,
            "latency": [self.latency.buckets[i] for i in range(LATENCY_BUCKETS)],
            "latency_sum_us": self.latency.sum_us,
        }

    # --- without the interpreter ------------------------------------------------------------------

    cdef void drain_ready(self) noexcept nogil:
        """Serve ready descriptors, each once before any twice, until none is or the turn is over.

        A few at a time: what the kernel has given is served, and what was served goes to the end of
        its list. So a turn that ends early is unfair to nobody.
        """
        cdef epoll_event events[EVENTS_MAX]
        cdef int64_t now_us = monotonic_us()
        cdef int64_t until_us = now_us + TURN_US_MAX
        cdef int count = EVENTS_MAX
        while count == EVENTS_MAX and now_us < until_us:
            count = epoll_wait(self.epoll, events, EVENTS_MAX, 0)
            self.serve_events(events, count, now_us)
            now_us = monotonic_us()
        self.flush_dirty()

    cdef void serve_events(self, const epoll_event *events, int count,
                           int64_t now_us) noexcept nogil:
        """Serve what the kernel says is ready."""
        cdef unsigned long long mark
        cdef int32_t place
        cdef int i
        for i in range(count):
            mark = events[i].data.u64
            if mark_is_door(mark):
                self.accept_ready(<int> (mark & 0xff), now_us)
                continue
            place = <int32_t> (mark & 0xffffffffU)
            if (self.connections.all[place].fd < 0
                    or self.connections.all[place].generation != <uint32_t> (mark >> 32)):
                continue
            if events[i].events & EPOLLOUT:
                self.flush(place)
            if self.connections.all[place].fd < 0:
                continue
            if self.connections.all[place].postponed:
                if events[i].events & (EPOLLHUP | EPOLLERR):
                    self.close(place, CLOSED_BY_PEER, NULL)     # whoever has to repeats elsewhere
            elif events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR):
                self.read_ready(place)

    cdef void accept_ready(self, int number, int64_t now_us) noexcept nogil:
        """Take the connections that wait at a listener."""
        cdef Listener *listener = &self.listeners[number]
        cdef Caller caller
        cdef int i, status
        cdef int32_t place
        for i in range(ACCEPTS_MAX):
            status = door_next(self.epoll, listener, &caller)
            if status < 0:
                self.counters.accepts_failed += 1
            if status != 1:
                return
            place = connection_take(&self.connections, caller.fd, <uint8_t> number, now_us)
            if place < 0:
                self.counters.refused += 1
                close_fd(caller.fd)
                self.log_closed(listener, caller.address, caller.port, b"too_many_connections")
                continue
            self.connections.all[place].peer_address = caller.address
            self.connections.all[place].peer_port = caller.port
            self.counters.accepted += 1

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

    cdef void log_closed(self, const Listener *listener, uint32_t peer_address, uint16_t peer_port,
                         const char *why) noexcept nogil:
        """Write the line of a connection's end."""
        if self.logging and line_write_closed(listener.name, peer_address, peer_port, why,
                                              clock_us(), &self.log) != 0:
            self.counters.log_lines_dropped += 1

    cdef void read_ready(self, int32_t place) noexcept nogil:
        """Read once from a connection and serve the frames that are whole."""
        cdef Connection *connection = &self.connections.all[place]
        cdef size_t kept = connection.rest_bytes
        cdef ssize_t got
        cdef int64_t now_us = monotonic_us()
        memcpy(self.read_room, connection.rest, kept)
        got = recv(connection.fd, self.read_room + kept, READ_BYTES_MAX, MSG_DONTWAIT)
        if got == 0 and kept > 0:
            self.close(place, CLOSED_BY_PEER, b"truncated")
            return
        if got == 0 and connection.unanswered > 0:
            # A peer that has said all may still read: it gets its answers, then the end.
            connection.half_closed = 1
            connection_pause(&self.connections, place)
            return
        if got == 0:
            self.close(place, CLOSED_BY_PEER, NULL)
            return
        if got < 0:
            if errno != EAGAIN and errno != EINTR:
                self.close(place, CLOSED_ERROR, NULL)
            return
        connection.heard_us = now_us
        self.serve_frames(place, kept + <size_t> got, now_us)

    cdef void serve_frames(self, int32_t place, size_t bytes, int64_t now_us) noexcept nogil:
        """Serve the frames in the read room and keep what is left of it."""
        cdef Connection *connection = &self.connections.all[place]
        cdef uint32_t generation = connection.generation
        cdef size_t at = 0
        cdef size_t start
        cdef Frame frame
        cdef int status = FRAME_WHOLE
        while True:
            start = at
            status = frame_next(&self.listeners[connection.listener].form, self.read_room, bytes,
                                &at, &frame)
            if status != FRAME_WHOLE:
                break
            connection.rest_since_us = 0
            if not self.serve_frame(place, &frame, now_us, &NOTHING_RECALLED, True):
                at = start              # it has to wait for room, and so does all behind it
                self.postpone(place)
                break
            self.counters.frames += 1
            if connection.fd < 0 or connection.generation != generation or self.broken:
                return
        if status == FRAME_LOST:
            self.close(place, CLOSED_LOST_FRAMING, NULL)
        elif connection_keep_rest(connection, self.read_room + at, bytes - at, now_us) != 0:
            self.close(place, CLOSED_ERROR, NULL)
        elif connection.out_bytes - connection.out_ready >= OUTPUT_BYTES_MAX // 2:
            connection_pause(&self.connections, place)

    cdef void postpone(self, int32_t place) noexcept nogil:
        """Read a connection no further until there is room."""
        connection_pause(&self.connections, place)
        self.connections.all[place].postponed = 1
        self.counters.postponed += 1
        self.postponed_count += 1

    cdef void serve_postponed(self) noexcept nogil:
        """There is room again: go on with the connections that waited for it."""
        cdef int64_t now_us = monotonic_us()
        cdef Connection *connection
        cdef size_t kept
        cdef int32_t place
        for place in range(self.connections.capacity):
            if self.postponed_count == 0 or self.broken:
                return
            connection = &self.connections.all[place]
            if connection.fd < 0 or not connection.postponed:
                continue
            connection.postponed = 0
            self.postponed_count -= 1
            connection_unpause(&self.connections, place, now_us)
            kept = connection.rest_bytes
            memcpy(self.read_room, connection.rest, kept)
            self.serve_frames(place, kept, now_us)

    cdef bint serve_frame(self, int32_t place, const Frame *frame, int64_t received_us,
                          const Recall *recall, bint decidable) noexcept nogil:
        """Serve one message; its reply is written and waits, or leaves with the sweep.

        Not `decidable`: what it needs could not be fetched, so it gets 91. False: it has to be
        served, and there is no room for it now; nothing has been done.
        """
        cdef Connection *connection = &self.connections.all[place]
        cdef const Listener *listener = &self.listeners[connection.listener]
        cdef Pressure pressure
        cdef Moment now
        cdef int status
        cdef bint slow = recall.count > 0 or recall.desk != NULL
        pressure_of(&self.shares, listener.share, connection.unanswered, listener.reply_seconds,
                    &pressure)
        if not decidable or not self.available:
            pressure.everything = LEDGER_UNAVAILABLE
        elif connection.queued > 0 and recall.desk == NULL:     # nothing overtakes on a connection
            if queue_put(&self.to_price, connection, place, frame, received_us, recall):
                return True
            pressure.requests = OVERLOADED
            pressure.full = True
        if slow:
            pressure.full = False       # its place was kept while it was parked
        moment_at(&now, clock_us(), self.utc_offset_s)
        status = serve(self.shard, listener.profile, frame.body, frame.body_bytes, &now, &pressure,
                       recall, &self.work)
        if status == SERVED_LATER:
            if recall.count == RECALLS_MAX and self.work.decision.status != PRICE_FIRST:
                self.broken = True      # what it asks for is there and is asked for again
                return True
            if self.park(place, frame, received_us, recall):
                return True
            # The slow lane is full: a requester gets 91 and repeats, what has to happen waits.
            pressure.requests = OVERLOADED
            pressure.full = True
            status = serve(self.shard, listener.profile, frame.body, frame.body_bytes, &now,
                           &pressure, recall, &self.work)
        if status == SERVED_NO_ROOM:
            return False
        if slow:
            self.counters.slow += 1
        else:
            self.counters.fast += 1
        if status == SERVED_IGNORED:
            self.counters.ignored += 1
        elif status == SERVED_STALE:
            self.counters.stale += 1
        elif status == SERVED_HOPELESS:
            self.counters.hopeless += 1
            self.close(place, CLOSED_LOST_FRAMING, b"not_iso_8583")
        elif status == SERVED_BROKEN:
            self.broken = True
        else:
            self.write_reply(place, frame, received_us, status == SERVED_AT_SEQ, slow)
        return True

    cdef void write_reply(self, int32_t place, const Frame *frame, int64_t received_us,
                          bint journaled, bint slow) noexcept nogil:
        """Put the workspace's reply into the connection's output, behind its mark."""
        cdef Connection *connection = &self.connections.all[place]
        cdef Pending *pending
        cdef LineFacts line
        cdef size_t prefix
        cdef uint8_t *room = connection_room(connection, PREFIX_BYTES_MAX + self.work.reply_bytes)
        if room == NULL:
            self.close(place, CLOSED_NOT_READING, NULL)
            return
        prefix = frame_prefix(&self.listeners[connection.listener].form, frame.tpdu,
                              self.work.reply_bytes, room)
        memcpy(room + prefix, self.work.reply, self.work.reply_bytes)
        connection.out_bytes += <uint32_t> (prefix + self.work.reply_bytes)
        line_facts(&self.work, connection.listener, journaled, slow, received_us, &line)
        if journaled and self.work.seq > self.shard.durable_seq:
            if self.pending_end - self.pending_first > self.pending_mask:
                self.broken = True      # beyond `all_max` nothing is decided: cannot be
                return
            pending = &self.pending[self.pending_end & self.pending_mask]
            self.pending_end += 1
            self.shares.all_waiting += 1
            self.shares.waiting[self.listeners[connection.listener].share] += 1
            pending.seq = self.work.seq
            pending.place = place
            pending.generation = connection.generation
            pending.followers = 0
            pending.line = line
            connection.waits_until = self.pending_end
        else:
            # It stands for nothing that could be lost: its line is written now, wherever it queues.
            self.account_for(&line, connection, monotonic_us())
            if connection.waits_until <= self.pending_first:
                connection.out_ready = connection.out_bytes
                self.note_dirty(place)
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
            self.note_dirty(pending.place)
            self.account_for(&pending.line, connection, now_us)
        if self.postponed_count and self.shares.all_waiting < self.shares.requests_max:
            self.serve_postponed()

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
        """Count a reply's latency and write its line."""
        cdef int64_t elapsed_us = now_us - line.received_us
        latency_note(&self.latency, elapsed_us)
        if self.logging and line_write(self.shard, line, self.listeners[line.listener].name,
                                       connection.peer_address, connection.peer_port, clock_us(),
                                       elapsed_us, &self.log) != 0:
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

    cdef void flush(self, int32_t place) noexcept nogil:
        """Send what may leave, and do what waited for that."""
        cdef Connection *connection = &self.connections.all[place]
        if connection_flush(&self.connections, place) != 0:
            self.close(place, CLOSED_ERROR, NULL)
        elif connection.half_closed:
            if connection.unanswered == 0 and connection.out_bytes == 0:
                self.close(place, CLOSED_BY_PEER, NULL)
        elif (connection.paused and not connection.postponed
                and connection.out_bytes - connection.out_ready < OUTPUT_BYTES_MAX // 4):
            connection_unpause(&self.connections, place, monotonic_us())

    cdef bint park(self, int32_t place, const Frame *frame, int64_t received_us,
                   const Recall *recall) noexcept nogil:
        """Keep a message for the slow lane; false when too many are kept already."""
        cdef Connection *connection = &self.connections.all[place]
        if self.work.decision.status == PRICE_FIRST:
            return queue_put(&self.to_price, connection, place, frame, received_us, recall)
        if not parking_keep(&self.parking, place, connection.generation, frame, received_us,
                            recall, &self.work.decision):
            return False
        connection.unanswered += 1
        return True
