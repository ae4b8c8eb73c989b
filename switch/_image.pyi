"""Python face of `_image`: a core's state as packed rows, in memory that a fork may share."""

from collections.abc import Iterator
from typing import final

from switch._core import Core

PARTS: tuple[str, ...]

@final
class Image:
    """Memory for a core's state as packed rows; a fork of this process may fill it."""

    def __init__(self, core: Core) -> None:
        """Take memory for the state as it is now; none of it is used before it is written."""

    @property
    def used_bytes(self) -> int:
        """How many bytes were written; 0 = it is not whole."""

    def write(self) -> None:
        """Write the state, here and now; the core has not changed since the memory was taken."""

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Give (part, packed row) of everything that was written, in order."""

    def close(self) -> None:
        """Give the memory back; nobody reads `rows` any more. Takes milliseconds: use a thread."""
