"""A spec as data, checked and compiled into the plan that the codec runs.

Owns the dictionary format: pyiso8583's keys with pyiso8583's meaning, and ours for what that format
can't say (docs/iso8583.md has the table). Knows no dialect: those are tables in `specs/`.

Everything that a plan leaves unsaid is refused here, with the element and the key in the error, so
that the scan needs no such check.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from switch.iso8583._plan import Spec
from switch.iso8583.charset import CONTENT_BITS, PACKED, charset_tables
from switch.iso8583.errors import SpecError

ELEMENT_MAX = 192
CHARSET_MAX = 8  # as in _plan.pxd, PACKED included
LENGTH_MAX = 0xFFFFFF

Mask = Literal["none", "pan", "track", "secret", "amounts"]
"""How much of a value a person may see: all, first six and last four, the PAN's part, nothing."""

RawSpec = Mapping[str, Mapping[str, Any]]


class NestedSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an element is made of. Sub-elements are addressed as `55.9F26`, `48.PR`, `90.2`."""

    kind: Literal["tlv", "ber-tlv", "parts"]
    tag_len: int = 2  # characters; tlv only
    len_len: int = 3  # digits; tlv only
    parts: dict[str, int] = {}  # name to width in the element's unit, in order; parts only
    mask: dict[str, Mask] = {}  # sub-element to how it is shown; tags as they are written


class ElementSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a spec. The first eight are pyiso8583's, the others ours."""

    data_enc: str
    len_type: int
    max_len: int
    len_enc: str = "ascii"
    desc: str = ""
    len_count: Literal["bytes", "nibbles"] = "bytes"
    left_pad: str = ""
    right_pad: str = ""

    content: Literal["n", "a", "an", "anp", "ans", "z", "b", "x+n", "any"] | None = None
    min_len: int = 0  # variable elements; in the unit of max_len
    left_fill: str = ""  # what a short value of a fixed element is filled with
    right_fill: str = ""
    sign_enc: str = "ascii"  # codec of the sign of a packed x+n
    nested: NestedSpec | None = None
    mask: Mask | None = None

    @property
    def is_binary(self) -> bool:
        """Whether the element's bytes are not characters."""
        return self.data_enc == "b"

    @property
    def is_hex(self) -> bool:
        """Whether a value is hex of whole bytes, not digits that are counted one by one."""
        return self.is_binary and self.len_count == "bytes" and self.content in (None, "b")


# LAYOUT_*, LENGTH_*, SIDE_* and NESTED_* of _plan.pxd.
_TEXT, _TEXT_HALF, _BYTES, _DIGITS, _DIGITS_EVEN, _SIGNED = range(6)
_LENGTH_KINDS = {"bcd": 2, "b": 3}
_NESTED_KINDS = {"tlv": 1, "ber-tlv": 2}
# What a primary account number is has been the same in every version of the standard, so an
# element 2 that doesn't say its content is not left open.
_CONTENT_BY_ELEMENT = {"2": "n"}


def compile_spec(spec: RawSpec, name: str = "spec") -> Spec:
    """Compile a spec, e.g. `iso8583.specs.default` or `switch.iso8583.specs.iso1987_ascii.SPEC`.

    `spec` maps h, t, p, 1, 2, … 192 to a row each; `name` is for people. Raises `SpecError`.
    """
    unknown = [key for key in spec if key not in _KEYS]
    if unknown:
        raise SpecError(f"{name}: no such element {unknown[0]!r}; known are h, t, p, 1 to 192")
    for key in ("t", "p"):
        if key not in spec:
            raise SpecError(f"{name}: element {key} is missing")
    charsets: dict[str, int] = {PACKED: 0}
    bits = spec["p"].get("bits", 64)
    if bits not in (64, 128):
        raise SpecError(f"{name}: element p: bits is 64 or 128")
    elements: dict[int, ElementSpec] = {}
    rows: dict[int | str, dict[str, int]] = {}
    header: ElementSpec | None = None
    bitmap_charsets = [0, 0]
    for key in sorted(spec, key=_KEYS.index):
        try:
            if key in ("p", "1"):
                bitmap_charsets[key == "1"] = _bitmap_charset(spec[key], charsets)
                if key == "1" and bits == 64:
                    rows[1] = _indicator_row()
                continue
            if key == "t":
                rows[0] = _row(_message_type(spec["t"]), charsets)
                continue
            # pyiso8583's way to say that there is no header, and no element 65 either: its bit
            # announces the third bitmap.
            if (key == "h" and spec["h"].get("max_len", 0) <= 0) or (key == "65" and bits == 64):
                continue
            element = _checked(key, spec[key])
            if key == "h":
                header = element
                rows["h"] = _row(element, charsets)
            elif bits == 128 and int(key) > 128:
                raise SpecError("a bitmap of 128 bits can't announce it")
            else:
                elements[int(key)] = element
                rows[int(key)] = _row(element, charsets)
        except (SpecError, msgspec.ValidationError) as error:
            raise SpecError(f"{name}: element {key}: {error}") from None
    return Spec(
        name=name,
        header=header,
        elements=elements,
        codecs=tuple(charsets),
        charsets=[charset_tables(codec) for codec in charsets],
        rows=rows,
        bitmap_charsets=(bitmap_charsets[0], bitmap_charsets[1]),
        is_bitmap_fixed=bits == 128,
    )


_KEYS = ("h", "t", "p", *(str(number) for number in range(1, ELEMENT_MAX + 1)))


def _checked(key: str, raw: Mapping[str, Any]) -> ElementSpec:
    """Decode one row and refuse what it can't mean."""
    element = msgspec.convert(dict(raw), ElementSpec)
    if element.content is None and key in _CONTENT_BY_ELEMENT and not element.is_hex:
        element = msgspec.structs.replace(element, content=_CONTENT_BY_ELEMENT[key])
    if not 1 <= element.max_len <= LENGTH_MAX:
        raise SpecError(f"max_len is 1 to {LENGTH_MAX}")
    if not 0 <= element.len_type <= 6:
        raise SpecError("len_type is 0 (fixed) to 6 bytes")
    if element.len_type == 0 and element.min_len:
        raise SpecError("min_len is for elements of variable length")
    if not 0 <= element.min_len <= element.max_len:
        raise SpecError("min_len is beyond max_len")
    for name in ("left_pad", "right_pad"):
        if getattr(element, name) not in ("", *"0123456789ABCDEFabcdef"):
            raise SpecError(f"{name} is one hex digit")
    for name in ("left_fill", "right_fill"):
        fill = getattr(element, name)
        if fill and (len(fill) != 1 or not " " <= fill <= "~" or element.len_type):
            raise SpecError(f"{name} is one printable character, for a fixed element")
    if element.left_fill and element.right_fill:
        raise SpecError("left_fill and right_fill exclude each other")
    if element.is_binary and element.content not in (None, "n", "z", "b", "x+n"):
        raise SpecError(f"content {element.content} is for text")
    if element.is_binary and element.content == "x+n" and element.len_count == "bytes":
        raise SpecError("a packed x+n counts nibbles: its sign is one, and each digit")
    _check_nested(element)
    return element


def _check_nested(element: ElementSpec) -> None:
    nested = element.nested
    if nested is None:
        return
    if nested.kind == "ber-tlv" and not element.is_hex:
        raise SpecError("nested ber-tlv needs data_enc b, counted in bytes")
    if nested.kind == "tlv" and (element.is_binary or element.len_count == "nibbles"):
        raise SpecError("nested tlv needs text, counted in bytes")
    if nested.kind == "tlv" and not (1 <= nested.tag_len <= 8 and 1 <= nested.len_len <= 4):
        raise SpecError("nested tlv has tag_len 1 to 8 and len_len 1 to 4")
    if nested.kind == "parts":
        width = element.max_len * (2 if element.is_hex else 1)
        if element.len_type or sum(nested.parts.values()) != width:
            raise SpecError(f"nested parts cover a fixed element: {width} characters in all")


def _message_type(raw: Mapping[str, Any]) -> ElementSpec:
    """Four digits, as text or packed; pyiso8583 looks at `data_enc` only, and so do we."""
    data_enc = raw.get("data_enc", "")
    return ElementSpec(
        data_enc=data_enc,
        len_type=0,
        max_len=4,
        len_count="nibbles" if data_enc == "b" else "bytes",
        content="n",
    )


def _bitmap_charset(raw: Mapping[str, Any], charsets: dict[str, int]) -> int:
    data_enc = raw.get("data_enc", "")
    return 0 if data_enc == "b" else _charset(data_enc, charsets)


def _charset(codec: str, charsets: dict[str, int]) -> int:
    """The index of a codec's tables, checked the first time that it is named."""
    if codec not in charsets:
        charset_tables(codec)
        if len(charsets) == CHARSET_MAX:
            raise SpecError(f"codec {codec!r} is one more than the {CHARSET_MAX - 1} of a spec")
        charsets[codec] = len(charsets)
    return charsets[codec]


def _layout(element: ElementSpec) -> int:
    in_nibbles = element.len_count == "nibbles"
    if not element.is_binary:
        return _TEXT_HALF if in_nibbles else _TEXT
    if element.content == "x+n":
        return _SIGNED
    if in_nibbles:
        return _DIGITS
    return _BYTES if element.is_hex else _DIGITS_EVEN


def _row(element: ElementSpec, charsets: dict[str, int]) -> dict[str, int]:
    """The element as the numbers of an ElementPlan."""
    layout = _layout(element)
    has_pad = bool(element.left_pad or element.right_pad)
    fixed_bytes, fixed_count = _fixed_size(element, layout, has_pad)
    codec = element.data_enc if not element.is_binary else element.sign_enc
    content = element.content or ("b" if element.is_binary else "any")
    nested = element.nested
    return {
        "defined": 1,
        "layout": layout,
        "length_kind": _LENGTH_KINDS.get(element.len_enc, 1) if element.len_type else 0,
        "length_bytes": element.len_type,
        "charset": _charset(codec, charsets) if not element.is_binary or layout == _SIGNED else 0,
        "length_charset": _length_charset(element, charsets),
        "content": CONTENT_BITS["n" if content == "x+n" else content],
        "is_signed": content == "x+n",
        "pad_side": (1 if element.left_pad else 2) if has_pad else 0,
        "pad_nibble": int(element.left_pad or element.right_pad or "0", 16),
        "fill_side": 1 if element.left_fill else 2 if element.right_fill else 0,
        "fill_character": ord(element.left_fill or element.right_fill or " "),
        "nested": _NESTED_KINDS.get(nested.kind, 0) if nested else 0,
        "tag_characters": nested.tag_len if nested else 0,
        "length_characters": nested.len_len if nested else 0,
        "length_min": element.min_len,
        "length_max": min(element.max_len, _sayable_max(element)),
        "fixed_bytes": fixed_bytes,
        "fixed_count": fixed_count,
    }


def _length_charset(element: ElementSpec, charsets: dict[str, int]) -> int:
    if element.len_type == 0 or element.len_enc in _LENGTH_KINDS:
        return 0
    return _charset(element.len_enc, charsets)


def _sayable_max(element: ElementSpec) -> int:
    """The largest length that the prefix has room for, whatever max_len promises."""
    base = {"b": 256, "bcd": 100}.get(element.len_enc, 10)
    return int(base**element.len_type) - 1


def _fixed_size(element: ElementSpec, layout: int, has_pad: bool) -> tuple[int, int]:
    """Bytes and count of a fixed element; refuses half a byte."""
    if element.len_type:
        return 0, 0
    length = element.max_len
    digits = length - 1 if layout == _SIGNED else length
    if layout == _TEXT_HALF and length % 2:
        raise SpecError("text is never half a byte: max_len in nibbles is even")
    if layout in (_DIGITS, _SIGNED) and digits % 2 and not has_pad:
        raise SpecError("an odd count of digits needs left_pad or right_pad")
    return {
        _TEXT: (length, length),
        _TEXT_HALF: (length // 2, length // 2),
        _BYTES: (length, length),
        _DIGITS: ((length + 1) // 2, length),
        _DIGITS_EVEN: (length, length * 2),
        _SIGNED: (1 + length // 2, length),
    }[layout]


def _indicator_row() -> dict[str, int]:
    """Element 1 is a bitmap: it is in the plan only so that its bit is allowed."""
    return _row(ElementSpec(data_enc="b", len_type=0, max_len=8), {PACKED: 0})
