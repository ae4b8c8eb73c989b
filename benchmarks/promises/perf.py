"""Samples of a process by Linux's `perf`, where it is installed and allowed, counted by stage.

Owns running it and reading what it wrote. Which code belongs to which stage is `stages`' business.
Without perf there is no profile by stage, and nothing fails.
"""

import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep
from typing import NamedTuple

SAMPLES_PER_SECOND = 997  # a prime: no clockwork of ours keeps step with it
START_SECONDS = 0.3
END_SECONDS_MAX = 30.0

_FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>.*) \((?P<file>[^()]*)\)$")


class Frame(NamedTuple):
    """Where a sample was, or what called it."""

    symbol: str
    file: str


class Sample(NamedTuple):
    """One sample: its thread and its frames, innermost first."""

    thread: int
    frames: list[Frame]


def profile(
    pid: int, load: Callable[[], None], stage_of: Callable[[Sample], str]
) -> Counter[str] | None:
    """Give how many samples of a process fell into each stage during a load.

    None without perf; the load runs all the same.
    """
    program = shutil.which("perf")
    if program is None:
        load()
        return None
    with tempfile.TemporaryDirectory(prefix="bashgah-perf-") as directory:
        path = Path(directory) / "perf.data"
        recording = subprocess.Popen(
            [program, "record", "-q", "-F", str(SAMPLES_PER_SECOND), "--no-inherit", "-g",
             "-p", str(pid), "-o", str(path)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            sleep(START_SECONDS)  # it has nothing to say when it has begun
            load()
        finally:
            recording.send_signal(signal.SIGINT)
            _end(recording)
        said = subprocess.run(
            [program, "script", "-i", str(path), "-F", "tid,ip,sym,dso", "--no-inline"],
            capture_output=True,
            text=True,
            check=False,
        )
    found = Counter(stage_of(sample) for sample in samples_of(said.stdout))
    return found if found else None


def _end(recording: subprocess.Popen[bytes]) -> None:
    """Wait until it has written everything; what takes too long is ended, and no profile."""
    try:
        recording.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        recording.kill()
        recording.wait()


def samples_of(text: str) -> Iterator[Sample]:
    """Yield the samples of what `perf script` printed: a thread's number, then its frames."""
    for block in text.split("\n\n"):
        head, *lines = block.strip("\n").split("\n")
        if not head.strip().isdecimal():
            continue
        matches = (_FRAME.match(line) for line in lines)
        frames = [Frame(found["symbol"], found["file"]) for found in matches if found]
        if frames:
            yield Sample(int(head), frames)
