"""ISO 8583: what the bytes mean. Knows no money.

`compile_spec` turns a spec (data) into a plan, `decode` and `encode` go between bytes and a
`Message`.
The shipped specs are in `switch.iso8583.specs`, the fast lane's C face in `_codec.pxd`.
"""

from switch.iso8583._plan import Spec
from switch.iso8583.describe import describe
from switch.iso8583.errors import DecodeError, EncodeError, SpecError
from switch.iso8583.framing import NEED_DATA, Frame, FrameReader, Framing, FramingError, reply_tpdu
from switch.iso8583.message import Message, decode, decode_partly, encode
from switch.iso8583.spec import compile_spec
from switch.iso8583.specs import named

__all__ = [
    "NEED_DATA",
    "DecodeError",
    "EncodeError",
    "Frame",
    "FrameReader",
    "Framing",
    "FramingError",
    "Message",
    "Spec",
    "SpecError",
    "compile_spec",
    "decode",
    "decode_partly",
    "describe",
    "encode",
    "named",
    "reply_tpdu",
]
