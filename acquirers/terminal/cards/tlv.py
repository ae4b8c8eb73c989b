"""BER-TLV as chip cards write it: data objects, templates, and lists of what is wanted (DOL).

Owns bounds: whatever bytes come, the answer is data objects or a TlvError. Must not know what a tag
means. Source: EMV 4.3 Book 3, annex B (tags of up to 3 bytes, lengths of up to 3).
"""

from collections.abc import Iterator, Mapping
from typing import Final

TAG_BYTES_MAX: Final = 3
LENGTH_BYTES_MAX: Final = 2  # behind the byte that counts them
DEPTH_MAX: Final = 6
"""A directory entry is four templates deep; six leaves room, and a bound."""


class TlvError(ValueError):
    """Not BER-TLV; the text names the offset, never the value."""


def objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and value of each data object, templates unopened. Raises TlvError.

    Zero bytes between objects are padding.
    """
    offset = 0
    while offset < len(data):
        if data[offset] == 0:
            offset += 1
            continue
        tag, offset = _tag(data, offset)
        length, offset = _length(data, offset)
        if length > len(data) - offset:
            raise TlvError(f"tag {tag:X} at byte {offset} is longer than what is left")
        yield tag, data[offset : offset + length]
        offset += length


def leaves(data: bytes) -> dict[int, bytes]:
    """Give every primitive object, out of its templates. Raises TlvError, also for a tag twice."""
    found: dict[int, bytes] = {}
    _collect(data, found, DEPTH_MAX)
    return found


def wanted(dol: bytes) -> list[tuple[int, int]]:
    """Give tag and length of what a data object list asks for. Raises TlvError."""
    found, offset = [], 0
    while offset < len(dol):
        tag, offset = _tag(dol, offset)
        length, offset = _length(dol, offset)
        found.append((tag, length))
    return found


def compose(tag: int, value: bytes) -> bytes:
    """Give one data object."""
    length = len(value)
    if length < 0x80:
        head = bytes([length])
    elif length <= 0xFF:
        head = bytes([0x81, length])
    else:
        head = b"\x82" + length.to_bytes(2)
    return tag_bytes(tag) + head + value


def compose_all(values: Mapping[int, bytes]) -> bytes:
    """Give data objects one after the other, in the mapping's order."""
    return b"".join(compose(tag, value) for tag, value in values.items())


def tag_bytes(tag: int) -> bytes:
    """Give a tag as it is written."""
    return tag.to_bytes((tag.bit_length() + 7) // 8)


def _collect(data: bytes, found: dict[int, bytes], depth: int) -> None:
    if not depth:
        raise TlvError(f"templates are nested more than {DEPTH_MAX} deep")
    for tag, value in objects(data):
        if tag_bytes(tag)[0] & 0x20:
            _collect(value, found, depth - 1)
        elif tag in found:
            raise TlvError(f"tag {tag:X} is there twice")
        else:
            found[tag] = value


def _tag(data: bytes, offset: int) -> tuple[int, int]:
    end = offset + 1
    if data[offset] & 0x1F == 0x1F:
        while True:
            if end == len(data) or end - offset == TAG_BYTES_MAX:
                raise TlvError(f"the tag at byte {offset} does not end")
            end += 1
            if not data[end - 1] & 0x80:
                break
    return int.from_bytes(data[offset:end]), end


def _length(data: bytes, offset: int) -> tuple[int, int]:
    if offset == len(data):
        raise TlvError(f"a length is missing at byte {offset}")
    first, offset = data[offset], offset + 1
    if first < 0x80:
        return first, offset
    count = first & 0x7F
    if not 1 <= count <= LENGTH_BYTES_MAX or count > len(data) - offset:
        raise TlvError(f"the length at byte {offset - 1} is none")
    return int.from_bytes(data[offset : offset + count]), offset + count
