"""An HSM as a process of its own, for tests of the command line; its output is kept in a file."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.source_tree import ROOT

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0


@contextmanager
def hsm_process(home: Path, *options: str, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """Serve as long as the block runs, with the published key-block LMK; HOST:PORT.

    Another LMK is one of the `options`. The output of an earlier run is kept.
    """
    command = [sys.executable, "-m", "bashgah", "hsm", "serve", "--listen", listen]
    log = home / "serve.log"
    with open(log, "ab") as output:
        before = output.tell()
        running = subprocess.Popen(
            [*command, "--home", str(home), *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(running, log, before)
    finally:
        running.terminate()
        assert running.wait(STOP_SECONDS_MAX) == 0, log.read_text()


def _address(running: subprocess.Popen[bytes], log: Path, before: int) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        assert running.poll() is None, log.read_text()
        for line in log.read_bytes()[before:].splitlines():
            if b"hsm_ready" in line:
                return str(json.loads(line)["listen"][0])
        time.sleep(0.02)
    raise AssertionError(log.read_text())
