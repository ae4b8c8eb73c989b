"""The echo server in C: compiled by the system's compiler into `build/`, run as a process.

Owns the process; it ends with the context, and by itself when this process dies (its standard input
is a pipe from here).
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from loadtest.errors import LoadtestError

SOURCE = Path(__file__).with_suffix(".c")
BUILD = Path("build")
END_SECONDS = 5.0


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    """A running echo server."""

    host: str = "127.0.0.1"
    port: int
    pid: int

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"


def compiled(build: Path = BUILD) -> Path:
    """Give the program, compiled unless this very source already is. Raises `LoadtestError`."""
    program = build / f"echo-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]}"
    if program.exists():
        return program
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise LoadtestError("the echo server needs a C compiler: cc or gcc")
    build.mkdir(parents=True, exist_ok=True)
    # Two that compile at once both write a whole file and rename it.
    made = program.with_suffix(f".{os.getpid()}")
    ran = subprocess.run(
        [*compiler.split(), "-O2", "-o", str(made), str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise LoadtestError(f"the echo server does not compile: {ran.stderr.strip()}")
    made.rename(program)
    return program


@contextmanager
def running_echo(build: Path = BUILD) -> Iterator[Echo]:
    """Run the echo server on a free port; it ends with the context."""
    process = subprocess.Popen(
        [str(compiled(build)), "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None, "its standard input is a pipe"
    assert process.stdout is not None, "its standard output is a pipe"
    try:
        yield Echo(port=int(process.stdout.readline()), pid=process.pid)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(END_SECONDS)
