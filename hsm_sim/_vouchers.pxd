"""Voucher PINs: made, sealed and digested in C memory, which is overwritten.

Owns a PIN's form: 12 to 20 digits, all random but the last, which is Damm's check digit of the
others (it catches each wrong digit and each swap of neighbours, so that a slip of the finger is no
guess). And its digest, the only trace of a PIN that a database may keep:

    HMAC-SHA-256(digest key, length of the label 1 B | label | PIN)

A plain hash would be worth nothing: all PINs of 16 digits are tried in a day. The label is the
product's or the batch's: the same PIN of another has another digest. Which keys, which batch and
who may ask is its callers'.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    PIN_DIGITS_MIN = 12
    PIN_DIGITS_MAX = 20
    LABEL_BYTES_MAX = 32
    DIGEST_BYTES = 32
    CRYPTOGRAM_BYTES_MAX = 32               # 20 digits and their padding

# Digits with a check digit that fits. Refused: 24 for their number, 20 for others.
cdef int check_pin(const uint8_t *pin, Py_ssize_t digits) except -1
cdef int draw_pin(uint8_t *pin, int digits) except -1
cdef bytes digest_of(Key key, bytes label, const uint8_t *pin, int digits)
