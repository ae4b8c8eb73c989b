"""DUKPT: a terminal's key for one transaction, from a base key and the key serial number (KSN).

Owns the derivations of ANSI X9.24-1:2009 (TDES) and X9.24-3:2017 (AES); knows no command. The HSM
starts at the base derivation key, a terminal at its initial key: `initial` says which one is given.
Wrong serial numbers, and counters a terminal must not use, are ValueError.

Both walks go from the initial key along the counter's one bits, highest first; a step's result
can't be turned back. Limiting the ones bounds the walk, and retires a terminal after a million
transactions (TDES: at most 10 of 21 bits) or two thousand million (AES: 16 of 32).
"""

from libc.stdint cimport uint8_t, uint32_t

from hsm_sim._keys cimport Key
from hsm_sim._openssl cimport EVP_CIPHER_CTX

cdef enum:
    TDES_KSN_BYTES = 10
    TDES_COUNTER_MASK = 0x1fffff
    TDES_ONES_MAX = 10
    AES_KSN_BYTES = 12
    AES_ID_BYTES = 8
    AES_ONES_MAX = 16
    # Key usages of the derivation data. Source: X9.24-3 as in openemv/dukpt.
    DERIVATION = 0x8000
    DERIVATION_INITIAL = 0x8001

cdef Key tdes_initial(Key bdk, const uint8_t *ksn)
cdef int tdes_walk(Key initial, const uint8_t *ksn, uint8_t *room) except -1
cdef int aes_derive(EVP_CIPHER_CTX *context, const uint8_t *key, uint32_t usage, uint32_t algorithm,
                    int length, const uint8_t *id_or_counter, uint8_t *out) except -1
cdef int aes_walk(Key initial, const uint8_t *ksn, uint8_t *room) except -1
