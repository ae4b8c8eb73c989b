"""The guard: a small process between the launcher and one PostgreSQL server.

Run as a script. It starts the command given to it, writes the child's pid to stdout as one line,
and then waits for whichever comes first:

* its standard input ends: the launcher wants the server to stop, or is dead. Even `kill -9` of the
  launcher closes that pipe, which is why no server is ever left behind;
* SIGTERM (the machine goes down): the same;
* the child exits: the guard exits with it.

PR_SET_PDEATHSIG was rejected: it watches the parent *thread*, and Trio's worker threads end when
idle; also the kernel forgets it when the child changes its identity. The guard adopts the children
of a killed postmaster (PR_SET_CHILD_SUBREAPER) and outlives them: when it has gone, all have, also
under a pid 1 that reaps nobody, as in many containers. Knows nothing of clusters, and imports only
the standard library so that any Python can run it with `-I -S`.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType

# Postmaster signals (PostgreSQL manual, "Shutting Down the Server"): SIGINT is a fast shutdown
# with a checkpoint, SIGQUIT an immediate one that is recovered from the WAL at the next start.
FAST = signal.SIGINT
IMMEDIATE = signal.SIGQUIT
IMMEDIATE_SECONDS_MAX = 15.0
ORPHAN_SECONDS_MAX = 15.0  # they look for their postmaster at least once a second or so
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class _TerminationError(Exception):
    pass


def main(arguments: list[str]) -> int:
    """Guard `arguments[1:]`; `arguments[0]` is how many seconds a fast shutdown may take."""
    fast_seconds_max = float(arguments[0])
    signal.signal(signal.SIGTERM, _on_sigterm)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # The child's messages go where ours go; our stdout is the line to the launcher.
    child = subprocess.Popen(arguments[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        print(child.pid, flush=True)
        _wait_for_end_or_exit(child.pid)
    except (_TerminationError, BrokenPipeError):
        pass
    if child.poll() is None:
        _stop(child, fast_seconds_max)
    _outlive_orphans()
    return 0 if child.returncode == 0 else 1


def _wait_for_end_or_exit(pid: int) -> None:
    exited = os.pidfd_open(pid)
    wanted = select.poll()
    wanted.register(sys.stdin.fileno(), select.POLLIN)
    wanted.register(exited, select.POLLIN)
    wanted.poll()
    os.close(exited)


def _stop(child: subprocess.Popen[bytes], fast_seconds_max: float) -> None:
    # A server that somebody paused (SIGSTOP) would never see the request.
    child.send_signal(signal.SIGCONT)
    child.send_signal(FAST)
    try:
        child.wait(fast_seconds_max)
    except subprocess.TimeoutExpired:
        child.send_signal(IMMEDIATE)
        child.wait(IMMEDIATE_SECONDS_MAX)


def _outlive_orphans() -> None:
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            pid, _status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.005)


def _on_sigterm(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _TerminationError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
