"""One PostgreSQL server process on one data directory: start, ready, stop, crash.

Knows nothing of who creates the directory or of a second server.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bashgah.postgres import guard, leftovers, settings
from bashgah.postgres.errors import LaunchError
from bashgah.postgres.identity import Identity

START_SECONDS_MAX = 300.0  # crash recovery replays up to max_wal_size before it is ready
STOP_SECONDS_MAX = 60.0
POLL_SECONDS = 0.005
LOG_LINES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Where one server lives. `socket_dir` is 0700; `log_file` is appended to."""

    bin_dir: Path
    data_dir: Path
    socket_dir: Path
    log_file: Path


class Server:
    """A server that can be started again after `stop`, `kill` or a crash of its own.

    `port` names the socket file; it is listened on at 127.0.0.1 too when `listen` is true.
    """

    def __init__(
        self,
        *,
        name: str,
        paths: Paths,
        identity: Identity,
        port: int,
        listen: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.paths = paths
        self.port = port
        self._identity = identity
        self._settings = {
            "cluster_name": settings.quoted(name),
            "port": str(port),
            "listen_addresses": settings.quoted("127.0.0.1" if listen else ""),
            "unix_socket_directories": settings.quoted(str(paths.socket_dir)),
            "unix_socket_permissions": "0700",
            **(extra or {}),
        }
        settings.check_durable(self._settings)
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        """The postmaster's pid. Raises `LaunchError` when it was never started."""
        if self._pid is None:
            raise LaunchError(f"{self.name} was not started")
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the postmaster that we started still lives."""
        return self._guard is not None and self._guard.poll() is None

    def start(self) -> None:
        """Start the server and return when it accepts connections; nothing to do when it runs.

        Clears what a crash left first. Raises `LaunchError` with the end of the server's log.
        """
        if self.running:
            return
        self._close_guard()
        leftovers.clear_leftovers(self.paths.data_dir)
        settings.write_settings(self.paths.data_dir, self._settings)
        os.chown(self.paths.data_dir / settings.CONF_NAME, self._identity.uid, self._identity.gid)
        self._guard = self._spawn()
        assert self._guard.stdout is not None
        first_line = self._guard.stdout.readline()
        if not first_line.strip().isdigit():
            self._fail("the server could not be started")
        self._pid = int(first_line)
        self._wait_ready()

    def stop(self) -> None:
        """Stop the server: fast (a checkpoint, open transactions rolled back); safe to repeat."""
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(STOP_SECONDS_MAX + guard.IMMEDIATE_SECONDS_MAX + 5)
        self._close_guard()

    def kill(self) -> None:
        """Pull the plug: SIGKILL to the postmaster. `start` recovers."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._guard is not None
        self._guard.wait(STOP_SECONDS_MAX)

    def log_tail(self) -> str:
        """Return the last lines of the server's log."""
        try:
            lines = self.paths.log_file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def _spawn(self) -> subprocess.Popen[bytes]:
        postgres = self._identity.command(
            self.paths.bin_dir / "postgres",
            "-D",
            str(self.paths.data_dir),
            *settings.durable_arguments(self._settings),
        )
        command = [sys.executable, "-I", "-S", guard.__file__, str(STOP_SECONDS_MAX), *postgres]
        with self.paths.log_file.open("ab") as log:
            os.fchmod(log.fileno(), 0o600)
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                # Ctrl-C in a terminal reaches its whole session: the database must outlive the
                # switch, which still has replies to make durable.
                start_new_session=True,
            )

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while leftovers.read_postmaster_pid(self.paths.data_dir) != (self._pid, "ready"):
            if not self.running:
                self._fail("the server stopped while starting")
            if time.monotonic() > deadline:
                self._fail(f"the server was not ready after {START_SECONDS_MAX:.0f} s")
            time.sleep(POLL_SECONDS)

    def _fail(self, what: str) -> None:
        self.stop()
        raise LaunchError(f"{self.name}: {what}; {self.paths.log_file} ends:\n{self.log_tail()}")

    def _close_guard(self) -> None:
        if self._guard is None:
            return
        for pipe in (self._guard.stdin, self._guard.stdout):
            assert pipe is not None
            pipe.close()
        self._guard.wait()
        self._guard = None
