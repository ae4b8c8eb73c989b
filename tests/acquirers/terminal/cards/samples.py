"""A card and its file for the tests of cards in the hand."""

from pathlib import Path

from msgspec import structs

from acquirers.terminal.cards.personalisation import Personalisation, PersonalisationFile, write_new

PAN = "9364001100000014"
ICC_MASTER_KEY = "0123456789ABCDEFFEDCBA9876543210"


CARD = Personalisation(
    pan=PAN,
    sequence_number="01",
    expiry="3012",
    name="SARA/TEST",
    service_code="201",
    track2=f"{PAN}D30122010000012300000",
    icc_master_key=ICC_MASTER_KEY,
)


def personalised(**changes: object) -> Personalisation:
    """Give a card's data, with what a test wants otherwise."""
    return structs.replace(CARD, **changes)


def card_file(path: Path, **changes: object) -> PersonalisationFile:
    """Write a card's file and give it."""
    write_new(path, personalised(**changes))
    return PersonalisationFile(path)
