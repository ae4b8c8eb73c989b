"""Which shard owns a card: slots of card tokens, and a map from slots to shards.

Owns the one rule of ownership. A card's slot is 12 bits of its token, which is a keyed digest of
its number: every process computes the same, and slots are filled evenly however cards are numbered.
The compiled core has the same rule in `switch/_shard.pxd`; a test holds both equal. Must not know
who runs a shard or how a message gets there.
"""

from collections.abc import Iterable

SLOT_BITS = 12
SLOT_COUNT = 1 << SLOT_BITS
SHARDS_MAX = 64
"""Of one map. Each process keeps a link to each other one."""

SlotRange = tuple[int, int, int]
"""First slot, last slot, the shard that owns them."""


def slot_of(token: bytes) -> int:
    """Give the slot of a card token."""
    return token[0] << 4 | token[1] >> 4


def even_owners(shards: int) -> tuple[int, ...]:
    """Give the owner of each slot when `shards` share them in contiguous, nearly equal ranges."""
    assert 1 <= shards <= SHARDS_MAX
    return tuple(slot * shards // SLOT_COUNT for slot in range(SLOT_COUNT))


def owners_of(shards: int, ranges: Iterable[SlotRange]) -> tuple[int, ...]:
    """Give the owner of each slot by ranges; without any, even ones. Raises ValueError."""
    owners: list[int | None] = [None] * SLOT_COUNT
    named = list(ranges)
    if not named:
        return even_owners(shards)
    for first, last, shard in named:
        if not 0 <= first <= last < SLOT_COUNT:
            raise ValueError(f"slots {first} to {last}: there are 0 to {SLOT_COUNT - 1}")
        if not 0 <= shard < shards:
            raise ValueError(f"shard {shard}: there are 0 to {shards - 1}")
        if any(owner is not None for owner in owners[first : last + 1]):
            raise ValueError(f"slots {first} to {last}: some have an owner already")
        owners[first : last + 1] = [shard] * (last - first + 1)
    complete = tuple(owner for owner in owners if owner is not None)
    if len(complete) != SLOT_COUNT:
        raise ValueError(f"slot {owners.index(None)} has no owner")
    return complete
