"""Encryption that keeps the form: digits stay as many digits (FF1 of NIST SP 800-38G).

Owns the Feistel rounds, the alphabets (the first `radix` of 0-9a-z) and the bounds of a domain.
Half of a text must fit 64 bits: 38 digits, 24 letters of 36; the standard lets us choose.
"""

from libc.stdint cimport uint8_t, uint64_t

from hsm_sim._keys cimport Key

cdef enum:
    ROUNDS = 10
    TWEAK_BYTES_MAX = 64
    LENGTH_MAX = 128                # of radix 2
    DOMAIN_MIN = 1000000            # texts: fewer can be tried one by one

# A run of digits as a number, most significant first, and back.
cdef uint64_t number_of(const uint8_t *digits, int count, int radix) noexcept
cdef void write_number(uint64_t number, uint8_t *digits, int count, int radix) noexcept
# Move `digits` through all rounds, either way.
cdef int rounds(Key key, bytes tweak, uint8_t *digits, int count, int radix,
                bint encrypts) except -1
