"""The real pcscd with vsmartcard's virtual reader, for the tests that need it; and who is missing.

Owns its start, its reader on a free port, its end. When root runs the tests, pcscd is started here;
an ordinary user can't start it (it owns /run/pcscd) and uses one that runs, on the driver's port.

The driver listens on all addresses, and on every one of them whoever comes first is the card: so
the port is free and unknown to others, and lives for seconds.
"""

import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
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
PORTS = range(20_000, 30_000)
"""Below those that Linux gives to clients: there a neighbour's connection may have the second."""
STARTS_MAX = 5


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
    RUNTIME.mkdir(exist_ok=True)
    for _ in range(STARTS_MAX):
        with _running(program, directory, _free_port()) as port:
            if port is not None:
                yield READER, port
                return
    raise AssertionError(f"the driver got its ports in none of {STARTS_MAX} starts")


@contextmanager
def _running(program: str, directory: Path, port: int) -> Iterator[int | None]:
    """Run pcscd with a reader on a port; None when somebody else took the port meanwhile."""
    (directory / "vpcd").write_text(
        f'FRIENDLYNAME "{READER}"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {DRIVER}\n'
        f"CHANNELID 0x{port:X}\n"
    )
    log = directory.with_suffix(".log")
    command = [program, "--foreground", "--info", "--config", str(directory)]
    with open(log, "wb") as written:
        daemon = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while "daemon ready" not in (said := log.read_text("utf-8", "replace")):
            assert daemon.poll() is None, f"pcscd ended with {daemon.returncode}: {said}"
            assert time.monotonic() < deadline, f"pcscd does not become ready: {said}"
            time.sleep(0.02)
        listening = all(f"virtual ICC on port {port + slot}\n" in said for slot in range(SLOTS))
        yield port if listening else None
    finally:
        daemon.terminate()
        daemon.wait()


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(RUNTIME / "pcscd.comm")) == 0


def _free_port() -> int:
    """Give a port that is free, as is the one behind it, and that no client gets by chance."""
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        try:
            with socket.create_server(("", port)), socket.create_server(("", port + 1)):
                return port
        except OSError:
            continue
