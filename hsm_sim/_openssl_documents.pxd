"""What of libcrypto sealing, enveloping and signing use. Declarations only."""

from libc.stdint cimport uint8_t

from hsm_sim._openssl cimport ENGINE, EVP_CIPHER, EVP_CIPHER_CTX, EVP_MD

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_MD_CTX:
        pass
    ctypedef struct EVP_PKEY:
        pass
    ctypedef struct EVP_PKEY_CTX:
        pass
    const EVP_CIPHER *EVP_aes_256_gcm()
    const EVP_CIPHER *EVP_aes_256_cbc()
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX *context, int kind, int number, void *start)
    int EVP_CipherFinal_ex(EVP_CIPHER_CTX *context, unsigned char *out, int *out_bytes)
    int EVP_CTRL_GCM_GET_TAG
    int EVP_CTRL_GCM_SET_TAG
    EVP_MD_CTX *EVP_MD_CTX_new()
    void EVP_MD_CTX_free(EVP_MD_CTX *context)
    int EVP_DigestSignInit(EVP_MD_CTX *context, EVP_PKEY_CTX **key_context, const EVP_MD *digest,
                           ENGINE *engine, EVP_PKEY *key)
    int EVP_DigestSign(EVP_MD_CTX *context, unsigned char *out, size_t *out_bytes,
                       const unsigned char *data, size_t data_bytes)
    void EVP_PKEY_free(EVP_PKEY *key)

cdef extern from "openssl/ec.h" nogil:
    EVP_PKEY *EVP_EC_gen(const char *curve)

cdef extern from "openssl/x509.h" nogil:
    ctypedef struct X509:
        pass
    X509 *d2i_X509(X509 **room, const unsigned char **data, long data_bytes)
    void X509_free(X509 *certificate)
    int i2d_PrivateKey(EVP_PKEY *key, unsigned char **out)
    EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **room, const unsigned char **data, long data_bytes)
    int i2d_PUBKEY(EVP_PKEY *key, unsigned char **out)

cdef extern from "openssl/bio.h" nogil:
    ctypedef struct BIO:
        pass
    BIO *BIO_new_mem_buf(const void *start, int bytes)
    int BIO_free(BIO *stream)

cdef extern from "openssl/cms.h" nogil:
    ctypedef struct CMS_ContentInfo:
        pass
    ctypedef struct Certificates "STACK_OF(X509)":
        pass
    unsigned int CMS_BINARY
    CMS_ContentInfo *CMS_encrypt(Certificates *recipients, BIO *data, const EVP_CIPHER *cipher,
                                 unsigned int flags)
    void CMS_ContentInfo_free(CMS_ContentInfo *content)
    int i2d_CMS_ContentInfo(CMS_ContentInfo *content, unsigned char **out)
    Certificates *sk_X509_new_null()
    int sk_X509_push(Certificates *stack, X509 *certificate)
    void sk_X509_free(Certificates *stack)

cdef extern from "openssl/crypto.h" nogil:
    void OPENSSL_free(void *start)
    void OPENSSL_clear_free(void *start, size_t bytes)

cdef extern from "openssl/err.h" nogil:
    void ERR_clear_error()
