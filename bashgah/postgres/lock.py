"""The lock of a data directory: one launcher at a time, and `kill -9` releases it."""

import fcntl
import os
from pathlib import Path

from bashgah.postgres.errors import LaunchError


def take_lock(path: Path) -> int:
    """Lock `path` for this process; return the descriptor, whose close releases the lock.

    Raises `LaunchError` that names the holder's pid. flock and not a pid file: the kernel knows
    who is alive, a file does not.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise LaunchError(f"{path.parent} is in use by another launcher (pid {holder})") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
