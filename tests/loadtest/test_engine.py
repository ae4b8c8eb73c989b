"""The generator against the echo server in C: numbers, records, histograms, its own ceiling."""

import threading
import time
from pathlib import Path

import msgspec
import pytest
from hdrh.histogram import HdrHistogram

from loadtest._dice import digest_of
from loadtest._script import Script
from loadtest.arrival import closed, constant
from loadtest.baseline import Echo, running_echo
from loadtest.ceiling import measure_ceiling
from loadtest.errors import LoadtestError
from loadtest.histograms import percentiles_of
from loadtest.records import ANSWERED, LAYOUT
from loadtest.result import (
    CommitSample,
    Interval,
    ProcessSample,
    RunResult,
    read_result,
    write_result,
)
from loadtest.run import RunPlan, compile_plan, run_load
from loadtest.target import TARGETS, load_target


def plan(echo: Echo, **changes: object) -> RunPlan:
    given = RunPlan(
        target="echo",
        address=echo.address,
        arrival=constant(1_000),
        connections=4,
        window=16,
        seconds=0.3,
        begin_at=1_800_000_000,
    )
    return msgspec.structs.replace(given, **changes)


@pytest.mark.slow
def test_two_thousand_connections() -> None:
    with running_echo() as echo:
        result = run_load(
            plan(echo, arrival=closed(), connections=2_000, window=1, seconds=1.0)
        ).result

    assert result.good, result.findings
    assert result.counts.answered == result.counts.due > 2_000
    assert result.setting.arrival == "closed, 1 each"


@pytest.mark.slow
def test_records_hold_what_was_sent_and_when() -> None:
    with running_echo() as echo:
        given = plan(echo)
        outcome = run_load(given)
    script = Script(compile_plan(given)[2])

    records = list(outcome.records)

    assert len(records) == len(outcome.records) == outcome.result.counts.sent == 300
    assert LAYOUT.size == 128
    assert [record.number for record in records] == [4 * arrival for arrival in range(300)]
    for arrival, record in enumerate(records):
        drawn = script.draft(arrival, 0)
        sent = script.render(arrival, 0, record.second)
        assert (record.card, record.terminal) == (drawn["card"], drawn["terminal"])
        assert record.amount_asked_minor == record.amount_approved_minor == drawn["amount_minor"]
        assert record.digest == digest_of(sent)  # the echo server's reply is the request
        assert record.due_us == pytest.approx(arrival * 1_000, abs=1)
        assert record.sent_us >= record.due_us
        assert record.second == 1_800_000_000 + record.due_us // 1_000_000
        assert (record.state, record.original, record.measured) == (ANSWERED, -1, 1)
        assert 0 < record.latency_us < 1_000_000
    assert outcome.records.rrn(1199) == "000000001199"


@pytest.mark.slow
def test_a_result_is_whole_and_can_be_read_again(tmp_path: Path) -> None:
    looked: list[Interval] = []
    with running_echo() as echo:
        result = run_load(
            plan(echo, seconds=1.5, warmup_seconds=0.5), on_interval=looked.append
        ).result
    path = tmp_path / "result.json"
    write_result(path, result)

    assert read_result(path) == result
    assert (result.seconds, result.warmup_seconds) == (1.5, 0.5)
    # Warm-up is in the intervals and in no figure of the run.
    assert result.counts.due == result.latency.count == 1_500
    assert sum(interval.counts.sent for interval in result.intervals) == 2_000
    assert sum(interval.latency.count for interval in result.intervals) == 2_000
    assert tuple(looked) == result.intervals
    assert result.kinds == {"purchase": result.counts}
    assert result.kind_latency == {"purchase": result.latency}
    assert 0 < result.generator_cpu_seconds < 2


@pytest.mark.slow
def test_the_histogram_is_the_librarys() -> None:
    with running_echo() as echo:
        result = run_load(plan(echo, arrival=closed(), seconds=0.5)).result
    histogram = HdrHistogram.decode(result.histogram)

    latency = result.latency
    assert histogram.get_total_count() == latency.count == result.counts.answered
    assert histogram.get_value_at_percentile(50) / 1000 == latency.p50_ms
    assert histogram.get_value_at_percentile(99) / 1000 == latency.p99_ms
    assert histogram.get_max_value() / 1000 == pytest.approx(latency.max_ms, rel=0.001)
    assert percentiles_of((0, 0, 0, 0, 0, 0, 0)).p99_ms == 0.0


@pytest.mark.slow
def test_a_run_without_records_keeps_none() -> None:
    with running_echo() as echo:
        outcome = run_load(plan(echo, keep_records=False))

    assert outcome.result.counts.answered == 300
    assert list(outcome.records) == []


@pytest.mark.slow
def test_a_run_can_be_stopped() -> None:
    stop = threading.Event()
    stop.set()
    with running_echo() as echo:
        result: RunResult = run_load(plan(echo, seconds=60.0), stop=stop).result

    assert result.good
    assert result.seconds < 1
    assert result.counts.due == result.counts.answered < 1_000


@pytest.mark.slow
def test_a_foreign_host_is_matched_by_its_own_key_and_framing() -> None:
    foreign, _folder = load_target("example-host")
    purchase = msgspec.structs.replace(foreign.kinds["purchase"], reply_type="0200")
    mirrored = msgspec.structs.replace(
        foreign,
        spec=str(TARGETS / foreign.spec),
        reply=msgspec.structs.replace(foreign.reply, code=0),
        kinds={"purchase": purchase},
    )
    with running_echo() as echo:
        result = run_load(plan(echo, target=mirrored, connections=3)).result

    assert result.good, result.findings
    assert result.counts.answered == 300


class Looks:
    """A watch that only remembers when it was started and stopped."""

    def __init__(self) -> None:
        self.began_ns = 0

    def start(self, began_ns: int) -> None:
        self.began_ns = began_ns

    def stop(self) -> tuple[tuple[ProcessSample, ...], tuple[CommitSample, ...]]:
        elapsed_s = (time.monotonic_ns() - self.began_ns) / 1e9
        sample = ProcessSample(at_s=elapsed_s, name="host", cpu_seconds=0.0, resident_bytes=1)
        return (sample,), (CommitSample(at_s=elapsed_s, batches=1, rows=2),)


@pytest.mark.slow
def test_a_watch_is_told_when_the_run_began_and_asked_at_its_end() -> None:
    with running_echo() as echo:
        result = run_load(plan(echo), watch=Looks()).result

    assert 0.3 <= result.processes[0].at_s < 5
    assert result.commits[0].rows == 2


@pytest.mark.slow
def test_a_closed_loop_thinks() -> None:
    with running_echo() as echo:
        result = run_load(
            plan(echo, arrival=closed(think_ms=50), connections=10, window=1, seconds=1.0)
        ).result

    # Each of ten customers every 50 ms and a round trip: 200 at most.
    assert 120 <= result.counts.answered <= 200


def test_nobody_at_home_is_said(tmp_path: Path) -> None:
    with running_echo() as echo:
        gone = echo.address

    with pytest.raises(LoadtestError, match="0 of 4 connections"):
        run_load(RunPlan(target="echo", address=gone, arrival=constant(1), connections=4))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("localhost", "host:port"),
        ("127.0.0.1:70000", "host:port"),
        ("127.0.0.1:0", "host:port"),
        ("no-such-host.invalid:5000", "no-such-host"),
    ],
)
def test_an_address_that_is_none_is_named(address: str, message: str) -> None:
    with pytest.raises(LoadtestError, match=message):
        run_load(RunPlan(target="echo", address=address, arrival=constant(1)))


def test_a_target_needs_no_port_when_the_run_has_an_address() -> None:
    target = msgspec.structs.replace(load_target("echo")[0], port=0)
    with running_echo() as echo:
        plan = RunPlan(target=target, address=echo.address, arrival=constant(100), seconds=0.1)
        assert run_load(plan).result.good

    with pytest.raises(LoadtestError, match="neither a port in the file nor an address"):
        run_load(RunPlan(target=target, arrival=constant(1)))


@pytest.mark.slow
def test_the_ceiling_is_measured_without_faults() -> None:
    cases = measure_ceiling(0.5)

    assert [(case.name, case.connections, case.window) for case in cases] == [
        ("terminals", 1_000, 1),
        ("links", 16, 256),
    ]
    for case in cases:
        assert case.faults == 0
        assert case.answered_per_second > 1_000
        assert 0 < case.cpu_us < 200
