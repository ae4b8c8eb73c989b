"""Turns a Python codec into the tables of 256 entries that the scan and the writer look up.

Owns what each content class of ISO 8583 may contain. Knows no element and no spec.

A byte belongs to no class at all if the codec doesn't map it to one character, or doesn't map that
character back to the same byte: it could not be written again as it was read.
"""

import codecs
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from switch.iso8583.errors import SpecError

NOT_ASCII = 0xFF
# European, Arabic, Japanese and Chinese: every multi-byte codec has more than 256 bytes for them.
# Not all of Unicode, because punycode and idna take time that grows with the square.
_MANY_CHARACTERS = "".join(
    map(chr, (*range(0x20, 0x700), *range(0x3040, 0x3100), *range(0x4E00, 0x4F00)))
)
PACKED = ""  # the pseudo-codec of bytes that hold two digits each

ALL_CONTENTS = 0xFF
CONTENT_BITS = {
    "n": 1,
    "a": 2,
    "an": 4,
    "anp": 8,
    "ans": 16,
    "z": 32,
    "any": 64,
    "b": 128,
}

_DIGITS = frozenset("0123456789")
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# Spelt out, because str.isdigit() and str.isalnum() take digits and letters of any script.
_ALLOWED: dict[str, Callable[[str], bool]] = {
    "n": lambda c: c in _DIGITS,
    "a": lambda c: c in _LETTERS,
    "an": lambda c: c in _DIGITS or c in _LETTERS,
    "anp": lambda c: c in _DIGITS or c in _LETTERS or c == " ",
    "ans": lambda c: " " <= c <= "~",
    # The track-2 code set is 0-9 : ; < = > ?; D is how packed track data writes the separator.
    "z": lambda c: "0" <= c <= "?" or c == "D",
    "any": lambda c: True,
    "b": lambda c: c in _DIGITS or "A" <= c <= "F",
}


class CharsetTables(NamedTuple):
    """One codec, byte by byte."""

    refused: bytes  # 256 sets of CONTENT_BITS that the byte may not be part of
    to_ascii: bytes  # 256 ASCII characters, NOT_ASCII where it is none
    from_ascii: tuple[int, ...]  # 128 bytes, -1 where the codec has none
    code_points: tuple[int, ...]  # 256 Unicode code points


@cache
def charset_tables(codec: str) -> CharsetTables:
    """Work out a codec's tables; `PACKED` gives those of two digits a byte.

    Raises `SpecError` for a codec that Python doesn't know or that is not one byte a character.
    """
    if codec == PACKED:
        return _packed_tables()
    _require_one_byte_a_character(codec)
    refused = bytearray([ALL_CONTENTS] * 256)
    to_ascii = bytearray([NOT_ASCII] * 256)
    from_ascii = [-1] * 128
    code_points = [0] * 256
    for byte in range(256):
        character = bytes([byte]).decode(codec, "ignore")
        if len(character) != 1 or character.encode(codec, "ignore") != bytes([byte]):
            continue
        code_points[byte] = ord(character)
        refused[byte] = sum(
            bit for content, bit in CONTENT_BITS.items() if not _ALLOWED[content](character)
        )
        if ord(character) < 128:
            to_ascii[byte] = ord(character)
            from_ascii[ord(character)] = byte
    return CharsetTables(bytes(refused), bytes(to_ascii), tuple(from_ascii), tuple(code_points))


def _require_one_byte_a_character(codec: str) -> None:
    """Raise unless digits are one byte each and the codec has at most 256 characters."""
    is_one_byte = False
    try:
        if codecs.lookup(codec)._is_text_encoding and len("0123456789".encode(codec)) == 10:
            is_one_byte = len(_MANY_CHARACTERS.encode(codec, "ignore")) <= 256
    except LookupError:
        raise SpecError(f"Python has no codec {codec!r}") from None
    except ValueError:
        pass  # what can't say digits, or not in one piece, is no codec for fields
    if not is_one_byte:
        raise SpecError(f"codec {codec!r} is not one byte a character")


def _packed_tables() -> CharsetTables:
    """A byte is two nibbles: n refuses those above 9, z and b take any."""
    takes_any = ALL_CONTENTS & ~(CONTENT_BITS["z"] | CONTENT_BITS["b"])
    refused = bytes(
        takes_any & ~CONTENT_BITS["n"] if byte >> 4 <= 9 and byte & 15 <= 9 else takes_any
        for byte in range(256)
    )
    return CharsetTables(refused, bytes([NOT_ASCII] * 256), (-1,) * 128, (0,) * 256)
