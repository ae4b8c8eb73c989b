"""What terminals were told, kept so that the switch can be held to it afterwards.

Owns one 64-bit digest of the reply for each reference number: 8 bytes an exchange, so that a run of
hours fits in memory (36 million exchanges: 288 MB). Reference numbers are handed out in order, so
the number is the index.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b

GROW_COUNT = 1 << 16  # slots added at a time


def digest_of(body: bytes) -> int:
    """Give 63 bits of a reply body's digest, never 0 (which stands for "no reply")."""
    return int.from_bytes(blake2b(body, digest_size=8).digest(), "big") >> 1 | 1


class AcknowledgedRecord:
    """Reference number to the digest of the first reply that reached its terminal."""

    def __init__(self, first_rrn: int) -> None:
        self.first_rrn = first_rrn
        self.count = 0
        self._digests = array("Q")

    def add(self, rrn: int, body: bytes) -> None:
        """Remember the reply to `rrn`; there must be none yet."""
        index = rrn - self.first_rrn
        assert index >= 0, "a reference number from before the run"
        while index >= len(self._digests):
            self._digests.extend([0] * GROW_COUNT)
        assert self._digests[index] == 0, "two replies recorded for one reference number"
        self._digests[index] = digest_of(body)
        self.count += 1

    def digest(self, rrn: int) -> int:
        """Give the digest recorded for `rrn`, 0 when there is none."""
        index = rrn - self.first_rrn
        return self._digests[index] if 0 <= index < len(self._digests) else 0

    @property
    def digests(self) -> "array[int]":
        """The digests in the order of reference numbers, 0 where nothing was answered."""
        return self._digests

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield every reference number that was answered, with its digest, in order."""
        for index, digest in enumerate(self._digests):
            if digest:
                yield self.first_rrn + index, digest
