"""The gate of one shard among several: forwards what belongs elsewhere, passes its reply on.

Owns what a gate does otherwise when it is not alone: `Gate` calls the methods below where a
message, a frame on a trunk, a connection's end or a sweep is not its own business only. Links and
what is on them are `_peers`; how a socket to another shard comes about is `switch.peers`. Must not
know what a message says.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset, strncpy

cimport cython

from switch._connections cimport (
    CLOSED_LOST_FRAMING, CLOSED_NOT_READING, Connection, connection_insert, connection_room,
    connection_take,
)
from switch._exchange_log cimport LineFacts
from switch._fastpath cimport APPROVED_ELSEWHERE, FRESH, UNFETCHED
from switch._frames cimport PREFIX_BYTES_MAX, frame_prefix
from switch._gathering cimport gathering_awaiting, gathering_find, gathering_give
from switch._lane cimport SERVED_ELSEWHERE, SERVED_NO_ROOM, SERVED_NOW
from switch._kept cimport kept_forget, kept_is_wanted
from switch._latency cimport latency_note
from switch._peers cimport (
    FIRST_LISTENER, HEARD_ALL, HEARD_MESSAGE, HEARD_NO_REPLY, HEARD_REPLY, HEARD_STRANGER,
    HEARD_UP, TRUNK_IN, TRUNK_OUT, Peer, Peers, peers_count_batch, peers_forget, peers_greet,
    peers_hear, peers_hold, peers_lose, peers_send, peers_send_all,
)
from switch._pressure cimport Pressure, is_request
from switch._routing cimport (
    ROUTE_BYTES, ROUTE_MESSAGE, ROUTE_NOTHING, route_answer, route_read, route_say_nothing,
)
from switch._shard cimport EVERY_SHARD, Recall
from switch._sockets cimport close_fd, monotonic_us
from switch._words cimport LEDGER_UNAVAILABLE, OVERLOADED, REASON_NONE, UNANSWERED_MAX
from switch.ledger._rows cimport buffer_reserve

cdef Recall NOTHING_RECALLED
NOTHING_RECALLED.count = 0
NOTHING_RECALLED.terminal = -1
NOTHING_RECALLED.stan = -1


@cython.final
cdef class ShardGate(Gate):
    """The gate of one shard among several. Belongs to the thread that decides."""

    def join(self, Peers peers, int fd):
        """Let other shards in, by a listening Unix socket (non-blocking; the caller keeps it)."""
        assert peers.shard == self.shard and self.peers == NULL
        peers.take_places(self.connections.capacity)
        self.peers_kept = peers
        self.peers = &peers.table
        for number in (<int> TRUNK_IN, <int> TRUNK_OUT):
            self.listeners[<int> number].form = peers.table.form
            strncpy(self.listeners[<int> number].name, b"shard", 31)
        self.listeners[<int> TRUNK_IN].fd = fd
        self.watch_listener(TRUNK_IN)

    def connected(self, int32_t number, int fd):
        """Take a socket that is connected to another shard; it is the gate's from here on."""
        cdef int32_t place = connection_take(&self.connections, fd, TRUNK_OUT, monotonic_us())
        assert 0 <= number < self.peers.count
        if place < 0:
            close_fd(fd)
            return
        self.connections.all[place].trunk = 1
        self.trunk_count += 1
        if peers_greet(self.peers, &self.connections, number, place) != 0:
            raise MemoryError
        with nogil:
            self.flush(place)

    def awaited(self):
        """Count the messages that other shards have and have not answered."""
        return self.questions.count + self.peers_kept.awaited()

    # --- without the interpreter ------------------------------------------------------------------

    cdef int forward(self, int32_t place, const Frame *frame, int64_t received_us,
                     Pressure *pressure) noexcept nogil:
        """Send the workspace's message to the shards that it concerns.

        SERVED_ELSEWHERE, SERVED_NO_ROOM (it must not be refused: serve it again later), or
        SERVED_NOW: answer it with 91, for the reason in `pressure`. A repeat is never answered so:
        91 would deny what its first may have moved.
        """
        cdef Connection *connection = &self.connections.all[place]
        cdef uint8_t envelope_bytes = self.listeners[connection.listener].form.envelope_bytes
        cdef bint refusable = is_request(&self.work.request)
        cdef Route route
        cdef int reason
        memset(&route, 0, sizeof(Route))
        route.kind = ROUTE_MESSAGE
        route.listener = connection.listener
        if envelope_bytes:
            memcpy(route.tpdu, frame.envelope, envelope_bytes)
        route.peer_address = connection.peer_address
        route.peer_port = connection.peer_port
        route.place = place
        route.generation = connection.generation
        route.received_us = received_us
        if self.work.owner == EVERY_SHARD:
            reason = peers_send_all(self.peers, &self.connections, &route, frame, envelope_bytes)
        elif refusable and connection.unanswered >= UNANSWERED_MAX:
            reason = OVERLOADED
        else:
            reason = peers_send(self.peers, &self.connections, self.work.owner, &route, frame,
                                refusable)
        if reason == REASON_NONE:
            connection.unanswered += 1
            return SERVED_ELSEWHERE
        if self.work.owner != EVERY_SHARD:
            if reason == OVERLOADED and not refusable:
                return SERVED_NO_ROOM
            if self.work.request.mti % 10 == 1:
                if reason == LEDGER_UNAVAILABLE and peers_hold(
                        self.peers, self.work.owner, &route, frame, envelope_bytes) == 0:
                    connection.unanswered += 1
                return SERVED_ELSEWHERE         # held, or dropped: it is repeated once more
        pressure.everything = reason
        return SERVED_NOW

    cdef bint take_trunk_frame(self, int32_t place, const Frame *frame) noexcept nogil:
        """Take another shard's message, or its reply to one of ours. False: no room for it now."""
        cdef Route route
        cdef int heard
        route_read(frame.envelope, &route)
        heard = peers_hear(self.peers, &self.connections, place, &route, frame)
        if heard == HEARD_MESSAGE and FIRST_LISTENER <= route.listener < self.listener_count:
            if not self.serve_frame(place, frame, route.received_us, &NOTHING_RECALLED, FRESH):
                return False
            self.peers.all[self.connections.all[place].peer_port].received += 1
        elif heard == HEARD_MESSAGE or heard == HEARD_STRANGER:
            self.close(place, CLOSED_LOST_FRAMING, b"other_configuration")
        elif heard == HEARD_REPLY or heard == HEARD_NO_REPLY:
            self.pass_reply(&route, frame)
        elif heard == HEARD_ALL:
            self.finish_gathered(gathering_find(&self.peers.gathering, route.tag),
                                 APPROVED_ELSEWHERE)
        elif heard == HEARD_UP:
            self.finish_all(self.connections.all[place].peer_port, True, FRESH)
        elif self.connections.all[place].listener == TRUNK_IN:
            self.note_dirty(place)              # our greeting
        return True

    cdef void answer_nothing(self, int32_t place, const Frame *frame) noexcept nogil:
        """Tell a message's origin that there is no reply to it, so that it waits for none."""
        cdef Connection *trunk = &self.connections.all[place]
        cdef uint8_t header[ROUTE_BYTES]
        cdef uint8_t *room = connection_room(trunk, PREFIX_BYTES_MAX + 1)
        cdef size_t prefix
        if room == NULL:
            self.close(place, CLOSED_NOT_READING, NULL)
            return
        memcpy(header, frame.envelope, ROUTE_BYTES)
        route_say_nothing(header)
        prefix = frame_prefix(&self.peers.form, header, 1, room)
        room[prefix] = 0                        # a frame has a body
        trunk.out_bytes += <uint32_t> (prefix + 1)
        self.queue_reply(place, prefix + 1)

    cdef void pass_reply(self, const Route *route, const Frame *frame) noexcept nogil:
        """Put another shard's reply, if there is one, into the output of who asked."""
        cdef Connection *connection = &self.connections.all[route.place]
        cdef uint8_t *room
        cdef size_t prefix
        if connection.fd < 0 or connection.generation != route.generation:
            self.counters.undeliverable += 1
            return
        connection.unanswered -= 1
        if route.kind == ROUTE_NOTHING:
            self.note_dirty(route.place)        # it may have waited for this alone
            return
        room = connection_room(connection, PREFIX_BYTES_MAX + frame.body_bytes)
        if room == NULL:
            self.close(route.place, CLOSED_NOT_READING, NULL)
            return
        prefix = frame_prefix(&self.listeners[connection.listener].form, route.tpdu,
                              frame.body_bytes, room)
        memcpy(room + prefix, frame.body, frame.body_bytes)
        connection.out_bytes += <uint32_t> (prefix + frame.body_bytes)
        latency_note(&self.latency, monotonic_us() - route.received_us)
        self.queue_reply(route.place, prefix + frame.body_bytes)

    cdef void finish_gathered(self, Gathered *kept, int standing) noexcept nogil:
        """Serve a message that was kept, now that what it waited for has happened."""
        cdef Gathered given
        cdef Frame frame
        gathering_give(&self.peers.gathering, kept, &given, &frame)
        if kept_is_wanted(&given.kept, &self.connections.all[given.kept.place]):
            self.connections.all[given.kept.place].unanswered -= 1
            self.serve_frame(given.kept.place, &frame, given.kept.received_us, &NOTHING_RECALLED,
                             standing)
        else:
            self.counters.undeliverable += 1
        kept_forget(&given.kept)

    cdef void note_route(self, uint8_t *body, const Frame *frame, bint journaled,
                         LineFacts *line) noexcept nogil:
        """Say in the header before a reply how it went, and in its line who asked."""
        cdef Route route
        route_read(frame.envelope, &route)
        line.listener = route.listener
        line.peer_address = route.peer_address
        line.peer_port = route.peer_port
        if journaled:
            route_answer(body - ROUTE_BYTES, line.response_code)
        else:
            route_answer(body - ROUTE_BYTES, self.shard.response_codes[line.reason])

    cdef bint overtake(self, int32_t place, size_t bytes) noexcept nogil:
        """Let a reply on a trunk pass those that wait for rows: they are other requesters'.

        A shard whose journal is away still refuses at once. With the sweep, in one piece: moving
        what waits costs as much as all of it.
        """
        cdef Connection *trunk = &self.connections.all[place]
        cdef Peer *peer = &self.peers.all[trunk.peer_port]
        if peer.heard_place != place or buffer_reserve(&peer.prompt, bytes) != 0:
            return False
        trunk.out_bytes -= <uint32_t> bytes
        memcpy(peer.prompt.data + peer.prompt.bytes, trunk.out + trunk.out_bytes, bytes)
        peer.prompt.bytes += bytes
        return True

    cdef void ended(self, int32_t place) noexcept nogil:
        """A trunk's end loses its answers, a requester's leaves nobody to give them to."""
        if self.connections.all[place].trunk:
            self.trunk_count -= 1
            self.lose_trunk(place)
        else:
            peers_forget(self.peers, place)

    cdef void lose_trunk(self, int32_t trunk) noexcept nogil:
        """Wait no more for what a shard was asked over a trunk that has ended."""
        cdef int32_t place
        cdef int32_t number = peers_lose(self.peers, &self.connections, trunk)
        cdef uint16_t *waiting
        if number < 0:
            return
        waiting = self.peers.all[number].waiting
        for place in range(self.connections.capacity):
            if waiting[place]:
                self.connections.all[place].unanswered -= waiting[place]
                waiting[place] = 0
                self.note_dirty(place)
        self.finish_all(number, False, UNFETCHED)

    cdef void finish_all(self, int32_t number, bint held, int standing) noexcept nogil:
        """Serve everything that waits for a shard: its answer, or that it is there."""
        cdef Gathered *kept = gathering_awaiting(&self.peers.gathering, number, held)
        # A link that breaks meanwhile has them held again, for the next time.
        while kept != NULL and (self.peers.all[number].up or not held):
            self.finish_gathered(kept, standing)
            kept = gathering_awaiting(&self.peers.gathering, number, held)

    cdef void flush_trunks(self) noexcept nogil:
        """Send each other shard what was collected for it."""
        cdef int32_t number, place
        cdef Peer *peer
        for number in range(self.peers.count):
            peer = &self.peers.all[number]
            if peer.batch:
                peers_count_batch(peer)
                self.flush(peer.place)
            place = peer.heard_place
            if peer.prompt.bytes and place >= 0:
                if connection_insert(&self.connections.all[place], peer.prompt.data,
                                     peer.prompt.bytes) != 0:
                    self.close(place, CLOSED_NOT_READING, NULL)
                    continue
                peer.prompt.bytes = 0
                self.flush(place)
        if self.dirty_count:
            self.flush_dirty()                  # a link that has ended: who waited for it
