"""Python face of `_vouchers`: sealed PINs and digests; a clear PIN never comes out.

Everywhere: `label` of up to 32 bytes, `bound` what a sealed PIN belongs to (its batch and place).
Refused: 14 for a PIN that was not sealed so, 20 for no voucher PIN, 24 for its number of digits.
"""

from hsm_sim._documents import Document
from hsm_sim._keys import Key

PIN_DIGITS: range

def generate(
    digest_key: Key, sealing_key: Key, label: bytes, bound: bytes, digits: int
) -> tuple[bytes, bytes]:
    """Make a PIN: its digest, and the PIN sealed."""

def digest(key: Key, label: bytes, pin: bytes) -> bytes:
    """Digest a PIN that came in clear."""

def digest_encrypted(
    key: Key, label: bytes, data_key: Key, vector: bytes, cryptogram: bytes
) -> bytes:
    """Digest a PIN that came encrypted: CBC, its digits padded with 80 00… to whole blocks."""

def digest_sealed(key: Key, label: bytes, sealing_key: Key, bound: bytes, sealed: bytes) -> bytes:
    """Digest a sealed PIN."""

def write_pin(
    document: Document, sealing_key: Key, bound: bytes, sealed: bytes, before: bytes, after: bytes
) -> None:
    """Write a line at the end of a document: `before`, the sealed PIN in clear, `after`."""
