"""A program that must not outlive the one that started it.

Run as a script: `python child.py PROGRAM ARGUMENT…` asks the kernel for SIGTERM when the parent
dies, kill -9 included, and becomes PROGRAM. SIGTERM and not SIGKILL: the switch drains on it.
The kernel watches the parent *thread*, so the parent must start this from its main thread.
Standard library only, so that any Python can run it with `-I -S`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Become `arguments[1:]`; `arguments[0]` is the pid of the parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != int(arguments[0]):
        sys.exit(1)  # the parent died before the kernel was asked
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
