"""How a load's messages look on the wire: a spec and a framing, bound together.

Owns the only use of the codec in this package. Must not know operations or replies.
"""

from collections.abc import Mapping

from switch.iso8583 import Message, Spec, decode, encode
from switch.iso8583.framing import NEED_DATA, FrameReader, Framing, reply_tpdu
from switch.iso8583.specs import named

FRAMINGS = {
    "pos-binary": ("iso1987-binary", Framing(length="binary2", tpdu=True)),
    "pos-ascii": ("iso1987-ascii", Framing(length="ascii4", tpdu=False)),
}
"""The profiles of docs/pos-interface.md: spec and framing."""


class Frames:
    """Cuts one connection's bytes into frames; raises `FramingError` (a ValueError)."""

    def __init__(self, framing: Framing) -> None:
        self._reader = FrameReader(framing)

    def receive(self, data: bytes | bytearray) -> None:
        """Take what the socket gave."""
        self._reader.receive_data(data)

    def take(self) -> tuple[bytes, bytes] | None:
        """Give TPDU and body of the next frame, None when it is not whole yet."""
        frame = self._reader.next_frame()
        return None if frame is NEED_DATA else (frame.tpdu, frame.body)


class Dialect:
    """A spec and a framing."""

    def __init__(self, spec: Spec, framing: Framing) -> None:
        self._spec = spec
        self._framing = framing

    def encode(self, message_type: str, elements: Mapping[str, str]) -> bytes:
        """Encode a body; keys are element numbers or paths. Raises `EncodeError`."""
        message = Message(message_type)
        message.update(elements)
        return encode(message, self._spec)

    def decode(self, body: bytes) -> Message:
        """Decode a body. Raises `DecodeError`."""
        return decode(body, self._spec)

    def frame(self, body: bytes, tpdu: bytes) -> bytes:
        """Put length and, where the framing has one, TPDU before a body."""
        return self._framing.frame(body, tpdu if self._framing.tpdu else b"")

    def frames(self) -> Frames:
        """Give a reader for a new connection."""
        return Frames(self._framing)

    def reply_tpdu(self, tpdu: bytes) -> bytes:
        """Give the TPDU that the answer to a request with `tpdu` must carry."""
        return reply_tpdu(tpdu) if self._framing.tpdu else b""


def dialect_of(profile: str) -> Dialect:
    """Give the dialect of a profile of our own interface. Raises `KeyError` for another name."""
    spec_name, framing = FRAMINGS[profile]
    return Dialect(named(spec_name), framing)
