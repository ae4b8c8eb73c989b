"""Who takes part in a load: cards and terminals, as the caller knows them.

Owns the shapes only. Must not know any club: whoever starts a load hands in its own population.
"""

from msgspec import Struct

from switch.masked import Masked


class Card(Masked, frozen=True, kw_only=True):
    """A card that simulated terminals present. `expiry` is YYMM, or empty when it is not sent."""

    pan: str
    expiry: str = ""

    def shown(self) -> str:
        """Show first six and last four digits only: errors and logs quote this."""
        return f"{self.pan[:6]}…{self.pan[-4:]}"


class Terminal(Struct, frozen=True, kw_only=True):
    """DE 41 (8 characters) and DE 42 (15 characters), padded as they travel."""

    terminal_id: str
    merchant_id: str


class Population(Struct, frozen=True, kw_only=True):
    """The cards a load draws from, by what a healthy switch must say to them."""

    terminals: tuple[Terminal, ...]
    cards: tuple[Card, ...]  # good ones, with money
    poor_cards: tuple[Card, ...]  # good ones without money enough for any amount of the mix
    blocked_cards: tuple[Card, ...]
    unknown_cards: tuple[Card, ...]
    currency: str = "364"  # DE 49, ISO 4217 numeric
    acquirer: str = ""  # DE 32; empty: not sent
