"""Python face of `_snapshot`: dump a core's state, load it into an empty one."""

from collections.abc import Iterator
from typing import final

from switch._core import Core

class SnapshotBroken(ValueError):
    """These bytes are no state of a shard; the text names the part. The core is of no use now."""

def layout(core: Core) -> str:
    """Name what `dump` writes: a version, every struct's size, how many exchanges are remembered.

    The last belongs to it because what has left memory depends on it: with the same layout, equal
    journals make equal bytes.
    """

def dump(core: Core) -> Iterator[tuple[str, bytes]]:
    """Give the state as (part, packed row), a part in rows of at most 1 MiB before packing.

    Holds everything that decides, but neither plans (`Directory.dump`), nor what the journal has:
    details of exchanges, and exchanges older than the last quarter of memory's, except open holds.
    """

def as_they_are(data: bytes) -> Iterator[bytes]:
    """Give bytes that are no records as rows of the same form, one at least."""

@final
class Loading:
    """Takes a dump into an empty core of the same shard and layout."""

    def __init__(self, core: Core) -> None: ...
    def take(self, part: str, piece: bytes) -> None:
        """Take the next row of a part, the parts in `dump`'s order. Raises SnapshotBroken."""

    def finish(self) -> None:
        """Check that everything is there and build the indexes. Raises SnapshotBroken."""
