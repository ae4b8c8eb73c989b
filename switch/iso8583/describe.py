"""A message for people: one element a line, masked. Never the place to read a value from."""

from collections.abc import Iterator

from switch.iso8583._plan import Spec
from switch.iso8583.masking import mask_of_element, mask_of_part, masked, printable
from switch.iso8583.message import Message, decode_partly
from switch.iso8583.nested import NestedError

_TITLE_COLUMNS = 46


def describe(message: Message | bytes | bytearray, spec: Spec | None = None) -> str:
    """Lay a message out, a line an element, card data masked.

    Bytes are decoded with `spec`; if they are broken, what stands before the fault is shown and
    the last line says what is wrong and where. Without a spec a message has no titles.
    """
    error = None
    if not isinstance(message, Message):
        if spec is None:
            raise TypeError("bytes are described with a spec")
        message, error = decode_partly(message, spec)
    lines = [f"{printable(message.mti) or '????'}  {spec.name if spec else _spec_name(message)}"]
    if message.header:
        lines.append(_line("h", "Message header", masked(message.header, "none")))
    for number in sorted({int(key.partition(".")[0]) for key in message}):
        lines.extend(_lines_of_element(message, number, spec or message.spec))
    if error is not None:
        lines.append(f"  !  {error}")
    return "\n".join(line.rstrip() for line in lines)


def _lines_of_element(message: Message, number: int, spec: Spec | None) -> Iterator[str]:
    element = spec.elements.get(number) if spec is not None else None
    title = element.desc if element is not None else ""
    try:
        items = message.parts(number)
    except KeyError:
        yield _line(str(number), title, masked(message[number], mask_of_element(number, element)))
    except (NestedError, ValueError) as error:
        yield _line(str(number), title, f"({error})")
    else:
        yield _line(str(number), title, "")
        for tag, value in items:
            mask = mask_of_part(number, element, tag)
            yield _line("", f"  {number}.{printable(tag)}", masked(value, mask))


def _line(key: str, title: str, value: str) -> str:
    return f"{key:>3}  {title:{_TITLE_COLUMNS}}  {value}"


def _spec_name(message: Message) -> str:
    return message.spec.name if message.spec is not None else ""
