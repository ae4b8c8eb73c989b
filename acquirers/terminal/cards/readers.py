"""Which reader a person asked for: `stripe:FILE`, `virtual:FILE`, `pcsc` or one of the others.

Owns these words, and nothing else.
"""

from pathlib import Path
from typing import Final

from acquirers.terminal.cards.pcsc import PcscReader
from acquirers.terminal.cards.personalisation import PersonalisationFile
from acquirers.terminal.cards.reading import CardReader
from acquirers.terminal.cards.stripe import StripeReader
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader

READERS: Final = "stripe:FILE, virtual:FILE, virtual-stripe:FILE, pcsc or pcsc:NAME"


class UnknownReaderError(ValueError):
    """No reader is called that; the text lists them."""


def reader_of(wish: str) -> CardReader:
    """Give the reader that is wished for. Raises UnknownReaderError, PersonalisationError."""
    kind, _, where = wish.partition(":")
    if kind == "pcsc":
        return PcscReader(where)
    if kind == "stripe" and where:
        return StripeReader(Path(where))
    if kind == "virtual" and where:
        return VirtualReader(VirtualCard(PersonalisationFile(Path(where))))
    if kind == "virtual-stripe" and where:
        return VirtualReader(VirtualCard(PersonalisationFile(Path(where))), stripe_mode=True)
    raise UnknownReaderError(f"no reader {wish!r}; there are {READERS}")
