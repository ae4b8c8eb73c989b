"""The highest rate that a host holds: searched with few runs, and confirmed by a long one.

Owns what "holds" means and the order of the probes. Must not know how a run is made: it is handed a
function of rate and seconds. The search itself (`search`) is a generator that yields the probes it
wants and is sent their results; `find_limit` drives it.

Theory of operation. Four phases:

1. Ascent: short probes, doubling, until one fails (descent by quarters, when the first one does).

2. Bisection between the highest rate that held and the lowest that failed, with longer probes,
until the two are closer than `resolution`.

3. Confirmation at full length. What fails goes down, by 1, 2, 4, 8 … times the resolution, until a
rate is confirmed.

4. Doubt: a rate clearly above the confirmed one must fail. If it holds, chance had the upper end of
the bracket, and the search goes on from there.

Chance is not symmetric: a checkpoint or a neighbour on the machine can fail a rate that holds, but
nothing makes a host hold for seconds what it can't. So a failed probe is repeated, and only two
failures of the same rate count; one success is believed, because the confirmation takes it back if
it was luck.
"""

from collections.abc import Callable, Generator
from enum import StrEnum
from math import sqrt
from pathlib import Path

import msgspec

from loadtest.result import Interval, Percentiles, RunResult

RunAtRate = Callable[[float, float], RunResult]
"""Runs a load: arrivals a second, and for how many seconds (without its warm-up)."""

BACKLOG_MESSAGES_MIN = 10.0  # fewer than this more at the end than at the beginning is chance
OFFERED_SHARE_MIN = 0.98  # a generator that offers less than this of the rate has not tested it
SLIP_SHARE_MAX = 0.5  # of the target: beyond, it is the generator that is late, not the host
CONFIRMATIONS_MAX = 8  # their steps double, so the last is 128 resolutions below the first
TRIES_MAX = 2
ROUNDS_MAX = 4  # each begins above a rate that was confirmed
DOUBT_RESOLUTIONS = 4  # above the confirmed rate: far enough to fail if the limit is right


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a rate must hold."""

    p99_ms: float
    answered_share: float = 0.999  # of all that was due: in time, and not with 91


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How to look for the limit. Rates are arrivals a second; follow-ups come on top."""

    rate_first: float = 1_000.0
    rate_min: float = 1.0
    rate_max: float = 1_000_000.0
    ascent_seconds: float = 3.0
    bisection_seconds: float = 8.0
    confirmation_seconds: float = 60.0
    resolution: float = 0.03


class Phase(StrEnum):
    """Why a probe was made."""

    ASCENT = "ascent"
    BISECTION = "bisection"
    CONFIRMATION = "confirmation"
    DOUBT = "doubt"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A probe that the search wants."""

    phase: Phase
    rate: float
    seconds: float


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A probe that was made. `failures`: why the rate did not hold; empty when it did."""

    phase: Phase
    rate: float
    seconds: float
    failures: tuple[str, ...]
    answered_per_second: float
    latency: Percentiles

    @property
    def held(self) -> bool:
        """Whether the target was met."""
        return not self.failures


class Outcome(StrEnum):
    """How a search ended."""

    FOUND = "found"  # confirmed, and a higher rate failed
    ABOVE_MAXIMUM = "above maximum"  # the highest rate asked for is confirmed
    NEVER_HELD = "never held"  # not even the lowest
    NOT_CONFIRMED = "not confirmed"  # held for seconds, never for the full time


class LimitResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. `limit_per_second` is 0 without a confirmed rate."""

    target: Target
    search: Search
    outcome: Outcome
    limit_per_second: float
    probes: tuple[Probe, ...]


def failures_of(result: RunResult, rate: float, target: Target) -> tuple[str, ...]:
    """Say, in words, why a run at a rate does not hold the target; nothing when it does."""
    found = []
    counts, faults = result.counts, result.faults
    named = [f"{count} {name}" for name, count in msgspec.structs.asdict(faults).items() if count]
    if named:
        found.append(f"faults: {', '.join(named).replace('_', ' ')}")
    offered_per_second = counts.due / result.seconds if result.seconds else 0.0
    if offered_per_second < OFFERED_SHARE_MIN * rate:
        found.append(f"only {offered_per_second:,.0f} a second were offered of {rate:,.0f}")
    if not result.latency.count:
        found.append("nothing was answered")
    elif result.latency.p99_ms > target.p99_ms:
        found.append(f"p99 {result.latency.p99_ms:,.1f} ms is above {target.p99_ms:g} ms")
    share = (counts.answered - counts.unavailable) / counts.due if counts.due else 0.0
    if share < target.answered_share:
        unavailable = f", {counts.unavailable:,} with 91" if counts.unavailable else ""
        found.append(
            f"{share:.2%} answered in time{unavailable}, {target.answered_share:.2%} wanted"
        )
    growth = backlog_growth(result.intervals)
    if growth > max(BACKLOG_MESSAGES_MIN, rate * target.p99_ms / 1000):
        found.append(f"the backlog grew by {growth:,.0f} messages")
    if found and result.slip_p99_ms > SLIP_SHARE_MAX * target.p99_ms:
        found.append(f"the generator itself was late by {result.slip_p99_ms:,.1f} ms at p99")
    return tuple(found)


def backlog_growth(intervals: tuple[Interval, ...]) -> float:
    """Give by how many messages the mean of what waits grew from first to last third of a run.

    By Little's law a host that answers within W has rate × W messages waiting: more than that in
    addition is a queue that grows.
    """
    waiting = [interval.backlog + interval.outstanding for interval in intervals]
    third = max(1, len(waiting) // 3)
    if len(waiting) < 2:
        return 0.0
    return sum(waiting[-third:]) / third - sum(waiting[:third]) / third


def find_limit(
    run: RunAtRate,
    target: Target,
    search: Search | None = None,
    on_probe: Callable[[Probe], None] | None = None,
) -> LimitResult:
    """Search the limit with real runs; `on_probe` is told of each one."""
    plan = search or Search()
    steps = _Steps(target, plan, on_probe).search()
    attempt = next(steps)
    while True:
        try:
            attempt = steps.send(run(attempt.rate, attempt.seconds))
        except StopIteration as ended:
            found: LimitResult = ended.value
            return found


Asking = Generator[Attempt, RunResult, bool]
"""Yields the probes that one question takes; returns its answer."""


class _Steps:
    """The search's memory: every probe, the highest rate that held, the lowest that failed."""

    def __init__(
        self, target: Target, plan: Search, on_probe: Callable[[Probe], None] | None
    ) -> None:
        assert 0 < plan.rate_min <= plan.rate_first <= plan.rate_max, "rates are in order"
        assert plan.resolution > 0, "or the bisection never ends"
        self._target = target
        self._plan = plan
        self._on_probe = on_probe
        self._probes: list[Probe] = []

    def search(self) -> Generator[Attempt, RunResult, LimitResult]:
        """The whole search, round by round."""
        bracket = yield from self._descend()
        if bracket is None:
            return self._result(Outcome.NEVER_HELD, 0.0)
        best = 0.0
        for _ in range(ROUNDS_MAX):
            held, failed = yield from self._bisect(*bracket)
            confirmed = yield from self._confirm(held)
            best = max(best, confirmed)
            if best >= self._plan.rate_max:
                return self._result(Outcome.ABOVE_MAXIMUM, best)
            if not confirmed or failed is None:
                break
            # What held for seconds and failed at length is doubted at length, or seconds would do.
            short = confirmed == held
            seconds = self._plan.bisection_seconds if short else self._plan.confirmation_seconds
            doubted = self._doubted(confirmed)
            if doubted <= confirmed or not (yield from self._holds(Phase.DOUBT, doubted, seconds)):
                break
            bracket = yield from self._ascend(doubted)
        return self._result(Outcome.FOUND if best else Outcome.NOT_CONFIRMED, best)

    def _descend(self) -> Generator[Attempt, RunResult, tuple[float, float | None] | None]:
        """Give a rate that held and one that failed (None: the maximum held), None without one."""
        plan = self._plan
        rate = plan.rate_first
        if (yield from self._holds(Phase.ASCENT, rate, plan.ascent_seconds)):
            return (yield from self._ascend(rate))
        while rate > plan.rate_min:
            failed, rate = rate, max(plan.rate_min, rate / 4)
            if (yield from self._holds(Phase.ASCENT, rate, plan.ascent_seconds)):
                return rate, failed
        return None

    def _ascend(self, rate: float) -> Generator[Attempt, RunResult, tuple[float, float | None]]:
        """Double a rate that held until one fails."""
        plan = self._plan
        while rate < plan.rate_max:
            held, rate = rate, min(plan.rate_max, rate * 2)
            if not (yield from self._holds(Phase.ASCENT, rate, plan.ascent_seconds)):
                return held, rate
        return rate, None

    def _doubted(self, confirmed: float) -> float:
        above = tidy_rate(confirmed * (1 + DOUBT_RESOLUTIONS * self._plan.resolution))
        return min(self._plan.rate_max, above)

    def _bisect(
        self, held: float, failed: float | None
    ) -> Generator[Attempt, RunResult, tuple[float, float | None]]:
        while failed is not None and failed / held > 1 + self._plan.resolution:
            # The geometric mean: a resolution is a share of the rate, wherever that is.
            rate = tidy_rate(sqrt(held * failed))
            if not held < rate < failed:
                break  # rates this low differ by less than a message a second
            if (yield from self._holds(Phase.BISECTION, rate, self._plan.bisection_seconds)):
                held = rate
            else:
                failed = rate
        return held, failed

    def _confirm(self, rate: float) -> Generator[Attempt, RunResult, float]:
        """Give the rate that held for the full time, 0 when none did."""
        plan = self._plan
        step = plan.resolution
        for _ in range(CONFIRMATIONS_MAX):
            if (yield from self._holds(Phase.CONFIRMATION, rate, plan.confirmation_seconds)):
                return rate
            if rate <= plan.rate_min:
                return 0.0
            rate = max(plan.rate_min, tidy_rate(rate * max(0.1, 1 - step)))
            step *= 2
        return 0.0

    def _holds(self, phase: Phase, rate: float, seconds: float) -> Asking:
        for _ in range(TRIES_MAX):
            result = yield Attempt(phase=phase, rate=rate, seconds=seconds)
            probe = Probe(
                phase=phase,
                rate=rate,
                seconds=seconds,
                failures=failures_of(result, rate, self._target),
                answered_per_second=round(result.answered_per_second, 1),
                latency=result.latency,
            )
            self._probes.append(probe)
            if self._on_probe is not None:
                self._on_probe(probe)
            if probe.held:
                return True
        return False

    def _result(self, outcome: Outcome, limit_per_second: float) -> LimitResult:
        return LimitResult(
            target=self._target,
            search=self._plan,
            outcome=outcome,
            limit_per_second=limit_per_second,
            probes=tuple(self._probes),
        )


def tidy_rate(rate: float) -> float:
    """Round a rate to three digits and, from 10 on, to whole messages: 41,237.2 to 41,200."""
    return float(f"{rate:.3g}")


def read_limit(path: Path) -> LimitResult:
    """Read what `bashgah loadtest limit --json` wrote. Raises as `read_result` does."""
    return msgspec.json.decode(path.read_bytes(), type=LimitResult)
