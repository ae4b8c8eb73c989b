"""What of libssl and libcrypto the gate uses. Declarations only; OpenSSL 3.0 or newer."""

cdef extern from "openssl/types.h" nogil:
    ctypedef struct SSL:
        pass
    ctypedef struct SSL_CTX:
        pass
    ctypedef struct SSL_METHOD:
        pass
    ctypedef struct X509_VERIFY_PARAM:
        pass

cdef extern from "openssl/ssl.h" nogil:
    ctypedef struct X509_NAMES "STACK_OF(X509_NAME)":
        pass
    ctypedef int (*pem_password_cb)(char *room, int room_bytes, int encrypts, void *) noexcept nogil
    cdef enum:
        SSL_ERROR_SSL
        SSL_ERROR_SYSCALL
        SSL_ERROR_WANT_READ
        SSL_ERROR_WANT_WRITE
        SSL_ERROR_ZERO_RETURN
        SSL_FILETYPE_PEM
        SSL_RECEIVED_SHUTDOWN
        SSL_SESS_CACHE_OFF
        SSL_VERIFY_PEER
        SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        TLS1_2_VERSION
    long SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    long SSL_MODE_RELEASE_BUFFERS, SSL_MODE_NO_AUTO_CHAIN
    unsigned long long SSL_OP_CIPHER_SERVER_PREFERENCE, SSL_OP_IGNORE_UNEXPECTED_EOF
    unsigned long long SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET
    const SSL_METHOD *TLS_server_method()
    SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
    void SSL_CTX_free(SSL_CTX *context)
    int SSL_CTX_set_min_proto_version(SSL_CTX *context, int version)
    void SSL_CTX_set_security_level(SSL_CTX *context, int level)
    int SSL_CTX_set_cipher_list(SSL_CTX *context, const char *names)
    unsigned long long SSL_CTX_set_options(SSL_CTX *context, unsigned long long options)
    long SSL_CTX_set_mode(SSL_CTX *context, long mode)
    long SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode)
    int SSL_CTX_set_num_tickets(SSL_CTX *context, size_t count)
    void SSL_CTX_set_read_ahead(SSL_CTX *context, int on)
    long SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes)
    void SSL_CTX_set_verify(SSL_CTX *context, int mode, void *callback)
    void SSL_CTX_set_verify_depth(SSL_CTX *context, int depth)
    X509_VERIFY_PARAM *SSL_CTX_get0_param(SSL_CTX *context)
    void SSL_CTX_set_default_passwd_cb(SSL_CTX *context, pem_password_cb callback)
    int SSL_CTX_use_certificate_chain_file(SSL_CTX *context, const char *path)
    int SSL_CTX_use_PrivateKey_file(SSL_CTX *context, const char *path, int kind)
    int SSL_CTX_load_verify_file(SSL_CTX *context, const char *path)
    X509_NAMES *SSL_load_client_CA_file(const char *path)
    void SSL_CTX_set_client_CA_list(SSL_CTX *context, X509_NAMES *names)
    SSL *SSL_new(SSL_CTX *context)
    void SSL_free(SSL *ssl)
    int SSL_set_fd(SSL *ssl, int fd)
    void SSL_set_accept_state(SSL *ssl)
    int SSL_do_handshake(SSL *ssl)
    int SSL_read(SSL *ssl, void *room, int room_bytes)
    int SSL_write(SSL *ssl, const void *data, int data_bytes)
    int SSL_shutdown(SSL *ssl)
    int SSL_get_shutdown(const SSL *ssl)
    int SSL_has_pending(const SSL *ssl)
    const char *SSL_rstate_string(const SSL *ssl)
    int SSL_get_error(const SSL *ssl, int returned)
    long SSL_get_verify_result(const SSL *ssl)

cdef extern from "openssl/sslerr.h" nogil:
    cdef enum:
        SSL_R_HTTP_REQUEST
        SSL_R_NO_SHARED_CIPHER
        SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE
        SSL_R_UNSUPPORTED_PROTOCOL
        SSL_R_VERSION_TOO_LOW
        SSL_R_WRONG_VERSION_NUMBER

cdef extern from "openssl/err.h" nogil:
    unsigned long ERR_peek_error()
    void ERR_clear_error()
    int ERR_GET_REASON(unsigned long error)
    const char *ERR_reason_error_string(unsigned long error)

cdef extern from "openssl/x509_vfy.h" nogil:
    cdef enum:
        X509_V_OK
        X509_V_ERR_CERT_HAS_EXPIRED
        X509_V_ERR_CERT_NOT_YET_VALID
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        X509_V_ERR_HOSTNAME_MISMATCH
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
    void X509_VERIFY_PARAM_set_hostflags(X509_VERIFY_PARAM *param, unsigned int flags)
    int X509_VERIFY_PARAM_add1_host(X509_VERIFY_PARAM *param, const char *name, size_t name_bytes)

cdef extern from "openssl/x509v3.h" nogil:
    cdef enum:
        X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT
        X509_CHECK_FLAG_NO_WILDCARDS
