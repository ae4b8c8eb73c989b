"""A card reader, whatever it reads: what it is told of the payment, and what it gives.

Owns the interface and its failures. Must not know stripes or chips.
"""

import secrets
from datetime import date
from typing import Protocol

import msgspec
from msgspec import Struct

from acquirers.terminal.parties import Card
from switch.errors import OperatingError, ProtocolError
from switch.masked import Masked

UNPREDICTABLE_BYTES = 4
"""Tag 9F37. Source: EMV 4.3 Book 3, annex A."""


class CardError(ProtocolError):
    """The card cannot be read: it is faulty, of another club, or says no. Never its data."""


class CardRemovedError(CardError):
    """The card left the reader before all of it was read."""


class ReaderUnavailableError(OperatingError):
    """There is no such reader, or what drives it is not installed or not running."""


class Terms(Struct, frozen=True, kw_only=True):
    """What a card is told of the payment that it shall agree to.

    `transaction_type`: the first two digits of DE 3. `unpredictable_number` makes a cryptogram that
    was recorded before worthless. `pin_possible`: the terminal has a PIN pad.
    """

    transaction_type: str
    local_date: date
    amount_minor: int = 0
    pin_possible: bool = False
    unpredictable_number: bytes = msgspec.field(
        default_factory=lambda: secrets.token_bytes(UNPREDICTABLE_BYTES)
    )


class PresentedCard(Masked, frozen=True, kw_only=True, gc=False):
    """A card that was read: what goes into messages, and what else its reader saw."""

    card: Card
    service_code: str
    name: str = ""

    def shown(self) -> str:
        """Show no more than the card itself does."""
        return repr(self.card)


class CardReader(Protocol):
    """One place where a card is presented. A wait may be cancelled; the reader can be used again.

    Whoever opened it closes it.
    """

    async def wait_for_card(self, terms: Terms) -> PresentedCard:
        """Wait for a card and read it. Raises CardError, ReaderUnavailableError."""

    async def tell_issuer_answer(self, authentication_data: bytes) -> bool:
        """Hand the issuer's answer (tag 91) to the card read last; tell whether it believes it.

        Raises CardError when that card is gone, or is none that can be told.
        """

    async def aclose(self) -> None:
        """Let go of the card and the reader."""
