"""Connections to HSMs. See `_hsm_links.pxd`."""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdlib cimport free, malloc
from libc.string cimport memmove, memset

from switch._sockets cimport (
    EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLL_CTL_ADD, EPOLL_CTL_MOD, MSG_DONTWAIT, MSG_NOSIGNAL,
    close_fd, epoll_ctl, epoll_event, recv, send,
)
from switch.ledger._rows cimport buffer_clear


cdef void hsm_links_open(HsmLinks *links, int epoll) noexcept nogil:
    """Begin without a link."""
    cdef int number
    memset(links, 0, sizeof(HsmLinks))
    links.epoll = epoll
    for number in range(HSM_LINKS_MAX):
        links.all[number].fd = -1


cdef void hsm_links_clear(HsmLinks *links) noexcept nogil:
    """Close every link."""
    cdef int number
    for number in range(HSM_LINKS_MAX):
        hsm_link_drop(links, number)


cdef int watch(const HsmLinks *links, int number, int operation) noexcept nogil:
    cdef const HsmLink *link = &links.all[number]
    cdef epoll_event event
    event.events = EPOLLIN | EPOLLRDHUP | (EPOLLOUT if link.wants_write else 0)
    event.data.u64 = hsm_mark(number)
    return epoll_ctl(links.epoll, operation, link.fd, &event)


cdef int hsm_link_add(HsmLinks *links, int fd) noexcept nogil:
    """Take a connected socket, which is ours from here on. Its number, or -1 without a place."""
    cdef HsmLink *link
    cdef int number = 0
    while number < HSM_LINKS_MAX and links.all[number].fd >= 0:
        number += 1
    if number == HSM_LINKS_MAX:
        return -1
    link = &links.all[number]
    memset(link, 0, sizeof(HsmLink))
    link.rest = <uint8_t *> malloc(HSM_READ_BYTES + HSM_FRAME_BYTES_MAX + 2)
    link.fd = fd
    if link.rest == NULL or watch(links, number, EPOLL_CTL_ADD) != 0:
        free(link.rest)
        link.fd = -1
        return -1
    return number


cdef void hsm_link_drop(HsmLinks *links, int number) noexcept nogil:
    """Close a link; what it holds may be PIN blocks, so it is overwritten."""
    cdef HsmLink *link = &links.all[number]
    if link.fd < 0:
        return
    close_fd(link.fd)
    memset(link.rest, 0, HSM_READ_BYTES + HSM_FRAME_BYTES_MAX + 2)
    if link.out.data != NULL:
        memset(link.out.data, 0, link.out.capacity)
    free(link.rest)
    buffer_clear(&link.out)
    memset(link, 0, sizeof(HsmLink))
    link.fd = -1


cdef int hsm_link_pick(const HsmLinks *links) noexcept nogil:
    """The link with the least under way, or -1."""
    cdef int number
    cdef int best = -1
    for number in range(HSM_LINKS_MAX):
        if links.all[number].fd >= 0 and (
                best < 0 or links.all[number].in_flight < links.all[best].in_flight):
            best = number
    return best


cdef int hsm_link_flush(HsmLinks *links, int number) noexcept nogil:
    """Send what is written, as far as the kernel takes it. 0, or -1 when the link is of no use."""
    cdef HsmLink *link = &links.all[number]
    cdef ssize_t sent
    cdef bint wanted = link.wants_write
    while link.out_sent < link.out.bytes:
        sent = send(link.fd, link.out.data + link.out_sent, link.out.bytes - link.out_sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT)
        if sent < 0 and errno == EINTR:
            continue
        if sent < 0:
            if errno != EAGAIN or link.out.bytes - link.out_sent > HSM_OUTPUT_BYTES_MAX:
                return -1
            link.wants_write = 1
            return 0 if wanted or watch(links, number, EPOLL_CTL_MOD) == 0 else -1
        link.out_sent += <size_t> sent
    link.out.bytes = link.out_sent = 0
    link.wants_write = 0
    return 0 if not wanted or watch(links, number, EPOLL_CTL_MOD) == 0 else -1


cdef int hsm_link_read(HsmLinks *links, int number) noexcept nogil:
    """Read once behind what is kept. 1 for more bytes, 0 for none now, -1 for the end."""
    cdef HsmLink *link = &links.all[number]
    cdef ssize_t got = recv(link.fd, link.rest + link.rest_bytes, HSM_READ_BYTES, MSG_DONTWAIT)
    if got > 0:
        link.rest_bytes += <size_t> got
        return 1
    return 0 if got < 0 and (errno == EAGAIN or errno == EINTR) else -1


cdef int hsm_link_next(const HsmLink *link, size_t *at, const uint8_t **frame,
                       size_t *bytes) noexcept nogil:
    """Give the frame at `at[0]`, without its length, and move behind it. 1; 0 for no whole frame;
    -1 for a length that cannot be.
    """
    cdef size_t left = link.rest_bytes - at[0]
    if left < 2:
        return 0
    bytes[0] = <size_t> link.rest[at[0]] << 8 | link.rest[at[0] + 1]
    if bytes[0] < HSM_HEADER_BYTES + 4 or bytes[0] > HSM_FRAME_BYTES_MAX:
        return -1
    if left < 2 + bytes[0]:
        return 0
    frame[0] = link.rest + at[0] + 2
    at[0] += 2 + bytes[0]
    return 1


cdef void hsm_link_keep(HsmLink *link, size_t at) noexcept nogil:
    """Keep what stands behind `at` for the next read."""
    memmove(link.rest, link.rest + at, link.rest_bytes - at)
    link.rest_bytes -= at
