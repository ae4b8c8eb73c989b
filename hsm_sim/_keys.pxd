"""A key: its secret bytes and its ciphers, which nobody outside the HSM sees.

Every other module of the HSM computes with `Key.encrypt` and `Key.decrypt`, block by block. The
bytes are in C memory, overwritten when the key is forgotten, and never a Python object. A key
belongs to one thread.
"""

from libc.stdint cimport uint8_t

from hsm_sim._openssl cimport EVP_CIPHER_CTX

cdef enum:
    KEY_BYTES_MAX = 32
    BLOCK_BYTES_MAX = 16

cdef enum Algorithm:
    TDES = 0                # keys of 8 (single DES), 16 or 24 bytes, blocks of 8
    AES = 1                 # keys of 16, 24 or 32 bytes, blocks of 16
    HMAC = 2                # keys for a digest: any length up to 32, no blocks

cdef class Key:
    cdef uint8_t secret[32]
    cdef readonly int length                # bytes of `secret`
    cdef readonly int algorithm
    cdef EVP_CIPHER_CTX *encrypting         # made when first needed
    cdef EVP_CIPHER_CTX *decrypting
    cdef Key first                          # made when first needed
    cdef EVP_CIPHER_CTX *context(self, bint encrypts) except NULL
    cdef int block_bytes(self) noexcept
    # The first part of a TDES key of two or three, kept: every MAC of algorithm 3 takes it.
    cdef Key first_part(self)
    cdef int update(self, bint encrypts, const uint8_t *data, uint8_t *out, int bytes) except -1
    # ECB over whole blocks; `data` and `out` may be the same.
    cdef int encrypt(self, const uint8_t *data, uint8_t *out, int bytes) except -1
    cdef int decrypt(self, const uint8_t *data, uint8_t *out, int bytes) except -1
    # CBC; `chain` is the vector before and the last block after.
    cdef int encrypt_chained(self, uint8_t *chain, const uint8_t *data, uint8_t *out,
                             int bytes) except -1
    cdef int decrypt_chained(self, uint8_t *chain, const uint8_t *data, uint8_t *out,
                             int bytes) except -1

# A key of `length` bytes at `secret`, which the caller overwrites afterwards.
cdef Key key_of(int algorithm, const uint8_t *secret, int length)
