"""Numbers for guests' cards: in the slot of the member's card, so that one shard owns both.

Owns the search. A slot is 12 bits of a card's token, which nobody can compute backwards: of some
4,096 numbers one fits, and a token takes microseconds. Must not know events or shards.
"""

from collections.abc import Callable, Iterable, Iterator

from switch.slots import slot_of


def pans_beside(
    member_pan: str, candidates: Iterable[str], token_of: Callable[[str], bytes]
) -> Iterator[str]:
    """Give those of the candidates' numbers whose cards live where the member's does."""
    slot = slot_of(token_of(member_pan))
    return (pan for pan in candidates if slot_of(token_of(pan)) == slot)
