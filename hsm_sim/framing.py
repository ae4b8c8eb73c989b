"""Cutting a stream into commands, and the header that every response carries back.

    frame     length 2B big endian | header | message          the length counts what follows it
    header    as many bytes as both sides have agreed on; returned unchanged: it tells answers apart

Sans-IO. Must not know commands. A length that cannot be right ends the stream: nothing says where
the next frame would start.
"""

from typing import NamedTuple

LENGTH_BYTES = 2
CODE_BYTES = 2
FRAME_BYTES_MAX = 32_768
"""What NO announces as our buffer ('3'): the largest commands carry 32,000 bytes of data."""
RESPONSE_BYTES_MAX = 0xFFFF  # what the length can say
HEADER_BYTES_MAX = 255


class FramingLost(Exception):
    """A length that cannot be right: the connection is to be closed."""


class Frame(NamedTuple):
    """One command of the stream."""

    header: bytes
    message: bytes


class FrameReader:
    """Collects bytes and gives out whole frames; holds at most one unfinished one."""

    __slots__ = ("_header_bytes", "_rest")

    def __init__(self, header_bytes: int) -> None:
        self._header_bytes = header_bytes
        self._rest = b""

    def receive(self, data: bytes | bytearray) -> tuple[list[Frame], bool]:
        """Take bytes, as many or few as came; all frames that are whole now, and whether it ends.

        Not an exception for a lost framing: the frames before it are to be answered all the same.
        """
        data = self._rest + data
        frames = []
        at, end = 0, len(data)
        body = LENGTH_BYTES + self._header_bytes
        shortest = self._header_bytes + CODE_BYTES
        lost = False
        while at + LENGTH_BYTES <= end:
            length = data[at] << 8 | data[at + 1]
            if not shortest <= length <= FRAME_BYTES_MAX:
                lost = True
                break
            following = at + LENGTH_BYTES + length
            if following > end:
                break
            start = at + body
            frames.append(Frame(data[at + LENGTH_BYTES : start], data[start:following]))
            at = following
        self._rest = b"" if lost else data[at:]
        return frames, lost

    @property
    def unfinished_bytes(self) -> int:
        """Bytes that are no frame yet."""
        return len(self._rest)


def framed(header: bytes, message: bytes) -> bytes:
    """Put header and length before a response. ValueError for more than the length can say."""
    length = len(header) + len(message)
    if length > RESPONSE_BYTES_MAX:
        raise ValueError(f"a response of {length} bytes can't be framed")
    return length.to_bytes(LENGTH_BYTES, "big") + header + message
