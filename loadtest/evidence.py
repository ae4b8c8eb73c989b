"""What a run can prove: what each message asked, what its reply told, and a digest of the reply.

Owns the shape in which the ledger check takes a run's records, whoever made them. Must not know
how the messages were sent, nor any ledger.
"""

from array import array
from collections.abc import Callable, Container, Iterator

from msgspec import Struct

from loadtest.books import Told


class Evidence(Struct, frozen=True, kw_only=True):
    """A run's messages by their numbers. The one with number n has the RRN `first_rrn` + n.

    `told` gives them afresh at each call, originals before what names them: a million need not be
    in memory at once. `digests` has, by number, the digest of the reply that a journal must have:
    0 where no reply came or none is owed a row (the host was unavailable, could not read it).
    """

    first_rrn: int
    digests: "array[int]"
    digest_of: Callable[[bytes], int]
    told: Callable[[], Iterator[Told]]
    referred: Container[int]  # numbers that others name as their original
    masked: Callable[[int], str]  # a card's index to its number, first six and last four

    def rrn(self, number: int) -> str:
        """Give a message's RRN as it travels."""
        return f"{self.first_rrn + number:012d}"
