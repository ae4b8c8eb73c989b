"""A message as a mapping, and the two functions between it and bytes.

Owns keys and paths: `m[4]`, `m["4"]`, `m["55.9F26"]`. Values are str, of binary elements upper-case
hex, as in pyiso8583. What may stand in an element is the spec's business, when it is encoded.

A decoded message knows its spec, so its elements can be taken apart. One that was made by hand
without a spec keeps sub-elements as they were given, until `encode` puts them together.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from switch.iso8583._plan import Spec
from switch.iso8583._values import decode_until_fault, decode_values, encode_values
from switch.iso8583.errors import DecodeError, EncodeError
from switch.iso8583.masking import mask_of_element, masked
from switch.iso8583.nested import Items, NestedError, compose, parse
from switch.iso8583.spec import ELEMENT_MAX, ElementSpec
from switch.response_codes import ResponseCode

Key = int | str
"""An element's number, as int or in decimal without leading zeros, or a path to a sub-element."""

Elements = Mapping[Any, str]
"""Keys are of type Key; said as Any because Mapping is invariant, so that a dict[int, str] or a
dict[str, str] would not do."""

_NAMES = {number: str(number) for number in range(2, ELEMENT_MAX + 1)}
_NUMBERS: dict[Key, int] = {**{n: n for n in _NAMES}, **{name: n for n, name in _NAMES.items()}}


class Message(MutableMapping[Key, str]):
    """A message: its type, perhaps a header, and its elements.

    Iteration is in element order and gives str keys. Message type and bitmaps are no elements:
    the one is `mti`, the others follow from the elements.
    """

    __slots__ = ("_parts", "_spec", "_values", "header", "mti")

    def __init__(
        self,
        mti: str,
        elements: Elements | None = None,
        *,
        header: str | None = None,
        spec: Spec | None = None,
    ) -> None:
        self.mti = mti
        self.header = header
        self._spec = spec
        self._values: dict[int, str] = {}
        self._parts: dict[int, Items] = {}
        if elements is not None:
            for key, value in elements.items():
                self[key] = value

    def __getitem__(self, key: Key) -> str:
        whole = _NUMBERS.get(key)
        if whole is not None:
            return self._values[whole]
        number, path = _split(key)
        for tag, value in self.parts(number):
            if tag == path:
                return value
        raise KeyError(key)

    def __setitem__(self, key: Key, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"element {key} takes str, not {type(value).__name__}")
        number, path = _split(key)
        if path is None:
            self._values[number] = value
            self._parts.pop(number, None)
            return
        items = self._parts_to_change(number)
        for index, (tag, _) in enumerate(items):
            if tag == path:
                items[index] = (tag, value)
                break
        else:
            items.append((path, value))
        self._change_parts(number, items)

    def __delitem__(self, key: Key) -> None:
        number, path = _split(key)
        if path is None:
            if number not in self._values and number not in self._parts:
                raise KeyError(key)
            self._values.pop(number, None)
            self._parts.pop(number, None)
            return
        items = self.parts(number)
        kept = [(tag, value) for tag, value in items if tag != path]
        if len(kept) == len(items):
            raise KeyError(key)
        if kept:
            self._change_parts(number, kept)
        else:
            del self[number]

    def __iter__(self) -> Iterator[str]:
        if not self._parts:
            yield from map(_NAMES.__getitem__, sorted(self._values))
            return
        for number in sorted((*self._values, *self._parts)):
            if number in self._values:
                yield _NAMES[number]
            else:
                for tag, _ in self._parts[number]:
                    yield f"{number}.{tag}"

    def __len__(self) -> int:
        return len(self._values) + sum(map(len, self._parts.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.mti, self.header, self._values, self._parts) == (
            other.mti,
            other.header,
            other._values,
            other._parts,
        )

    __hash__ = None  # type: ignore[assignment]  # a mutable mapping: Mapping says so, mypy doesn't

    def __repr__(self) -> str:
        """Masked; elements that are made of others show only which."""
        shown = []
        for number in sorted((*self._values, *self._parts)):
            element = self.element_spec(number)
            mask = mask_of_element(number, element)
            if number in self._parts or (element is not None and element.nested is not None):
                shown.append(f"{number}=({', '.join(self._tags(number))})")
            else:
                shown.append(f"{number}={masked(self._values[number], mask)!r}")
        return f"<Message {masked(self.mti, 'none')} {' '.join(shown)}>"

    @property
    def spec(self) -> Spec | None:
        """The spec that the message was decoded or made with."""
        return self._spec

    def element_spec(self, number: int) -> ElementSpec | None:
        """What the message's spec says of an element, if it has one and that says something."""
        return self._spec.elements.get(number) if self._spec is not None else None

    def parts(self, number: int) -> Items:
        """The sub-elements of an element, in order. Raises `KeyError` if it has none."""
        if number in self._parts:
            return list(self._parts[number])
        element = self.element_spec(number)
        if number not in self._values or element is None or element.nested is None:
            raise KeyError(number)
        return parse(element, self._values[number])

    def _tags(self, number: int) -> list[str]:
        try:
            return [masked(tag, "none") for tag, _ in self.parts(number)]
        except (NestedError, ValueError):
            return ["broken"]

    def _parts_to_change(self, number: int) -> Items:
        if number in self._values or (self._spec is not None and number not in self._parts):
            element = self.element_spec(number)
            if element is None or element.nested is None:
                raise KeyError(f"element {number}: nothing says how it is made of sub-elements")
            if number in self._values:
                return parse(element, self._values[number])
            # What has parts is fixed, so one part alone needs the others: zeros.
            return [(name, "0" * width) for name, width in element.nested.parts.items()]
        return list(self._parts.get(number, ()))

    def _change_parts(self, number: int, items: Items) -> None:
        element = self.element_spec(number)
        if element is None:
            self._parts[number] = items
        else:
            self._values[number] = _composed(number, element, items)

    @classmethod
    def _decoded(
        cls, header: str | None, mti: str, values: dict[int, str], spec: Spec
    ) -> "Message":
        message = cls.__new__(cls)
        message.header = header
        message.mti = mti
        message._values = values
        message._parts = {}
        message._spec = spec
        return message

    def _encodable(self, spec: Spec) -> dict[int, str]:
        """Element numbers to whole values."""
        if not self._parts:
            return self._values
        values = dict(self._values)
        for number, items in self._parts.items():
            element = spec.elements.get(number)
            if element is None:
                raise EncodeError(
                    str(number), None, "the element is not in the spec", ResponseCode.FORMAT_ERROR
                )
            values[number] = _composed(number, element, items)
        return values


def decode(data: bytes | bytearray | memoryview, spec: Spec) -> Message:
    """Decode one whole message. Raises `DecodeError`; a byte too many is an error as well."""
    header, mti, values = decode_values(
        data if type(data) is bytes else bytes(memoryview(data)), spec
    )
    return Message._decoded(header, mti, values, spec)


def decode_partly(
    data: bytes | bytearray | memoryview, spec: Spec
) -> tuple[Message, DecodeError | None]:
    """Decode as far as the data goes, for people: what was read, and the error that ended it."""
    header, mti, values, error = decode_until_fault(bytes(memoryview(data)), spec)
    return Message._decoded(header, mti, values, spec), error


def encode(message: Message, spec: Spec) -> bytes:
    """Encode a message. Raises `EncodeError`; what it gives, `decode` takes with the same spec."""
    return encode_values(spec, message.header, message.mti, message._encodable(spec))


def _composed(number: int, element: ElementSpec, items: Items) -> str:
    try:
        return compose(element, items)
    except NestedError as error:
        raise EncodeError(str(number), None, str(error), ResponseCode.FORMAT_ERROR) from None


def _split(key: Key) -> tuple[int, str | None]:
    """Element number and path; raises `KeyError` for what names no element."""
    whole = _NUMBERS.get(key)
    if whole is not None:
        return whole, None
    digits, _, path = str(key).partition(".")
    number = _NUMBERS.get(digits)
    if number is None or not path:
        raise KeyError(key)
    return number, path
