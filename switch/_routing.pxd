"""What stands before a message on a link between shards: where it came in, and where it belongs.

To the owner it is what a TPDU is to a terminal's peer: it comes back in front of the reply as it
came, but for the response code. The origin finds by it who waits for that reply.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    ROUTE_BYTES = 41
    ROUTE_ID = 0xb5             # first byte: what has another is no frame of ours
    ROUTE_LISTENER = 2          # where `listener` is

cdef enum RouteKind:
    ROUTE_GREETING = 1          # the first frame each way: who I am, how I am configured
    ROUTE_MESSAGE = 2           # the receiver owns its card
    ROUTE_EVERYWHERE = 3        # it concerns every shard
    ROUTE_NOTHING = 4           # in place of a reply: there is none

cdef struct Route:
    uint8_t kind                # RouteKind
    uint8_t listener            # where it came in: number of the profile; greeting: the sender
    uint8_t has_tpdu
    uint8_t tpdu[5]             # of the requester's frame
    uint8_t response_code[2]    # of a reply
    uint16_t peer_port          # of the requester
    uint32_t peer_address       # IPv4, network order
    int32_t place               # of the requester's connection at the origin
    uint32_t generation
    int64_t received_us         # at the origin, monotonic: both ends are one machine
    uint64_t tag                # the origin's; ROUTE_EVERYWHERE: which message is answered

cdef void route_write(const Route *route, uint8_t *out) noexcept nogil
cdef void route_read(const uint8_t *data, Route *route) noexcept nogil
cdef void route_say_nothing(uint8_t *data) noexcept nogil
cdef void route_answer(uint8_t *data, const char *response_code) noexcept nogil
