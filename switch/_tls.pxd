"""TLS of the gate's connections: a socket that may be encrypted. See `_tls.pyx`."""

from libc.stdint cimport uint8_t

from switch._openssl cimport SSL, SSL_CTX
from switch._sockets cimport MSG_DONTWAIT, MSG_NOSIGNAL, recv, send

cdef struct TlsDoor:            # of a listener
    SSL_CTX *context            # of the next handshake; replaced when certificates are

cdef struct Channel:            # what stands between a connection and its socket
    SSL *ssl                    # NULL = nothing, the connection is plain
    uint8_t greeting            # its handshake is not done: nothing is read or sent
    uint8_t broken              # OpenSSL has given it up
    uint8_t wants_out           # reading (or greeting) waits until the socket takes something
    uint8_t wants_in            # sending waits until the socket has something

cdef enum Greeted:
    GREETED = 0                 # the peer is known, messages may come
    GREETING_WAITS = 1
    GREETING_LEFT = 2           # gone before it said a word
    GREETING_FAILED = 3

cdef int tls_greet(const TlsDoor *door, Channel *channel, int fd,
                   const char **why) noexcept nogil
cdef ssize_t tls_recv(Channel *channel, void *room, size_t room_bytes) noexcept nogil
cdef ssize_t tls_send(Channel *channel, const void *data, size_t data_bytes) noexcept nogil
cdef bint tls_holds_more(const Channel *channel) noexcept nogil
cdef bint tls_is_amid_record(const Channel *channel) noexcept nogil
cdef void tls_end(Channel *channel) noexcept nogil


cdef inline ssize_t channel_recv(Channel *channel, int fd, void *room,
                                 size_t room_bytes) noexcept nogil:
    """As `recv` without waiting. errno is EPROTO when TLS itself is at fault."""
    if channel.ssl == NULL:
        return recv(fd, room, room_bytes, MSG_DONTWAIT)
    return tls_recv(channel, room, room_bytes)


cdef inline ssize_t channel_send(Channel *channel, int fd, const void *data,
                                 size_t data_bytes) noexcept nogil:
    """As `send` without waiting. errno is EPROTO when TLS itself is at fault."""
    if channel.ssl == NULL:
        return send(fd, data, data_bytes, MSG_NOSIGNAL | MSG_DONTWAIT)
    return tls_send(channel, data, data_bytes)


cdef inline bint channel_holds_more(const Channel *channel) noexcept nogil:
    """Whether there is something to read of which the kernel will not tell."""
    return channel.ssl != NULL and tls_holds_more(channel)


cdef class Tls:
    cdef TlsDoor door
    cdef readonly str certificate
    cdef readonly str key
    cdef readonly str client_ca
    cdef readonly tuple names
