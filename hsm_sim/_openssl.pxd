"""What of libcrypto the HSM uses. Declarations only."""

from libc.stdint cimport uint8_t

cdef extern from "openssl/evp.h" nogil:
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_MD:
        pass
    ctypedef struct ENGINE:
        pass
    enum:
        EVP_MAX_MD_SIZE
    const EVP_CIPHER *EVP_des_ede3_ecb()
    const EVP_CIPHER *EVP_aes_128_ecb()
    const EVP_CIPHER *EVP_aes_192_ecb()
    const EVP_CIPHER *EVP_aes_256_ecb()
    EVP_CIPHER_CTX *EVP_CIPHER_CTX_new()
    void EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *context)
    int EVP_CipherInit_ex(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, ENGINE *engine,
                          const unsigned char *key, const unsigned char *iv, int encrypts)
    int EVP_CIPHER_CTX_set_padding(EVP_CIPHER_CTX *context, int padding)
    int EVP_CipherUpdate(EVP_CIPHER_CTX *context, unsigned char *out, int *out_bytes,
                         const unsigned char *data, int data_bytes)

    const EVP_MD *EVP_sha1()
    const EVP_MD *EVP_sha256()
    const EVP_MD *EVP_sha512()

cdef extern from "openssl/hmac.h" nogil:
    unsigned char *HMAC(const EVP_MD *digest, const void *key, int key_bytes,
                        const unsigned char *data, size_t data_bytes, unsigned char *out,
                        unsigned int *out_bytes)

cdef extern from "openssl/crypto.h" nogil:
    void OPENSSL_cleanse(void *start, size_t bytes)
    int CRYPTO_memcmp(const void *one, const void *other, size_t bytes)

cdef extern from "openssl/rand.h" nogil:
    int RAND_priv_bytes(unsigned char *room, int bytes)
    int RAND_bytes(unsigned char *room, int bytes)
