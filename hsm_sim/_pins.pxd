"""PINs in C memory, and the PIN blocks of ISO 9564 that carry them.

Owns `Pin` and both directions of every format. A PIN block that is opened becomes a `Pin`, a `Pin`
that is sealed becomes a block; the clear block is on the C stack between, and overwritten. Nothing
here knows a command, an LMK or a format's code on the wire.

The clear block of formats 0 to 3 and PLUS, in nibbles: control, length, PIN, filler. Formats 0, 3
and PLUS are XORed with twelve digits of the account.

    ISO-0    0 L PIN F..   account: 12 rightmost without check digit
    ISO-1    1 L PIN any   no account
    ISO-2    2 L PIN F..   no account; for chip cards, never for the network
    ISO-3    3 L PIN A-F   as ISO-0, filler random
    ISO-4    4 L PIN A.. | 8 random bytes; encrypted, XORed with the account, encrypted again (AES)
    DOCUTEL  L, six digits (PIN, then zeros), nine digits of the sender's choice
    DIEBOLD  PIN F..
    PLUS     as ISO-0 with the 12 leftmost digits

Source: ISO 9564-1 as in openemv/pinblock and psec; thalessimulatorlibrary (Docutel, Diebold), jPOS
(PLUS).
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key

cdef enum:
    PIN_DIGITS_MIN = 4
    PIN_DIGITS_MAX = 12
    DOCUTEL_DIGITS_MAX = 6
    ACCOUNT_DIGITS = 12             # the rightmost without the check digit, as commands carry them
    PAN_DIGITS_MAX = 19

cdef enum Format:
    ISO_0 = 0
    ISO_1 = 1
    ISO_2 = 2
    ISO_3 = 3
    ISO_4 = 4
    DOCUTEL = 5
    DIEBOLD = 6
    PLUS = 7

cdef struct Account:
    uint8_t digits[19]              # values, not characters
    int count                       # 12: no check digit among them; more: a whole PAN

cdef class Pin:
    cdef uint8_t digits[12]         # values; zeros behind the last
    cdef readonly int length

cdef Pin pin_of(const uint8_t *digits, int length)
cdef int read_account(Account *account, bytes text) except -1
# Where the 12 digits of formats 0 and 3 begin.
cdef int account_start(const Account *account) noexcept
# Draw `count` values below `limit`, each as likely as the others.
cdef int random_below(uint8_t *out, int count, int limit) except -1
