"""What a load run found, as data: the one shape that the live view, the report, the comparison, the
search for the limit and machines read.

Owns the shape and its JSON form. Must not know how it was measured. Every time is seconds since the
run's first scheduled message unless its name says otherwise; a latency counts from the moment at
which a message was due (open loop) or sent (closed loop), in milliseconds.
"""

from pathlib import Path

import msgspec

FORMAT = 1
"""Grows when a reader of the old form would misread the new one."""


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Latency of answered messages, in milliseconds; all 0 when nothing was answered."""

    count: int
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a run or of an interval. A repeat is sent, but is not a message of its own."""

    due: int = 0  # by the schedule; follow-ups (reversals, completions, refunds) included
    sent: int = 0
    answered: int = 0  # in time; once each
    approved: int = 0
    declined: int = 0
    unavailable: int = 0  # declined with 91: the host could not decide
    timed_out: int = 0  # no reply within the requester's timer
    late: int = 0  # of those, answered after all
    repeated: int = 0  # repeats sent (MTI xxx1)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Replies that no healthy host gives. Any of them fails the run."""

    cross_talk: int = 0  # carries another request's key, or nobody's
    wrong_echo: int = 0  # right key, but an echoed element or the amount differs
    double_reply: int = 0
    missing_reply: int = 0  # neither in time nor by the end of the drain
    repeat_differs: int = 0  # a repeat's reply is not the first one, byte for byte
    unreadable: int = 0  # broken frame or message
    unexpected: int = 0  # another response code than the workload wants there
    connections_lost: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(msgspec.structs.astuple(self))


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """One second of a run. `backlog`: messages that were due but had not left at its end."""

    at_s: float
    seconds: float
    counts: Counts
    latency: Percentiles
    outstanding: int
    backlog: int


class ProcessSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one process (or group, as PostgreSQL's). CPU seconds count from its start."""

    at_s: float
    name: str
    cpu_seconds: float
    resident_bytes: int


class CommitSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the switch's commit counters (its /metrics); both count from its start."""

    at_s: float
    batches: int
    rows: int


class BooksVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger against the independent model, account by account."""

    accounts: int
    differences: int
    examples: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, so that it can be run again."""

    command: str
    host: str
    target: str  # name of the target file or profile
    workload: str
    arrival: str  # e.g. "constant 40000/s", "closed, 1 outstanding"
    open_loop: bool
    seed: int
    connections: int
    window: int  # outstanding messages a connection may have
    began_at: str  # ISO 8601, UTC
    machine: dict[str, str]  # cpu, cores, memory, kernel, python, commit


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `histogram` is an HdrHistogram of microseconds in its base64 V2 encoding."""

    format: int = FORMAT
    setting: Setting
    seconds: float  # without warm-up and drain
    warmup_seconds: float
    counts: Counts
    faults: Faults
    latency: Percentiles
    histogram: str
    declines: dict[str, int]  # by response code
    kinds: dict[str, Counts]
    kind_latency: dict[str, Percentiles]
    intervals: tuple[Interval, ...]
    processes: tuple[ProcessSample, ...] = ()
    commits: tuple[CommitSample, ...] = ()
    generator_cpu_seconds: float
    slip_p99_ms: float  # how long after its due moment a message left for reasons of the generator
    books: BooksVerdict | None = None
    findings: tuple[str, ...] = ()  # the first faults, in words, never with card data

    @property
    def answered_per_second(self) -> float:
        """Throughput."""
        return self.counts.answered / self.seconds if self.seconds else 0.0

    @property
    def good(self) -> bool:
        """Whether nothing was wrong with what the host said, and the books agree."""
        return self.faults.total == 0 and (self.books is None or self.books.differences == 0)


def write_result(path: Path, result: RunResult) -> None:
    """Write a result as JSON, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


def read_result(path: Path) -> RunResult:
    """Read a result. Raises `OSError`, or `msgspec.ValidationError` for what is none."""
    result = msgspec.json.decode(path.read_bytes(), type=RunResult)
    if result.format != FORMAT:
        raise msgspec.ValidationError(f"{path}: format {result.format}, this reads {FORMAT}")
    return result
