"""TLS of the gate's connections: handshakes, records, and who a peer is allowed to be.

Owns everything of OpenSSL: a context for each listener (`Tls`), an `SSL` for each connection whose
handshake has begun. To the gate a connection is a socket still: `channel_recv` and `channel_send`
give and take bytes with `recv`'s and `send`'s answers, errno included. Must not know what the bytes
mean, nor whose connection it is.

Theory of operation. OpenSSL reads the socket itself, more than one record at a time (read-ahead:
one system call instead of two a record), so it may hold what the kernel no longer tells of:
`tls_holds_more`. A read goes on until the room is full, so that many small records are served as
one read of a plain connection is. No interpreter is involved, and no thread: sockets do not block.
Python sets SIGPIPE to be ignored, on which OpenSSL's plain `write` relies.

What a peer must show: a certificate for TLS clients that leads to one in `client_ca`, and, with
`names`, one of them as its subject's CN or as a DNS name (RFC 6125 without wildcards). There are no
session tickets: whoever comes back shows its certificate again. No revocation lists are read; a
certificate that must not be let in any more is kept out by another `client_ca` or other `names`.
"""

from libc cimport errno
from libc.errno cimport EAGAIN, EPROTO

cimport cython

from switch._openssl cimport (
    ERR_GET_REASON, ERR_clear_error, ERR_peek_error, ERR_reason_error_string, SSL_CTX_free,
    SSL_CTX_get0_param, SSL_CTX_load_verify_file, SSL_CTX_new, SSL_CTX_set_cipher_list,
    SSL_CTX_set_client_CA_list, SSL_CTX_set_default_passwd_cb, SSL_CTX_set_max_cert_list,
    SSL_CTX_set_min_proto_version, SSL_CTX_set_mode, SSL_CTX_set_num_tickets, SSL_CTX_set_options,
    SSL_CTX_set_read_ahead, SSL_CTX_set_security_level, SSL_CTX_set_session_cache_mode,
    SSL_CTX_set_verify, SSL_CTX_set_verify_depth, SSL_CTX_use_PrivateKey_file,
    SSL_CTX_use_certificate_chain_file, SSL_ERROR_SSL, SSL_ERROR_SYSCALL, SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_FILETYPE_PEM,
    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_MODE_NO_AUTO_CHAIN,
    SSL_MODE_RELEASE_BUFFERS, SSL_OP_CIPHER_SERVER_PREFERENCE, SSL_OP_IGNORE_UNEXPECTED_EOF,
    SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET, SSL_RECEIVED_SHUTDOWN,
    SSL_R_HTTP_REQUEST, SSL_R_NO_SHARED_CIPHER, SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
    SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_WRONG_VERSION_NUMBER,
    SSL_SESS_CACHE_OFF, SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_PEER, SSL_do_handshake,
    SSL_free, SSL_get_error, SSL_get_shutdown, SSL_get_verify_result, SSL_has_pending,
    SSL_load_client_CA_file, SSL_new, SSL_read, SSL_rstate_string, SSL_set_accept_state, SSL_set_fd,
    SSL_shutdown, SSL_write, TLS1_2_VERSION, TLS_server_method,
    X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT, X509_CHECK_FLAG_NO_WILDCARDS, X509_NAMES,
    X509_VERIFY_PARAM, X509_VERIFY_PARAM_add1_host, X509_VERIFY_PARAM_set_hostflags,
    X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID,
    X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_HOSTNAME_MISMATCH,
    X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    X509_V_OK,
)
from switch._sockets cimport MSG_PEEK
from switch.errors import OperatingError

cdef enum:
    CLIENT_CHAIN_BYTES_MAX = 32768  # ten certificates: OpenSSL's own 100 KB each add up
    CLIENT_CHAIN_DEPTH_MAX = 4
    SECURITY_LEVEL = 2              # 112 bits: RSA and DH from 2048, curves from 224, no SHA-1
    ALERT_REASONS_FROM = 1000       # OpenSSL numbers the alerts that a peer sent from here

# Of TLS 1.2, with forward secrecy and authenticated encryption; TLS 1.3 has no others.
cdef const char *CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"


cdef int no_password(char *room, int room_bytes, int encrypts, void *unused) noexcept nogil:
    """An encrypted key is an error; OpenSSL would ask at the terminal."""
    return 0


@cython.final
cdef class Tls:
    """A listener's side of TLS; `reload` reads its files again for the handshakes to come."""

    def __cinit__(self, str certificate not None, str key not None, str client_ca not None,
                  names=()):
        self.certificate = certificate
        self.key = key
        self.client_ca = client_ca
        self.names = tuple(names)
        self.door.context = NULL
        self.reload()

    def __dealloc__(self):
        SSL_CTX_free(self.door.context)

    def reload(self):
        """Read the files again. Raises OperatingError, and then everything stays as it was."""
        cdef SSL_CTX *context
        for path in (self.certificate, self.key, self.client_ca):
            try:
                with open(path, "rb"):
                    pass
            except OSError as error:
                raise OperatingError(f"{path}: {error.strerror}") from error
        context = SSL_CTX_new(TLS_server_method())
        if context == NULL:
            raise MemoryError
        try:
            bound(context)
            read_own(context, self.certificate, self.key)
            read_peers(context, self.client_ca, self.names)
        except OperatingError:
            SSL_CTX_free(context)
            raise
        SSL_CTX_free(self.door.context)     # open connections keep it until they end
        self.door.context = context


cdef int bound(SSL_CTX *context) except -1:
    """Say how this side speaks, whoever comes."""
    ERR_clear_error()
    if SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1:
        raise OperatingError("TLS 1.2 cannot be had")
    SSL_CTX_set_security_level(context, SECURITY_LEVEL)
    if SSL_CTX_set_cipher_list(context, CIPHERS) != 1:
        raise OperatingError("no cipher of TLS 1.2 can be had")
    # A peer that hangs up without a farewell cuts nothing: messages say where they end.
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET
                        | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF)
    SSL_CTX_set_num_tickets(context, 0)
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF)
    # Buffers of 34 KB are freed while a connection is silent.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                     | SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN)
    SSL_CTX_set_read_ahead(context, 1)
    SSL_CTX_set_max_cert_list(context, CLIENT_CHAIN_BYTES_MAX)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL)
    SSL_CTX_set_verify_depth(context, CLIENT_CHAIN_DEPTH_MAX)
    return 0


cdef int read_own(SSL_CTX *context, str certificate, str key) except -1:
    """Read our certificate, with its chain, and its key."""
    SSL_CTX_set_default_passwd_cb(context, &no_password)
    if SSL_CTX_use_certificate_chain_file(context, certificate.encode()) != 1:
        raise_told(certificate, "not a certificate in PEM")
    # It is refused, too, when it is not that certificate's.
    if SSL_CTX_use_PrivateKey_file(context, key.encode(), SSL_FILETYPE_PEM) != 1:
        raise_told(key, "not an unencrypted key in PEM")
    return 0


cdef int read_peers(SSL_CTX *context, str client_ca, tuple names) except -1:
    """Read who may come."""
    cdef X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context)
    cdef X509_NAMES *authorities
    if SSL_CTX_load_verify_file(context, client_ca.encode()) != 1:
        raise_told(client_ca, "not certificates in PEM")
    authorities = SSL_load_client_CA_file(client_ca.encode())
    if authorities == NULL:
        raise_told(client_ca, "not certificates in PEM")
    SSL_CTX_set_client_CA_list(context, authorities)
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT
                                    | X509_CHECK_FLAG_NO_WILDCARDS)
    for name in names:
        encoded = name.encode()
        if X509_VERIFY_PARAM_add1_host(param, encoded, len(encoded)) != 1:
            raise OperatingError(f"{name!r} cannot be a peer's name")
    ERR_clear_error()           # the thread's queue is other users' of OpenSSL, too
    return 0


cdef int raise_told(str path, str otherwise) except -1:
    """Raise what OpenSSL says of a file."""
    cdef const char *told = ERR_reason_error_string(ERR_peek_error())
    text = otherwise if told == NULL else f"{otherwise} ({told.decode()})"
    ERR_clear_error()
    raise OperatingError(f"{path}: {text}")


# --- without the interpreter ----------------------------------------------------------------------


cdef int tls_greet(const TlsDoor *door, Channel *channel, int fd,
                   const char **why) noexcept nogil:
    """Go on with a handshake as far as it goes now: a Greeted; `why` says what failed.

    Nothing is taken for a peer that has not said a word yet.
    """
    cdef char first
    cdef ssize_t peeked
    cdef int returned, error
    if channel.ssl == NULL:
        peeked = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT)
        if peeked <= 0:
            return GREETING_WAITS if peeked < 0 and errno.errno == EAGAIN else GREETING_LEFT
        channel.ssl = SSL_new(door.context)
        if channel.ssl == NULL or SSL_set_fd(channel.ssl, fd) != 1:
            ERR_clear_error()
            why[0] = b"tls_no_memory"
            return GREETING_FAILED
        SSL_set_accept_state(channel.ssl)
    ERR_clear_error()
    channel.wants_out = 0
    returned = SSL_do_handshake(channel.ssl)
    if returned == 1:
        channel.greeting = 0
        return GREETED
    error = SSL_get_error(channel.ssl, returned)
    if error == SSL_ERROR_WANT_READ or error == SSL_ERROR_WANT_WRITE:
        channel.wants_out = error == SSL_ERROR_WANT_WRITE
        return GREETING_WAITS
    why[0] = greeting_fault(channel, error)
    channel.broken = 1
    ERR_clear_error()
    return GREETING_FAILED


cdef const char *greeting_fault(const Channel *channel, int error) noexcept nogil:
    """Say why a handshake failed, as its line in the log does."""
    cdef long verified = SSL_get_verify_result(channel.ssl)
    cdef int reason
    if error != SSL_ERROR_SSL:
        return b"tls_cut_short"
    reason = ERR_GET_REASON(ERR_peek_error())
    if verified == X509_V_ERR_HOSTNAME_MISMATCH:
        return b"tls_wrong_name"
    if verified == X509_V_ERR_CERT_HAS_EXPIRED or verified == X509_V_ERR_CERT_NOT_YET_VALID:
        return b"tls_expired"
    if verified in (X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                    X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                    X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE):
        return b"tls_unknown_ca"
    if verified != X509_V_OK:
        return b"tls_bad_certificate"
    if reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return b"tls_no_certificate"
    if reason == SSL_R_UNSUPPORTED_PROTOCOL or reason == SSL_R_VERSION_TOO_LOW:
        return b"tls_old_version"
    if reason == SSL_R_NO_SHARED_CIPHER:
        return b"tls_no_shared_cipher"
    if reason == SSL_R_WRONG_VERSION_NUMBER or reason == SSL_R_HTTP_REQUEST:
        return b"tls_not_tls"
    if reason >= ALERT_REASONS_FROM:
        return b"tls_refused_by_peer"
    return b"tls_broken"


cdef ssize_t tls_recv(Channel *channel, void *room, size_t room_bytes) noexcept nogil:
    """Read until the room is full or nothing more is there; see `channel_recv`."""
    cdef size_t got = 0
    cdef int returned
    if channel.broken:
        errno.errno = EPROTO
        return -1
    channel.wants_out = 0
    while got < room_bytes:
        ERR_clear_error()
        returned = SSL_read(channel.ssl, <char *> room + got, <int> (room_bytes - got))
        if returned <= 0:
            if got > 0:
                note_fault(channel, returned)   # the end, or a fault, is the next read's answer
                return <ssize_t> got
            return note_fault(channel, returned)
        got += <size_t> returned
        if not SSL_has_pending(channel.ssl):
            break
    return <ssize_t> got


cdef ssize_t tls_send(Channel *channel, const void *data, size_t data_bytes) noexcept nogil:
    """Send a record, of the first bytes at least; see `channel_send`.

    After EAGAIN the caller comes back with the same bytes, and perhaps more behind them.
    """
    cdef int returned
    if channel.broken:
        errno.errno = EPROTO
        return -1
    channel.wants_in = 0
    ERR_clear_error()
    returned = SSL_write(channel.ssl, data, <int> data_bytes)
    if returned > 0:
        return returned
    if SSL_get_error(channel.ssl, returned) == SSL_ERROR_WANT_READ:
        channel.wants_in = 1
        errno.errno = EAGAIN
        return -1
    if note_fault(channel, returned) == 0:
        errno.errno = EPROTO
    channel.wants_out = 0                       # the caller watches for that itself
    return -1


cdef int note_fault(Channel *channel, int returned) noexcept nogil:
    """Say what OpenSSL could not do as a system call would: 0 at the end, -1 with errno."""
    cdef int system = errno.errno
    cdef int error = SSL_get_error(channel.ssl, returned)
    if error == SSL_ERROR_WANT_READ or error == SSL_ERROR_WANT_WRITE:
        channel.wants_out = error == SSL_ERROR_WANT_WRITE
        errno.errno = EAGAIN
        return -1
    if error == SSL_ERROR_ZERO_RETURN:
        return 0
    channel.broken = 1
    ERR_clear_error()
    errno.errno = system if error == SSL_ERROR_SYSCALL and system != 0 else EPROTO
    return -1


cdef bint tls_holds_more(const Channel *channel) noexcept nogil:
    """Whether a read now would tell something: bytes, that some are late, the end, a fault."""
    return (tls_is_amid_record(channel) or channel.broken
            or SSL_get_shutdown(channel.ssl) & SSL_RECEIVED_SHUTDOWN)


cdef bint tls_is_amid_record(const Channel *channel) noexcept nogil:
    """Whether a part of a record has come, and its rest has not."""
    # "RH" while a header is awaited, "RB" a body.
    return SSL_has_pending(channel.ssl) or SSL_rstate_string(channel.ssl)[1] == b"B"


cdef void tls_end(Channel *channel) noexcept nogil:
    """Say farewell, if that can still be said, and free everything."""
    if channel.ssl == NULL:
        return
    if not channel.broken and not channel.greeting:
        SSL_shutdown(channel.ssl)               # queued in the socket, or not said
    ERR_clear_error()
    SSL_free(channel.ssl)
    channel.ssl = NULL
