"""Card verification values: CVV, CVC, and iCVV with the service code 999.

Owns the calculation and its decimalisation. Knows no command; which expiry and service code are
meant is the caller's.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    CVV_DIGITS_MAX = 16

# Write the nibbles of 8 bytes as 16 digits: first those that are digits, then letters less ten.
cdef int decimalise(const uint8_t *block, char *digits) noexcept
