"""Between a message's bytes and Python values: the scan and the writer, with `str` on one side."""

from switch.iso8583._plan import Spec
from switch.iso8583.errors import DecodeError

def decode_values(data: bytes, spec: Spec) -> tuple[str | None, str, dict[int, str]]:
    """Decode one whole message: header or None, message type, element number to value.

    Raises `DecodeError`. Values are str; binary is upper-case hex.
    """

def decode_until_fault(
    data: bytes, spec: Spec
) -> tuple[str | None, str, dict[int, str], DecodeError | None]:
    """Decode as far as it goes: header, message type or "", values, and the error or None."""

def encode_values(
    spec: Spec, header: str | None, message_type: str, values: dict[int, str]
) -> bytes:
    """Encode a message: `values` maps element numbers to str. Raises `EncodeError`."""
