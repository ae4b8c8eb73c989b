"""The PIN pad: a PIN goes in, a PIN block under the terminal's PIN key comes out (DE 52).

Owns the sealing. Must not know cards, messages, or where the key comes from
(`acquirers.terminal.keys`).
"""

from typing import Final

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, seal_block
from hsm_sim.errors import Refused

ACCOUNT_DIGITS: Final = 12
"""The rightmost of the number without its check digit. Source: ISO 9564-1, format 0."""


class PinError(ValueError):
    """What was typed is no PIN; the text never repeats it."""


class PinPad:
    """A PIN pad with its key."""

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
