"""The passwords of an embedded cluster: one 0600 file in libpq's own `.pgpass` format.

Every client reads that file itself, so no DSN, argument, environment or log holds a password.
"""

import os
import secrets
from pathlib import Path

from bashgah.postgres.errors import LaunchError

SUPERUSER = "postgres"
OWNER = "bashgah"
REPLICATOR = "replicator"
ROLES = (SUPERUSER, OWNER, REPLICATOR)


def create_passfile(path: Path) -> None:
    """Write a fresh random password for each role to `path`, which must not exist."""
    lines = "".join(f"*:*:*:{role}:{secrets.token_urlsafe(24)}\n" for role in ROLES)
    write_secret(path, lines)


def read_passwords(path: Path) -> dict[str, str]:
    """Return the password of each role. Raises `LaunchError` when the file does not have them."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        raise LaunchError(f"{path} is gone: the passwords of the cluster beside it") from None
    fields = [line.split(":") for line in lines if line.count(":") == 4]
    found = {role: password for _host, _port, _database, role, password in fields}
    if not set(ROLES) <= set(found):
        raise LaunchError(f"{path}: a line for each of {', '.join(ROLES)} is needed")
    return found


def write_secret(path: Path, text: str) -> None:
    """Create `path` with mode 0600, so that it was never readable for others, and write `text`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
