"""Python face of `_issuer_messages`: how a bank's messages are written and read."""

from typing import NamedTuple, final

from switch.iso8583 import Spec

class IssuerReply(NamedTuple):
    """What of a bank's message decides anything. -1 or empty: it was not there."""

    mti: int
    sent_at: int  # DE 7, as in the message that it answers
    stan: int  # DE 11
    amount_minor: int  # DE 4
    authorisation_code: bytes  # DE 38
    response_code: bytes  # DE 39
    balances: bytes  # DE 54
    network_code: int  # DE 70

@final
class IssuerForm:
    """How messages to one bank are written."""

    def __init__(self, spec: Spec, institution: str) -> None:
        """`institution` is our own code at the bank: DE 33, up to 11 digits."""

    @property
    def institution_code(self) -> str:
        """Our own code at the bank."""

    def read(self, message: bytes) -> IssuerReply | None:
        """Read a message of the bank, leaving the card's number alone; None: it is no ISO 8583."""
