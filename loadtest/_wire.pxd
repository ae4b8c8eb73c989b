"""Connections of the generator: sockets and buffers. Knows bytes, not messages."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from switch._sockets cimport epoll_event

cdef extern from "loadtest/_wire.h" nogil:
    int wire_wait(int epoll, epoll_event *events, int events_max, int64_t ns)
    void wire_pause(int64_t ns)
    void wire_exact_timers()
    int wire_connect(uint32_t address, uint16_t port, uint32_t source)
    int wire_error(int fd)

cdef enum:
    LINK_DOWN = 0
    LINK_CONNECTING = 1
    LINK_UP = 2

cdef struct Link:
    int fd
    uint8_t state
    uint8_t dirty               # in the list of those with bytes to send
    uint8_t wants_write         # the kernel's buffer was full
    uint8_t resends             # came back: what is outstanding has to be sent again
    uint8_t is_lost             # was up before
    uint8_t garbage             # what was sent and not answered, on a connection for garbage
    uint8_t garbage_measured
    uint8_t tpdu[5]             # of its requests
    uint8_t reply_tpdu[5]       # of their replies
    int32_t outstanding
    int32_t credits             # closed loop: messages it may begin
    int32_t first_waiting       # due, not sent
    int32_t last_waiting
    int32_t waiting_count
    int64_t sequence            # closed loop: its arrivals so far
    int64_t since_ns            # up: when something was sent; down: when to try again
    uint8_t *rest               # an unfinished frame
    uint32_t rest_bytes
    uint32_t rest_room
    uint8_t *out
    uint32_t out_from
    uint32_t out_bytes
    uint32_t out_room

cdef uint8_t *link_room(Link *link, size_t bytes) noexcept nogil
cdef int link_keep_rest(Link *link, const uint8_t *data, size_t bytes) noexcept nogil
cdef int link_flush(Link *link, int epoll, int32_t index) noexcept nogil
cdef int link_open(
    Link *link, int epoll, int32_t index, uint32_t address, uint16_t port, uint32_t source
) noexcept nogil
cdef int link_opened(Link *link, int epoll, int32_t index) noexcept nogil
cdef void link_shut(Link *link) noexcept nogil
cdef void link_free(Link *link) noexcept
