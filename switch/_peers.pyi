"""Python face of `_peers`: the other shards of a shard, as its gate uses them."""

from typing import Any, final

from switch._core import Core

BATCH_BOUNDS: tuple[int, ...]
"""Upper bounds of the buckets of batch sizes; one more bucket is behind the last."""

@final
class Peers:
    """The other shards of a shard, and the map of slots that all of them share."""

    def __init__(self, core: Core, *, owners: list[int], count: int, greeting: bytes) -> None:
        """`owners` gives the shard of each slot, `count` how many shards there are.

        `greeting` (32 bytes) is equal exactly where the configuration that matters is: a shard with
        another one is hung up on. From here on the core's lanes serve cards of this shard only.
        """

    def owner_of(self, token: bytes) -> int:
        """Give the shard that owns a card."""

    def misplaced(self) -> int:
        """Count the cards in memory that another shard owns: loaded under another map."""

    def unconnected(self) -> list[int]:
        """Give the shards to which there is no connection yet."""

    def joined(self) -> bool:
        """Whether every other shard is linked with this one, both ways."""

    def awaited(self) -> int:
        """Count the messages that other shards have and have not answered."""

    def statistics(self) -> dict[int, dict[str, Any]]:
        """Give what the metrics say of each other shard, by its number."""
