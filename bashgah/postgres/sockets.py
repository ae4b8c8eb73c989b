"""The 0700 directory of the Unix sockets: in the data directory, elsewhere when that is deep."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from bashgah.postgres.errors import LaunchError
from bashgah.postgres.identity import Identity

# sun_path holds 108 bytes with the final zero (unix(7)).
SOCKET_PATH_BYTES_MAX = 107
SOCKET_NAME = ".s.PGSQL.65535"


def make_socket_dir(data_dir: Path, identity: Identity) -> Path:
    """Create the directory for the sockets of the cluster in `data_dir`; owned by `identity`.

    A path too long for a socket gets a short one under the temporary directory, named after it.
    That place is public, so the directory must be ours and closed: raises `LaunchError` if not.
    """
    inside = data_dir / "socket"
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
        inside.mkdir(mode=0o700, exist_ok=True)
        identity.own(inside)
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    outside = Path(tempfile.gettempdir()) / f"bashgah-{os.geteuid()}-{digest}"
    try:
        outside.mkdir(mode=0o700)
        identity.own(outside)
    except FileExistsError:
        found = outside.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid in (os.geteuid(), identity.uid)
        if not ours or stat.S_IMODE(found.st_mode) != 0o700:
            raise LaunchError(f"{outside}: not a 0700 directory of ours; remove it") from None
    if len(os.fsencode(outside / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
        raise LaunchError(f"{outside}: too long for a Unix socket; set TMPDIR to a shorter path")
    return outside


def remove_socket_dir(socket_dir: Path) -> None:
    """Remove the directory unless something is still in it."""
    try:
        socket_dir.rmdir()
    except OSError:
        # Gone already, or a server that was killed left its socket: the next start uses it again.
        return
