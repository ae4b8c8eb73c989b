"""A voucher's PIN: typed at the terminal, encrypted under its data key for the switch (48.VP).

Owns the check for typing errors and the form: vector, then the digits, 80 and zeros to whole
blocks, in CBC. Must not know where the key comes from. The PIN is in no message, file or trace.
"""

import secrets
from typing import Final

from acquirers.terminal.persian import ascii_digits
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_valid

PIN_DIGITS: Final = range(12, 21)
BLOCK_BYTES: Final = 8
END_OF_PIN: Final = b"\x80"


class VoucherPinError(ValueError):
    """What was typed is no voucher's PIN; the text never repeats it."""


def encrypted(key: Key, typed: str) -> str:
    """Give 48.VP for a PIN as it is printed: groups of digits, Persian or not.

    Raises VoucherPinError for a mistyped one, which is found here by its check digit (Damm): then
    nothing is sent.
    """
    digits = ascii_digits(typed.strip()).replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in PIN_DIGITS):
        raise VoucherPinError("a voucher's PIN has 12 to 20 digits")
    if not damm_valid(digits):
        raise VoucherPinError("the PIN was mistyped: look at its digits again")
    clear = digits.encode("ascii") + END_OF_PIN
    clear += bytes(-len(clear) % BLOCK_BYTES)
    vector = secrets.token_bytes(BLOCK_BYTES)
    return (vector + key.encrypt_cbc(vector, clear)).hex().upper()
