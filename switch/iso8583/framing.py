"""Cutting a stream of bytes into messages, and putting the length before one.

Sans-IO: the caller moves the bytes. Knows nothing of what is inside a message except the TPDU that
some terminals put before it. A length that can't be right ends the stream, because nothing says
where the next message would start.
"""

from enum import Enum
from typing import Final, Literal, NamedTuple

import msgspec

from switch.errors import ProtocolError
from switch.limits import FRAME_BYTES_MAX

TPDU_BYTES = 5
TPDU_ID = 0x60
"""Terminal traffic; the five bytes are 60, destination (2), source (2)."""


class NeedData(Enum):
    """`NEED_DATA` is all there is: not a frame yet."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA


class FramingError(ProtocolError):
    """A length or TPDU that can't be right: close the connection. Carries no message data."""


class Frame(NamedTuple):
    """One message of the stream."""

    tpdu: bytes  # 5 bytes, or none if the framing has none
    body: bytes


class Framing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How messages are told apart on a link."""

    length: Literal["binary2", "ascii4", "bcd2", "binary4"] = "binary2"
    """Two bytes, four ASCII digits, two bytes of BCD, or two bytes and then two zero bytes."""
    tpdu: bool = False
    length_includes_itself: bool = False

    @property
    def length_bytes(self) -> int:
        """Width of the length field, with the zero bytes of `binary4`."""
        return 2 if self.length in ("binary2", "bcd2") else 4

    @property
    def value_max(self) -> int:
        """The largest number that the length field can say."""
        return 0xFFFF if self.length in ("binary2", "binary4") else 9999

    def frame(self, body: bytes, tpdu: bytes = b"") -> bytes:
        """Put length, and TPDU if the framing has one, before a message.

        Raises `ValueError` for an empty body, one that the length can't say, or a TPDU too many or
        too few: those are our own mistakes.
        """
        if len(tpdu) != (TPDU_BYTES if self.tpdu else 0):
            raise ValueError(f"a TPDU of {len(tpdu)} bytes, with tpdu={self.tpdu}")
        value = len(tpdu) + len(body) + (self.length_bytes if self.length_includes_itself else 0)
        if not body or value > self.value_max:
            raise ValueError(f"a body of {len(body)} bytes can't be framed")
        if self.length == "ascii4":
            prefix = b"%04d" % value
        elif self.length == "bcd2":
            prefix = bytes.fromhex(f"{value:04d}")
        else:
            prefix = value.to_bytes(2, "big").ljust(self.length_bytes, b"\0")
        return prefix + tpdu + body

    def value_of(self, prefix: bytes) -> int:
        """The number in a length field. Raises `FramingError` if it is none."""
        if self.length == "ascii4":
            digits = prefix.decode("latin-1")
        elif self.length == "bcd2":
            digits = prefix.hex()
        else:
            if prefix[2:].strip(b"\0"):
                raise FramingError("the two bytes behind the length are not zero")
            return int.from_bytes(prefix[:2], "big")
        if not (digits.isascii() and digits.isdigit()):
            raise FramingError("the length is no number")
        return int(digits)


class FrameReader:
    """Collects bytes and gives out frames; in h11's shape.

    Holds at most one unfinished frame if the caller takes frames until `NEED_DATA` before it
    receives more.
    """

    def __init__(self, framing: Framing, *, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        """`frame_bytes_max` bounds a body, without length and TPDU."""
        self._framing = framing
        self._frame_bytes_max = frame_bytes_max
        self._received = bytearray()
        self._error: str | None = None

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the stream, as many or few as came."""
        self._received += data

    def next_frame(self) -> Frame | Literal[NeedData.NEED_DATA]:
        """Give the next frame, or `NEED_DATA`. Raises `FramingError`, and then always."""
        if self._error is not None:
            raise FramingError(self._error)
        try:
            return self._take_frame()
        except FramingError as error:
            self._error = str(error)
            self._received.clear()
            raise

    def _take_frame(self) -> Frame | Literal[NeedData.NEED_DATA]:
        framing = self._framing
        start = framing.length_bytes
        if len(self._received) < start:
            return NEED_DATA
        value = framing.value_of(bytes(self._received[:start]))
        if framing.length_includes_itself:
            value -= start
        tpdu_bytes = TPDU_BYTES if framing.tpdu else 0
        if not tpdu_bytes < value <= self._frame_bytes_max + tpdu_bytes:
            raise FramingError(
                f"a message of {value - tpdu_bytes} bytes; 1 to {self._frame_bytes_max} are allowed"
            )
        if tpdu_bytes and len(self._received) > start and self._received[start] != TPDU_ID:
            raise FramingError("the TPDU does not start with 60")
        end = start + value
        if len(self._received) < end:
            return NEED_DATA
        tpdu = bytes(self._received[start : start + tpdu_bytes])
        body = bytes(self._received[start + tpdu_bytes : end])
        del self._received[:end]
        return Frame(tpdu, body)

    @property
    def unfinished_bytes(self) -> int:
        """Bytes received that are no frame yet: at the end of a stream, a frame cut short."""
        return len(self._received)


def reply_tpdu(tpdu: bytes) -> bytes:
    """The TPDU of an answer: destination and source swapped. None for none."""
    return tpdu[:1] + tpdu[3:5] + tpdu[1:3]
