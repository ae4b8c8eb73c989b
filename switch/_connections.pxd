"""Connections of the gate: their sockets and buffers. Knows bytes, not messages."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from switch._due cimport DueRing
from switch._tls cimport Channel

cdef enum CloseCause:
    CLOSED_BY_PEER = 0
    CLOSED_IDLE = 1
    CLOSED_SLOW_FRAME = 2
    CLOSED_LOST_FRAMING = 3
    CLOSED_NOT_READING = 4
    CLOSED_ERROR = 5
    CLOSED_SHUTDOWN = 6
    CLOSED_TLS = 7              # its handshake failed, or its records are wrong
    CLOSED_CAUSES = 8

cdef struct Connection:
    int fd                  # -1 = free
    Channel channel         # between it and its messages
    uint32_t generation     # grows when the place is taken again: old references do not match
    uint32_t peer_address   # IPv4, network order
    uint16_t peer_port
    uint8_t listener
    uint8_t dirty           # has bytes that may leave
    uint8_t wants_write     # the kernel's buffer was full
    uint8_t paused          # not read: too much of its output waits for rows
    uint8_t postponed       # not read: what came from it waits for room
    uint8_t half_closed     # the peer sends no more, and may still read
    uint8_t trunk           # many requesters' messages: its bounds are a trunk's, its room is kept
    int32_t unanswered
    int32_t rows            # of its replies wait to be durable
    int32_t queued          # of them, waiting for Python, or behind one that does
    uint64_t waits_until    # ring position behind its newest reply that waits for a row; 0 = none
    uint8_t *rest           # an unfinished frame
    uint32_t rest_bytes
    uint32_t rest_capacity
    uint8_t *out            # replies, framed, in the order in which they will leave
    uint32_t out_sent       # how far they have left
    uint32_t out_ready      # how far they may leave
    uint32_t out_bytes      # how far they are written
    uint32_t out_capacity
    uint64_t out_moved      # bytes that have been cut off the front: makes ends absolute
    int64_t heard_us        # last bytes from the peer, monotonic
    int64_t rest_since_us   # when the unfinished frame began; 0 = none

cdef struct Connections:
    Connection *all
    int32_t capacity
    int32_t open_count
    int32_t free_from       # no place below it is free
    int epoll
    int wake                # readable always; watched while there is something due
    uint8_t waking
    DueRing due             # to be read: OpenSSL holds what the kernel does not tell of
    DueRing greetings       # to go on with their handshakes
    uint64_t closed[8]      # by CloseCause

cdef enum:
    MARK_WAKE = 0xff        # of `wake`, with the top bit, as a listener's; there are fewer of those

cdef const char *close_name(int cause) noexcept nogil
cdef int connections_open(Connections *connections, int32_t capacity, int epoll) noexcept nogil
cdef void connections_clear(Connections *connections) noexcept nogil
cdef int32_t connection_take(Connections *connections, int fd, uint8_t listener,
                             int64_t now_us) noexcept nogil
cdef uint32_t output_max(const Connection *connection) noexcept nogil
cdef void connection_close(Connections *connections, int32_t place, int cause) noexcept nogil
cdef uint8_t *connection_room(Connection *connection, size_t bytes) noexcept nogil
cdef int connection_insert(Connection *connection, const uint8_t *data,
                           size_t bytes) noexcept nogil
cdef int connection_keep_rest(Connection *connection, const uint8_t *data, size_t bytes,
                              int64_t now_us) noexcept nogil
cdef void connection_greet(Connections *connections, int32_t place,
                           int64_t now_us) noexcept nogil
cdef void connection_greeted(Connections *connections, int32_t place,
                             int64_t now_us) noexcept nogil
cdef void connection_watch_again(Connections *connections, int32_t place) noexcept nogil
cdef ssize_t connection_read(Connections *connections, int32_t place, uint8_t *room,
                             size_t room_bytes, int64_t now_us) noexcept nogil
cdef void connections_wake(Connections *connections) noexcept nogil
cdef int connection_flush(Connections *connections, int32_t place) noexcept nogil
cdef void connection_pause(Connections *connections, int32_t place) noexcept nogil
cdef void connection_unpause(Connections *connections, int32_t place,
                             int64_t now_us) noexcept nogil
