"""Requests by patching: encode one message once, then only exchange the bytes that vary.

Owns where an element stands in an encoded message and how its digits are spelled there. Must not
know any spec or codec: it finds both by probing. An element is encoded as all ones and as all twos;
the bytes that differ are its slot, and the spelling (ASCII, packed digits, EBCDIC) is the one that
gives those bytes. Every varying element keeps its length, so nothing else moves.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

Encode = Callable[[str, Mapping[str, str]], bytes]
"""An encoder: message type and elements (number or dotted path to value) to the body's bytes."""

Spell = Callable[[str], bytes]


def spell_ascii(value: str) -> bytes:
    """One character a byte."""
    return value.encode("ascii")


def spell_packed_left(value: str) -> bytes:
    """Two digits a byte; an odd count has a 0 on the left."""
    return bytes.fromhex(value if len(value) % 2 == 0 else "0" + value)


def spell_packed_right(value: str) -> bytes:
    """Two digits a byte; an odd count has an F on the right."""
    return bytes.fromhex(value if len(value) % 2 == 0 else value + "F")


def spell_ebcdic(value: str) -> bytes:
    """One character a byte, as mainframes write it."""
    return value.encode("cp500")


SPELLINGS: tuple[Spell, ...] = (spell_ascii, spell_packed_left, spell_packed_right, spell_ebcdic)


class Slot(Struct, frozen=True, kw_only=True):
    """Where one varying element stands in the body, and how its value becomes those bytes."""

    element: str
    begin: int
    end: int
    spell: Spell


class Template:
    """One kind of request, encoded once.

    `varying` are the elements to patch, each with an example of its fixed length; `render` takes
    their values in the same order. The message type is always the first slot.
    """

    def __init__(
        self, encode: Encode, message_type: str, elements: Mapping[str, str], varying: Sequence[str]
    ) -> None:
        missing = [element for element in varying if element not in elements]
        assert not missing, f"no example of {missing}"
        self.elements = dict(elements)
        self.varying = tuple(varying)
        body = encode(message_type, elements)
        first = _message_type_slot(body, message_type)
        rest = [_probe(encode, message_type, elements, element) for element in varying]
        self.slots = (first, *rest)
        # Rendering joins constant pieces and values in the order of the body, not of the call.
        order = sorted(range(len(self.slots)), key=lambda index: self.slots[index].begin)
        pieces: list[tuple[bytes, int, Spell]] = []
        at = 0
        for index in order:
            slot = self.slots[index]
            assert slot.begin >= at, "two varying elements share bytes"
            pieces.append((body[at : slot.begin], index, slot.spell))
            at = slot.end
        self._pieces = tuple(pieces)
        self._tail = body[at:]
        self.body_bytes = len(body)

    def render(self, message_type: str, *values: str) -> bytes:
        """Give the body with `values` in the slots; each must have its example's length."""
        given = (message_type, *values)
        parts: list[bytes] = []
        for constant, index, spell in self._pieces:
            parts.append(constant)
            parts.append(spell(given[index]))
        parts.append(self._tail)
        body = b"".join(parts)
        assert len(body) == self.body_bytes, "a value has not the length of its slot"
        return body

    def retype(self, body: bytes, message_type: str) -> bytes:
        """Give a rendered body with another message type."""
        first = self.slots[0]
        return first.spell(message_type) + body[first.end :]


def _message_type_slot(body: bytes, message_type: str) -> Slot:
    for spell in SPELLINGS:
        spelled = spell(message_type)
        if body.startswith(spelled):
            return Slot(element="t", begin=0, end=len(spelled), spell=spell)
    raise ValueError("the encoded message does not begin with its message type")


def _probe(encode: Encode, message_type: str, elements: Mapping[str, str], element: str) -> Slot:
    count = len(elements[element])
    probes = ["1" * count, "2" * count]
    ones, twos = (encode(message_type, {**elements, element: probe}) for probe in probes)
    differing = [at for at, (one, two) in enumerate(zip(ones, twos, strict=True)) if one != two]
    begin, end = differing[0], differing[-1] + 1
    for spell in SPELLINGS:
        if [ones[begin:end], twos[begin:end]] == [spell(probe) for probe in probes]:
            return Slot(element=element, begin=begin, end=end, spell=spell)
    raise ValueError(f"element {element}: its digits are spelled in a way that is not known here")
