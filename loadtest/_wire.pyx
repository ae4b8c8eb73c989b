"""Connections of the generator. Owns sockets and their buffers; knows bytes, not messages."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memmove

from switch._sockets cimport (
    EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLLIN, EPOLLOUT, MSG_DONTWAIT, MSG_NOSIGNAL, close_fd,
    epoll_ctl, epoll_event, send)


cdef uint8_t *link_room(Link *link, size_t bytes) noexcept nogil:
    """Room for `bytes` more behind what waits to be sent; NULL: memory is out."""
    cdef size_t room = link.out_room if link.out_room else 512
    cdef uint8_t *grown
    if link.out_bytes + bytes > link.out_room:
        if link.out_from:
            memmove(link.out, link.out + link.out_from, link.out_bytes - link.out_from)
            link.out_bytes -= link.out_from
            link.out_from = 0
        while link.out_bytes + bytes > room:
            room *= 2
        if room != link.out_room:
            grown = <uint8_t *> realloc(link.out, room)
            if grown == NULL:
                return NULL
            link.out = grown
            link.out_room = <uint32_t> room
    return link.out + link.out_bytes


cdef int link_keep_rest(Link *link, const uint8_t *data, size_t bytes) noexcept nogil:
    cdef uint8_t *grown
    if bytes > link.rest_room:
        grown = <uint8_t *> realloc(link.rest, bytes)
        if grown == NULL:
            return -1
        link.rest = grown
        link.rest_room = <uint32_t> bytes
    if bytes:
        memcpy(link.rest, data, bytes)
    link.rest_bytes = <uint32_t> bytes
    return 0


cdef int link_flush(Link *link, int epoll, int32_t index) noexcept nogil:
    """Send what waits, as far as the kernel takes it; -1: the connection is broken."""
    cdef ssize_t sent
    while link.out_from < link.out_bytes:
        sent = send(
            link.fd, link.out + link.out_from, link.out_bytes - link.out_from,
            MSG_DONTWAIT | MSG_NOSIGNAL)
        if sent < 0:
            if errno == EINTR:
                continue
            if errno != EAGAIN:
                return -1
            if not link.wants_write:
                link.wants_write = 1
                watch(epoll, EPOLL_CTL_MOD, link.fd, EPOLLIN | EPOLLOUT, index)
            return 0
        link.out_from += <uint32_t> sent
    link.out_from = 0
    link.out_bytes = 0
    if link.wants_write:
        link.wants_write = 0
        watch(epoll, EPOLL_CTL_MOD, link.fd, EPOLLIN, index)
    return 0


cdef int watch(int epoll, int operation, int fd, uint32_t what, int32_t index) noexcept nogil:
    cdef epoll_event event
    event.events = what
    event.data.u64 = <unsigned long long> index
    return epoll_ctl(epoll, operation, fd, &event)


cdef int link_open(
    Link *link, int epoll, int32_t index, uint32_t address, uint16_t port, uint32_t source
) noexcept nogil:
    """Begin to connect; -1 with errno when that failed at once."""
    link.fd = wire_connect(address, port, source)
    if link.fd < 0:
        return -1
    link.state = LINK_CONNECTING
    return watch(epoll, EPOLL_CTL_ADD, link.fd, EPOLLOUT, index)


cdef int link_opened(Link *link, int epoll, int32_t index) noexcept nogil:
    """Look what became of connecting: 0, or the error's number."""
    cdef int error = wire_error(link.fd)
    if error:
        return error
    link.state = LINK_UP
    link.wants_write = 0
    return 0 if watch(epoll, EPOLL_CTL_MOD, link.fd, EPOLLIN, index) == 0 else errno


cdef void link_shut(Link *link) noexcept nogil:
    """Close the socket and forget what was in its buffers. Safe to call twice."""
    if link.fd >= 0:
        close_fd(link.fd)
    link.fd = -1
    link.state = LINK_DOWN
    link.wants_write = 0
    link.rest_bytes = 0
    link.out_from = 0
    link.out_bytes = 0


cdef void link_free(Link *link) noexcept:
    link_shut(link)
    free(link.rest)
    free(link.out)
