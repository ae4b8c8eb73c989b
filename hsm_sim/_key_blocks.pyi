"""Python face of `_key_blocks`: keys into key blocks and out of them."""

from hsm_sim._keys import Key

def wrap(protection: Key, header: bytes, key: Key) -> bytes:
    """Give header, encrypted key and authenticator, as they are on the wire.

    The header says its version (A, B, C: a TDES protection key, D: AES) and fills whole blocks.
    """

def unwrap(
    protection: Key, header: bytes, algorithm: int, encrypted: bytes, authenticator: bytes
) -> Key:
    """Check a block and give its key. Refused: A4 when the authenticator is another, 84 or 27."""

def derive(base: Key, label: bytes, length: int) -> Key:
    """Derive an AES key for one purpose (SP 800-108 in counter mode, with CMAC)."""
