"""One load run: compile, connect, turn the core, and give the result.

Owns the life of a run and the translation of counters into `loadtest.result`. Must not know the
host, nor how results are shown. The core turns in the caller's thread, without the interpreter;
`on_interval` is called in that thread once a second and must be quick: nothing is sent meanwhile.
"""

import resource
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from loadtest._arrivals import Schedule
from loadtest._engine import Engine
from loadtest._script import Script
from loadtest.arrival import Timetable
from loadtest.errors import LoadtestError
from loadtest.findings import findings_of
from loadtest.histograms import encoded, percentiles_of
from loadtest.machine import machine
from loadtest.records import Records
from loadtest.result import (
    CommitSample,
    Counts,
    Faults,
    Interval,
    ProcessSample,
    RunResult,
    Setting,
)
from loadtest.settings import LENGTH_FORMS, EngineSettings
from loadtest.tables import Compiler, Tables
from loadtest.target import Target, framing_of, load_target
from loadtest.workload import Workload, load_workload

CONNECTIONS_MAX = 20_000
PORT_MAX = 65_535
_HERE = Path()  # what a target that is no file names is found from
CONNECT_SECONDS = 30.0
TURN_SECONDS = 0.2
DESCRIPTORS_BESIDES = 64


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `target` and `workload` are names or files, or the thing itself.

    `address` is "host:port", "" for the target's own. `begin_at` is the Unix second that time
    elements show at the beginning; None: now. The same seed and `begin_at` send the same bytes.
    """

    target: str | Target
    workload: str | Workload = "purchase"
    arrival: Timetable
    address: str = ""
    seed: int = 1
    connections: int = 16
    window: int = 1
    seconds: float = 10.0
    warmup_seconds: float = 0.0
    reply_seconds: float = 10.0
    drain_seconds: float = 5.0
    begin_at: int | None = None
    keep_records: bool = True
    expect_restarts: bool = False
    command: str = ""


class Watch(Protocol):
    """Samples processes while a run is on."""

    def start(self, began_ns: int) -> None:
        """Begin; `began_ns` is the monotonic clock at the run's beginning."""

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        """End, and give what was seen."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run gives. `tables` say which card and terminal a record's numbers mean."""

    result: RunResult
    records: Records
    tables: Tables
    target: Target


def compile_plan(plan: RunPlan) -> tuple[Compiler, Workload, Tables, int]:
    """Read and compile what a plan names; the last is the second at which it begins."""
    if not 1 <= plan.connections <= CONNECTIONS_MAX:
        raise LoadtestError(f"connections: 1 to {CONNECTIONS_MAX:,}")
    if plan.window < 1 or plan.connections * plan.window > 1 << 24:
        raise LoadtestError("window: 1 or more, and at most 16 million outstanding in all")
    if isinstance(plan.target, Target):
        compiler = Compiler(plan.target, _HERE)
    else:
        compiler = Compiler(*load_target(plan.target))
    named = isinstance(plan.workload, str)
    workload = load_workload(str(plan.workload)) if named else plan.workload
    assert isinstance(workload, Workload), "a workload is a name or the thing itself"
    begin_s = int(time.time()) if plan.begin_at is None else plan.begin_at
    tables = compiler.tables(
        workload,
        seed=plan.seed,
        connections=plan.connections,
        begin_s=begin_s,
        arrival_kinds=plan.arrival.kinds,
    )
    return compiler, workload, tables, begin_s


def run_load(
    plan: RunPlan,
    *,
    on_interval: Callable[[Interval], None] | None = None,
    stop: threading.Event | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Run a load to its end, or until `stop` is set. Raises `LoadtestError`, `OSError`."""
    compiler, workload, tables, begin_s = compile_plan(plan)
    engine = Engine(
        Script(tables),
        compiler.reader,
        Schedule(plan.arrival, plan.seed),
        _settings(plan, compiler.target, len(tables.kinds)),
    )
    _raise_descriptors(engine.link_count)
    try:
        up = engine.connect(CONNECT_SECONDS)
        if up < engine.link_count:
            raise LoadtestError(
                f"{_address_text(plan, compiler.target)}: {up:,} of {engine.link_count:,} "
                "connections could be opened"
            )
        cpu_before = time.thread_time()
        began_at = datetime.now(UTC)
        began_ns = engine.begin(begin_s)
        if watch is not None:
            watch.start(began_ns)
        try:
            intervals = _turn(engine, on_interval, stop)
        finally:
            processes, commits = watch.stop() if watch is not None else ((), ())
        cpu_seconds = time.thread_time() - cpu_before
    finally:
        engine.close()
    setting = _setting(plan, compiler.target, workload, began_at)
    result = _result(engine, plan, tables, setting, intervals, cpu_seconds)
    return Outcome(
        result=msgspec.structs.replace(result, processes=processes, commits=commits),
        records=Records(engine, tables.kinds, tables.tag),
        tables=tables,
        target=compiler.target,
    )


def _turn(
    engine: Engine,
    on_interval: Callable[[Interval], None] | None,
    stop: threading.Event | None,
) -> list[Interval]:
    """Turn the core until it is finished; an interval for each second."""
    intervals: list[Interval] = []
    looked_s = 0.0
    running = True
    while running:
        running = engine.turn(min(looked_s + 1.0, engine.seconds + TURN_SECONDS))
        now_s = engine.seconds
        if stop is not None and stop.is_set():
            engine.stop()
        if now_s - looked_s < 1.0 and (running or now_s <= looked_s):
            continue
        counts, latency = engine.take_interval()
        if not running and not any(counts):
            break  # it only lingered for a second reply
        interval = Interval(
            at_s=round(looked_s, 3),
            seconds=round(now_s - looked_s, 6),
            counts=_counts(counts),
            latency=percentiles_of(latency),
            outstanding=engine.outstanding,
            backlog=engine.backlog,
        )
        looked_s = now_s
        intervals.append(interval)
        if on_interval is not None:
            on_interval(interval)
    return intervals


def _settings(plan: RunPlan, target: Target, kinds: int) -> EngineSettings:
    framing = framing_of(target)
    host, port = _address(plan, target)
    return EngineSettings(
        address=_resolved(host),
        port=port,
        length_form=LENGTH_FORMS.index(framing.length),
        length_includes_itself=framing.length_includes_itself,
        has_tpdu=framing.tpdu,
        tpdu=bytes.fromhex(target.framing.tpdu),
        kinds=kinds,
        window=plan.window,
        is_open=plan.arrival.is_open,
        warm_ns=int(plan.warmup_seconds * 1e9),
        end_ns=int((plan.warmup_seconds + plan.seconds) * 1e9),
        reply_ns=int(plan.reply_seconds * 1e9),
        think_ns=int(plan.arrival.think_ms * 1e6),
        drain_ns=int(plan.drain_seconds * 1e9),
        keeps_records=plan.keep_records,
    )


def _address(plan: RunPlan, target: Target) -> tuple[str, int]:
    if not plan.address:
        if not 1 <= target.port <= PORT_MAX:
            raise LoadtestError(f"target {target.name}: neither a port in the file nor an address")
        return target.host, target.port
    host, _, port = plan.address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= PORT_MAX:
        raise LoadtestError(f"address {plan.address!r}: host:port")
    return host, int(port)


def _resolved(host: str) -> int:
    try:
        return int.from_bytes(socket.inet_aton(socket.gethostbyname(host)), "big")
    except OSError as error:
        raise LoadtestError(f"host {host!r}: {error.strerror}") from None


def _address_text(plan: RunPlan, target: Target) -> str:
    return "{}:{}".format(*_address(plan, target))


def _raise_descriptors(connections: int) -> None:
    """Let this process have as many descriptors as it needs. Raises `LoadtestError`."""
    wanted = connections + DESCRIPTORS_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        # Beyond the hard limit only root may go.
        enough = hard == resource.RLIM_INFINITY or hard >= wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard if enough else wanted))
    except (ValueError, OSError):
        raise LoadtestError(
            f"{connections:,} connections need ulimit -n {wanted}, not {hard}"
        ) from None


def _setting(plan: RunPlan, target: Target, workload: Workload, began_at: datetime) -> Setting:
    open_loop = plan.arrival.is_open
    return Setting(
        command=plan.command,
        host=_address_text(plan, target),
        target=target.name,
        workload=workload.name,
        arrival=plan.arrival.text if open_loop else f"{plan.arrival.text}, {plan.window} each",
        open_loop=open_loop,
        seed=plan.seed,
        connections=plan.connections,
        window=plan.window,
        began_at=began_at.isoformat(timespec="milliseconds"),
        machine=machine(),
    )


def _result(
    engine: Engine,
    plan: RunPlan,
    tables: Tables,
    setting: Setting,
    intervals: list[Interval],
    cpu_seconds: float,
) -> RunResult:
    kinds = [_counts(row) for row in engine.kind_counts()]
    names = (*tables.kinds, "garbage")
    used = {name: counts for name, counts in zip(names, kinds, strict=True) if counts.due}
    faults = Faults(**dict(zip(Faults.__struct_fields__, engine.faults(), strict=True)))
    findings = findings_of(engine.notes(), tables, engine.backlog)
    if plan.expect_restarts and faults.connections_lost:
        findings = (f"{faults.connections_lost} connections were lost, as expected", *findings)
        faults = msgspec.structs.replace(faults, connections_lost=0)
    return RunResult(
        setting=setting,
        seconds=max(0.0, round(engine.end_s - plan.warmup_seconds, 3)),
        warmup_seconds=plan.warmup_seconds,
        counts=_sum(kinds),
        faults=faults,
        latency=percentiles_of(engine.latency()),
        histogram=encoded(engine.buckets()),
        declines=engine.codes(),
        kinds=used,
        kind_latency={
            name: percentiles_of(engine.kind_latency(names.index(name))) for name in used
        },
        intervals=tuple(intervals),
        generator_cpu_seconds=round(cpu_seconds, 6),
        slip_p99_ms=percentiles_of(engine.slip()).p99_ms,
        findings=findings,
    )


def _sum(kinds: list[Counts]) -> Counts:
    rows = [msgspec.structs.astuple(counts) for counts in kinds]
    return _counts(tuple(sum(column) for column in zip(*rows, strict=True)))


def _counts(row: tuple[int, ...]) -> Counts:
    return Counts(**dict(zip(Counts.__struct_fields__, row, strict=True)))
