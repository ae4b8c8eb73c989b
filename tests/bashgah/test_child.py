"""A child must get SIGTERM when its parent is killed, and must not start without one."""

import os
import signal
import subprocess
import sys

from bashgah import child

SHIM = [sys.executable, "-I", "-S", child.__file__]

# Says its pid, and that it was told to end: what a process that drains would do.
SLEEPER = """
import os, signal, sys
def end(*_):
    os.write(1, b"drained\\n")  # not print: the signal may come in the middle of one
    os._exit(0)
signal.signal(signal.SIGTERM, end)
os.write(1, b"%d\\n" % os.getpid())
signal.pause()
"""
PARENT = f"""
import os, subprocess, sys
subprocess.Popen([*{SHIM!r}, str(os.getpid()), sys.executable, "-c", {SLEEPER!r}]).wait()
"""


def test_a_child_is_told_to_end_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())

        parent.send_signal(signal.SIGKILL)
        said = parent.stdout.read()

    assert pid != parent.pid
    assert said == b"drained\n"  # and the end of the pipe: nobody is left who could write


def test_a_child_of_a_dead_parent_does_not_start() -> None:
    ended = subprocess.run(
        [*SHIM, str(os.getpid() + 1), sys.executable, "-c", "print('started')"],
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == b""
