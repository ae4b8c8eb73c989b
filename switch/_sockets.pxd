"""The kernel's words that the gate needs: epoll, sockets, clocks. Owns nothing."""

from libc.stdint cimport int64_t, uint16_t, uint32_t

cdef extern from "<sys/epoll.h>" nogil:
    cdef enum:
        EPOLLIN
        EPOLLOUT
        EPOLLERR
        EPOLLHUP
        EPOLLRDHUP
        EPOLLET
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
    ctypedef union epoll_data_t:
        unsigned long long u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int events_max, int timeout_ms)

cdef extern from "<sys/eventfd.h>" nogil:
    cdef enum:
        EFD_CLOEXEC
        EFD_NONBLOCK
    int eventfd(unsigned int value, int flags)

cdef extern from "<sys/socket.h>" nogil:
    cdef enum:
        SOCK_NONBLOCK
        SOCK_CLOEXEC
        MSG_DONTWAIT
        MSG_NOSIGNAL
        MSG_PEEK
        SOL_SOCKET
        SO_KEEPALIVE
    cdef struct sockaddr:
        pass
    int accept4(int fd, sockaddr *address, unsigned int *address_bytes, int flags)
    ssize_t recv(int fd, void *data, size_t count, int flags)
    ssize_t send(int fd, const void *data, size_t count, int flags)
    int setsockopt(int fd, int level, int name, const void *value, unsigned int value_bytes)

cdef extern from "<netinet/in.h>" nogil:
    cdef enum:
        IPPROTO_TCP
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct sockaddr_in:
        uint16_t sin_port
        in_addr sin_addr
    uint16_t ntohs(uint16_t value)

cdef extern from "<netinet/tcp.h>" nogil:
    cdef enum:
        TCP_NODELAY

cdef extern from "<unistd.h>" nogil:
    int close_fd "close"(int fd)

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    cdef enum:
        CLOCK_MONOTONIC
        CLOCK_REALTIME
    int clock_gettime(int clock, timespec *now)


cdef inline int64_t clock_us() noexcept nogil:
    """Unix time: what the clock on the wall shows, which may jump."""
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t> now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef inline int64_t monotonic_us() noexcept nogil:
    """For how long something took, and what is overdue."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1000000 + now.tv_nsec // 1000
