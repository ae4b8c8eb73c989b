"""The PIN pad: a PIN goes in, a PIN block under the terminal's PIN key comes out (DE 52).

Owns the sealing and where an injected key is read from. Must not know cards or messages. A terminal
that got its key in another way has a `PinPad` of its own.
"""

from pathlib import Path
from typing import Final, Protocol

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, seal_block
from hsm_sim.errors import Refused
from switch.errors import OperatingError

TDES: Final = 0
ACCOUNT_DIGITS: Final = 12
"""The rightmost of the number without its check digit. Source: ISO 9564-1, format 0."""
KEY_BYTES: Final = frozenset({16, 24})


class PinError(ValueError):
    """What was typed is no PIN; the text never repeats it."""


class PinKeyError(OperatingError):
    """The terminal's PIN key can't be read; the text names its file."""


class PinPad(Protocol):
    """What seals a PIN."""

    def seal(self, pin: str, pan: str) -> bytes:
        """Give the PIN block of a PIN for a card, ISO 9564 format 0. Raises PinError."""


class KeyedPinPad:
    """A PIN pad that has its key."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def seal(self, pin: str, pan: str) -> bytes:
        """Give the PIN block of a PIN for a card, ISO 9564 format 0. Raises PinError."""
        account = pan[:-1][-ACCOUNT_DIGITS:].rjust(ACCOUNT_DIGITS, "0")
        try:
            digits = Pin.of(pin.encode("ascii", "replace"))
            return seal_block(self._key, digits, FORMATS["ISO-0"], account.encode())
        except Refused:
            raise PinError("a PIN is 4 to 12 digits") from None


def injected_pin_pad(path: Path) -> KeyedPinPad:
    """Give the PIN pad of the key in a file: 32 or 48 hex digits, odd parity, closed to others.

    Raises PinKeyError.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise PinKeyError(f"{path} is open to others: chmod 600 it")
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise PinKeyError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise PinKeyError(f"{path}: not a key in hex digits") from None
    if len(secret) not in KEY_BYTES:
        raise PinKeyError(f"{path}: a PIN key has 32 or 48 hex digits")
    key = Key.of(TDES, secret)
    if not key.has_odd_parity() or key.repeats():
        raise PinKeyError(f"{path}: not a PIN key (parity, or a shorter key in disguise)")
    return KeyedPinPad(key)
