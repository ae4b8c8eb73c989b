"""Python face of `_pins`: PINs as objects that show no digits, and PIN blocks.

Formats are numbers: `FORMATS`, by name. An account is 12 digits (the rightmost without the check
digit) or a whole PAN of 13 to 19, of which formats other than ISO-4 take those 12 (PLUS: the first
12). ISO-4 binds what it is given: a block sealed to a PAN does not open to its 12 digits.
"""

from typing import final

from hsm_sim._keys import Key

FORMATS: dict[str, int]

@final
class Pin:
    """A PIN of `length` digits, 4 to 12; overwritten in memory when it is forgotten."""

    length: int

    @staticmethod
    def of(digits: bytes) -> Pin:
        """Make a PIN of characters. Refused: 24 for its length, 15 for what is no digit."""

    @staticmethod
    def random(length: int) -> Pin:
        """Draw a PIN, all as likely. Refused: 24 for its length."""

    def same_as(self, other: Pin) -> bool:
        """Compare in constant time."""

    def revealed(self) -> bytes:
        """Give the digits in the clear: for the few commands that are there to show them."""

def open_block(key: Key, block: bytes, block_format: int, account: bytes) -> Pin:
    """Open a PIN block. Refused: 20, 24 what is in it; 15 its width; 22, 23 account, format."""

def seal_block(key: Key, pin: Pin, block_format: int, account: bytes) -> bytes:
    """Seal a PIN. Refused: 24 when the format has no room for it; 22, 23 account, format."""
