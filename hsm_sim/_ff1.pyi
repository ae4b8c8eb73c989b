"""Python face of `_ff1`: FF1 of NIST SP 800-38G over the first `radix` characters of 0-9a-z.

ValueError: a key that is not AES, a character outside the alphabet, fewer than a million texts of
that length, a text longer than half of it fits 64 bits, a tweak longer than 64 bytes.
"""

from hsm_sim._keys import Key

ALPHABET: str

def encrypt(key: Key, tweak: bytes, text: str, radix: int = 10) -> str:
    """Encrypt a text into one of the same length and alphabet."""

def decrypt(key: Key, tweak: bytes, text: str, radix: int = 10) -> str:
    """Decrypt a text that `encrypt` made with the same key, tweak and radix."""
