"""`bashgah loadtest run`: one load, a line a second, and the verdict."""

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from bashgah.commands.loadtest_options import (
    Address,
    ArrivalText,
    Connections,
    DrainSeconds,
    ReplySeconds,
    Seconds,
    Seed,
    TargetName,
    WarmupSeconds,
    Window,
    WorkloadName,
)
from loadtest.arrival import parse_arrival
from loadtest.result import Interval, RunResult, write_result
from loadtest.run import RunPlan, run_load


def command(
    target: TargetName,
    address: Address = "",
    workload: WorkloadName = "purchase",
    arrival: ArrivalText = "constant 100",
    seed: Seed = 1,
    connections: Connections = 16,
    window: Window = 1,
    seconds: Seconds = 10.0,
    warmup_seconds: WarmupSeconds = 0.0,
    reply_seconds: ReplySeconds = 10.0,
    drain_seconds: DrainSeconds = 5.0,
    begin_at: Annotated[
        str, typer.Option(help="Moment that time elements show at the beginning, ISO 8601.")
    ] = "",
    records: Annotated[
        bool, typer.Option("--records/--no-records", help="128 bytes a message; off for soaks.")
    ] = True,
    expect_restarts: Annotated[
        bool, typer.Option("--expect-restarts", help="Lost connections are no fault.")
    ] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
) -> None:
    """Run a load; exit code 0 when the host made no fault.

    Example: bashgah loadtest run bashgah-binary -w shop-day -a "poisson 500" -n 100
    """
    plan = RunPlan(
        target=target,
        address=address,
        workload=workload,
        arrival=parse_arrival(arrival),
        seed=seed,
        connections=connections,
        window=window,
        seconds=seconds,
        warmup_seconds=warmup_seconds,
        reply_seconds=reply_seconds,
        drain_seconds=drain_seconds,
        begin_at=int(datetime.fromisoformat(begin_at).timestamp()) if begin_at else None,
        keep_records=records,
        expect_restarts=expect_restarts,
        command=shlex.join(["bashgah", *sys.argv[1:]]),
    )
    with stopping() as stop:
        outcome = run_load(plan, on_interval=_show, stop=stop)
    if json_path is not None:
        write_result(json_path, outcome.result)
    for line in summary(outcome.result):
        print(line)
    if not outcome.result.good:
        raise typer.Exit(1)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets; the second one interrupts as ever."""
    stop = threading.Event()

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def summary(result: RunResult) -> Iterator[str]:
    """Yield the verdict in lines for people."""
    counts, latency = result.counts, result.latency
    yield (
        f"{result.setting.workload}, {result.setting.arrival}, seed {result.setting.seed}: "
        f"{counts.answered:,} of {counts.due:,} answered, {result.answered_per_second:,.0f}/s"
    )
    yield (
        f"approved {counts.approved:,}, declined {counts.declined:,} "
        f"(unavailable {counts.unavailable:,}), timed out {counts.timed_out:,}, "
        f"late {counts.late:,}, repeated {counts.repeated:,}"
    )
    yield (
        f"latency p50 {latency.p50_ms} ms, p90 {latency.p90_ms}, p99 {latency.p99_ms}, "
        f"p99.9 {latency.p999_ms}, max {latency.max_ms}; generator's slip p99 "
        f"{result.slip_p99_ms} ms, CPU {result.generator_cpu_seconds:.2f} s"
    )
    faults = msgspec.structs.asdict(result.faults)
    found = ", ".join(f"{name} {count:,}" for name, count in faults.items() if count)
    yield f"faults: {found or 'none'}"
    yield from result.findings


def _show(interval: Interval) -> None:
    counts = interval.counts
    print(
        f"{interval.at_s:7.1f} s  {counts.answered / interval.seconds:9,.0f}/s  "
        f"p50 {interval.latency.p50_ms:8.2f} ms  p99 {interval.latency.p99_ms:8.2f} ms  "
        f"declined {counts.declined:6,}  outstanding {interval.outstanding:6,}  "
        f"backlog {interval.backlog:6,}",
        file=sys.stderr,
    )
