"""The other shards. See `_peers.pxd`.

Theory of operation. A message whose card belongs to another shard is put into the output of the
trunk to it behind a routing header, and leaves with the gate's sweep together with all others of
that turn. The owner serves it like a terminal's, on the same path, and its reply comes back behind
the same header when its row is durable. Nothing is kept here for it but a number for each
connection: how many of its messages the other shard has. When the trunk breaks those are lost: not
answered, because nobody knows what became of them; their terminals repeat.

Must not know what a message says, nor how a connection comes about.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

cimport cython

from switch._connections cimport Connection, connection_room
from switch._core cimport Core
from switch._frames cimport LENGTH_BINARY4, PREFIX_BYTES_MAX, frame_prefix
from switch._gathering cimport (
    Gathered, gathering_clear, gathering_drop, gathering_find, gathering_keep,
)
from switch._routing cimport (
    ROUTE_BYTES, ROUTE_EVERYWHERE, ROUTE_GREETING, ROUTE_MESSAGE, ROUTE_NOTHING, route_write,
)
from switch._shard cimport SLOT_COUNT
from switch._words cimport (
    LEDGER_UNAVAILABLE, OVERLOADED, REASON_NONE, TRUNK_REQUEST_BYTES_MAX,
)
from switch.ledger._rows cimport buffer_clear


cdef int peers_send(PeerTable *peers, Connections *connections, int32_t number,
                    const Route *route, const Frame *frame, bint refusable) noexcept nogil:
    """Put a frame into the output to a shard. A Reason: why it could not be, or REASON_NONE."""
    cdef Peer *peer = &peers.all[number]
    cdef Connection *trunk
    cdef uint8_t header[ROUTE_BYTES]
    cdef uint8_t *room
    cdef size_t prefix
    if not peer.up:
        peer.refused += 1
        return LEDGER_UNAVAILABLE
    trunk = &connections.all[peer.place]
    room = connection_room(trunk, PREFIX_BYTES_MAX + frame.body_bytes)
    if room == NULL or (refusable and trunk.out_bytes - trunk.out_sent > TRUNK_REQUEST_BYTES_MAX):
        peer.refused += 1
        return OVERLOADED
    route_write(route, header)
    prefix = frame_prefix(&peers.form, header, frame.body_bytes, room)
    memcpy(room + prefix, frame.body, frame.body_bytes)
    trunk.out_bytes += <uint32_t> (prefix + frame.body_bytes)
    trunk.out_ready = trunk.out_bytes
    peer.batch += 1
    peer.sent += 1
    if route.kind == ROUTE_MESSAGE:
        peer.waiting[route.place] += 1
        peer.waiting_count += 1
    return REASON_NONE


cdef int peers_send_all(PeerTable *peers, Connections *connections, Route *route,
                        const Frame *frame, uint8_t envelope_bytes) noexcept nogil:
    """Send a message to every other shard and keep it until they have answered. A Reason."""
    cdef Gathered *kept
    cdef uint64_t awaited = 0
    cdef int32_t number
    for number in range(peers.count):
        if number != peers.number:
            if not peers.all[number].up:
                peers.all[number].refused += 1
                return LEDGER_UNAVAILABLE       # before anybody has it
            awaited |= 1ULL << number
    kept = gathering_keep(&peers.gathering, route.place, route.generation, frame, envelope_bytes,
                          route.received_us, awaited, False)
    if kept == NULL:
        return OVERLOADED
    route.kind = ROUTE_EVERYWHERE
    route.tag = kept.tag
    for number in range(peers.count):
        if number != peers.number and peers_send(peers, connections, number, route, frame,
                                                 False) != REASON_NONE:
            gathering_drop(&peers.gathering, kept)
            return OVERLOADED           # some have it: the terminal repeats, and they say the same
    return REASON_NONE


cdef int peers_hold(PeerTable *peers, int32_t number, const Route *route, const Frame *frame,
                    uint8_t envelope_bytes) noexcept nogil:
    """Keep a message until a link to a shard begins. 0, or -1 when too many are kept already."""
    return -1 if gathering_keep(&peers.gathering, route.place, route.generation, frame,
                                envelope_bytes, route.received_us, 1ULL << number,
                                True) == NULL else 0


cdef int peers_greet(PeerTable *peers, Connections *connections, int32_t number,
                     int32_t place) noexcept nogil:
    """Begin a trunk to a shard: say who we are. 0, or -1 without memory."""
    cdef Connection *trunk = &connections.all[place]
    cdef Peer *peer = &peers.all[number]
    cdef uint8_t header[ROUTE_BYTES]
    cdef Route route
    cdef size_t prefix
    cdef uint8_t *room = connection_room(trunk, PREFIX_BYTES_MAX + GREETING_BYTES)
    if room == NULL:
        return -1
    memset(&route, 0, sizeof(Route))
    route.kind = ROUTE_GREETING
    route.listener = <uint8_t> peers.number
    route.place = number
    route_write(&route, header)
    prefix = frame_prefix(&peers.form, header, GREETING_BYTES, room)
    memcpy(room + prefix, peers.greeting, GREETING_BYTES)
    trunk.out_bytes += <uint32_t> (prefix + GREETING_BYTES)
    trunk.out_ready = trunk.out_bytes
    trunk.peer_port = <uint16_t> number
    peer.place = place
    peer.up = 0
    peer.batch = 0
    return 0


cdef int hear_greeting(PeerTable *peers, Connections *connections, int32_t place,
                       const Route *route, const Frame *frame) noexcept nogil:
    """A greeting is right when the other one is configured as we are and means us."""
    cdef Connection *trunk = &connections.all[place]
    cdef uint8_t *room
    cdef size_t prefix
    cdef int32_t number = route.listener if trunk.listener == TRUNK_IN else trunk.peer_port
    if (frame.body_bytes != GREETING_BYTES
            or memcmp(frame.body, peers.greeting, GREETING_BYTES) != 0
            or number >= peers.count or number == peers.number):
        return HEARD_STRANGER
    if trunk.listener == TRUNK_OUT:
        peers.all[number].up = 1
        return HEARD_UP
    if route.place != peers.number:
        return HEARD_STRANGER
    room = connection_room(trunk, PREFIX_BYTES_MAX + GREETING_BYTES)
    if room == NULL:
        return HEARD_STRANGER
    prefix = frame_prefix(&peers.form, frame.envelope, GREETING_BYTES, room)
    memcpy(room + prefix, peers.greeting, GREETING_BYTES)
    trunk.out_bytes += <uint32_t> (prefix + GREETING_BYTES)
    trunk.out_ready = trunk.out_bytes
    trunk.peer_port = <uint16_t> number
    peers.all[number].heard_place = place
    peers.all[number].prompt.bytes = 0
    return HEARD_NOTHING


cdef int hear_reply(PeerTable *peers, Connections *connections, int32_t number,
                    const Route *route) noexcept nogil:
    """What another shard has answered."""
    cdef Peer *peer = &peers.all[number]
    cdef Gathered *kept
    if route.kind != ROUTE_EVERYWHERE:
        if not 0 <= route.place < peers.capacity:
            return HEARD_STRANGER
        if connections.all[route.place].generation == route.generation \
                and connections.all[route.place].fd >= 0:
            peer.waiting[route.place] -= 1
        peer.waiting_count -= 1
        return HEARD_REPLY if route.kind == ROUTE_MESSAGE else HEARD_NO_REPLY
    kept = gathering_find(&peers.gathering, route.tag)
    if kept == NULL:
        return HEARD_NOTHING                    # answered: somebody else has refused it
    if route.response_code[0] != 48 or route.response_code[1] != 48:
        gathering_drop(&peers.gathering, kept)
        return HEARD_REPLY                      # its refusal is the answer
    kept.awaited &= ~(1ULL << number)
    return HEARD_ALL if kept.awaited == 0 else HEARD_NOTHING


cdef int peers_hear(PeerTable *peers, Connections *connections, int32_t place,
                    const Route *route, const Frame *frame) noexcept nogil:
    """What a frame on a trunk means: a Heard."""
    cdef Connection *trunk = &connections.all[place]
    if route.kind == ROUTE_GREETING:
        return hear_greeting(peers, connections, place, route, frame)
    if trunk.peer_port == NO_SHARD or not ROUTE_MESSAGE <= route.kind <= ROUTE_NOTHING:
        return HEARD_STRANGER
    if trunk.listener == TRUNK_OUT:
        return hear_reply(peers, connections, trunk.peer_port, route)
    return HEARD_MESSAGE


cdef void peers_count_batch(Peer *peer) noexcept nogil:
    """A batch leaves."""
    cdef int bucket = 0
    while bucket < BATCH_BUCKETS - 1 and peer.batch > 1U << bucket:
        bucket += 1
    peer.batches[bucket] += 1
    peer.batch_count += 1
    peer.batch = 0


cdef void peers_forget(PeerTable *peers, int32_t place) noexcept nogil:
    """A requester's connection has ended: replies to it will be counted, not awaited."""
    cdef int32_t number
    for number in range(peers.count):
        if peers.all[number].waiting != NULL:
            peers.all[number].waiting[place] = 0


cdef int32_t peers_lose(PeerTable *peers, Connections *connections, int32_t place) noexcept nogil:
    """A trunk has ended. Gives the shard whose answers will not come, or -1.

    The caller puts right what waits for them: `waiting` of that shard, by connection.
    """
    cdef Connection *trunk = &connections.all[place]
    cdef int32_t number = trunk.peer_port
    if number >= peers.count:
        return -1
    if trunk.listener == TRUNK_IN:
        if peers.all[number].heard_place == place:
            peers.all[number].heard_place = -1
            peers.all[number].prompt.bytes = 0
        return -1
    peers.all[number].place = -1
    peers.all[number].up = 0
    peers.all[number].batch = 0
    peers.all[number].lost += <uint64_t> peers.all[number].waiting_count
    peers.all[number].waiting_count = 0
    return number


@cython.final
cdef class Peers:
    """The other shards of a shard, and the map of slots that all of them share."""

    def __cinit__(self, Core core, *, list owners, int32_t count, bytes greeting):
        """`owners` gives the shard of each slot; `greeting` is equal where the configuration is."""
        cdef int i
        assert len(owners) == SLOT_COUNT and 1 <= count <= SHARDS_MAX
        assert 0 <= core.shard.number < count and len(greeting) == GREETING_BYTES
        self.core = core
        self.shard = &core.shard
        memset(&self.table, 0, sizeof(PeerTable))
        self.table.count = count
        self.table.number = core.shard.number
        self.table.form.length = LENGTH_BINARY4
        self.table.form.envelope_bytes = ROUTE_BYTES
        memcpy(self.table.greeting, PyBytes_AS_STRING(greeting), GREETING_BYTES)
        for i in range(SHARDS_MAX):
            self.table.all[i].place = self.table.all[i].heard_place = -1
        for i in range(SLOT_COUNT):
            assert 0 <= owners[i] < count
            self.shard.owners[i] = owners[i]
        self.shard.shard_count = count

    def __dealloc__(self):
        cdef int i
        gathering_clear(&self.table.gathering)
        for i in range(SHARDS_MAX):
            free(self.table.all[i].waiting)
            buffer_clear(&self.table.all[i].prompt)

    cdef int take_places(self, int32_t capacity) except -1:
        """Have a number for each connection of the gate and each other shard."""
        cdef int i
        self.table.capacity = capacity
        for i in range(self.table.count):
            if i != self.table.number:
                self.table.all[i].waiting = <uint16_t *> calloc(capacity, sizeof(uint16_t))
                if self.table.all[i].waiting == NULL:
                    raise MemoryError
        return 0

    def owner_of(self, bytes token):
        """Give the shard that owns a card."""
        assert len(token) == 16
        return self.shard.owners[token[0] << 4 | token[1] >> 4]

    def misplaced(self):
        """Count the cards in memory that another shard owns: loaded under another map."""
        cdef int64_t card
        cdef int64_t count = 0
        cdef const uint8_t *token
        for card in range(self.shard.register.card_count):
            token = self.shard.register.cards[card].token
            count += self.shard.owners[<int> token[0] << 4 | token[1] >> 4] != self.table.number
        return count

    def unconnected(self):
        """Give the shards to which there is no connection yet."""
        return [number for number in range(self.table.count)
                if number != self.table.number and self.table.all[number].place < 0]

    def joined(self):
        """Whether every other shard is linked with this one, both ways."""
        return all(self.table.all[number].up and self.table.all[number].heard_place >= 0
                   for number in range(self.table.count) if number != self.table.number)

    def awaited(self):
        """Count the messages that other shards have and have not answered."""
        return self.table.gathering.count - self.table.gathering.held_count + sum(
            self.table.all[number].waiting_count for number in range(self.table.count))

    def statistics(self):
        """Give what the metrics say of each other shard, by its number."""
        cdef Peer *peer
        found = {}
        for number in range(self.table.count):
            if number != self.table.number:
                peer = &self.table.all[number]
                found[number] = {
                    "up": bool(peer.up),
                    "sent": peer.sent,
                    "received": peer.received,
                    "refused": peer.refused,
                    "lost": peer.lost,
                    "waiting": peer.waiting_count,
                    "batches": [peer.batches[i] for i in range(<int> BATCH_BUCKETS)],
                }
        return found


BATCH_BOUNDS = tuple(1 << bucket for bucket in range(<int> BATCH_BUCKETS - 1))
