"""What the commands about messages have in common: data in three forms, and keys for one purpose.

Owns the forms (0 binary, 1 hexadecimal, 2 text), and the choice of a key type by its code. Lengths
count characters as they are on the wire: of hexadecimal, two a byte. Must not know a command.

Source: ut-codec-payshield test/config/test.js, thalessimulatorlibrary's M6 (lengths, forms).
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.key_types import KeyType

BINARY, HEX, TEXT = 0, 1, 2
ANY_TYPE = "FFF"  # the key block says it
BLOCK_BYTES = 8
BLOCK_BYTES_AES = 16
KSN_CHARACTERS = 20
KSN_CHARACTERS_AES = 24

# In the commands for messages the first codes say which field is wrong.
WRONG_MODE = ErrorCode.WARNING  # 02
WRONG_FORMAT = ErrorCode.INPUT_FORMAT  # 03
WRONG_ALGORITHM = ErrorCode.KEY_TYPE  # 04
WRONG_KEY_TYPE = ErrorCode.KEY_LENGTH_FLAG  # 05


class WireKey(NamedTuple):
    """A key as it came, not opened yet."""

    wire: bytes
    kind: KeyType

    @property
    def is_aes(self) -> bool:
        """Say whether a key block's header names AES; without a block, keys are TDES."""
        return self.wire[:1] == b"S" and self.wire[8:9] == b"A"

    @property
    def block_bytes(self) -> int:
        """Bytes of the cipher's block."""
        return BLOCK_BYTES_AES if self.is_aes else BLOCK_BYTES


def narrowed(
    kind: KeyType, purpose: str, modes: str, usages: tuple[str, ...] | None = None
) -> KeyType:
    """Give a kind of key for one purpose: fewer modes of use, fewer usages, a name of its own.

    The name keeps opened keys apart: one opened to verify is not found when one generates.
    """
    return msgspec.structs.replace(
        kind, name=f"{kind.name} {purpose}", modes=tuple(modes), usages=usages or kind.usages
    )


def take_choice(fields: Fields, allowed: str, code: ErrorCode) -> int:
    """Take one of these digits; `code` says that it was another."""
    digit = fields.digits(1, code)
    if digit not in allowed:
        raise Refused(code)
    return int(digit)


def take_type(fields: Fields, kinds: Mapping[str, KeyType]) -> tuple[str, KeyType]:
    """Take a key type's code: one of `kinds`, of which the first also stands for FFF."""
    code = fields.text(3)
    kind = next(iter(kinds.values())) if code == ANY_TYPE else kinds.get(code)
    if kind is None:
        raise Refused(WRONG_KEY_TYPE)
    return code, kind


def take_key(fields: Fields, code: str, kind: KeyType, bare: int = 16) -> WireKey:
    """Take the key of a type. FFF is only for key blocks: nothing else says what it is for."""
    wire = fields.key(bare)
    if code == ANY_TYPE and wire[:1] != b"S":
        raise Refused(WRONG_KEY_TYPE)
    return WireKey(wire, kind)


def take_ksn(fields: Fields, bdk: WireKey) -> bytes:
    """Take a KSN's descriptor, which says nothing that we need, and the KSN."""
    fields.hex_number(3)
    return fields.hex(KSN_CHARACTERS_AES if bdk.is_aes else KSN_CHARACTERS)


def take_data(fields: Fields, form: int) -> bytes:
    """Take a length of 4 hexadecimal characters, and so many characters or bytes of data."""
    length = fields.hex_number(4)
    if length > fields.left:
        raise Refused(ErrorCode.DATA_LENGTH)
    if form == HEX:
        if length % 2:
            raise Refused(ErrorCode.DATA_LENGTH)
        return fields.hex(length)
    return fields.take(length)


def written(data: bytes, form: int) -> bytes:
    """Write data behind its length."""
    text = data.hex().upper().encode("ascii") if form == HEX else data
    return b"%04X" % len(text) + text
