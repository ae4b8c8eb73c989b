"""What the codec says when a message or a spec can't be right.

Owns the words for each fault of the scan and the writer. An error names the element, the byte and
the rule; it never carries message data, so that it may be logged and sent between processes.
"""

from typing import Self

from switch.errors import ProtocolError
from switch.response_codes import ResponseCode

# By Fault, in the order of `_content.pxd`. A test holds the two equal.
FAULT_REASONS = (
    "no fault",
    "the data ends before the element does",
    "data follows the last element",
    "the length is not a number or not allowed",
    "a character outside the content class",
    "the element is not in the spec",
    "not a bitmap, or one that nothing needs",
    "the message type is not four digits",
    "wrong padding of an odd digit count",
    "sub-elements are broken, repeated or too many",
    "elements out of order",
    "longer than any message may be",
)
FAULT_MTI = 7

_PLACES = {-2: "p", -1: "h", 0: "t"}


def place_of(fault_element: int) -> str:
    """Name a fault's place with pyiso8583's keys: h, t, p, or the element's number."""
    return _PLACES.get(fault_element, str(fault_element))


class SpecError(ValueError):
    """A spec that can't be compiled; the text names the element and the key."""


class _CodecError(ProtocolError):
    """Shared by both directions: `element`, `offset`, `reason`, `response_code_hint`."""

    def __init__(self, element: str, offset: int | None, reason: str, code: str) -> None:
        where = f"element {element}" if offset is None else f"element {element}, byte {offset}"
        super().__init__(f"{where}: {reason}")
        self.element = element
        self.offset = offset
        self.reason = reason
        self.response_code_hint = ResponseCode(code)

    def __reduce__(self) -> tuple[type[Self], tuple[str, int | None, str, str]]:
        return type(self), (self.element, self.offset, self.reason, self.response_code_hint.value)


class DecodeError(_CodecError):
    """Bytes that are not a message of the spec.

    `element` is h, t, p or a number, with a dotted path for a sub-element; `offset` the byte at
    fault, from the message's first; `response_code_hint` what DE 39 of an answer would say.
    """


class EncodeError(_CodecError):
    """A message that the spec has no bytes for. `offset` is always None."""


def decode_error(fault: int, fault_element: int, fault_offset: int) -> DecodeError:
    """Put a scan's fault into words."""
    code = ResponseCode.INVALID_TRANSACTION if fault == FAULT_MTI else ResponseCode.FORMAT_ERROR
    return DecodeError(place_of(fault_element), fault_offset, FAULT_REASONS[fault], code)


def encode_error(fault: int, fault_element: int) -> EncodeError:
    """Put a writer's fault into words."""
    code = ResponseCode.INVALID_TRANSACTION if fault == FAULT_MTI else ResponseCode.FORMAT_ERROR
    return EncodeError(place_of(fault_element), None, FAULT_REASONS[fault], code)
