"""A batch's cards into a running switch: the loader's file as events.

Owns how a file is read and cut into pieces. A card that the switch knows already is left out, so a
load that was cut off is begun again. Guests' cards are linked to their members', each time.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bashgah.card_production.files import TOKEN_BYTES, LoaderBatch, LoaderCard
from bashgah.control_client import CARDS_AT_ONCE, Shards
from switch.errors import OperatingError
from switch.events import CardsAdded, CardsLinked

_LINES: msgspec.json.Decoder[LoaderBatch | LoaderCard] = msgspec.json.Decoder(
    LoaderBatch | LoaderCard
)


def read_loader(path: Path) -> list[LoaderCard]:
    """Read a loader's file. Raises OperatingError, OSError."""
    cards: list[LoaderCard] = []
    count = -1
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            record = _LINES.decode(line)
            if isinstance(record, LoaderCard):
                cards.append(_checked(record))
        except ValueError as error:
            raise OperatingError(f"{path}:{number}: {error}".replace("`", "")) from None
        if isinstance(record, LoaderBatch):
            count = record.count
    if count != len(cards):
        raise OperatingError(f"{path}: {len(cards)} cards, not {count}: it is not complete")
    return cards


def _checked(card: LoaderCard) -> LoaderCard:
    """Raise ValueError for numbers that are none."""
    numbers = ((card.token, 32, 16), (card.first6, 6, 10), (card.last4, 4, 10))
    for text, digits, base in (*numbers, (card.expiry, 4, 10), (card.pvv, 4, 10)):
        if len(text) != digits or not text.isalnum() or int(text, base) < 0:
            raise ValueError(f"a field has not {digits} digits")
    if card.member and len(bytes.fromhex(card.member)) != TOKEN_BYTES:
        raise ValueError("a member's token has not 32 digits")
    if not 0 <= card.pvki <= 9 or not 1 <= int(card.expiry[2:]) <= 12:
        raise ValueError("no PVKI or no month")
    return card


def cards_added(programme: int, cards: Sequence[LoaderCard]) -> CardsAdded:
    """Give the event of cards."""
    count = len(cards)
    return CardsAdded(
        programme=programme,
        tokens=b"".join(bytes.fromhex(card.token) for card in cards),
        expiries=struct.pack(f"<{count}H", *(int(card.expiry) for card in cards)),
        first6=struct.pack(f"<{count}I", *(int(card.first6) for card in cards)),
        last4=struct.pack(f"<{count}H", *(int(card.last4) for card in cards)),
        pvvs=struct.pack(f"<{count}H", *(int(card.pvv) for card in cards)),
        pvkis=bytes(card.pvki for card in cards),
    )


def load_cards(
    shards: Shards, programme: int, cards: Sequence[LoaderCard]
) -> Iterator[tuple[int, int, int]]:
    """Load cards; yields of each piece its shard, how many are new, and how many were known."""
    of_shard: dict[int, list[LoaderCard]] = {}
    for card in cards:
        of_shard.setdefault(shards.owner_of(bytes.fromhex(card.token)), []).append(card)
    for shard, own in sorted(of_shard.items()):
        for at in range(0, len(own), CARDS_AT_ONCE):
            piece = own[at : at + CARDS_AT_ONCE]
            found = shards.find_cards(shard, [bytes.fromhex(card.token) for card in piece])
            new = [card for card, known in zip(piece, found, strict=True) if known is None]
            guests = [card for card in piece if card.member]
            members = _numbers(shards, shard, [card.member for card in guests])
            if new:
                shards.record(shard, cards_added(programme, new))
            linked = _numbers(shards, shard, [card.token for card in guests])
            for guest, member in zip(linked, members, strict=True):
                shards.record(shard, CardsLinked(cards=(guest,), to_card=member))
            yield shard, len(new), len(piece) - len(new)


def _numbers(shards: Shards, shard: int, tokens: Sequence[str]) -> list[int]:
    """Give the numbers of cards that have to be known. Raises OperatingError."""
    if not tokens:
        return []
    found = shards.find_cards(shard, [bytes.fromhex(token) for token in tokens])
    if None in found:
        raise OperatingError("a guest's card of a member who is not known: load the members' first")
    return [card.card for card in found if card is not None]
