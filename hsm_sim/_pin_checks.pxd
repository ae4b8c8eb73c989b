"""What a PIN is verified against: Visa's PVV, IBM's natural PIN and offset.

Owns both computations and their comparisons, in C memory. A PVV and an offset are public (they are
on the card or in the host's database); the PIN and what the key makes of the account are not.

Visa PVV: encrypt 11 account digits, the key's index and four PIN digits; of the result the first
four decimal digits, then letters less ten. IBM 3624: encrypt validation data, replace every digit
of the result by the decimalisation table: the natural PIN. PIN = natural PIN + offset, digit by
digit modulo ten.

Source: psec (pin.py) and published commands, see tests/data/hsm.json.
"""

from libc.stdint cimport uint8_t

from hsm_sim._keys cimport Key
from hsm_sim._pins cimport Account, Pin

cdef enum:
    PVV_DIGITS = 4
    PVV_ACCOUNT_DIGITS = 11
    NATURAL_DIGITS = 16

cdef int compute_pvv(uint8_t *out, Key pvk, Pin pin, const Account *account, int index) except -1
cdef int compute_natural(uint8_t *out, Key pvk, bytes validation, bytes table) except -1
