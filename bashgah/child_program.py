"""A `bashgah` command as a process of its own: start, ready, stop, crash.

Owns the process and its log file. Must not know what it does, nor how one sees that it is ready.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from bashgah import child
from switch.errors import OperatingError

POLL_SECONDS = 0.02
LOG_LINES_SHOWN = 5


class ChildProgramError(OperatingError):
    """A process did not start, or ended by itself; the text has the end of its log."""


class ChildProgram:
    """A command that can be started again after it was stopped or killed.

    `name` is what texts call it; `log_path` is appended to; `is_ready` is asked in a thread.
    """

    ready_seconds_max = 60.0  # a million cards recover in 15 s
    stop_seconds_max = 30.0  # a drain waits for the replies that are under way

    def __init__(
        self, name: str, arguments: Sequence[str], log_path: Path, is_ready: Callable[[], bool]
    ) -> None:
        self._name = name
        self._arguments = tuple(arguments)
        self._log_path = log_path
        self._is_ready = is_ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's pid."""
        assert self._process is not None, f"{self._name} was not started"
        return self._process.pid

    def start(self) -> None:
        """Start it; call from the main thread (see `bashgah.child`) and then `wait_ready`."""
        assert not self.running, f"{self._name} is running"
        command = [sys.executable, "-m", "bashgah", *self._arguments]
        shim = [sys.executable, "-I", "-S", child.__file__, str(os.getpid())]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*shim, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the whole session: each is stopped in its turn, the switch after
                # the terminals have got their replies.
                start_new_session=True,
            )

    async def wait_ready(self) -> None:
        """Wait until it is ready. Raises `ChildProgramError`."""
        with trio.move_on_after(self.ready_seconds_max):
            while True:
                if not self.running:
                    raise ChildProgramError(f"{self._name} ended while starting; {self._log_end()}")
                if await trio.to_thread.run_sync(self._is_ready):
                    return
                await trio.sleep(POLL_SECONDS)
        raise ChildProgramError(
            f"{self._name} is not ready after {self.ready_seconds_max:.0f} s; {self._log_end()}"
        )

    async def wait_end(self) -> int:
        """Wait until it ends; return its exit code (negative: the signal that killed it)."""
        assert self._process is not None, f"{self._name} was not started"
        code = self._process.poll()
        if code is not None:  # who asked before has reaped it: its pid is nobody's, or another's
            return code
        exited = os.pidfd_open(self._process.pid)
        try:
            await trio.lowlevel.wait_readable(exited)
        finally:
            os.close(exited)
        return self._process.wait()

    async def fail_when_it_ends(self) -> None:
        """Wait until it ends by itself, and raise `ChildProgramError`."""
        code = await self.wait_end()
        raise ChildProgramError(f"{self._name} ended with code {code}; {self._log_end()}")

    async def stop(self) -> None:
        """Have it end as it does on SIGTERM. Raises `ChildProgramError` if it does not, or ill."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(self.stop_seconds_max) as scope:
            code = await self.wait_end()
        if scope.cancelled_caught:
            self.kill()
            raise ChildProgramError(
                f"{self._name}: no end after {self.stop_seconds_max:.0f} s; {self._log_end()}"
            )
        self._process = None
        if code != 0:
            raise ChildProgramError(f"{self._name} ended with code {code}; {self._log_end()}")

    def kill(self) -> None:
        """Pull the plug: SIGKILL."""
        assert self._process is not None, f"{self._name} was not started"
        self._process.kill()
        self._process.wait()

    def _log_end(self) -> str:
        lines = self._log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return f"{self._log_path} ends:\n" + "\n".join(lines)
