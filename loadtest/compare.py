"""Two runs, or two sets of runs, compared with confidence: faster, slower, or no difference shown.

Owns the statistics and the words of the verdict. Must not know how runs are made or shown.

Theory of operation. A figure (throughput, a percentile) is looked at second by second. Neighbouring
seconds resemble each other, so they are no independent samples: with few runs on a side, its
seconds are put together into blocks of `BLOCK_SECONDS_MIN` or more, and a block's mean is a sample;
with `RUNS_MIN` runs on both sides a run's mean is a sample, because what differs between runs is
then known too. The ratio of the two means is bootstrapped (seeded: the same files give the same
answer). A bootstrap of few samples is too sure of itself, so its interval is widened: by the factor
of Student's t against the normal distribution, and by √(n / (n-1)). Source of both: Hesterberg,
"What Teachers Should Know about the Bootstrap", 2014, §3. Measured with seconds that correlate by
0.6: a difference is claimed in 3 to 7 % of pairs that have none, where single seconds would claim
it in 28 %.

The headline looks at several figures at once, so each must be sure at 95 % divided by their number
(Bonferroni). `superiority` is the effect size that goes with Mann-Whitney's test: how likely it is
that a sample of B is above one of A; 0.5 means no effect.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist, fmean

import msgspec

from loadtest.result import Interval, RunResult

CONFIDENCE = 0.95
RESAMPLES = 4_000
BLOCKS_MAX = 15
BLOCK_SECONDS_MIN = 5  # shorter ones only where a run is too short for three of these
SAMPLES_MIN = 3  # blocks or runs on a side
SECONDS_MIN = 6  # with fewer nothing is said
RUNS_MIN = 3  # on both sides, for runs to be the samples
SEED = 1
RATIO_FLOOR = 1e-9  # stands for nothing at all, which has no logarithm


class Answer(StrEnum):
    """What a comparison says of B against A."""

    FASTER = "faster"
    SLOWER = "slower"
    MIXED = "faster in some figures, slower in others"
    NO_DIFFERENCE = "no difference that these runs can show"
    TOO_SHORT = "too little was measured to say"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both sides. `change`: (B / A) - 1, with the ends of its 95 % interval."""

    name: str
    unit: str
    higher_is_better: bool
    before: float  # mean of the samples
    after: float
    change: float
    change_low: float
    change_high: float
    superiority: float
    answer: Answer


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """B ("after") against A ("before")."""

    answer: Answer
    confidence: float
    samples: str  # what a sample is, in words
    differences: tuple[Difference, ...]
    cautions: tuple[str, ...]  # why the two may not be comparable
    faulty: tuple[str, ...]  # sides whose host answered wrongly: their speed is worth nothing


class Figure(msgspec.Struct, frozen=True):
    """What is compared, and how to read it off an interval; None where it has none."""

    name: str
    unit: str
    higher_is_better: bool
    read: Callable[[Interval], float | None]


FIGURES = (
    Figure("throughput", "/s", True, lambda one: one.counts.answered / one.seconds),
    Figure("p50", "ms", False, lambda one: _latency(one, one.latency.p50_ms)),
    Figure("p90", "ms", False, lambda one: _latency(one, one.latency.p90_ms)),
    Figure("p99", "ms", False, lambda one: _latency(one, one.latency.p99_ms)),
    Figure("p99.9", "ms", False, lambda one: _latency(one, one.latency.p999_ms)),
)


def compare(before: Sequence[RunResult], after: Sequence[RunResult]) -> Comparison:
    """Compare two sets of one run or more each."""
    assert before, "two sides are compared"
    assert after, "two sides are compared"
    by_run = min(len(before), len(after)) >= RUNS_MIN
    differences, sure = [], []
    for figure in FIGURES:
        one, other = _samples(before, figure, by_run), _samples(after, figure, by_run)
        difference, headline = _difference(figure, one, other)
        differences.append(difference)
        sure.append(headline)
    return Comparison(
        answer=_headline(sure),
        confidence=CONFIDENCE,
        samples=(
            f"the means of {len(before)} and {len(after)} runs"
            if by_run
            else f"the means of stretches of each side's seconds ({BLOCK_SECONDS_MIN} s or more)"
        ),
        differences=tuple(differences),
        cautions=_cautions(before, after, by_run),
        faulty=tuple(
            f"{name}: {sum(run.faults.total for run in side):,} faults"
            + (", books differ" if any(run.books and run.books.differences for run in side) else "")
            for name, side in (("A", before), ("B", after))
            if not all(run.good for run in side)
        ),
    )


def ratio_interval(
    before: Sequence[float], after: Sequence[float], confidence: float, seed: int = SEED
) -> tuple[float, float]:
    """Give the interval of mean(after) / mean(before), by a widened bootstrap."""
    random = Random(seed)
    logs = sorted(
        log(max(fmean(random.choices(after, k=len(after))), RATIO_FLOOR))
        - log(max(fmean(random.choices(before, k=len(before))), RATIO_FLOOR))
        for _ in range(RESAMPLES)
    )
    centre = log(max(fmean(after), RATIO_FLOOR)) - log(max(fmean(before), RATIO_FLOOR))
    tail = (1 - confidence) / 2
    low = logs[int(tail * (RESAMPLES - 1))]
    high = logs[RESAMPLES - 1 - int(tail * (RESAMPLES - 1))]
    fewest = min(len(before), len(after))
    widened = student_factor(confidence, fewest - 1) * sqrt(fewest / (fewest - 1))
    return exp(centre + (low - centre) * widened), exp(centre + (high - centre) * widened)


def student_factor(confidence: float, degrees: int) -> float:
    """Give how much wider Student's t is than the normal distribution.

    Exact for two degrees of freedom; else by the Cornish-Fisher expansion, within 3 % at 95 %.
    Source: Abramowitz and Stegun, 26.7.5.
    """
    assert degrees >= 2, "three samples are the fewest"
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = degrees
    if n == 2:
        return confidence * sqrt(2 / (1 - confidence**2)) / z
    first = (z**3 + z) / (4 * n)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92_160 * n**4)
    return (z + first + second + third + fourth) / z


def superiority(before: Sequence[float], after: Sequence[float]) -> float:
    """Give the share of pairs in which `after` is higher; ties count half."""
    wins = sum((b > a) + (b == a) / 2 for a in before for b in after)
    return wins / (len(before) * len(after))


def blocks_of(values: Sequence[float]) -> list[float]:
    """Put neighbouring seconds together into blocks of nearly even length, and give their means.

    Nothing when there are too few to say anything.
    """
    if len(values) < SECONDS_MIN:
        return []
    count = min(BLOCKS_MAX, max(SAMPLES_MIN, len(values) // BLOCK_SECONDS_MIN))
    ends = [len(values) * index // count for index in range(count + 1)]
    return [fmean(values[first:last]) for first, last in pairwise(ends)]


def _samples(runs: Sequence[RunResult], figure: Figure, by_run: bool) -> list[float]:
    of_runs = [
        [
            value
            for interval in run.intervals
            if interval.seconds > 0 and (value := figure.read(interval)) is not None
        ]
        for run in runs
    ]
    if by_run:
        return [fmean(values) for values in of_runs if values]
    return blocks_of([value for values in of_runs for value in values])


def _difference(
    figure: Figure, before: list[float], after: list[float]
) -> tuple[Difference, Answer]:
    """The figure at 95 %, and what it says where all figures together must be sure."""
    known = min(len(before), len(after)) >= SAMPLES_MIN
    low = high = 1.0
    answer = headline = Answer.TOO_SHORT
    if known:
        low, high = ratio_interval(before, after, CONFIDENCE)
        answer = _answer(low, high, figure.higher_is_better)
        strict = 1 - (1 - CONFIDENCE) / len(FIGURES)
        headline = _answer(*ratio_interval(before, after, strict), figure.higher_is_better)
    one, other = (fmean(before) if before else 0.0), (fmean(after) if after else 0.0)
    difference = Difference(
        name=figure.name,
        unit=figure.unit,
        higher_is_better=figure.higher_is_better,
        before=round(one, 3),
        after=round(other, 3),
        change=other / one - 1 if one else 0.0,
        change_low=low - 1,
        change_high=high - 1,
        superiority=superiority(before, after) if known else 0.5,
        answer=answer,
    )
    return difference, headline


def _answer(low: float, high: float, higher_is_better: bool) -> Answer:
    if low <= 1 <= high:
        return Answer.NO_DIFFERENCE
    return Answer.FASTER if (low > 1) == higher_is_better else Answer.SLOWER


def _headline(answers: list[Answer]) -> Answer:
    found = set(answers)
    if {Answer.FASTER, Answer.SLOWER} <= found:
        return Answer.MIXED
    for answer in (Answer.FASTER, Answer.SLOWER, Answer.NO_DIFFERENCE):
        if answer in found:
            return answer
    return Answer.TOO_SHORT


def _cautions(
    before: Sequence[RunResult], after: Sequence[RunResult], by_run: bool
) -> tuple[str, ...]:
    cautions = []
    if not by_run:
        cautions.append(
            f"fewer than {RUNS_MIN} runs on a side: what changes from run to run is not known"
        )
    for name in ("workload", "arrival", "open_loop", "connections", "window", "target"):
        one = {str(getattr(run.setting, name)) for run in before}
        other = {str(getattr(run.setting, name)) for run in after}
        if one != other:
            said = f"{', '.join(sorted(one))} against {', '.join(sorted(other))}"
            cautions.append(f"different {name.replace('_', ' ')}: {said}")
    for name in ("cpu", "cores", "memory", "kernel"):
        one = {run.setting.machine.get(name, "") for run in before}
        other = {run.setting.machine.get(name, "") for run in after}
        if one != other:
            cautions.append(f"another machine: {name} differs")
    return tuple(cautions)


def _latency(interval: Interval, latency_ms: float) -> float | None:
    return latency_ms if interval.latency.count else None
