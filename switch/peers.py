"""Links between the shards of a machine: each connects to every other one.

Owns that a link which is missing is made again. What goes over them is the gate's (`_shard_gate`);
where the sockets are is said in `local_sockets`.
"""

import socket
from pathlib import Path
from typing import Protocol

import trio

from switch.local_sockets import connect_to

RETRY_SECONDS = 0.05
"""How long a shard that has come back waits at most until the others are linked with it again."""

SEND_BYTES = 1 << 20
"""The kernel's share of a batch: a thousand messages, so that a sweep seldom has to be continued.
"""


class LinkedGate(Protocol):
    """What the links need of a gate."""

    def connected(self, number: int, fd: int) -> None:
        """Take a connected socket."""


class KnownPeers(Protocol):
    """What the links need to know."""

    def unconnected(self) -> list[int]:
        """Give the shards to which there is no connection."""


async def keep_connected(gate: LinkedGate, peers: KnownPeers, directory: Path) -> None:
    """Connect to every other shard, again whenever a link has broken, until cancelled."""
    while True:
        for number in peers.unconnected():
            connected = _connect(directory, number)
            if connected is not None:
                gate.connected(number, connected.detach())
        await trio.sleep(RETRY_SECONDS)


def _connect(directory: Path, number: int) -> socket.socket | None:
    """Connect without waiting; None when nobody listens there, or too many are calling."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.setblocking(False)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    try:
        connect_to(link, directory, number)
    except OSError:
        link.close()  # the shard is down, or not up yet: its metrics and ours say so
        return None
    return link
