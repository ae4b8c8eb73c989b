"""Python face of `_pin_checks`: PVVs, offsets, and verifying by them in constant time.

`validation` is 8 bytes, `table` 16 digits (characters), an account 12 digits or a whole PAN. Keys:
a pair for a PVV (27), any TDES key for IBM 3624.
"""

from hsm_sim._keys import Key
from hsm_sim._pins import Pin

def pvv(pvk: Key, pin: Pin, account: bytes, index: int) -> bytes:
    """Compute a PIN's PVV: four digits."""

def pvv_matches(pvk: Key, pin: Pin, account: bytes, index: int, wanted: bytes) -> bool:
    """Verify a PIN by its PVV, in constant time."""

def ibm_offset(pvk: Key, pin: Pin, validation: bytes, table: bytes) -> bytes:
    """Compute the offset of a PIN: as many digits as it has."""

def ibm_pin(pvk: Key, offset: bytes, validation: bytes, table: bytes) -> Pin:
    """Derive the PIN that an offset belongs to: as many digits as that has."""

def ibm_matches(pvk: Key, pin: Pin, offset: bytes, validation: bytes, table: bytes) -> bool:
    """Verify a PIN by its offset, in constant time. One of another length does not match."""

def check_decimalisation_table(table: bytes) -> None:
    """Refuse (25) a table of fewer than 8 different digits, or with one more than 4 times."""
