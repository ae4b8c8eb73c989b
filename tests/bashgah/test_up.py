"""Goal: one command brings everything up and down. Method: the command, as a user runs it."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

LEFT_SECONDS_MAX = 60.0  # a drain and a shutdown with a checkpoint
VERDICT = [
    "approved",
    "declined",
    "reversed",
    "per_second",
    "p50_ms",
    "p99_ms",
    "unanswered",
    "cross_talk",
    "acknowledged_but_missing",
    "books_balance",
    "products",
]

PRODUCTS = {
    *("loyalty", "membership", "discount", "instalment", "qarz"),
    *("gift", "purchase", "bon", "guest", "warranty"),
}


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A directory that `nobody` can reach, who may run the database."""
    directory = Path(tempfile.mkdtemp(prefix="bashgah-up-"))
    yield directory / "demo"
    shutil.rmtree(directory)


def started(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `bashgah up --demo` with few terminals, without a tty."""
    command = [sys.executable, "-m", "bashgah", "up", "--demo", "--data-dir", str(data_dir)]
    return subprocess.Popen(
        [*command, "--terminals", "20", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def processes_naming(text: str) -> list[str]:
    """Give the command lines of running processes that name `text`; a zombie has none."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if text in line:
            lines.append(line)
    return lines


def wait_until_driven(process: subprocess.Popen[str]) -> None:
    """Read standard error up to the first line of the live view: the load runs."""
    assert process.stderr is not None
    for line in process.stderr:
        if "approved" in line:
            return
    raise AssertionError("it ended before its terminals began")


@pytest.mark.slow
def test_the_demo_ends_with_its_verdict_and_finds_its_data_again(data_dir: Path) -> None:
    verdicts = []
    for _ in range(2):
        process = started(data_dir, "--seconds", "2")
        output, errors = process.communicate(timeout=120)

        assert process.returncode == 0, errors
        verdicts.append(json.loads(output.splitlines()[-1]))
        assert processes_naming(str(data_dir)) == []

    assert "initdb" not in errors
    for verdict in verdicts:
        assert list(verdict) == VERDICT
        assert verdict["approved"] > 0
        assert verdict["declined"] > 0
        assert verdict["reversed"] > 0
        assert verdict["unanswered"] == verdict["cross_talk"] == 0
        assert verdict["acknowledged_but_missing"] == 0
        assert verdict["books_balance"] is True
        assert set(verdict["products"]) >= PRODUCTS
        assert all(verdict["products"].values()), verdict["products"]


@pytest.mark.slow
def test_a_demo_without_terminals_is_for_a_load_of_ones_own(data_dir: Path) -> None:
    """The books of its switch are then what the load's replies make them."""
    process = started(data_dir, "--terminals", "0")
    assert process.stderr is not None
    said: list[str] = []
    while "ready" not in (line := process.stderr.readline()):
        assert line, said
        said.append(line)
    address = next(line.split()[-1] for line in said if line.startswith("pos-binary:"))
    load = [sys.executable, "-m", "bashgah", "loadtest", "run", "bashgah-binary", "--seconds", "1"]
    load += ["--address", address, "--ledger", str(data_dir / "switch.toml")]
    loaded = subprocess.run(load, capture_output=True, text=True, check=False)
    process.send_signal(signal.SIGINT)

    process.communicate(timeout=LEFT_SECONDS_MAX)
    assert process.returncode == 0
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    assert "accounts are as the model says" in loaded.stdout


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(data_dir: Path, number: signal.Signals) -> None:
    process = started(data_dir)
    wait_until_driven(process)

    process.send_signal(number)
    output, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert json.loads(output.splitlines()[-1])["books_balance"] is True
    assert processes_naming(str(data_dir)) == []


@pytest.mark.slow
def test_nothing_is_left_when_the_command_itself_is_killed(data_dir: Path) -> None:
    process = started(data_dir)
    wait_until_driven(process)
    assert len(processes_naming(str(data_dir))) > 1

    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + LEFT_SECONDS_MAX
    while processes_naming(str(data_dir)) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert processes_naming(str(data_dir)) == []
