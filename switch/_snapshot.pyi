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

def dump(core: Core) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give the state as named parts, each in pieces of at most 1 MiB.

    Read them in order and before the core changes. Holds everything that decides, but neither
    plans (`Directory.dump`), nor details of exchanges (the journal has them), nor counters.
    """

@final
class Loading:
    """Takes a dump into an empty core of the same shard and layout."""

    def __init__(self, core: Core) -> None: ...
    def take(self, part: str, piece: bytes) -> None:
        """Take the next bytes of a part, the parts in `dump`'s order. Raises SnapshotBroken."""

    def finish(self) -> None:
        """Check that everything is there and build the indexes. Raises SnapshotBroken."""
