"""What commands with PINs have in common: how blocks, accounts, keys and methods are on the wire.

Owns the widths that other fields decide, and the steps every verifying command goes through. Must
not know any one command.

A PIN block has 16 hexadecimal characters, under an AES key 32. Its format code comes behind it, so
the key says the width: the algorithm in a key block's header, or the key serial number descriptor.
The code must fit the key (23). Where a format is ISO-4, the account may be a whole PAN, `13-19N ;`,
instead of 12 digits: terminals bind ISO-4 to the PAN, and no open source says how commands carry
it. With 12 digits ISO-4 is bound to those. A PVV and an offset go by the same 12 digits of either.
"""

from typing import NamedTuple

from hsm_sim import _pin_checks as checks
from hsm_sim._dukpt import aes_working_key, tdes_pin_key
from hsm_sim._keys import Key
from hsm_sim._pins import Pin, open_block
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Answer, Hsm
from hsm_sim.key_types import BDK, TPK, ZPK, KeyType
from hsm_sim.lmk_pins import account_digits
from hsm_sim.pin_policy import ISO_0, ISO_4

AES = 1
ACCOUNT_DIGITS = 12
PAN_DIGITS_MIN, PAN_DIGITS_MAX = 13, 19
BLOCK_CHARACTERS, AES_BLOCK_CHARACTERS = 16, 32
PIN_DIGITS_MIN, PIN_DIGITS_MAX = 4, 12
MAXIMUM_PIN_LENGTH = b"12"  # the field has one value
OFFSET_CHARACTERS = 12
ACCOUNT_IN_VALIDATION = 5  # digits that replace the N

# A key block's own usage is P0 for both; FFF leaves it to the block.
KEY_KINDS = {"001": ZPK, "002": TPK, "FFF": ZPK}

# The lengths in a key serial number descriptor, without the counter: 8 + 8 of AES DUKPT, whose
# counter has 8 characters, or up to 15 of TDES, whose counter has 5, filled up to 20 on the left.
AES_SERIAL_CHARACTERS, SERIAL_CHARACTERS_MAX = 16, 15


class Sealed(NamedTuple):
    """A PIN block of a command, and the key it is under, both as they are on the wire."""

    key: bytes
    block: bytes
    block_format: int


def block_characters(key_wire: bytes) -> int:
    """Give the width of a block under this key: its block's header tells the algorithm."""
    aes = key_wire[:1] == b"S" and key_wire[8:9] == b"A"
    return AES_BLOCK_CHARACTERS if aes else BLOCK_CHARACTERS


def take_block(fields: Fields, key_wire: bytes) -> bytes:
    """Take a PIN block."""
    return fields.hex(block_characters(key_wire))


def take_format(hsm: Hsm, fields: Fields) -> int:
    """Take a format code."""
    return hsm.pin_policy.format_of(fields.digits(2, ErrorCode.PIN_BLOCK_FORMAT))


def take_sealed(hsm: Hsm, fields: Fields, key_wire: bytes) -> Sealed:
    """Take a PIN block and its format."""
    block = take_block(fields, key_wire)
    return Sealed(key_wire, block, take_format(hsm, fields))


def take_account(fields: Fields, *formats: int) -> str:
    """Take an account; of ISO-4, it may be a whole PAN."""
    if ISO_4 in formats:
        digits = fields.peek(PAN_DIGITS_MAX + 1).partition(b";")[0]
        if PAN_DIGITS_MIN <= len(digits) <= PAN_DIGITS_MAX and digits.isdigit():
            return fields.digits_until(b";", PAN_DIGITS_MAX)
    return fields.digits(ACCOUNT_DIGITS, ErrorCode.ACCOUNT)


def take_key_kind(fields: Fields) -> KeyType:
    """Take the type of the key that a block is under."""
    kind = KEY_KINDS.get(fields.text(3))
    if kind is None:
        raise Refused(ErrorCode.KEY_TYPE_USE)
    return kind


def pin_of(hsm: Hsm, fields: Fields, kind: KeyType, sealed: Sealed, account: str) -> Pin:
    """Open a command's PIN block."""
    key = hsm.key(fields, sealed.key, kind)
    return open_block(key, sealed.block, sealed.block_format, account.encode("ascii"))


def verified(hsm: Hsm, matched: bool, warning: bool = False) -> bytes | Answer:
    """Count how a verification ended, and say so: 00, 01, or 02 for a warning."""
    hsm.pin_watch.record(matched)
    if not matched:
        return Answer(ErrorCode.VERIFICATION_FAILED, b"")
    return Answer(ErrorCode.WARNING, b"") if warning else b""


# --- the two methods ------------------------------------------------------------------------------


class Ibm(NamedTuple):
    """The fields of IBM 3624, but for the offset."""

    check_length: int
    account: str
    table: bytes
    validation: bytes


def take_check_length(fields: Fields) -> int:
    """Take how many digits a PIN has at least."""
    length = fields.number(2)
    if not PIN_DIGITS_MIN <= length <= PIN_DIGITS_MAX:
        raise Refused(ErrorCode.PIN_LENGTH)
    return length


def take_ibm(hsm: Hsm, fields: Fields, *formats: int) -> Ibm:
    """Take check length, account, decimalisation table and validation data."""
    check_length = take_check_length(fields)
    account = take_account(fields, *formats)
    table = fields.digits(16, ErrorCode.DECIMALISATION_TABLE).encode("ascii")
    if not hsm.pin_policy.weak_decimalisation_tables:
        checks.check_decimalisation_table(table)
    before, mark, behind = fields.text(12).partition("N")
    data = before + account_digits(account)[-ACCOUNT_IN_VALIDATION:] + behind
    if not mark or not set(data) <= set("0123456789ABCDEF"):
        raise Refused(ErrorCode.INPUT_DATA)
    return Ibm(check_length, account, table, bytes.fromhex(data))


def take_offset(fields: Fields, check_length: int) -> bytes:
    """Take an offset: its digits, at least as many as a PIN has, then F."""
    digits = fields.text(OFFSET_CHARACTERS).rstrip("F")
    if len(digits) < check_length or not digits.isdigit():
        raise Refused(ErrorCode.INPUT_DATA)
    return digits.encode("ascii")


def offset_field(digits: bytes) -> bytes:
    """Write an offset."""
    return digits.ljust(OFFSET_CHARACTERS, b"F")


def check_length(pin: Pin, ibm: Ibm) -> None:
    """Refuse (24) a PIN that is shorter than the check length."""
    if pin.length < ibm.check_length:
        raise Refused(ErrorCode.PIN_LENGTH)


def is_pair(pvk: Key) -> bool:
    """Say whether a warning is due: IBM 3624 is of single keys; a longer one works as well."""
    return pvk.length > 8


def take_pvk_pair(fields: Fields) -> bytes:
    """Take the PVK of a PVV: a pair, if without scheme letter two single keys."""
    return fields.key(bare=32)


def second_key(hsm: Hsm, fields: Fields, wire: bytes, kind: KeyType) -> Key:
    """Open the second key of a command. Its wrong parity is 11; 10 is that of the first."""
    try:
        return hsm.key(fields, wire, kind)
    except Refused as refusal:
        if refusal.code is ErrorCode.SOURCE_KEY_PARITY:
            raise Refused(ErrorCode.DESTINATION_KEY_PARITY) from None
        raise


# --- DUKPT ----------------------------------------------------------------------------------------


class Serial(NamedTuple):
    """A key serial number, and whose it is."""

    ksn: bytes
    aes: bool

    @property
    def block_format(self) -> int:
        """The format of commands that carry none."""
        return ISO_4 if self.aes else ISO_0


def take_serial(fields: Fields) -> Serial:
    """Take a descriptor and the key serial number that has its lengths."""
    characters = sum(fields.hex_number(1) for _ in range(3))
    if characters == AES_SERIAL_CHARACTERS:
        return Serial(fields.hex(24), aes=True)
    if characters > SERIAL_CHARACTERS_MAX:
        raise Refused(ErrorCode.INPUT_DATA)
    return Serial(fields.hex(20), aes=False)


def take_dukpt_block(fields: Fields, serial: Serial) -> bytes:
    """Take a block under a terminal's key."""
    return fields.hex(AES_BLOCK_CHARACTERS if serial.aes else BLOCK_CHARACTERS)


def dukpt_pin_key(hsm: Hsm, fields: Fields, bdk_wire: bytes, serial: Serial) -> Key:
    """Derive the PIN key of a transaction. A counter no terminal may use is 15."""
    bdk = hsm.key(fields, bdk_wire, BDK)
    if (bdk.algorithm == AES) != serial.aes:
        raise Refused(ErrorCode.INPUT_DATA)
    try:
        if serial.aes:
            # As strong as the base key, as in the examples of X9.24-3.
            return aes_working_key(bdk, serial.ksn, "pin", AES, bdk.length)
        return tdes_pin_key(bdk, serial.ksn)
    except ValueError:
        raise Refused(ErrorCode.INPUT_DATA) from None
