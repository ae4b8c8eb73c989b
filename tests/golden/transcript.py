"""The form of a golden transcript: one TOML file, one rule of the interface, in steps.

A step sends one message and says the whole reply. What every message has alike is filled in (see
`play`), so that a transcript shows only what it is about:

    [[step]]
    says = "one completion captures the hold"
    original = "hold"                       # DE 90 names the step called "hold"
    moves = { money = -80000 }              # what the card's balances must have changed by
    send = { mti = "0220", 3 = "000000", 4 = "000000080000" }
    get = { 39 = "00", 38 = "*" }           # "*": present, with whatever value

An element of the reply that is neither echoed nor in `get` fails the step, and so does a balance
that moves without being in `moves`.
"""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from acquirers.terminal.orders import Service

HERE = Path(__file__).parent


class Printed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines that a terminal's receipt of the step has, in both languages, with single spaces."""

    service: Service
    english: list[str]
    persian: list[str]


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message and its reply."""

    says: str
    send: dict[str, str] = {}
    """`mti` and elements; {track}, {utc}, {today} and {step.37} (of a reply) are filled in."""
    get: dict[str, str] = {}
    name: str = ""
    """What later steps call this one."""
    card: str = "member"
    terminal: str = "counter"
    repeats: str = ""
    """Send that step's elements again, trace number and times included; `send` overrides."""
    original: str = ""
    """Name that step in DE 90."""
    undoes: str = ""
    """The balances move exactly as in that step, the other way."""
    without: list[str] = []
    """Elements that would be filled in and are left out."""
    seconds_from_now: int = 0
    """How far the terminal's clock is off."""
    body: str = ""
    """Instead of `send`, the message's characters as they are (pos-ascii), without spaces and line
    ends; {stan}, {time}, {date}, {pan}, {terminal} and {merchant} are filled in."""
    same_reply_as: str = ""
    """The reply is that step's, byte for byte."""
    closes: bool = False
    """There is no reply: the switch closes the connection."""
    moves: dict[str, int | str] = {}
    """Change of `money` and `points`; of `money_available` and `points_available`, the same unless
    said; "*" is any change."""
    receipt: Printed | None = None


class Transcript(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: `rule` is the heading in docs/pos-interface.md that states it."""

    title: str
    rule: str
    profiles: tuple[str, ...] = ("pos-binary", "pos-ascii")
    step: list[Step]


def transcripts() -> dict[str, Transcript]:
    """Give every transcript of this folder by its file's name."""
    return {
        path.stem: msgspec.convert(tomllib.loads(path.read_text("utf-8")), Transcript)
        for path in sorted(HERE.glob("*.toml"))
    }
