"""Reading a reply by the target's rules."""

from typing import final

from loadtest.tables import ReplyRow
from switch.iso8583 import Spec

@final
class ReplyReader:
    """The rules of one target, compiled."""

    def __init__(self, spec: Spec, row: ReplyRow) -> None: ...
    def places(self, body: bytes) -> dict[int, tuple[int, int]]:
        """Give where elements stand: element to offset and bytes; 0 is the message type.

        Raises `ValueError` for a message that cannot be read.
        """
