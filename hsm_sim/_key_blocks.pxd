"""The cryptography of TR-31 / X9.143 key blocks: keys in and out without showing a byte.

Owns the derivation of a block's two keys, its encryption and its authenticator. What a header says
and whether it is allowed is `hsm_sim.key_blocks`'s: here it is bytes.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    # Two bytes of length, the longest key, and what may hide how long it is.
    PAYLOAD_BYTES_MAX = 128
    AUTHENTICATOR_BYTES_MAX = 16
    DERIVED_BYTES_MAX = 32

# The key that encrypts a block, or the one that authenticates it.
cdef Key block_key(Key protection, int version, bint authenticates)
# The authenticator, all of its bytes, of a header and a payload (clear in B and D, encrypted in
# A and C).
cdef int authenticate(Key key, int version, bytes header, const uint8_t *payload, int bytes,
                      uint8_t *out) except -1
