"""Numbers for guests' cards: in the slot of the member's card, so that one shard owns both.

Owns the search. A slot is 12 bits of a card's token, which nobody can compute backwards: of some
4,096 numbers one fits, and a token takes microseconds. Members share one search, so a batch of
thousands looks at some ten numbers a slot. Must not know events or shards.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from switch.errors import OperatingError
from switch.slots import slot_of


def pans_beside(
    members: Sequence[bytes], candidates: Iterable[str], token_of: Callable[[str], bytes]
) -> list[str]:
    """Give for each member's token one of the numbers, whose card lives where the member's does.

    Raises OperatingError when there are not enough.
    """
    waiting: dict[int, deque[int]] = {}
    for place, member in enumerate(members):
        waiting.setdefault(slot_of(member), deque()).append(place)
    found: dict[int, str] = {}
    for pan in candidates:
        if len(found) == len(members):
            break
        places = waiting.get(slot_of(token_of(pan)))
        if places:
            found[places.popleft()] = pan
    if len(found) < len(members):
        raise OperatingError(f"numbers for {len(found)} of {len(members)} guests' cards only")
    return [found[place] for place in range(len(members))]
