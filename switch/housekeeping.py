"""When there is time for the clock's work: turns between the gate's, while the journal keeps up.

Owns the pace. What is done is `switch.clock_work`. A turn is short, then everybody else has one; as
long as rows of it are not durable, or the tills have many waiting, or none may be written, it
waits. The next turn asks the time anew, so midnight comes between two of them.
"""

import time
from collections import deque
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec
import trio

from switch._core import Core
from switch.clock_work import ClockWork
from switch.limits import CLOCK_BACKLOG_ROWS_MAX, CLOCK_ROWS_MAX, CLOCK_TURN_US_MAX
from switch.places import utc_offset_seconds

IDLE_SECONDS = 1.0
"""Nothing is due: a day begins once a day, and it is noticed within this."""
WAIT_SECONDS = 0.01
"""There is no time now. Rows become durable in a few milliseconds."""
REST_SECONDS = 0.001
"""Between two turns: as long as a turn, so that the gate has at least half of the time."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch says to clock work.

    `may_write`: rows may be written now. `rows_written`: there are new ones.
    """

    may_write: Callable[[], bool]
    rows_written: Callable[[], None]


class Housekeeping:
    """Does a shard's clock work as long as it serves."""

    def __init__(self, core: Core, work: ClockWork, timezone: ZoneInfo, pace: Pace) -> None:
        self._core = core
        self._work = work
        self._timezone = timezone
        self._pace = pace
        self._waiting: deque[int] = deque()  # sequences of its rows that are not durable
        self.busy_seconds = 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if not self.has_time():
                await trio.sleep(WAIT_SECONDS)
            elif self.turn():
                await trio.sleep(REST_SECONDS)
            else:
                await trio.sleep(IDLE_SECONDS)

    def has_time(self) -> bool:
        """Say whether a turn may begin: see the module."""
        durable_seq = self._core.durable_seq
        while self._waiting and self._waiting[0] <= durable_seq:
            self._waiting.popleft()
        return (
            self._pace.may_write()
            and len(self._waiting) < CLOCK_ROWS_MAX
            and self._core.last_seq - durable_seq < CLOCK_BACKLOG_ROWS_MAX
        )

    def turn(self) -> bool:
        """Do as many slices as a turn has time and room for. False: nothing more is due."""
        began_at = time.perf_counter()
        now_s = time.time()
        offset_s = utc_offset_seconds(self._timezone, now_s)
        due = True
        while (
            len(self._waiting) < CLOCK_ROWS_MAX
            and (time.perf_counter() - began_at) * 1e6 < CLOCK_TURN_US_MAX
        ):
            done = self._work.step(now_us=int(now_s * 1_000_000), utc_offset_s=offset_s)
            if done is None:
                due = False
                break
            if done[1]:
                self._waiting.append(done[1])
        if self._waiting:
            self._pace.rows_written()
        self.busy_seconds += time.perf_counter() - began_at
        return due
