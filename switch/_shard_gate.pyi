"""Python face of `_shard_gate`: the gate of one shard among several."""

from typing import final

from switch._fastpath import Gate
from switch._peers import Peers

@final
class ShardGate(Gate):
    """A gate that forwards what belongs to other shards, and passes their replies on."""

    def join(self, peers: Peers, fd: int) -> None:
        """Let other shards in, by a listening Unix socket (non-blocking; the caller keeps it).

        Once, before anything is drained.
        """

    def connected(self, number: int, fd: int) -> None:
        """Take a socket that is connected to another shard; it is the gate's from here on."""
