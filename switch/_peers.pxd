"""The other shards, as one shard sees them: links, what they were sent, what they still owe.

A link goes from each process to each other one: requests out, their replies back. So a process has
a connection *to* every other shard, and one *from* each. Both are connections of the gate like any
other (trunks), framed by length and routing header.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._connections cimport Connections
from switch._frames cimport Frame, FrameForm
from switch._gathering cimport Gathering
from switch._routing cimport Route
from switch._shard cimport Shard
from switch.ledger._rows cimport Buffer

cdef enum:
    SHARDS_MAX = 64
    BATCH_BUCKETS = 12          # batches of up to 1, 2, 4 … 1,024 messages, and longer ones
    NO_SHARD = 0xffff           # `peer_port` of a trunk that has not been greeted on
    GREETING_BYTES = 32

cdef enum:                      # `listener` of the gate's connections; requesters' come behind
    TRUNK_IN = 0                # from another shard
    TRUNK_OUT = 1               # to one
    FIRST_LISTENER = 2

cdef enum Heard:
    HEARD_NOTHING = 0           # nothing to do: a greeting, or one of several answers
    HEARD_MESSAGE = 1           # another shard's requester asks
    HEARD_REPLY = 2             # pass it on to our requester
    HEARD_ALL = 3               # every shard has approved message `tag`: decide it here
    HEARD_NO_REPLY = 4          # there is none to pass on
    HEARD_UP = 5                # the shard is there: send what was held for it
    HEARD_STRANGER = 6          # another configuration, or no greeting: hang up

cdef struct Peer:
    int32_t place               # of the connection to it; -1 = none
    int32_t heard_place         # of the connection from it, once it has greeted; -1 = none
    uint8_t up                  # it has greeted back
    uint32_t batch              # messages that leave with the next sweep
    Buffer prompt               # replies to it that need not wait for those before them
    uint16_t *waiting           # by place of a requester's connection: its messages there
    int64_t waiting_count
    uint64_t sent
    uint64_t received
    uint64_t refused            # messages that could not be sent: it was down, or its link full
    uint64_t lost               # messages without an answer when the link broke
    uint64_t batches[BATCH_BUCKETS]
    uint64_t batch_count

cdef struct PeerTable:
    Peer all[SHARDS_MAX]
    int32_t count               # shards, this one included
    int32_t number              # of this one
    int32_t capacity            # places of the gate
    FrameForm form
    uint8_t greeting[GREETING_BYTES]
    Gathering gathering

cdef class Peers:
    cdef object core            # keeps the shard alive
    cdef Shard *shard
    cdef PeerTable table
    cdef int take_places(self, int32_t capacity) except -1

cdef int peers_send(PeerTable *peers, Connections *connections, int32_t number,
                    const Route *route, const Frame *frame, bint refusable) noexcept nogil
cdef int peers_send_all(PeerTable *peers, Connections *connections, Route *route,
                        const Frame *frame, uint8_t envelope_bytes) noexcept nogil
cdef int peers_hold(PeerTable *peers, int32_t number, const Route *route, const Frame *frame,
                    uint8_t envelope_bytes) noexcept nogil
cdef int peers_greet(PeerTable *peers, Connections *connections, int32_t number,
                     int32_t place) noexcept nogil
cdef int peers_hear(PeerTable *peers, Connections *connections, int32_t place,
                    const Route *route, const Frame *frame) noexcept nogil
cdef void peers_count_batch(Peer *peer) noexcept nogil
cdef void peers_forget(PeerTable *peers, int32_t place) noexcept nogil
cdef int32_t peers_lose(PeerTable *peers, Connections *connections, int32_t place) noexcept nogil
