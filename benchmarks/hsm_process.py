"""An HSM as a process of its own, for whoever measures one or needs one beside a switch.

Owns its lifetime. Must not know what it is asked.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from hsm_sim.lmk_files import VARIANT_TEST
from loadtest.processes import usage_of_tree

STOP_SECONDS_MAX = 10.0


class RunningHsm(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is."""

    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """What it has used so far."""
        usage = usage_of_tree(self.pid)
        assert usage is not None, "the HSM has ended"
        return usage.cpu_seconds


@contextmanager
def running_hsm(lmk: str = VARIANT_TEST, *, core: int | None = None) -> Iterator[RunningHsm]:
    """Run an HSM with a published LMK; `core`: the one processor that it may use."""
    command = [sys.executable, "-m", "bashgah", "hsm", "serve", "--listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, "--lmk", lmk], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            port = int(ready["listen"][0].rpartition(":")[2])
            yield RunningHsm(port=port, pid=process.pid)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS_MAX)
