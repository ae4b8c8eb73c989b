"""Taking an element's value apart into sub-elements, and putting one together.

Works on decoded values, for people and for the slow lane. Whether the bytes were well-formed was
decided by the scan (`_tlv.pyx`); what is put together here is checked by the writer.
"""

from collections.abc import Iterable

from switch.iso8583.spec import ElementSpec, NestedSpec

Items = list[tuple[str, str]]
"""Sub-elements in their order: name and value. BER-TLV templates may come more than once."""


class NestedError(ValueError):
    """A value that can't be taken apart, or sub-elements that can't be put together."""


def parse(element: ElementSpec, value: str) -> Items:
    """Take a value apart. Tags are as they are written; BER tags and values upper-case hex."""
    nested = _nested(element)
    if nested.kind == "parts":
        return _parse_parts(nested, value)
    if nested.kind == "tlv":
        return _parse_tlv(nested, value)
    return _parse_ber_tlv(bytes.fromhex(value))


def compose(element: ElementSpec, items: Iterable[tuple[str, str]]) -> str:
    """Put a value together from sub-elements, in their order."""
    nested = _nested(element)
    if nested.kind == "parts":
        return _compose_parts(nested, dict(items))
    if nested.kind == "tlv":
        return "".join(_compose_tlv(nested, tag, value) for tag, value in items)
    return "".join(_compose_ber_tlv(tag, value) for tag, value in items)


def _nested(element: ElementSpec) -> NestedSpec:
    if element.nested is None:
        raise NestedError("the element has no sub-elements")
    return element.nested


def _parse_parts(nested: NestedSpec, value: str) -> Items:
    items: Items = []
    at = 0
    for name, width in nested.parts.items():
        items.append((name, value[at : at + width]))
        at += width
    if at != len(value):
        raise NestedError(f"{len(value)} characters, not {at}")
    return items


def _parse_tlv(nested: NestedSpec, value: str) -> Items:
    items: Items = []
    at = 0
    while at < len(value):
        tag = value[at : at + nested.tag_len]
        at += nested.tag_len
        length = value[at : at + nested.len_len]
        at += nested.len_len
        if len(length) != nested.len_len or not (length.isascii() and length.isdigit()):
            raise NestedError(f"sub-element {len(items) + 1} has no length")
        end = at + int(length)
        if end > len(value):
            raise NestedError(f"sub-element {len(items) + 1} is cut short")
        items.append((tag, value[at:end]))
        at = end
    return items


def _parse_ber_tlv(data: bytes) -> Items:
    items: Items = []
    at = 0
    try:
        while at < len(data):
            if data[at] == 0:
                at += 1
                continue
            start = at
            if data[at] & 0x1F == 0x1F:
                at += 1
                while data[at] & 0x80:
                    at += 1
            tag = data[start : at + 1]
            length = data[at + 1]
            at += 2
            if length & 0x80:
                more = length & 0x7F
                length = int.from_bytes(data[at : at + more], "big")
                at += more
            if at + length > len(data):
                raise IndexError
            items.append((tag.hex().upper(), data[at : at + length].hex().upper()))
            at += length
    except IndexError:
        raise NestedError(f"data object {len(items) + 1} is cut short") from None
    return items


def _compose_parts(nested: NestedSpec, items: dict[str, str]) -> str:
    for name, value in items.items():
        width = nested.parts.get(name)
        if width is None:
            raise NestedError(f"there is no part {name!r}: only {', '.join(nested.parts)}")
        if len(value) != width:
            raise NestedError(f"part {name} has {len(value)} characters, not {width}")
    missing = [name for name in nested.parts if name not in items]
    if missing:
        raise NestedError(f"part {missing[0]} is missing")
    return "".join(items[name] for name in nested.parts)


def _compose_tlv(nested: NestedSpec, tag: str, value: str) -> str:
    if len(tag) != nested.tag_len:
        raise NestedError(f"a tag has {nested.tag_len} characters")
    if len(value) >= 10**nested.len_len:
        raise NestedError(f"a value has fewer than {10**nested.len_len} characters")
    return f"{tag}{len(value):0{nested.len_len}d}{value}"


def _compose_ber_tlv(tag: str, value: str) -> str:
    try:
        length = len(bytes.fromhex(value))
        bytes.fromhex(tag)
    except ValueError:
        raise NestedError("tags and values of data objects are hex") from None
    if length < 0x80:
        prefix = f"{length:02X}"
    elif length <= 0xFF:
        prefix = f"81{length:02X}"
    elif length <= 0xFFFF:
        prefix = f"82{length:04X}"
    else:
        raise NestedError("a data object has at most 65,535 bytes")
    return f"{tag}{prefix}{value}"
