"""What a terminal must know to speak on one of the switch's ports: spec and framing.

Owns the terminal's view of a profile. Must not know what the messages say.
"""

from typing import Final

from msgspec import Struct

from acquirers.pos import PROFILES
from acquirers.terminal.message_mac import MessageMac
from switch.iso8583 import Framing, Spec, named

TPDU: Final = bytes.fromhex("6000010000")
"""Identifier 60, destination 0001 (the switch), source 0000 (this terminal)."""


class Wire(Struct, frozen=True, kw_only=True):
    """How messages become bytes.

    `tpdu` is the 5 bytes a request carries, or empty. With `mac` every message carries one, and
    a reply without the right one is none.
    """

    spec: Spec
    framing: Framing
    tpdu: bytes = b""
    mac: MessageMac | None = None


class UnknownProfileError(ValueError):
    """No port speaks under that name; the text lists the names."""


def wire_of(profile: str) -> Wire:
    """Give the wire of a profile. Raises UnknownProfileError."""
    found = PROFILES.get(profile)
    if found is None:
        raise UnknownProfileError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
    tpdu = TPDU if found.framing.tpdu else b""
    return Wire(spec=named(found.spec), framing=found.framing, tpdu=tpdu)
