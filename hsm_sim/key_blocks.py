"""TR-31 / X9.143 key blocks: a key, bound to what it is for.

Owns the header: reading it, writing it, its optional blocks. The cryptography is `_key_blocks`;
which header is right for a command's key is decided by whoever opens it.

    version 1A | length 4N | usage 2A | algorithm 1A | mode 1A | key version 2A | exportability 1A |
    optional blocks 2N | reserved 2N | optional blocks | encrypted key | authenticator

Every fault is `Refused`. Until the authenticator is checked a header is what a stranger says.
"""

from typing import NamedTuple

import msgspec

from hsm_sim import _key_blocks
from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.key_types import KeyType

HEADER_BYTES = 16
# Version: bytes of a block, characters of the authenticator.
VERSIONS = {"A": (8, 8), "B": (8, 16), "C": (8, 8), "D": (16, 32)}
ALGORITHMS = {"D": 0, "T": 0, "A": 1, "H": 2}  # letter: algorithm of `Key`
EXPORTABILITY = "ENS"
OPTIONAL_BLOCKS_MAX = 99
# Digest of an HMAC key: X9.143 wants it said. 21 = SHA-256.
HMAC_DIGEST = ("HM", "21")
_UPPER_HEX = frozenset("0123456789ABCDEF")


class OptionalBlock(NamedTuple):
    """More about a key: KS (key set), KC (check value), HM (digest), PB (padding) and others."""

    name: str
    text: str


class Header(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a key block says of its key."""

    version: str
    usage: str
    algorithm: str
    mode: str
    key_version: str = "00"
    exportability: str = "E"
    reserved: str = "00"
    optional: tuple[OptionalBlock, ...] = ()


class Block(NamedTuple):
    """A key block in its parts."""

    header: Header
    header_text: bytes
    encrypted: bytes
    authenticator: bytes


def parse(wire: bytes) -> Block:
    """Split a key block (without the letter before it)."""
    if not wire.isascii() or not wire.decode("ascii").isprintable():
        raise Refused(ErrorCode.KEY_BLOCK_HEADER)
    text = wire.decode("ascii")
    sizes = VERSIONS.get(text[:1])
    if sizes is None:
        raise Refused(ErrorCode.KEY_BLOCK_VERSION)
    fixed = text[:HEADER_BYTES]
    if (
        len(fixed) != HEADER_BYTES
        or not fixed.isalnum()
        or not (fixed[1:5] + fixed[12:16]).isdecimal()
        or int(fixed[1:5]) != len(text)
    ):
        raise Refused(ErrorCode.KEY_BLOCK_HEADER)
    optional, end = _optional_blocks(text, int(fixed[12:14]))
    block_bytes, authenticator_characters = sizes
    body = text[end:]
    if end % block_bytes or len(body) <= authenticator_characters:
        raise Refused(ErrorCode.KEY_BLOCK_HEADER)
    if not _UPPER_HEX.issuperset(body) or len(body) % 2:
        raise Refused(ErrorCode.KEY_BLOCK_CHECK)
    header = Header(
        version=fixed[0],
        usage=fixed[5:7],
        algorithm=fixed[7],
        mode=fixed[8],
        key_version=fixed[9:11],
        exportability=fixed[11],
        reserved=fixed[14:16],
        optional=optional,
    )
    return Block(
        header,
        wire[:end],
        bytes.fromhex(body[:-authenticator_characters]),
        bytes.fromhex(body[-authenticator_characters:]),
    )


def unwrap(protection: Key, wire: bytes) -> tuple[Header, Key]:
    """Check a key block under its protection key and give what is in it."""
    header, header_text, encrypted, authenticator = parse(wire)
    algorithm = ALGORITHMS.get(header.algorithm)
    # Of another algorithm nothing can be opened, but a forged header is told first.
    known = 2 if algorithm is None else algorithm
    key = _key_blocks.unwrap(protection, header_text, known, encrypted, authenticator)
    if algorithm is None or letter(key) != header.algorithm:
        raise Refused(ErrorCode.KEY_BLOCK_ALGORITHM)
    if header.exportability not in EXPORTABILITY:
        raise Refused(ErrorCode.KEY_BLOCK_EXPORTABILITY)
    return header, key


def wrap(protection: Key, header: Header, key: Key) -> bytes:
    """Make a key block. Refused: 27 for a key that is stronger than the one that protects it."""
    sizes = VERSIONS.get(header.version)
    if sizes is None:
        raise Refused(ErrorCode.KEY_BLOCK_VERSION)
    if header.algorithm != letter(key):
        raise Refused(ErrorCode.KEY_BLOCK_ALGORITHM)
    if header.exportability not in EXPORTABILITY:
        raise Refused(ErrorCode.KEY_BLOCK_EXPORTABILITY)
    if key.algorithm > protection.algorithm == 0 or (
        key.algorithm == protection.algorithm and key.length > protection.length
    ):
        raise Refused(ErrorCode.KEY_LENGTH)
    block_bytes, authenticator_characters = sizes
    optional = [block for block in header.optional if block.name != "PB"]  # made anew below
    if header.algorithm == "H" and all(block.name != "HM" for block in optional):
        optional.append(OptionalBlock(*HMAC_DIGEST))
    blocks = "".join(_optional_text(block) for block in optional)
    if len(blocks) % block_bytes:
        # Four characters of its own, then as many as fill the block.
        wanted = -(len(blocks) + 4) % block_bytes
        blocks += _optional_text(OptionalBlock("PB", "0" * wanted))
        optional.append(OptionalBlock("PB", ""))
    payload_bytes = -(-(2 + key.length) // block_bytes) * block_bytes
    length = HEADER_BYTES + len(blocks) + 2 * payload_bytes + authenticator_characters
    if length > 9999 or len(optional) > OPTIONAL_BLOCKS_MAX:
        raise Refused(ErrorCode.KEY_BLOCK_HEADER)
    text = (
        f"{header.version}{length:04}{header.usage}{header.algorithm}{header.mode}"
        f"{header.key_version}{header.exportability}{len(optional):02}{header.reserved}{blocks}"
    )
    return _key_blocks.wrap(protection, text.encode("ascii"), key)


def check_use(header: Header, kind: KeyType) -> None:
    """Refuse a key that was made for something else."""
    if header.usage not in kind.usages:
        raise Refused(ErrorCode.KEY_BLOCK_USAGE)
    if header.algorithm not in kind.algorithms:
        raise Refused(ErrorCode.KEY_BLOCK_ALGORITHM)
    if header.mode not in kind.modes:
        raise Refused(ErrorCode.KEY_BLOCK_MODE)


def letter(key: Key) -> str:
    """Give a key's algorithm as a header names it."""
    return ("D" if key.length == 8 else "T", "A", "H")[key.algorithm]


def usage_of(key: Key, kind: KeyType) -> str:
    """Give the usage to write for a key: the first of its kind, of an AES key for MACs CMAC's."""
    return "M6" if key.algorithm == 1 and "M6" in kind.usages else kind.usages[0]


def _optional_blocks(text: str, count: int) -> tuple[tuple[OptionalBlock, ...], int]:
    """Read the optional blocks and say where they end."""
    found = []
    at = HEADER_BYTES
    for _ in range(count):
        start, name = at, text[at : at + 2]
        length, at = _hex(text, at + 2, 2), at + 4
        if length == 0:  # a long block: the length of its length, then that
            digits, at = _hex(text, at, 2), at + 2
            length, at = _hex(text, at, digits), at + digits
        end = start + length
        if not at <= end <= len(text) or not name.isalnum():
            raise Refused(ErrorCode.KEY_BLOCK_HEADER)
        found.append(OptionalBlock(name, text[at:end]))
        at = end
    return tuple(found), at


def _hex(text: str, at: int, count: int) -> int:
    digits = text[at : at + count]
    if count == 0 or len(digits) != count or not _UPPER_HEX.issuperset(digits):
        raise Refused(ErrorCode.KEY_BLOCK_HEADER)
    return int(digits, 16)


def _optional_text(block: OptionalBlock) -> str:
    length = len(block.text) + 4
    if length <= 0xFF:
        return f"{block.name}{length:02X}{block.text}"
    return f"{block.name}0004{length + 6:04X}{block.text}"
