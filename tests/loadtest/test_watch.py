"""Real processes that burn known CPU and hold known memory, and a real metrics server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIServer, make_server

import pytest
from prometheus_client import CollectorRegistry, Counter, make_wsgi_app

from loadtest.processes import usage_alone, usage_of_tree
from loadtest.watch import Watch

MEBIBYTE = 1024 * 1024
BURN = """
import sys, time
held = bytearray(b"x") * (50 * 1024 * 1024)
while time.process_time() < 0.4:
    pass
"""
# A parent with one child that has ended and one that lives: both burnt 0.4 s.
PARENT = f"""
import subprocess, sys
burn = {BURN!r}
subprocess.run([sys.executable, "-c", burn])
wait = "print('ready', flush=True); sys.stdin.read()"
living = subprocess.Popen([sys.executable, "-c", burn + wait], stdin=subprocess.PIPE)
living.wait()
"""


@contextmanager
def ready_process(program: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program that says a line when it is ready and ends with its standard input."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == "ready\n"
            yield running
        finally:
            running.kill()


@contextmanager
def metrics_server(rows: int) -> Iterator[str]:
    """Serve the journal's counters as a switch would; gives the URL."""
    registry = CollectorRegistry()
    Counter("bashgah_journal_rows", "Durable rows", registry=registry).inc(rows)
    Counter("bashgah_journal_batches", "Durable batches", registry=registry).inc(rows // 10)
    with make_server("127.0.0.1", 0, make_wsgi_app(registry), _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/metrics"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(WSGIServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


@pytest.mark.slow
def test_a_tree_counts_children_that_live_and_children_that_ended() -> None:
    with ready_process(PARENT) as running:
        alone = usage_alone(running.pid)
        tree = usage_of_tree(running.pid)

    assert alone is not None
    assert tree is not None
    assert alone.cpu_seconds < 0.3
    assert 0.75 < tree.cpu_seconds < 2.0
    assert tree.resident_bytes > alone.resident_bytes + 45 * MEBIBYTE


@pytest.mark.slow
def test_a_tree_ends_where_another_name_begins() -> None:
    with ready_process(PARENT) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        without = usage_of_tree(running.pid, without=frozenset(map(int, children)))

    assert without is not None
    assert without.resident_bytes < 45 * MEBIBYTE
    assert without.cpu_seconds < 0.7


def test_a_process_that_is_gone_has_no_usage() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert usage_alone(ended.pid) is None
    assert usage_of_tree(ended.pid) is None


def test_a_name_with_parentheses_and_spaces_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    numbers = " ".join(str(number) for number in range(4, 53))
    (folder / "stat").write_text(f"7 (a) b (c) S {numbers}\n")
    (folder / "status").write_text("Name:\ta) b\nRssAnon:\t 8 kB\nRssFile:\t 4 kB\n")

    usage = usage_alone(7, tmp_path)

    assert usage is not None
    # utime and stime are fields 14 and 15 of proc_pid_stat(5).
    assert usage.cpu_seconds == (14 + 15) / os.sysconf("SC_CLK_TCK")
    assert usage.resident_bytes == 12 * 1024


@pytest.mark.slow
def test_a_watch_sees_processes_and_sums_the_commits_of_all_shards() -> None:
    with (
        ready_process("import sys; print('ready', flush=True); sys.stdin.read()") as running,
        metrics_server(500) as first,
        metrics_server(300) as second,
    ):
        watch = Watch({"switch": running.pid, "generator": os.getpid()}, [first, second])
        watch.start(time.monotonic_ns())
        time.sleep(1.2)
        processes, commits = watch.stop()

    names = [sample.name for sample in processes]
    assert names == ["switch", "generator"] * (len(names) // 2)
    assert len(commits) in (2, 3)  # at 0 s, at 1 s unless the machine is busy, at the end
    assert {(sample.rows, sample.batches) for sample in commits} == {(800, 80)}
    assert commits[0].at_s < 1 < commits[-1].at_s


@pytest.mark.slow
def test_what_cannot_be_read_is_left_out() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with metrics_server(500) as url:
        watch = Watch({"gone": ended.pid, "generator": os.getpid()}, [url, url + "x:bad"])
        silent = Watch({}, [url, "http://127.0.0.1:9/metrics"])

        watch.start(time.monotonic_ns())
        silent.start(time.monotonic_ns())
        processes, _ = watch.stop()
        nothing = silent.stop()

    assert {sample.name for sample in processes} == {"generator"}
    assert nothing == ((), ())


@pytest.mark.slow
def test_a_look_costs_next_to_nothing() -> None:
    # 20 looks at a tree; 1 ms each where it was written, 10 would be 1 % of a core.
    with ready_process(PARENT) as running:
        began_s = time.thread_time()
        for _ in range(20):
            usage_of_tree(running.pid)
        used_s = time.thread_time() - began_s

    assert used_s / 20 < 0.01
