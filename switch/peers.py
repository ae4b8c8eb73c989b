"""Sockets between the shards of a machine: one listens for the others, and connects to each.

Owns their paths (`<directory>/<shard>.sock`, in a directory that is closed to everybody else) and
that a link which is missing is made again. What goes over them is the gate's (`_shard_gate`).
"""

import os
import socket
import stat
from pathlib import Path
from typing import Protocol

import trio

from switch.errors import OperatingError

RETRY_SECONDS = 0.05
"""How long a shard that has come back waits at most until the others are linked with it again."""

BACKLOG = 256
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


def listen_for_peers(directory: Path, number: int) -> socket.socket:
    """Listen for the other shards, in place of whoever did before. Raises OperatingError."""
    _make_closed(directory)
    name = f"{number}.sock"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        with _Opened(directory) as opened:
            (directory / name).unlink(missing_ok=True)
            listening.bind(f"{opened}/{name}")
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OperatingError(f"{directory / name}: {error.strerror}") from error
    return listening


async def keep_connected(gate: LinkedGate, peers: KnownPeers, directory: Path) -> None:
    """Connect to every other shard, again whenever a link has broken, until cancelled."""
    while True:
        for number in peers.unconnected():
            connected = _connect(directory, f"{number}.sock")
            if connected is not None:
                gate.connected(number, connected.detach())
        await trio.sleep(RETRY_SECONDS)


def _connect(directory: Path, name: str) -> socket.socket | None:
    """Connect without waiting; None when nobody listens there, or too many are calling."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.setblocking(False)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    try:
        with _Opened(directory) as opened:
            link.connect(f"{opened}/{name}")
    except OSError:
        link.close()  # the shard is down, or not up yet: its metrics and ours say so
        return None
    return link


class _Opened:
    """A short name for a directory while it is needed: a socket's path has 107 bytes at most."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor = -1

    def __enter__(self) -> str:
        self._descriptor = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptor}"

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _make_closed(directory: Path) -> None:
    """Make the directory, or see that it is ours and closed: who can connect can ask for money."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise OperatingError(f"{directory}: {error.strerror}") from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise OperatingError(f"{directory}: must be ours with mode 0700; others could connect")
