"""The gate: sockets, the fast lane, and the replies that wait for their commit.

Theory of operation. Listeners and connections are in one epoll set, which is itself a descriptor:
one Trio task waits until it is readable, then `drain` serves everything that is ready, without the
interpreter. A reply is written into its connection's output at once, framed, behind a mark:
`durable` moves the marks and sends. So replies of a connection leave in the order in which its
messages were decided, none before its row is durable, and a commit's replies leave in one sweep. A
reply without a row (an echo, 91 while the journal is away) waits for nothing but its own
connection's earlier replies; it follows the newest of them, so that the ring of waiting replies
holds rows only. What is decided when much waits, and what is not, is `_pressure`'s.

What the fast lane cannot answer alone is parked (`_slow_stage`). Must not know PostgreSQL, Trio or
a profile by name.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, strncpy

from switch._connections cimport (
    CLOSED_BY_PEER, CLOSED_CAUSES, CLOSED_ERROR, CLOSED_IDLE, CLOSED_LOST_FRAMING,
    CLOSED_SLOW_FRAME, CLOSED_TLS, MARK_WAKE, Connection, close_name,
    connection_greet, connection_greeted, connection_keep_rest, connection_pause, connection_read,
    connection_take, connection_unpause, connection_watch_again, output_max,
)
from switch._core cimport Core
from switch._doors cimport (
    LISTENERS_MAX, Caller, Listener, door_leave, door_next, door_share, door_watch, mark_is_door,
)
from switch._due cimport due_put, due_take
from switch._frames cimport (
    FRAME_LOST, FRAME_WHOLE, PREFIX_BYTES_MAX, frame_form, frame_next,
)
from switch._hsm_links cimport mark_is_hsm
from switch._lane cimport (
    SERVED_AT_SEQ, SERVED_BROKEN, SERVED_ELSEWHERE, SERVED_HOPELESS, SERVED_IGNORED, SERVED_LATER,
    SERVED_NO_ROOM, SERVED_NOW, SERVED_STALE, SERVED_UNKNOWN, Lane, serve,
)
from switch._latency cimport LATENCY_BUCKETS
from switch._outbox cimport fault_cause
from switch._parking cimport RECALLS_MAX
from switch._peers cimport FIRST_LISTENER, NO_SHARD, TRUNK_IN, TRUNK_OUT
from switch._plan cimport Moment, moment_at
from switch._pressure cimport Pressure, pressure_of
from switch._price_queue cimport queue_count, queue_put
from switch._pricing cimport Pricer
from switch._routing cimport ROUTE_LISTENER
from switch._shard cimport PRICE_FIRST, PROVE_FIRST, Recall
from switch._sockets cimport (
    EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, clock_us, close_fd, epoll_event,
    epoll_wait, monotonic_us,
)
from switch._tls cimport GREETED, GREETING_FAILED, GREETING_LEFT, Tls, tls_greet
from switch._words cimport (
    FRAME_BYTES_MAX, HANDSHAKES_WAIT_US_MAX, LEDGER_UNAVAILABLE, OVERLOADED, READ_BYTES_MAX,
    TRUNK_READ_BYTES_MAX, TURN_HANDSHAKES_MAX, TURN_US_MAX,
)

cdef enum:
    EVENTS_MAX = 16             # served before the clock is looked at
    ACCEPTS_MAX = 64            # of one listener in one turn

cdef Recall NOTHING_RECALLED
NOTHING_RECALLED.count = 0
NOTHING_RECALLED.terminal = -1
NOTHING_RECALLED.stan = -1


cdef class Gate(SlowStage):
    """The gate of one shard. Belongs to the thread that decides."""

    def __cinit__(self, Core core, *, int32_t connections_max, uint32_t pending_max,
                  int32_t utc_offset_s, bint logging, Pricer pricer=None,
                  int32_t trunks_max=0):
        """See `Outbox` for the bounds."""
        self.lanes = []
        self.doors = []
        self.pricer = Pricer({}) if pricer is None else pricer
        self.read_room = <uint8_t *> malloc(TRUNK_READ_BYTES_MAX + FRAME_BYTES_MAX
                                            + PREFIX_BYTES_MAX)
        if self.read_room == NULL:
            raise MemoryError
        self.connections_max = connections_max
        self.listener_count = FIRST_LISTENER
        self.listeners[<int> TRUNK_IN].fd = self.listeners[<int> TRUNK_OUT].fd = -1
        self.utc_offset_s = utc_offset_s
        self.available = True

    def __dealloc__(self):
        free(self.read_room)

    def fileno(self):
        """Give the epoll set's descriptor: readable when there is something to drain."""
        return self.epoll

    def listen(self, int fd, Lane lane, *, int32_t reply_seconds, Tls tls=None):
        """Serve a listening socket (IPv4, non-blocking; the caller keeps it open) by a lane.

        `reply_seconds`: how long its requesters wait for a reply. With `tls` they have to greet.
        """
        cdef Listener *listener = &self.listeners[self.listener_count]
        assert self.listener_count < FIRST_LISTENER + LISTENERS_MAX
        assert lane.shard == self.shard
        self.lanes.append(lane)
        listener.fd = fd
        listener.profile = &lane.profile
        frame_form(lane.framing, &listener.form)
        listener.reply_seconds = reply_seconds
        if tls is not None:
            self.doors.append(tls)
            listener.tls = &tls.door
        listener.share = door_share(&self.listeners[FIRST_LISTENER],
                                    self.listener_count - FIRST_LISTENER)
        strncpy(listener.name, lane.name.encode("ascii"), 31)
        self.watch_listener(self.listener_count)
        self.listener_count += 1

    cdef int watch_listener(self, int number) except -1:
        """Have the kernel wake us for new connections."""
        if door_watch(self.epoll, &self.listeners[number], number) != 0:
            raise OSError(errno, "the listening socket could not be watched")
        return 0

    def stop_reading(self):
        """Hear requesters no more; replies under way leave, those of other shards included."""
        cdef int32_t place
        self.stop_accepting()
        for place in range(self.connections.capacity):
            if (self.connections.all[place].fd >= 0
                    and self.connections.all[place].listener != TRUNK_OUT):
                connection_pause(&self.connections, place)

    def awaited(self):
        """Count the messages that an HSM or another shard has and has not answered."""
        return self.questions.count

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
            self.go_on()
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
                    if connection.channel.greeting:
                        self.counters.handshakes_failed += 1
                        self.close(place, CLOSED_TLS, b"tls_slow")
                    else:
                        self.close(place, CLOSED_SLOW_FRAME, NULL)
                elif (now_us - connection.heard_us > idle_us_max and connection.unanswered == 0
                      and not connection.trunk):
                    self.close(place, CLOSED_IDLE, NULL)

    def statistics(self):
        """Give counters and sizes for the metrics."""
        cdef int i
        cdef dict counted = self.counters
        return counted | self.hsm_statistics() | {
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
        its list. So a turn that ends early is unfair to nobody. Handshakes come last: they cost a
        hundred messages each, and nobody's answer waits for one.
        """
        cdef epoll_event events[EVENTS_MAX]
        cdef int64_t now_us = monotonic_us()
        cdef int64_t until_us = now_us + TURN_US_MAX
        cdef int count = EVENTS_MAX
        while (count == EVENTS_MAX or self.connections.due.count > 0) and now_us < until_us:
            count = epoll_wait(self.epoll, events, EVENTS_MAX, 0)
            self.serve_events(events, count, now_us)
            self.serve_due()
            now_us = monotonic_us()
        self.greet_some()
        self.go_on()
        self.flush_dirty()

    cdef void serve_events(self, const epoll_event *events, int count,
                           int64_t now_us) noexcept nogil:
        """Serve what the kernel says is ready."""
        cdef unsigned long long mark
        cdef int32_t place
        cdef int i
        for i in range(count):
            mark = events[i].data.u64
            if mark_is_hsm(mark):
                self.hear_hsm(<int> (mark & 0xff))
                continue
            if mark_is_door(mark):
                if mark & 0xff == MARK_WAKE:
                    continue
                self.accept_ready(<int> (mark & 0xff), now_us)
                continue
            place = <int32_t> (mark & 0xffffffffU)
            if (self.connections.all[place].fd < 0
                    or self.connections.all[place].generation != <uint32_t> (mark >> 32)):
                continue
            if self.connections.all[place].channel.greeting:
                due_put(&self.connections.greetings, place)
                continue
            if events[i].events & EPOLLOUT or self.connections.all[place].channel.wants_in:
                self.flush(place)
            if self.connections.all[place].fd < 0:
                continue
            if self.connections.all[place].postponed:
                if events[i].events & (EPOLLHUP | EPOLLERR):
                    self.close(place, CLOSED_BY_PEER, NULL)     # whoever has to repeats elsewhere
            elif (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
                    or self.connections.all[place].channel.wants_out):
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
            place = -1
            if number == TRUNK_IN or (self.connections.open_count - self.trunk_count
                                      < self.connections_max):
                place = connection_take(&self.connections, caller.fd, <uint8_t> number, now_us)
            if place < 0:
                self.counters.refused += 1
                close_fd(caller.fd)
                self.log_closed(listener, caller.address, caller.port, b"too_many_connections")
                continue
            if number == TRUNK_IN:
                self.connections.all[place].trunk = 1
                self.connections.all[place].peer_port = NO_SHARD
                self.trunk_count += 1
                continue
            self.connections.all[place].peer_address = caller.address
            self.connections.all[place].peer_port = caller.port
            self.counters.accepted += 1
            if listener.tls != NULL:
                connection_greet(&self.connections, place, now_us)

    cdef void serve_due(self) noexcept nogil:
        """Read those of which OpenSSL has more than was read, each once."""
        cdef Connection *connection
        cdef int32_t place
        cdef int i
        for i in range(min(self.connections.due.count, <int32_t> EVENTS_MAX)):
            place = due_take(&self.connections.due)
            connection = &self.connections.all[place]
            if connection.fd >= 0 and not connection.paused and not connection.channel.greeting:
                self.read_ready(place)

    cdef void greet_some(self) noexcept nogil:
        """Go on with a few handshakes; the others have a turn after the next messages.

        While replies wait for their rows they go first: each turn would delay them once more.
        """
        cdef int64_t began_us = monotonic_us()
        cdef int64_t now_us = began_us
        cdef int32_t place
        cdef int i
        if (self.pending_first != self.pending_end
                and began_us - self.greeted_us < HANDSHAKES_WAIT_US_MAX):
            return
        for i in range(TURN_HANDSHAKES_MAX):
            place = due_take(&self.connections.greetings)
            if place < 0:
                break
            if self.connections.all[place].fd >= 0 and self.connections.all[place].channel.greeting:
                self.greet(place, now_us)
                now_us = monotonic_us()
        self.counters.handshake_us += <uint64_t> (now_us - began_us)
        self.greeted_us = now_us

    cdef void greet(self, int32_t place, int64_t now_us) noexcept nogil:
        """Go on with a handshake."""
        cdef Connection *connection = &self.connections.all[place]
        cdef bint waited = connection.channel.wants_out
        cdef const char *why = NULL
        cdef int status = tls_greet(self.listeners[connection.listener].tls, &connection.channel,
                                    connection.fd, &why)
        if status == GREETED:
            self.counters.handshakes += 1
            connection_greeted(&self.connections, place, now_us)
        elif status == GREETING_FAILED:
            self.counters.handshakes_failed += 1
            self.close(place, CLOSED_TLS, why)
        elif status == GREETING_LEFT:
            self.close(place, CLOSED_BY_PEER, NULL)
        elif connection.channel.wants_out != waited:
            connection_watch_again(&self.connections, place)

    cdef void read_ready(self, int32_t place) noexcept nogil:
        """Read once from a connection and serve the frames that are whole."""
        cdef Connection *connection = &self.connections.all[place]
        cdef size_t kept = connection.rest_bytes
        cdef ssize_t got
        cdef int64_t now_us = monotonic_us()
        memcpy(self.read_room, connection.rest, kept)
        got = connection_read(&self.connections, place, self.read_room + kept,
                              TRUNK_READ_BYTES_MAX if connection.trunk else READ_BYTES_MAX, now_us)
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
                self.close(place, fault_cause(), NULL)
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
            if connection.trunk:
                if not self.take_trunk_frame(place, &frame):
                    at = start
                    self.postpone(place)
                    break
            elif not self.serve_frame(place, &frame, now_us, &NOTHING_RECALLED, FRESH):
                at = start              # it has to wait for room, and so does all behind it
                self.postpone(place)
                break
            else:
                self.counters.frames += 1
            if connection.fd < 0 or connection.generation != generation or self.broken:
                return
        if status == FRAME_LOST:
            self.close(place, CLOSED_LOST_FRAMING, NULL)
        elif connection_keep_rest(connection, self.read_room + at, bytes - at, now_us) != 0:
            self.close(place, CLOSED_ERROR, NULL)
        elif connection.out_bytes - connection.out_ready >= output_max(connection) // 2:
            connection_pause(&self.connections, place)

    cdef void postpone(self, int32_t place) noexcept nogil:
        """Read a connection no further until there is room."""
        connection_pause(&self.connections, place)
        self.connections.all[place].postponed = 1
        self.counters.postponed += 1
        self.postponed_count += 1

    cdef void go_on(self) noexcept nogil:
        """Serve what waited for room, if there is some. Never in the middle of a read."""
        if self.postponed_count and self.shares.all_waiting < self.shares.requests_max:
            self.serve_postponed()

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
                          const Recall *recall, int standing) noexcept nogil:
        """Serve one message; its reply is written and waits, or leaves with the sweep.

        False: it has to be served, and there is no room for it now; nothing has been done.
        """
        cdef Connection *connection = &self.connections.all[place]
        # Where it came in, here or at another shard: by whose profile it is read.
        cdef const Listener *listener = &self.listeners[
            frame.envelope[ROUTE_LISTENER] if connection.trunk else connection.listener]
        cdef uint8_t envelope_bytes = self.listeners[connection.listener].form.envelope_bytes
        cdef Pressure pressure
        cdef Moment now
        cdef int status
        cdef bint proven = recall.verdict.asked or recall.verdict.away
        cdef bint slow = recall.count > 0 or recall.desk != NULL or proven
        pressure_of(&self.shares, listener.share, 0 if connection.trunk else connection.rows,
                    listener.reply_seconds, &pressure)
        if standing == UNFETCHED or not self.available:
            pressure.everything = LEDGER_UNAVAILABLE
        elif connection.queued > 0 and recall.desk == NULL and standing == FRESH and not proven:
            if queue_put(&self.to_price, connection, place, frame, envelope_bytes, received_us,
                         recall):
                return True
            pressure.requests = OVERLOADED      # nothing overtakes on a connection
            pressure.full = True
        if slow or standing == APPROVED_ELSEWHERE:
            pressure.full = False       # its place was kept while it was parked
        moment_at(&now, clock_us(), self.utc_offset_s)
        self.work.settled_here = recall.count > 0 or standing != FRESH or connection.trunk
        status = serve(self.shard, listener.profile, frame.body, frame.body_bytes, &now, &pressure,
                       recall, &self.work)
        if status == SERVED_ELSEWHERE:
            status = self.forward(place, frame, received_us, &pressure)
            if status != SERVED_NOW:
                return status != SERVED_NO_ROOM
            self.work.settled_here = True       # `pressure` says why it gets 91
            status = serve(self.shard, listener.profile, frame.body, frame.body_bytes, &now,
                           &pressure, recall, &self.work)
        if status == SERVED_LATER and self.work.decision.status == PROVE_FIRST:
            self.prove(place, frame, envelope_bytes, received_us, recall, listener.profile,
                       standing)
            return True
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
        if status == SERVED_BROKEN:
            self.broken = True
        elif status > SERVED_NOW:
            self.leave_unanswered(place, frame, status)
        else:
            self.write_reply(place, frame, received_us, status == SERVED_AT_SEQ, slow)
        return True

    cdef void leave_unanswered(self, int32_t place, const Frame *frame, int status) noexcept nogil:
        """Count a message that gets no reply, and do what follows."""
        cdef bint trunk = self.connections.all[place].trunk
        if trunk:
            self.answer_nothing(place, frame)
        if status == SERVED_IGNORED:
            self.counters.ignored += 1
        elif status == SERVED_STALE:
            self.counters.stale += 1
        elif status == SERVED_UNKNOWN:
            self.counters.unknown += 1
        elif status == SERVED_HOPELESS:
            self.counters.hopeless += 1
            if not trunk:
                self.close(place, CLOSED_LOST_FRAMING, b"not_iso_8583")

    # --- what a gate among several does otherwise: see `_shard_gate` ------------------------------

    cdef int forward(self, int32_t place, const Frame *frame, int64_t received_us,
                     Pressure *pressure) noexcept nogil:
        pressure.everything = LEDGER_UNAVAILABLE
        return SERVED_NOW

    cdef bint take_trunk_frame(self, int32_t place, const Frame *frame) noexcept nogil:
        return True
