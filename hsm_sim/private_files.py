"""Files that only their owner may read: written whole or not at all.

A file that others could look into is refused, and told how to be mended.

Owns the checks on a file and how one is replaced. Must not know what is inside.
"""

import os
import stat
from pathlib import Path

import msgspec

from hsm_sim.errors import Unusable

MODE = 0o600
# What msgspec raises for a file that somebody changed.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError)
FILE_BYTES_MAX = 64 << 20


def open_private(path: Path) -> int:
    """Open a file to read, if it is ours alone. Raises Unusable and says why."""
    try:
        # A link could lead somewhere else at every look.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable(f"{path}: not a file")
        if stat.S_IMODE(status.st_mode) != MODE:
            raise Unusable(
                f"{path}: mode {stat.S_IMODE(status.st_mode):04o}, must be 0600 (chmod 600)"
            )
        if status.st_uid != os.geteuid():
            raise Unusable(f"{path}: belongs to user {status.st_uid}, must be ours")
    except Unusable:
        os.close(descriptor)
        raise
    return descriptor


def read_private(path: Path) -> bytes | None:
    """Read a file that is ours alone; None when there is none."""
    if not path.exists():
        return None
    with os.fdopen(open_private(path), "rb") as file:
        return file.read(FILE_BYTES_MAX)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file: a reader finds the old one or the new one, also after a loss of power."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(create_private(aside), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_directory(path.parent)


def create_private(path: Path) -> int:
    """Open a new file to write. Raises Unusable when one is there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, MODE)
        os.fchmod(descriptor, MODE)  # whatever the umask is
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    return descriptor


def sync_directory(path: Path) -> None:
    """Make names that were changed last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
