"""Authenticated encryption of what only this HSM may open again: AES-256-GCM.

    sealed    vector 12 B | ciphertext | tag 16 B

What is sealed is bound to a text (which batch, which voucher): it opens only with the same one.
Owns the form; what is inside, and under which key, is its callers'.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    VECTOR_BYTES = 12
    TAG_BYTES = 16
    SEAL_BYTES = 28                         # what sealing adds

# Write `bytes` + SEAL_BYTES bytes at `out`.
cdef int seal(Key key, bytes bound, const uint8_t *data, int bytes, uint8_t *out) except -1
# Write `bytes` - SEAL_BYTES bytes at `out`, which the caller overwrites afterwards; gives how many.
# Refused: 14 for what was not sealed so. Nothing is left at `out` then.
cdef int unseal(Key key, bytes bound, const uint8_t *data, int bytes, uint8_t *out) except -1
