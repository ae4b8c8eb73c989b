"""Rows that were replayed without the original that they name. See `_unmatched.pyi`.

Owns what they still have to change. Must not know where originals are looked up.
"""

from libc.stdint cimport int32_t, int64_t

from switch._core cimport Core
from switch._shard cimport card_uncount


def take_unmatched(Core core):
    """Give their sequences, each once. See `_unmatched.pyi`."""
    found = [core.shard.unmatched[i] for i in range(core.shard.unmatched_count)]
    core.shard.unmatched_count = 0
    return found


def uncount(Core core, int64_t card, int32_t day, int64_t change_minor, bint whole):
    """Give back to a card's limits. See `_unmatched.pyi`."""
    assert 0 <= card < core.shard.register.card_count and change_minor > 0
    card_uncount(&core.shard.register.cards[card], day, change_minor, whole)
