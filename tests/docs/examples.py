"""The hex examples of docs/pos-interface.md: how they stand in the document.

    #### purchase-binary · Purchase of 250,000 rials
    ```hex pos-binary request
    00 62 60 00 …
    ```

Owns reading them from the text and writing them into it. Must not know a switch.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from acquirers.terminal.wire import Wire, wire_of
from switch.iso8583 import NEED_DATA, Frame, FrameReader, describe

DOCUMENT = Path(__file__).parents[2] / "docs" / "pos-interface.md"
BEGIN = "<!-- examples begin -->\n"
END = "<!-- examples end -->\n"
BYTES_IN_A_LINE = 30

_EXAMPLE = re.compile(
    r"^#### (?P<name>[a-z0-9-]+) · (?P<title>.+)\n"
    r"(?:(?!^####).*\n)*?"
    r"^```hex (?P<profile>[a-z-]+) request\n(?P<request>[^`]+)```\n"
    r"(?:(?!^####).*\n)*?"
    r"^```hex (?P=profile) reply\n(?P<reply>[^`]+)```\n",
    re.MULTILINE,
)


class Example(Struct, frozen=True, kw_only=True):
    """One exchange, as whole frames."""

    name: str
    title: str
    profile: str
    request: bytes
    reply: bytes


def read_examples(document: str) -> list[Example]:
    """Give the examples of the document, in its order."""
    return [
        Example(
            name=found["name"],
            title=found["title"],
            profile=found["profile"],
            request=bytes.fromhex(found["request"]),
            reply=bytes.fromhex(found["reply"]),
        )
        for found in _EXAMPLE.finditer(document)
    ]


def with_examples(document: str, examples: Iterable[Example]) -> str:
    """Give the document with these examples between its two marks."""
    before, rest = document.split(BEGIN)
    _, after = rest.split(END)
    return before + BEGIN + "".join(map(_written, examples)) + END + after


def unframed(frame: bytes, wire: Wire) -> Frame:
    """Give TPDU and message of one whole frame."""
    reader = FrameReader(wire.framing)
    reader.receive_data(frame)
    found = reader.next_frame()
    assert found is not NEED_DATA, "the frame ends before its length says"
    assert reader.unfinished_bytes == 0, "bytes follow the frame"
    return found


def _written(example: Example) -> str:
    wire = wire_of(example.profile)
    parts = [f"\n#### {example.name} · {example.title}\n"]
    for direction, frame in (("request", example.request), ("reply", example.reply)):
        described = describe(unframed(frame, wire).body, wire.spec)
        parts.append(f"\n```hex {example.profile} {direction}\n{_hex_lines(frame)}\n```\n")
        parts.append(f"\n```text\n{described}\n```\n")
    return "".join(parts)


def _hex_lines(data: bytes) -> str:
    starts = range(0, len(data), BYTES_IN_A_LINE)
    return "\n".join(data[at : at + BYTES_IN_A_LINE].hex(" ").upper() for at in starts)
