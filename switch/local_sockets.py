"""Unix sockets of a shard: `<directory>/<shard>.sock`, in a directory that is closed to others.

Owns the paths, and that nobody else can connect. Must not know what goes over them.
"""

import os
import socket
import stat
from pathlib import Path

from switch.errors import OperatingError

BACKLOG = 256


def listen_at(directory: Path, number: int) -> socket.socket:
    """Listen as a shard, in place of whoever did before. Raises OperatingError."""
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


def connect_to(link: socket.socket, directory: Path, number: int) -> None:
    """Connect to a shard. Raises OSError."""
    with _Opened(directory) as opened:
        link.connect(f"{opened}/{number}.sock")


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
    """Make the directory, or see that it is ours and closed: who can connect is trusted."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise OperatingError(f"{directory}: {error.strerror}") from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise OperatingError(f"{directory}: must be ours with mode 0700; others could connect")
