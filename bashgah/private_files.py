"""Files of production: new ones, readable by their owner only, never written over.

Owns how they are written and read back. What is in them is encrypted, or no secret, by whoever
writes it; modes are a second wall.
"""

import os
from pathlib import Path

from switch.errors import OperatingError


def write_private(path: Path, content: bytes) -> None:
    """Write a new file, mode 0600, durable when it returns. Raises OperatingError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise OperatingError(f"{path} is there: nothing is written over") from None
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes:
    """Read a file that others must not. Raises OperatingError when they could, OSError."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise OperatingError(f"{path} is open to others: chmod 600 it")
        return file.read()
