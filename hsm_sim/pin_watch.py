"""Guessing at PINs: counts wrong ones, and stops all verifying when there are too many.

Owns the counters, the limits and the lock. Whoever can send commands can try PINs of an account one
by one; no limit of a card stops them, since they choose the account. So the HSM itself counts.

Only failures count: a busy switch verifies 12,000 PINs a second, and one in fifty is mistyped. The
limits are far above that and far below what a search needs: four digits of one account are 10,000
guesses, without a right PIN between them. Over a limit every verifying command answers 39: of a
minute or an hour until it has passed, so that a bad day ends by itself; of a row, which is a
search, until somebody resets the watch (ZO, in the authorised state). Blocks that can't be opened
(20, 24) do not count: a terminal with a wrong key sends many.

Time is monotonic seconds and handed in. Minutes and hours begin with their first failure.
"""

from collections import Counter
from collections.abc import Callable

import msgspec

from hsm_sim.errors import ErrorCode, Refused

MINUTE_SECONDS = 60
HOUR_SECONDS = 3600


class PinLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many wrong PINs are too many. The last allowed failure, not the first refused."""

    failures_per_minute_max: int = 60_000  # four times what 2 % of 12,000/s are
    failures_per_hour_max: int = 2_000_000
    failures_in_a_row_max: int = 1_000  # a search without a right PIN; by chance, never


class PinCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the diagnostics tell. The first three are of now, the others since the last reset."""

    failures_in_minute: int
    failures_in_hour: int
    failures_in_a_row: int
    minute_limit_exceeded: int
    hour_limit_exceeded: int
    attacks: int


class PinWatch:
    """Counts the failures of one HSM. Belongs to its thread."""

    __slots__ = ("_hour", "_limits", "_minute", "_now", "_row", "exceeded", "locked")

    def __init__(self, limits: PinLimits, monotonic_seconds: Callable[[], float]) -> None:
        self._limits = limits
        self._now = monotonic_seconds
        self.reset()

    def reset(self) -> None:
        """Forget everything, and allow verifying again: the act of a person."""
        self._minute = _Span(MINUTE_SECONDS)
        self._hour = _Span(HOUR_SECONDS)
        self._row = 0
        self.exceeded: Counter[str] = Counter()
        self.locked = False

    def admit(self) -> None:
        """Refuse (39) to verify when there were too many failures."""
        now = self._now()
        if (
            self.locked
            or self._minute.count(now) > self._limits.failures_per_minute_max
            or self._hour.count(now) > self._limits.failures_per_hour_max
        ):
            raise Refused(ErrorCode.FRAUD_DETECTED)

    def record(self, matched: bool) -> None:
        """Count how a verification ended."""
        if matched:
            self._row = 0
            return
        now = self._now()
        self._row += 1
        over = (
            ("minute", self._minute.add(now) > self._limits.failures_per_minute_max),
            ("hour", self._hour.add(now) > self._limits.failures_per_hour_max),
            ("row", self._row > self._limits.failures_in_a_row_max),
        )
        for name, exceeded in over:
            self.exceeded[name] += exceeded
        self.locked |= self._row > self._limits.failures_in_a_row_max

    def counts(self) -> PinCounts:
        """Give the counters as they are now."""
        now = self._now()
        return PinCounts(
            failures_in_minute=self._minute.count(now),
            failures_in_hour=self._hour.count(now),
            failures_in_a_row=self._row,
            minute_limit_exceeded=self.exceeded["minute"],
            hour_limit_exceeded=self.exceeded["hour"],
            attacks=self.exceeded["row"],
        )


class _Span:
    """A count over so many seconds, from its first event on."""

    __slots__ = ("_began", "_count", "_seconds")

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._began = 0.0
        self._count = 0

    def add(self, now: float) -> int:
        if self.count(now) == 0:
            self._began, self._count = now, 0
        self._count += 1
        return self._count

    def count(self, now: float) -> int:
        return self._count if now < self._began + self._seconds else 0
