"""Starting `tests.gate.serve` and attackers as processes, and that nothing of them stays."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

END_SECONDS_MAX = 20


class Served:
    """A bench in a child process."""

    def __init__(self, process: "subprocess.Popen[bytes]", first: dict[str, Any]) -> None:
        self.process = process
        self.ports: dict[str, int] = first["ports"]
        self.now_s: int = first["now_s"]
        self.counted: dict[str, Any] = {}  # what it says at its end


@contextmanager
def served(**arguments: object) -> Iterator[Served]:
    """Serve in a child process; `counted` is there when the block has ended."""
    command = [sys.executable, "-m", "tests.gate.serve", msgspec.json.encode(arguments).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            child = Served(process, msgspec.json.decode(process.stdout.readline()))
            yield child
            last, _ = process.communicate(timeout=END_SECONDS_MAX)
            child.counted = msgspec.json.decode(last)
        finally:
            process.kill()


@contextmanager
def attacking(kind: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Attack from a child process until the block ends; begins when the attack has begun."""
    command = [sys.executable, "-m", "tests.gate.attack", kind, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"attacking\n"
            yield process
            process.communicate(timeout=END_SECONDS_MAX)
        finally:
            process.kill()
