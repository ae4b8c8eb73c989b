"""Connections of the gate. See `_connections.pxd`."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove, memset

from switch._due cimport due_clear, due_open, due_put
from switch._sockets cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLL_CTL_ADD,
    EPOLL_CTL_MOD, close_fd, epoll_ctl, epoll_event, eventfd,
)
from switch._tls cimport (
    channel_holds_more, channel_recv, channel_send, tls_end, tls_is_amid_record,
)
from switch._words cimport OUTPUT_BYTES_MAX, TRUNK_OUTPUT_BYTES_MAX

cdef enum:
    OUT_FIRST = 1024
    GENERATION_MASK = 0x7fffffff    # the top bit of an epoll mark says listener


# As its line in the log and the metrics say it; by CloseCause.
cdef const char *close_names[8]
close_names[:] = [b"by_peer", b"idle", b"slow_frame", b"lost_framing", b"not_reading", b"error",
                  b"shutdown", b"tls"]


cdef const char *close_name(int cause) noexcept nogil:
    """Say why a connection was closed."""
    return close_names[cause]


cdef int watch_wake(Connections *connections, int operation) noexcept nogil:
    """Have the kernel wake us at once, or never, for what it knows nothing of."""
    cdef epoll_event event
    event.events = EPOLLIN if connections.waking else 0
    event.data.u64 = 1ULL << 63 | MARK_WAKE
    return epoll_ctl(connections.epoll, operation, connections.wake, &event)


cdef void connections_wake(Connections *connections) noexcept nogil:
    """Before the gate rests: be woken at once when something is due."""
    cdef bint waking = connections.due.count > 0 or connections.greetings.count > 0
    if waking != connections.waking:
        connections.waking = waking
        watch_wake(connections, EPOLL_CTL_MOD)


cdef int connections_open(Connections *connections, int32_t capacity, int epoll) noexcept nogil:
    """Take the places. 0, or -1 without memory."""
    cdef int32_t place
    memset(connections, 0, sizeof(Connections))
    connections.wake = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)
    connections.epoll = epoll
    connections.all = <Connection *> calloc(<size_t> capacity, sizeof(Connection))
    if (connections.all == NULL or due_open(&connections.due, capacity) != 0
            or due_open(&connections.greetings, capacity) != 0
            or watch_wake(connections, EPOLL_CTL_ADD) != 0):
        return -1
    for place in range(capacity):
        connections.all[place].fd = -1
    connections.capacity = capacity
    return 0


cdef void connections_clear(Connections *connections) noexcept nogil:
    """Close every connection and free everything."""
    cdef int32_t place
    if connections.all == NULL:
        return
    for place in range(connections.capacity):
        if connections.all[place].fd >= 0:
            connection_close(connections, place, CLOSED_SHUTDOWN)
    close_fd(connections.wake)
    due_clear(&connections.due)
    due_clear(&connections.greetings)
    free(connections.all)
    memset(connections, 0, sizeof(Connections))


cdef int watch(Connections *connections, int32_t place, int operation) noexcept nogil:
    """Tell the kernel what to wake us for."""
    cdef Connection *connection = &connections.all[place]
    cdef epoll_event event
    cdef Channel *channel = &connection.channel
    event.events = EPOLLRDHUP if not connection.paused else 0
    if not connection.paused and not channel.wants_out or channel.wants_in:
        event.events |= EPOLLIN
    if connection.wants_write or channel.wants_out and not connection.paused:
        event.events |= EPOLLOUT
    if channel.greeting:
        event.events |= EPOLLET         # told once, it waits in `greetings` for its turn
    event.data.u64 = <unsigned long long> connection.generation << 32 | <uint32_t> place
    return epoll_ctl(connections.epoll, operation, connection.fd, &event)


cdef int32_t connection_take(Connections *connections, int fd, uint8_t listener,
                             int64_t now_us) noexcept nogil:
    """Give an accepted socket a place; -1 when all are taken (the caller closes the socket)."""
    cdef int32_t place = connections.free_from
    cdef Connection *connection
    cdef uint32_t generation
    while place < connections.capacity and connections.all[place].fd >= 0:
        place += 1
    if place == connections.capacity:
        connections.free_from = place
        return -1
    connection = &connections.all[place]
    generation = (connection.generation + 1) & GENERATION_MASK
    memset(connection, 0, sizeof(Connection))
    connection.fd = fd
    connection.generation = generation
    connection.listener = listener
    connection.heard_us = now_us
    if watch(connections, place, EPOLL_CTL_ADD) != 0:
        connection.fd = -1
        return -1
    connections.free_from = place + 1
    connections.open_count += 1
    return place


cdef uint32_t output_max(const Connection *connection) noexcept nogil:
    """How many bytes may wait for a peer."""
    return TRUNK_OUTPUT_BYTES_MAX if connection.trunk else OUTPUT_BYTES_MAX


cdef void connection_close(Connections *connections, int32_t place, int cause) noexcept nogil:
    """Close a connection; what it has not sent is gone (its answers are in the journal)."""
    cdef Connection *connection = &connections.all[place]
    tls_end(&connection.channel)
    close_fd(connection.fd)             # the kernel takes it out of the epoll set
    connection.fd = -1
    free(connection.rest)
    free(connection.out)
    connection.rest = connection.out = NULL
    connections.closed[cause] += 1
    connections.open_count -= 1
    if place < connections.free_from:
        connections.free_from = place


cdef uint8_t *connection_room(Connection *connection, size_t bytes) noexcept nogil:
    """Give room for a reply at the end of the output; NULL when the peer has left too much unread.

    The caller adds what it wrote to `out_bytes`.
    """
    cdef uint32_t need
    cdef uint32_t capacity = connection.out_capacity
    cdef uint8_t *grown
    if connection.out_sent > 0 and connection.out_sent == connection.out_bytes:
        connection.out_moved += connection.out_sent
        connection.out_sent = connection.out_ready = connection.out_bytes = 0
    need = connection.out_bytes + <uint32_t> bytes
    if need <= capacity:
        return connection.out + connection.out_bytes
    if need > output_max(connection):
        return NULL
    if capacity == 0:
        capacity = OUT_FIRST
    while capacity < need:
        capacity *= 2
    grown = <uint8_t *> realloc(connection.out, capacity)
    if grown == NULL:
        return NULL
    connection.out = grown
    connection.out_capacity = capacity
    return connection.out + connection.out_bytes


cdef int connection_insert(Connection *connection, const uint8_t *data,
                           size_t bytes) noexcept nogil:
    """Put what may leave at once before what has to wait. 0, or -1 without room."""
    cdef uint8_t *here
    if connection_room(connection, bytes) == NULL:
        return -1
    here = connection.out + connection.out_ready
    memmove(here + bytes, here, connection.out_bytes - connection.out_ready)
    memcpy(here, data, bytes)
    connection.out_ready += <uint32_t> bytes
    connection.out_bytes += <uint32_t> bytes
    connection.out_moved -= bytes       # every absolute end behind it moves back by so much
    return 0


cdef int connection_keep_rest(Connection *connection, const uint8_t *data, size_t bytes,
                              int64_t now_us) noexcept nogil:
    """Keep an unfinished frame until more comes; nothing to keep frees the buffer. 0 or -1."""
    cdef uint8_t *grown
    if bytes == 0:
        free(connection.rest)
        connection.rest = NULL
        connection.rest_bytes = connection.rest_capacity = 0
        connection.rest_since_us = 0
        return 0
    if bytes > connection.rest_capacity:
        grown = <uint8_t *> realloc(connection.rest, bytes)
        if grown == NULL:
            return -1
        connection.rest = grown
        connection.rest_capacity = <uint32_t> bytes
    memmove(connection.rest, data, bytes)
    connection.rest_bytes = <uint32_t> bytes
    if connection.rest_since_us == 0:
        connection.rest_since_us = now_us
    return 0


cdef void connection_greet(Connections *connections, int32_t place,
                           int64_t now_us) noexcept nogil:
    """A connection begins with a handshake, which may take as long as a frame."""
    connections.all[place].channel.greeting = 1
    connections.all[place].rest_since_us = now_us
    watch(connections, place, EPOLL_CTL_MOD)


cdef void connection_greeted(Connections *connections, int32_t place,
                             int64_t now_us) noexcept nogil:
    """Its handshake is done; the first messages may have come with the last of it."""
    connections.all[place].rest_since_us = 0
    connections.all[place].heard_us = now_us
    watch(connections, place, EPOLL_CTL_MOD)
    if channel_holds_more(&connections.all[place].channel):
        due_put(&connections.due, place)


cdef void connection_watch_again(Connections *connections, int32_t place) noexcept nogil:
    """Its channel waits for something else than before."""
    watch(connections, place, EPOLL_CTL_MOD)


cdef ssize_t connection_read(Connections *connections, int32_t place, uint8_t *room,
                             size_t room_bytes, int64_t now_us) noexcept nogil:
    """As `recv`: what a peer has said."""
    cdef Connection *connection = &connections.all[place]
    cdef bint waited = connection.channel.wants_out
    cdef ssize_t got = channel_recv(&connection.channel, connection.fd, room, room_bytes)
    if connection.channel.ssl == NULL:
        return got
    if connection.channel.wants_out != waited:
        watch(connections, place, EPOLL_CTL_MOD)
    if got < 0 and connection.rest_bytes == 0:
        # A record that does not go on is as late as a frame that does not.
        if not tls_is_amid_record(&connection.channel):
            connection.rest_since_us = 0
        elif connection.rest_since_us == 0:
            connection.rest_since_us = now_us
    elif got > 0 and channel_holds_more(&connection.channel):
        due_put(&connections.due, place)
    return got


cdef int connection_flush(Connections *connections, int32_t place) noexcept nogil:
    """Send what may leave, as far as the kernel takes it. 0, or -1 when the peer is gone."""
    cdef Connection *connection = &connections.all[place]
    cdef ssize_t sent
    cdef bint waited = connection.channel.wants_in
    connection.dirty = 0
    while connection.out_sent < connection.out_ready:
        sent = channel_send(&connection.channel, connection.fd,
                            connection.out + connection.out_sent,
                            connection.out_ready - connection.out_sent)
        if sent < 0:
            if errno == EINTR:
                continue
            if errno != EAGAIN:
                return -1
            if connection.channel.wants_in:
                watch(connections, place, EPOLL_CTL_MOD)
            elif not connection.wants_write:
                connection.wants_write = 1
                watch(connections, place, EPOLL_CTL_MOD)
            return 0
        connection.out_sent += <uint32_t> sent
    if connection.wants_write or waited:
        connection.wants_write = 0
        watch(connections, place, EPOLL_CTL_MOD)
    if connection.out_sent == connection.out_bytes:
        connection.out_moved += connection.out_sent
        connection.out_sent = connection.out_ready = connection.out_bytes = 0
        if connection.out_capacity > OUT_FIRST * 16 and not connection.trunk:
            free(connection.out)        # a burst is over: 10,000 links do not keep its room
            connection.out = NULL
            connection.out_capacity = 0
    elif connection.out_sent > connection.out_bytes // 2:
        memmove(connection.out, connection.out + connection.out_sent,
                connection.out_bytes - connection.out_sent)
        connection.out_bytes -= connection.out_sent
        connection.out_ready -= connection.out_sent
        connection.out_moved += connection.out_sent
        connection.out_sent = 0
    return 0


cdef void connection_pause(Connections *connections, int32_t place) noexcept nogil:
    """Stop reading a connection."""
    if not connections.all[place].paused:
        connections.all[place].paused = 1
        watch(connections, place, EPOLL_CTL_MOD)


cdef void connection_unpause(Connections *connections, int32_t place,
                             int64_t now_us) noexcept nogil:
    """Go on reading a connection; an unfinished frame was not late while nobody read it."""
    cdef Connection *connection = &connections.all[place]
    if connection.paused:
        connection.paused = 0
        if connection.rest_since_us:
            connection.rest_since_us = now_us
        watch(connections, place, EPOLL_CTL_MOD)
        if channel_holds_more(&connection.channel):
            due_put(&connections.due, place)
