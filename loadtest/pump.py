"""One epoll set for all terminals: whoever waits for a reply or for the time costs no system call.

Owns the waiting. A Trio task for each terminal keeps the conversation readable, but a stream, a
sleep and a time limit of Trio's own cost more than the exchange itself. So tasks park here; one
task drains the set (epoll descriptors nest inside Trio's), reads every ready socket, wakes them.
Must not know what is said: `Line` cuts frames, sessions judge them.
"""

import heapq
import math
import select
import socket
from itertools import count

import outcome
import trio

from loadtest.dialect import Dialect, Frames

READ_BYTES = 4096
EVENTS_MAX = 1024
SWEEP_SECONDS = 0.05
"""How late a reply's time limit may be noticed: the limits are seconds, checked for all at once."""

Frame = tuple[bytes, bytes]


class LineLostError(ConnectionError):
    """The connection ended, or cannot be used any more."""


class Pump:
    """Wakes parked tasks. `run` must run while anything waits."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._lines: dict[int, Line] = {}
        self._timers: list[tuple[float, int, trio.lowlevel.Task]] = []
        self._sleeping: set[int] = set()
        self._numbers = count()
        self._scope = trio.CancelScope()

    async def run(self) -> None:
        """Wake whoever has a frame, or has slept or waited long enough; until cancelled."""
        sweep_at = 0.0
        while True:
            with trio.CancelScope(deadline=self._next_deadline(sweep_at)) as self._scope:
                await trio.lowlevel.wait_readable(self._epoll.fileno())
            for descriptor, _events in self._epoll.poll(0, EVENTS_MAX):
                self._lines[descriptor].take_data()
            now = trio.current_time()
            self._wake_sleepers(now)
            if now >= sweep_at:
                sweep_at = now + SWEEP_SECONDS
                for line in self._lines.values():
                    line.check_deadline(now)

    async def sleep_until(self, at: float) -> None:
        """Sleep until a moment of Trio's clock."""
        number = next(self._numbers)
        self._sleeping.add(number)
        heapq.heappush(self._timers, (at, number, trio.lowlevel.current_task()))
        if at < self._scope.deadline:
            self._scope.deadline = at

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._sleeping.discard(number)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def add(self, line: "Line", descriptor: int) -> None:
        """Watch a line's socket."""
        self._lines[descriptor] = line
        self._epoll.register(descriptor, select.EPOLLIN)

    def remove(self, descriptor: int) -> None:
        """Watch it no longer; call before it is closed."""
        del self._lines[descriptor]
        self._epoll.unregister(descriptor)

    def _next_deadline(self, sweep_at: float) -> float:
        sleeper_at = self._timers[0][0] if self._timers else math.inf
        return min(sleeper_at, max(sweep_at, trio.current_time()))

    def _wake_sleepers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            _at, number, task = heapq.heappop(self._timers)
            if number in self._sleeping:
                self._sleeping.remove(number)
                trio.lowlevel.reschedule(task)


class Line:
    """One connection. At most one task waits on it."""

    def __init__(self, pump: Pump, frames: Frames, connected: socket.socket) -> None:
        self._pump = pump
        self._frames = frames
        self._socket = connected
        self._task: trio.lowlevel.Task | None = None
        self._deadline = math.inf
        self._error: Exception | None = None
        pump.add(self, connected.fileno())

    def send(self, data: bytes) -> None:
        """Send one frame. Raises `OSError`.

        A terminal has one request outstanding, so a socket that does not take a frame at once is
        one whose peer has stopped reading: lost.
        """
        if self._socket.send(data) != len(data):
            raise LineLostError("the peer does not read")

    async def next_frame(self, deadline: float) -> Frame | None:
        """Wait for a frame; None when there is none by `deadline` (Trio's clock).

        Raises `LineLostError`, or `FramingError` when the bytes are no frames.
        """
        frame = self._frames.take()
        if frame is not None:
            return frame
        if self._error is not None:
            raise self._error
        self._task = trio.lowlevel.current_task()
        self._deadline = deadline

        def abort(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        found: Frame | None = await trio.lowlevel.wait_task_rescheduled(abort)
        return found

    def take_data(self) -> None:
        """Read what has come, and wake the task that waits if that completes a frame."""
        try:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise LineLostError("the switch closed the connection")
            self._frames.receive(data)
            if self._task is not None and (frame := self._frames.take()) is not None:
                self._wake(outcome.Value(frame))
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            # Nothing more to read here, whoever waits now or later learns why.
            self._pump.remove(self._socket.fileno())
            self._error = error
            if self._task is not None:
                self._wake(outcome.Error(error))

    def check_deadline(self, now: float) -> None:
        """Wake the task that waits if it has waited long enough."""
        if self._task is not None and now >= self._deadline:
            self._wake(outcome.Value(None))

    def close(self) -> None:
        """Close the connection; nobody may be waiting."""
        if self._error is None:
            self._pump.remove(self._socket.fileno())
        self._socket.close()

    def _wake(self, result: outcome.Outcome[Frame | None]) -> None:
        task, self._task = self._task, None
        assert task is not None, "nobody waits"
        trio.lowlevel.reschedule(task, result)


async def open_line(pump: Pump, dialect: Dialect, address: tuple[str, int]) -> Line:
    """Connect. Raises `OSError`."""
    connecting = socket.socket()
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connecting.connect(address)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(connecting)
        failure = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            raise LineLostError(failure, "cannot connect")
    except BaseException:
        connecting.close()
        raise
    return Line(pump, dialect.frames(), connecting)
