"""What a terminal must know to speak on one of the switch's ports: spec and framing.

Owns the pairing under the profile's name. Must not know what the messages say.
"""

from typing import Final

from msgspec import Struct

from switch.iso8583 import Framing, Spec, named


class Wire(Struct, frozen=True, kw_only=True, gc=False):
    """How messages become bytes. `tpdu` is the 5 bytes a request carries, or empty."""

    spec: Spec
    framing: Framing
    tpdu: bytes = b""


class UnknownProfileError(ValueError):
    """No port speaks under that name; the text lists the names."""


TPDU: Final = bytes.fromhex("6000010000")
"""Identifier 60, destination 0001 (the switch), source 0000 (this terminal)."""

PROFILES: Final[dict[str, tuple[str, Framing]]] = {
    "pos-binary": ("iso1987-binary", Framing(length="binary2", tpdu=True)),
    "pos-ascii": ("iso1987-ascii", Framing(length="ascii4", tpdu=False)),
}


def wire_of(profile: str) -> Wire:
    """Give the wire of a profile. Raises UnknownProfileError."""
    if profile not in PROFILES:
        raise UnknownProfileError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
    spec_name, framing = PROFILES[profile]
    return Wire(spec=named(spec_name), framing=framing, tpdu=TPDU if framing.tpdu else b"")
