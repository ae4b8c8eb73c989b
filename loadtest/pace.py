"""When each terminal's next request is due.

Closed loop: each terminal waits for its reply, thinks, goes on; the offered rate falls when the
switch slows. Open loop: a schedule decides, and latency counts from the moment when the request was
due even if its terminal was still waiting for the reply before (no coordinated omission).
"""

from random import Random
from time import monotonic_ns

import trio
from msgspec import Struct

from loadtest.pump import Pump


class Closed(Struct, frozen=True, kw_only=True):
    """Each terminal thinks between two requests, evenly from 0 to twice this."""

    think_seconds: float


class Open(Struct, frozen=True, kw_only=True):
    """All terminals together are due this many requests a second, in even distances."""

    requests_per_second: float


Pace = Closed | Open


class Schedule:
    """One terminal's own: `index` of `count` terminals that share the pace."""

    def __init__(self, pace: Pace, *, pump: Pump, index: int, count: int, random: Random) -> None:
        self._pace = pace
        self._pump = pump
        self._count = count
        self._random = random
        now_seconds = trio.current_time()
        if isinstance(pace, Open):
            self._due_seconds = now_seconds + index / pace.requests_per_second
        else:
            self._due_seconds = now_seconds + self._think_seconds(pace)

    async def wait_due(self) -> int:
        """Wait for the next request's moment; return it, in monotonic nanoseconds."""
        late_seconds = trio.current_time() - self._due_seconds
        if late_seconds < 0:
            await self._pump.sleep_until(self._due_seconds)
            late_seconds = trio.current_time() - self._due_seconds
        if isinstance(self._pace, Open):
            return monotonic_ns() - int(late_seconds * 1e9)
        return monotonic_ns()

    def advance(self) -> None:
        """Set the next moment; call it when the exchange has ended."""
        if isinstance(self._pace, Open):
            self._due_seconds += self._count / self._pace.requests_per_second
        else:
            self._due_seconds = trio.current_time() + self._think_seconds(self._pace)

    def _think_seconds(self, pace: Closed) -> float:
        return self._random.random() * 2 * pace.think_seconds
