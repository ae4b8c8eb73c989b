"""Listening sockets of the gate: watching them, and taking what waits at them."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from switch._frames cimport FrameForm
from switch._mapping cimport Profile
from switch._tls cimport TlsDoor

cdef enum:
    LISTENERS_MAX = 16          # for requesters

cdef struct Listener:
    int fd
    FrameForm form
    const Profile *profile
    const TlsDoor *tls          # NULL = its connections are plain
    int share                   # of the room: its acquirer's (`_pressure`)
    int32_t reply_seconds       # for so long its requesters wait
    uint8_t resting             # not watched: descriptors or memory ran out
    char name[32]

cdef struct Caller:             # a connection that was taken, and from where
    int fd
    uint32_t address            # IPv4, network order
    uint16_t port


cdef inline bint mark_is_door(unsigned long long mark) noexcept nogil:
    """Tell an epoll mark of a listener, its number in the last byte, from a connection's."""
    return mark >> 63


cdef int door_watch(int epoll, const Listener *listener, int number) noexcept nogil
cdef void door_leave(int epoll, const Listener *listener) noexcept nogil
cdef int door_next(int epoll, Listener *listener, Caller *caller) noexcept nogil
cdef int door_share(const Listener *listeners, int number) noexcept nogil
