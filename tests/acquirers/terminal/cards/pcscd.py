"""The real pcscd with vsmartcard's virtual reader, for the tests that need it; and who is missing.

Owns its start, its reader on a free port, its end. When root runs the tests, pcscd is started here;
an ordinary user can't start it (it owns /run/pcscd) and uses one that runs, on the driver's port.

The driver listens on all addresses, and on every one of them whoever comes first is the card: so
the port is free and unknown to others, and lives for seconds.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acquirers.terminal.cards.vpcd import PORT

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
RUNTIME = Path("/run/pcscd")
READER = "Bashgah test"
READY_SECONDS_MAX = 10
SLOTS = 2
"""The driver opens the port it is given and the one behind it."""


class NotInstalledError(RuntimeError):
    """What is missing for a run with the real pcscd; the text says what to install."""


@contextmanager
def pcscd(directory: Path) -> Iterator[tuple[str, int]]:
    """Give reader name and port of a virtual reader. Raises NotInstalledError."""
    program = shutil.which("pcscd", path=f"{os.environ['PATH']}:/usr/sbin")
    missing = [
        *(["pcscd"] if program is None else []),
        *(["vsmartcard-vpcd"] if not DRIVER.exists() else []),
        *(["pyscard"] if importlib.util.find_spec("smartcard") is None else []),
    ]
    if missing or program is None:
        raise NotInstalledError(f"not installed: {', '.join(missing)}")
    if _answers():
        yield "Virtual PCD", PORT
        return
    if os.geteuid():
        raise NotInstalledError("pcscd does not run, and only root can start it")
    port = _free_port()
    (directory / "vpcd").write_text(
        f'FRIENDLYNAME "{READER}"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {DRIVER}\n'
        f"CHANNELID 0x{port:X}\n"
    )
    RUNTIME.mkdir(exist_ok=True)
    command = [program, "--foreground", "--info", "--config", str(directory)]
    with tempfile.TemporaryFile() as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + READY_SECONDS_MAX
            while not _answers():
                assert daemon.poll() is None, f"pcscd ended with {daemon.returncode}"
                assert time.monotonic() < deadline, "pcscd does not become ready"
                time.sleep(0.02)
            yield READER, port
        finally:
            daemon.terminate()
            daemon.wait()


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(RUNTIME / "pcscd.comm")) == 0


def _free_port() -> int:
    """Give a port that is free, as is the one behind it."""
    while True:
        with socket.create_server(("", 0)) as first:
            port: int = first.getsockname()[1]
            if port + SLOTS > 0xFFFF:
                continue
            with socket.socket() as second:
                if second.connect_ex(("127.0.0.1", port + 1)):
                    return port
