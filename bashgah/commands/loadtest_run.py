"""`bashgah loadtest run`: one load, a line a second, and the verdict."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Annotated

import msgspec
import outcome
import typer
from rich.console import Console

from bashgah.commands.loadtest_books import LedgerWatch, books_summary
from bashgah.commands.loadtest_options import (
    Address,
    ArrivalText,
    Connections,
    DrainSeconds,
    HtmlFile,
    JsonFile,
    Lang,
    MetricsUrls,
    ReplySeconds,
    Seconds,
    Seed,
    TargetName,
    WarmupSeconds,
    Watched,
    Window,
    WorkloadName,
)
from bashgah.commands.loadtest_reports import LoadOptions
from loadtest.arrival import parse_arrival, poisson
from loadtest.limit import RunAtRate
from loadtest.live import LiveView
from loadtest.processes import usage_alone
from loadtest.report import Language, render
from loadtest.result import Interval, RunResult, write_result
from loadtest.run import Outcome, RunPlan, run_load
from loadtest.watch import Watch


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
    ledger: Annotated[
        Path | None, typer.Option(help="Our switch's configuration: compare its ledger afterwards.")
    ] = None,
    club: Annotated[
        str, typer.Option(help="With --ledger: a club that ships, or a .toml file.")
    ] = "bashgah-demo",
    watch: Watched = None,
    metrics_url: MetricsUrls = None,
    json_path: JsonFile = None,
    html_path: HtmlFile = None,
    lang: Lang = Language.ENGLISH,
) -> None:
    """Run a load; exit code 0 when the host made no fault.

    Examples: bashgah loadtest run bashgah-binary -w shop-day -a "poisson 500" -n 100
              bashgah loadtest run bashgah-binary -a "closed" -n 1000 --html run.html
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
        begin_at=_second(begin_at) if begin_at else None,
        keep_records=records,
        expect_restarts=expect_restarts,
        command=shlex.join(["bashgah", *sys.argv[1:]]),
    )
    title = f"{target} {address}".strip()
    view = LiveView(Console(stderr=True), title, warmup_seconds + seconds)
    judge = LedgerWatch(ledger, club) if ledger is not None else None
    done = shown(plan, view, watch_of(watch, metrics_url))
    result = judge.judge(done) if judge is not None else done.result
    if json_path is not None:
        write_result(json_path, result)
    if html_path is not None:
        html_path.parent.mkdir(parents=True, exist_ok=True)
        html_path.write_text(render(result, language=lang), encoding="utf-8")
    for line in summary(result):
        print(line)
    if not result.good:
        raise typer.Exit(1)


def shown(plan: RunPlan, view: LiveView, watch: Watch) -> Outcome:
    """Run a load on a thread of its own and draw what it does here: drawing must delay nothing."""
    intervals: SimpleQueue[Interval | None] = SimpleQueue()
    ended: list[outcome.Outcome[Outcome]] = []

    def run() -> None:
        load = partial(run_load, plan, on_interval=intervals.put, stop=stop, watch=watch)
        ended.append(outcome.capture(load))
        intervals.put(None)

    with stopping() as stop, view:
        thread = threading.Thread(target=run, name="loadtest", daemon=True)
        thread.start()
        while (interval := intervals.get()) is not None:
            view(interval)
        thread.join()
    return ended[0].unwrap()


def rate_runner(options: LoadOptions) -> RunAtRate:
    """Give what runs a load at a rate, as independent customers make it, for so many seconds."""

    def run(rate: float, seconds: float) -> RunResult:
        plan = RunPlan(
            target=options.target,
            address=options.address,
            workload=options.workload,
            arrival=poisson(rate),
            seed=options.seed,
            connections=options.connections,
            window=options.window,
            seconds=seconds,
            warmup_seconds=options.warmup_seconds,
            reply_seconds=options.reply_seconds,
            keep_records=False,
            command=shlex.join(["bashgah", *sys.argv[1:]]),
        )
        return run_load(plan, watch=watch_of(options.watch, options.metrics_url)).result

    return run


def watch_of(processes: list[str] | None, metrics_urls: list[str] | None) -> Watch:
    """Give what looks at the generator itself and at `NAME=PID`s. Raises `BadParameter`."""
    pids = {"generator": os.getpid()}
    for text in processes or []:
        name, equals, pid = text.partition("=")
        if not (equals and name and pid.isdigit()):
            raise typer.BadParameter(f"--watch {text}: expected NAME=PID")
        if usage_alone(int(pid)) is None:
            raise typer.BadParameter(f"--watch {text}: there is no such process")
        pids[name] = int(pid)
    return Watch(pids, metrics_urls or [])


def _second(moment: str) -> int:
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except ValueError as error:
        raise typer.BadParameter(f"--begin-at: {error}") from None


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
    if result.books is not None:
        yield from books_summary(result.books)
