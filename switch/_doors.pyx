"""Listening sockets of the gate. See `_doors.pxd`. Must not know what is done with a connection."""

from libc.errno cimport EMFILE, ENFILE, ENOBUFS, ENOMEM, errno

from switch._sockets cimport (
    EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, IPPROTO_TCP, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET,
    SO_KEEPALIVE, TCP_NODELAY, accept4, epoll_ctl, epoll_event, ntohs, setsockopt, sockaddr,
    sockaddr_in,
)


cdef int door_watch(int epoll, const Listener *listener, int number) noexcept nogil:
    """Have the kernel wake us for new connections. 0, or -1 with errno."""
    cdef epoll_event event
    event.events = EPOLLIN
    event.data.u64 = 1ULL << 63 | <unsigned long long> number
    return epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event)


cdef void door_leave(int epoll, const Listener *listener) noexcept nogil:
    """Be woken no more; what waits there waits in the backlog."""
    cdef epoll_event event
    epoll_ctl(epoll, EPOLL_CTL_DEL, listener.fd, &event)


cdef int door_next(int epoll, Listener *listener, Caller *caller) noexcept nogil:
    """Take a connection. 1, 0 when none waits, -1 when descriptors or memory ran out."""
    cdef sockaddr_in address
    cdef unsigned int address_bytes = sizeof(sockaddr_in)
    cdef int yes = 1
    caller.fd = accept4(listener.fd, <sockaddr *> &address, &address_bytes,
                        SOCK_NONBLOCK | SOCK_CLOEXEC)
    if caller.fd < 0 and errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
        # They wait in the backlog, which would wake us all the time: look away for a while.
        listener.resting = 1
        door_leave(epoll, listener)
        return -1
    if caller.fd < 0:
        return 0
    setsockopt(caller.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(int))
    setsockopt(caller.fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(int))
    caller.address = address.sin_addr.s_addr
    caller.port = ntohs(address.sin_port)
    return 1


cdef int door_share(const Listener *listeners, int number) noexcept nogil:
    """Give a listener's share of the room: that of another with the same acquirer, or its own."""
    cdef int other
    for other in range(number):
        if listeners[other].profile.acquirer == listeners[number].profile.acquirer:
            return listeners[other].share
    return number
