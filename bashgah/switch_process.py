"""The switch as a process of its own: start, ready, stop, crash.

Owns one `python -m bashgah switch` and its log file. Must not know what it serves.
"""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import trio

from bashgah import child
from switch.errors import OperatingError

READY_SECONDS_MAX = 60.0  # a million cards recover in 15 s
STOP_SECONDS_MAX = 30.0  # a drain waits for the replies that are under way
POLL_SECONDS = 0.02
PROBE_SECONDS_MAX = 1.0
LOG_LINES_SHOWN = 5


class SwitchProcessError(OperatingError):
    """The switch did not start, or ended by itself; the text has the end of its log."""


class SwitchProcess:
    """A switch that can be started again after it was stopped or killed."""

    def __init__(self, config_path: Path, base_url: str, log_path: Path) -> None:
        """`base_url` is where the configuration has `/readyz`; `log_path` is appended to."""
        self._config_path = config_path
        self._ready_url = f"{base_url}/readyz"
        self._log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's pid."""
        assert self._process is not None, "the switch was not started"
        return self._process.pid

    def start(self) -> None:
        """Start it; call from the main thread (see `bashgah.child`) and then `wait_ready`."""
        assert not self.running, "the switch is running"
        switch = [sys.executable, "-m", "bashgah", "switch", "--config", str(self._config_path)]
        shim = [sys.executable, "-I", "-S", child.__file__, str(os.getpid())]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*shim, *switch],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the whole session: the switch is stopped in its turn, after the
                # terminals have got their replies.
                start_new_session=True,
            )

    async def wait_ready(self) -> None:
        """Wait until it says that it is ready. Raises `SwitchProcessError`."""
        with trio.move_on_after(READY_SECONDS_MAX):
            while True:
                if not self.running:
                    raise SwitchProcessError(f"the switch ended while starting; {self._log_end()}")
                if await trio.to_thread.run_sync(_is_ready, self._ready_url):
                    return
                await trio.sleep(POLL_SECONDS)
        raise SwitchProcessError(f"not ready after {READY_SECONDS_MAX:.0f} s; {self._log_end()}")

    async def wait_end(self) -> int:
        """Wait until it ends; return its exit code (negative: the signal that killed it)."""
        assert self._process is not None, "the switch was not started"
        exited = os.pidfd_open(self._process.pid)
        try:
            await trio.lowlevel.wait_readable(exited)
        finally:
            os.close(exited)
        return self._process.wait()

    async def fail_when_it_ends(self) -> None:
        """Wait until it ends by itself, and raise `SwitchProcessError`."""
        code = await self.wait_end()
        raise SwitchProcessError(f"the switch ended with code {code}; {self._log_end()}")

    async def stop(self) -> None:
        """Have it drain and end. Raises `SwitchProcessError` if it does not, or not well."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_SECONDS_MAX) as scope:
            code = await self.wait_end()
        if scope.cancelled_caught:
            self.kill()
            raise SwitchProcessError(f"no end after {STOP_SECONDS_MAX:.0f} s; {self._log_end()}")
        self._process = None
        if code != 0:
            raise SwitchProcessError(f"the switch ended with code {code}; {self._log_end()}")

    def kill(self) -> None:
        """Pull the plug: SIGKILL."""
        assert self._process is not None, "the switch was not started"
        self._process.kill()
        self._process.wait()

    def _log_end(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return f"{self._log_path} ends:\n" + "\n".join(lines)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS_MAX) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False  # not listening yet, or 503 with a reason
