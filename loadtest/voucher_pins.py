"""The PINs of vouchers: which PIN one has, encrypted as terminals send it.

Owns the rule that makes a PIN of a voucher's place, and the form of what is sent (docs/pos-
interface.md, section 16). Must not know messages, nor which host.
"""

import hashlib

from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit
from loadtest.target import CardGroup, VoucherPins

BLOCK_BYTES = 8
END_OF_PIN = b"\x80"


def voucher_pin_of(rule: VoucherPins, place: int) -> bytes:
    """Give the PIN of a voucher; its last digit is a check digit (Damm)."""
    digest = hashlib.sha256(f"{rule.seed} {place}".encode()).digest()
    body = f"{int.from_bytes(digest) % 10 ** (rule.digits - 1):0{rule.digits - 1}}"
    return (body + damm_digit(body)).encode("ascii")


def encrypted_pins(group: CardGroup, rule: VoucherPins, key: Key) -> bytes:
    """Give the PIN of each voucher of a group in turn, encrypted, as upper-case hex digits.

    Each has a vector of its own, which is made of its place: a run can be had once more.
    """
    pins = []
    for place in range(group.first - rule.first, group.first - rule.first + group.count):
        clear = voucher_pin_of(rule, place) + END_OF_PIN
        clear += bytes(-len(clear) % BLOCK_BYTES)
        vector = hashlib.sha256(f"vector {rule.seed} {place}".encode()).digest()[:BLOCK_BYTES]
        pins.append(vector + key.encrypt_cbc(vector, clear))
    return b"".join(pins).hex().upper().encode("ascii")


def encrypted_characters(digits: int) -> int:
    """Give how long a PIN of so many digits is when it is sent."""
    blocks = 1 + (digits + len(END_OF_PIN) + BLOCK_BYTES - 1) // BLOCK_BYTES
    return 2 * BLOCK_BYTES * blocks
