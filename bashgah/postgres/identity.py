"""As whom the servers run. PostgreSQL refuses to run as root, so root needs another identity.

Nothing on the machine is changed for that: no account is created and no permission loosened
outside the data directory. In order of choice:

1. not root: as yourself;
2. root, with user namespaces: `unshare` shows the server a machine where it is uid 65534. To the
   rest of the world its files still belong to root, so 0700 homes work as they are;
3. root in a container that forbids namespaces: `setpriv` to `nobody`, who then owns the data
   directory and has to be able to reach it.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bashgah.postgres.binaries import copy_binaries
from bashgah.postgres.errors import LaunchError

# The overflow uid: "nobody" on every Linux distribution we know of. initdb looks it up by name.
NOBODY_UID = 65534


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Run a program as somebody: put `prefix` before its arguments.

    `uid` and `gid` own the files that the servers write, as seen from outside.
    """

    name: str
    prefix: tuple[str, ...]
    uid: int
    gid: int

    def command(self, program: Path | str, *arguments: str) -> list[str]:
        """Return the argument vector that runs `program` as this identity."""
        return [*self.prefix, str(program), *arguments]

    def own(self, path: Path) -> None:
        """Make `path` and all below it belong to this identity; cheap when it already does."""
        if path.lstat().st_uid == self.uid:
            return
        if os.geteuid() != 0:
            owner = _user_name(path.lstat().st_uid)
            raise LaunchError(f"{path} belongs to {owner}: run as {owner}, or use another data_dir")
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        for directory, directories, files in os.walk(path):
            for name in (*directories, *files):
                inside = os.path.join(directory, name)
                os.chown(inside, self.uid, self.gid, follow_symlinks=False)


def yourself() -> Identity:
    """Return the identity of the calling process, which must not be root."""
    return Identity(name="yourself", prefix=(), uid=os.geteuid(), gid=os.getegid())


def in_user_namespace() -> Identity:
    """Return root dressed up as uid 65534 by a user namespace; its files stay root's."""
    uid = str(NOBODY_UID)
    prefix = ("unshare", "--user", f"--map-user={uid}", f"--map-group={uid}")
    return Identity(name="user namespace", prefix=prefix, uid=0, gid=0)


def as_nobody() -> Identity:
    """Return the existing account `nobody`, which is what root becomes through `setpriv`."""
    try:
        nobody = pwd.getpwuid(NOBODY_UID)
    except KeyError:
        raise LaunchError(f"uid {NOBODY_UID} has no entry in /etc/passwd") from None
    uid, gid = nobody.pw_uid, nobody.pw_gid
    prefix = ("setpriv", "--reuid", str(uid), "--regid", str(gid), "--clear-groups")
    return Identity(name=nobody.pw_name, prefix=prefix, uid=uid, gid=gid)


def choose_identity(bin_dir: Path, data_dir: Path) -> tuple[Identity, Path]:
    """Return who runs the servers and from which `bin` directory, having tried both.

    `data_dir` must exist. Raises `LaunchError` with every failed attempt and its message.
    """
    if os.geteuid() != 0:
        identity = yourself()
        _require(_attempt(identity, bin_dir), identity)
        return identity, bin_dir
    namespace = in_user_namespace()
    refused = _attempt(namespace, bin_dir)
    if refused is None:
        return namespace, bin_dir
    return use_nobody(bin_dir, data_dir, refused)


def use_nobody(bin_dir: Path, data_dir: Path, before: str = "") -> tuple[Identity, Path]:
    """Return `nobody` and a `bin` directory that it can read: a copy if need be.

    `before` is what already failed, for the message.
    """
    nobody = as_nobody()
    nobody.own(data_dir)
    blocked = _first_closed_parent(nobody, data_dir)
    if blocked is not None:
        raise LaunchError(
            f"PostgreSQL must not run as root, and {nobody.name} may not enter {blocked}: choose"
            f" a data_dir outside it. User namespaces: {before or 'not tried'}"
        )
    if _attempt(nobody, bin_dir) is not None:
        bin_dir = copy_binaries(bin_dir, data_dir / "binaries")
    _require(_attempt(nobody, bin_dir), nobody, before)
    return nobody, bin_dir


def _attempt(identity: Identity, bin_dir: Path) -> str | None:
    """Return why `identity` cannot run PostgreSQL, or None when it can."""
    if identity.prefix and not _has_account(NOBODY_UID):
        return f"uid {NOBODY_UID} has no entry in /etc/passwd"
    # Both need their libraries, so this finds an unreadable wheel and a missing libc too.
    for program in ("postgres", "psql"):
        # Through env: setpriv itself still may execute anything, what it becomes may not, and
        # initdb has to execute postgres.
        command = identity.command("env", str(bin_dir / program), "--version")
        failure = _failure(command)
        if failure is not None:
            return failure
    return None


def _failure(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return None
    return (done.stderr or done.stdout).strip() or f"{command[0]}: exit code {done.returncode}"


def _first_closed_parent(identity: Identity, path: Path) -> Path | None:
    for parent in reversed((path, *path.parents)):
        if _failure(identity.command("test", "-x", str(parent))) is not None:
            return parent
    return None


def _require(failure: str | None, identity: Identity, before: str = "") -> None:
    if failure is None:
        return
    first = f"{before}; " if before else ""
    raise LaunchError(f"PostgreSQL cannot run here: {first}as {identity.name}: {failure}")


def _has_account(uid: int) -> bool:
    return _user_name(uid) != str(uid)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
