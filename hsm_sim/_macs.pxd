"""Message authentication: ISO 9797-1 algorithms 1 and 3, CMAC, HMAC, check values.

Owns paddings and chains; knows no message and no command. Every function computes with the key
where it is and gives only its result.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    DIGEST_BYTES_MAX = 64

# CMAC of the key's cipher over `data`; writes one block (16 bytes of AES, 8 of TDES).
cdef int cmac_into(Key key, const uint8_t *chain, const uint8_t *data, Py_ssize_t bytes,
                   uint8_t *out) except -1
# HMAC; `digest_bytes` is 20 (SHA-1), 32 (SHA-256) or 64 (SHA-512), and so many are written.
cdef int hmac_into(Key key, int digest_bytes, const uint8_t *data, Py_ssize_t bytes,
                   uint8_t *out) except -1
# Algorithm 3 over whole blocks: a chain under the first third, the last block under the whole key.
cdef int retail_into(Key key, const uint8_t *chain, const uint8_t *data, Py_ssize_t bytes,
                     uint8_t *out) except -1
