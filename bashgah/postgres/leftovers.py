"""What a crashed predecessor left in a data directory: processes, and a stale `postmaster.pid`.

A postmaster works in its data directory, and so do its children: /proc says who is there. That is
certain where the pid in `postmaster.pid` is not: after a reboot, and in containers all the time,
the pid belongs to somebody else, and PostgreSQL then refuses to start.
"""

import os
import signal
import time
from pathlib import Path

from bashgah.postgres.errors import LaunchError

POLL_SECONDS = 0.01
FAST_SECONDS_MAX = 60.0
IMMEDIATE_SECONDS_MAX = 15.0


def processes_in(directory: Path) -> list[int]:
    """Return the pids whose working directory is `directory`, in ascending order."""
    wanted = os.path.realpath(directory)
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry.name}/cwd") == wanted:
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, a zombie, or another user's
            continue
    return sorted(found)


def read_postmaster_pid(directory: Path) -> tuple[int, str] | None:
    """Return the pid and the status (`starting`, `ready`, …) in `postmaster.pid`, or None."""
    try:
        lines = (directory / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if not lines or not lines[0].strip().isdigit():
        return None
    # Line 8 is the status; PostgreSQL src/include/utils/pidfile.h.
    return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"


def clear_leftovers(directory: Path) -> bool:
    """Leave nobody in `directory` and no stale `postmaster.pid`; return whether there was any.

    The caller holds the cluster's lock, so whoever is there has lost its launcher. Children of a
    killed postmaster go by themselves in a moment, but until then a start would fail. Raises
    `LaunchError` when somebody stays.
    """
    if not processes_in(directory):
        stale = directory / "postmaster.pid"
        found = stale.exists()
        stale.unlink(missing_ok=True)
        return found
    _signal_postmaster(directory, signal.SIGCONT, signal.SIGINT)
    if not _wait_until_empty(directory, FAST_SECONDS_MAX):
        _signal_postmaster(directory, signal.SIGQUIT)
        if not _wait_until_empty(directory, IMMEDIATE_SECONDS_MAX):
            pids = ", ".join(str(pid) for pid in processes_in(directory))
            raise LaunchError(f"{directory}: in use by processes that do not stop: {pids}")
    (directory / "postmaster.pid").unlink(missing_ok=True)
    return True


def _signal_postmaster(directory: Path, *signals: signal.Signals) -> None:
    postmaster = read_postmaster_pid(directory)
    if postmaster is None or postmaster[0] not in processes_in(directory):
        return
    for wanted in signals:
        try:
            os.kill(postmaster[0], wanted)
        except ProcessLookupError:
            return


def _wait_until_empty(directory: Path, seconds_max: float) -> bool:
    deadline = time.monotonic() + seconds_max
    while processes_in(directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
