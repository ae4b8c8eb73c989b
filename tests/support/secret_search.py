"""A search for secrets in whatever a program has written, in every form in which bytes can stand.

Owns the forms. What the secrets are, and where they must not be, is the tests' to say.

A PIN of four digits and a CVV alone are found by chance in any file of some size; so the tests look
for PIN blocks, for PINs of twelve digits and for the whole end of a track.
"""

import base64
import os
import re
from collections.abc import Mapping

from hsm_sim._keys import Key

Forms = Mapping[str, bytes]
"""What a secret looks like, by what it is called; lower-cased, as the search is."""

BYTES_MIN, BASE64_CHARACTERS_MIN = 5, 8
ZEROS = re.compile(rb"\0{64,}")
CELL = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")


def of_digits(digits: str) -> Forms:
    """Give the forms of digits (D: a track's separator): text, BCD, hex, base64, reversed, EBCDIC.

    BCD and its hex are those of the whole bytes inside, for digits that begin at either nibble.
    """
    text = digits.encode("ascii")
    found = {
        "text": text,
        "reversed": text[::-1],
        "hex": text.hex().encode(),
        "reversed hex": text[::-1].hex().encode(),
        "EBCDIC": digits.encode("cp037"),
        "UTF-16": digits.encode("utf-16-le"),
        **_in_base64("text", text),
    }
    for first in (0, 1):
        inside = digits[first : first + (len(digits) - first) // 2 * 2]
        packed = bytes.fromhex(inside)
        found[f"BCD {first}"] = packed
        found[f"reversed BCD {first}"] = bytes.fromhex(inside[::-1])
        found |= _in_base64(f"BCD {first}", packed)
    if digits.isdecimal() and len(digits) <= 19:
        number = int(digits)
        found |= {"number": number.to_bytes(8, "little"), "big number": number.to_bytes(8, "big")}
    return _searched(found)


def of_bytes(secret: bytes) -> Forms:
    """Give the forms of a key or a PIN block: raw, reversed, hex, base64 of either."""
    shown = secret.hex().upper().encode()
    return _searched(
        {
            "raw": secret,
            "reversed": secret[::-1],
            "hex": shown,
            "reversed hex": secret[::-1].hex().encode(),
            "hex of hex": shown.hex().encode(),
            **_in_base64("raw", secret),
            **_in_base64("hex", shown),
        }
    )


def of_key(key: Key) -> dict[str, Forms]:
    """Give the forms of each half of a clear key: half of one is a find, too."""
    secret = clear(key)
    return {f"bytes {at}": of_bytes(secret[at : at + 8]) for at in range(0, len(secret), 8)}


def clear(key: Key) -> bytes:
    """Give a key's bytes: by the only way out there is, that into a master key's file."""
    descriptor = os.memfd_create("key")
    try:
        key.write_to(descriptor)
        return os.pread(descriptor, key.length, 0)
    finally:
        os.close(descriptor)


def finds(output: bytes, secrets: Mapping[str, Forms]) -> list[str]:
    """Name each secret that is in an output, and as what; columns of hex are read as bytes, too."""
    lowered = ZEROS.sub(bytes(64), output.lower())
    cells = CELL.findall(lowered)
    lowered += b"\n".join(bytes.fromhex(cell.decode("ascii")).lower() for cell in cells)
    return [
        f"{secret} as {name}"
        for secret, forms in secrets.items()
        for name, form in forms.items()
        if form in lowered
    ]


def _in_base64(what: str, secret: bytes) -> Forms:
    """Give the inside of base64 for each of the three places where a text can begin in it."""
    return {
        f"base64 of {what}, {shift}": base64.b64encode(bytes(shift) + secret)[
            (4 if shift else 0) : (len(secret) + shift) // 3 * 4
        ]
        for shift in range(3)
    }


def _searched(forms: Forms) -> Forms:
    """Give the forms that are long enough not to be found by chance."""
    least = {name: BASE64_CHARACTERS_MIN if "base64" in name else BYTES_MIN for name in forms}
    return {name: form.lower() for name, form in forms.items() if len(form) >= least[name]}
