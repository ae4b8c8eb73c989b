"""Writes a dialect out in full: a version's table of elements, in one choice of encodings.

Owns how ISO 8583's notation (n..19, an12, x+n 8, z..37, b) becomes rows of the dictionary format.
Knows no element by number.
"""

from collections.abc import Mapping
from typing import Any

Row = tuple[str, int, int, str]
"""Content class, digits of the length (0: fixed), length or maximum, title in ISO's words."""

PRIVATE_TLV: dict[str, Any] = {"nested": {"kind": "tlv", "tag_len": 2, "len_len": 3}}
"""Two alphanumeric characters, three digits, the value."""

BER_TLV: dict[str, Any] = {"nested": {"kind": "ber-tlv"}}


def parts(*widths: int) -> dict[str, Any]:
    """Sub-elements 1, 2, … of these widths, for an element that is made of fixed pieces."""
    return {"nested": {"kind": "parts", "parts": {str(i): w for i, w in enumerate(widths, 1)}}}


def text_spec(
    rows: Mapping[str, Row], nested: Mapping[str, dict[str, Any]], *, codec: str, bitmap: str
) -> dict[str, dict[str, Any]]:
    """Characters of one codec throughout; binary elements as they are. `bitmap`: codec or "b"."""
    spec = _frame(codec, bitmap)
    for key, (content, length_digits, length, title) in rows.items():
        spec[key] = {
            "data_enc": "b" if content == "b" else codec,
            "len_enc": codec,
            "len_type": length_digits,
            "max_len": length + 1 if content == "x+n" else length,
            "desc": title,
            "content": content,
            **_fill(content, length_digits),
            **nested.get(key, {}),
        }
    return spec


def packed_spec(
    rows: Mapping[str, Row], nested: Mapping[str, dict[str, Any]], *, codec: str
) -> dict[str, dict[str, Any]]:
    """Digits packed two a byte, lengths too; characters of one codec; binary bitmaps.

    Lengths of digits count digits. An odd count of digits has a 0 to its left, of track data an F
    to its right: so they come from terminals.
    """
    spec = _frame("b", "b")
    for key, (content, length_digits, length, title) in rows.items():
        is_digits = content in ("n", "z", "x+n")
        spec[key] = {
            "data_enc": "b" if is_digits or content == "b" else codec,
            "len_enc": "bcd",
            "len_type": (length_digits + 1) // 2,
            "max_len": length + 1 if content == "x+n" else length,
            "desc": title,
            "len_count": "nibbles" if is_digits else "bytes",
            "content": content,
            **({"left_pad": "0"} if content in ("n", "x+n") else {}),
            **({"right_pad": "F"} if content == "z" else {}),
            **_fill(content, length_digits),
            **nested.get(key, {}),
        }
    return spec


def _frame(codec: str, bitmap: str) -> dict[str, dict[str, Any]]:
    bitmap_bytes = 8 if bitmap == "b" else 16
    fixed = {"len_enc": "ascii", "len_type": 0}
    return {
        "h": {"data_enc": "ascii", **fixed, "max_len": 0, "desc": "Message header"},
        "t": {
            "data_enc": codec,
            **fixed,
            "max_len": 2 if codec == "b" else 4,
            "desc": "Message type identifier",
        },
        "p": {"data_enc": bitmap, **fixed, "max_len": bitmap_bytes, "desc": "Bitmap, primary"},
        "1": {"data_enc": bitmap, **fixed, "max_len": bitmap_bytes, "desc": "Bitmap, secondary"},
    }


def _fill(content: str, length_digits: int) -> dict[str, str]:
    """Text that may hold spaces is left-justified; a number that is too short is a mistake."""
    return {"right_fill": " "} if length_digits == 0 and content in ("anp", "ans") else {}
