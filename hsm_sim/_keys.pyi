"""Python face of `_keys`: secret keys, as objects that show no bytes.

Algorithms are numbers: 0 TDES (8, 16 or 24 bytes; 8 is single DES), 1 AES (16, 24, 32), 2 HMAC (16
to 32 bytes, encrypts nothing). Keys come from `of`, `random`, `under` and `read_from`; none can be
pickled.
"""

from typing import final

@final
class Key:
    """A secret key of `length` bytes; overwritten in memory when it is forgotten."""

    length: int
    algorithm: int

    @staticmethod
    def of(algorithm: int, secret: bytes) -> Key:
        """Make a key of clear bytes: components, test keys. ValueError for its length."""

    @staticmethod
    def random(algorithm: int, length: int) -> Key:
        """Make a new key; a TDES key has odd parity and different parts."""

    @staticmethod
    def read_from(descriptor: int, algorithm: int, length: int) -> Key:
        """Read the clear bytes of a key from a file; EOFError when it has not as many."""

    def write_to(self, descriptor: int) -> None:
        """Write the clear bytes to a file: of a master key, which nothing else could seal."""

    @staticmethod
    def under(wrapping: list[Key], cryptogram: bytes, algorithm: int = 0) -> Key:
        """Decrypt a key whose block i is under `wrapping[i]` alone (ECB), as variant LMKs do it."""

    def wrapped(self, wrapping: list[Key]) -> bytes:
        """Encrypt this key, block i under `wrapping[i]` alone (ECB)."""

    def masked(self, mask: bytes) -> Key:
        """Give the key XOR `mask`, of the same length: a variant of it."""

    def combined(self, other: Key) -> Key:
        """Give this key XOR another: components become a key."""

    def part(self, start: int, length: int) -> Key:
        """Give a part as a key: a half of a pair."""

    def with_odd_parity(self) -> Key:
        """Give the key with every byte's parity odd."""

    def has_odd_parity(self) -> bool:
        """Say whether every byte has odd parity (AES and HMAC keys have none to check)."""

    def repeats(self) -> bool:
        """Say whether two neighbouring parts of a TDES key are equal: a shorter key in disguise."""

    def same_as(self, other: Key) -> bool:
        """Compare in constant time."""

    def encrypt_ecb(self, data: bytes) -> bytes:
        """Encrypt whole blocks. ValueError for a part of one."""

    def decrypt_ecb(self, data: bytes) -> bytes:
        """Decrypt whole blocks of data. Keys and PINs have their own functions."""

    def encrypt_cbc(self, vector: bytes, data: bytes) -> bytes:
        """Encrypt whole blocks in a chain."""

    def decrypt_cbc(self, vector: bytes, data: bytes) -> bytes:
        """Decrypt whole blocks of a chain."""
