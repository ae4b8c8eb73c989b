"""PIN translations of the HSM, over TCP: as many a second as one core gives.

    python -m benchmarks.bench_hsm

The HSM is a process of its own (`bashgah hsm serve`) on the first core, the client is this process
on the second: prebuilt frames and a plain blocking socket, so that it is never what is measured.
A window of 64 means that 64 commands are sent in one write and the next 64 when all are answered;
every response is compared. CC (zone to zone) and CA (terminal to zone) are published commands, with
double keys under the published LMK: two TDES operations and the check of the block each. Medians of
three turns, which the cases take in rounds.
"""

import os
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import table
from benchmarks.hsm_process import running_hsm
from hsm_sim.framing import framed

TURNS = 3
WINDOWS = (1, 8, 64)
PER_SECOND_WANTED = {1: 5_000, 64: 60_000}
PAYSHIELD_PER_SECOND = 2_500  # the largest licence that is sold publicly (Azure Payment HSM)
ACCOUNT = b"550000025321"
TPK, ZPK = b"U8463435FC4B4DAA0C49025272C29B12C", b"U1EF828AA8F6B80EB83E19FBC373F3A85"
# Format 01 under the TPK, 01 under the ZPK: what the published CA gives from it.
UNDER_TPK, UNDER_ZPK = b"6428EB94035AF53B", b"91DDDA0A7C12CFAA"
COMMANDS = {
    "CA": (
        b"CA" + TPK + ZPK + b"12" + UNDER_TPK + b"0101" + ACCOUNT,
        b"CB0004" + UNDER_ZPK + b"01",
    ),
    "CC": (
        b"CC" + ZPK + ZPK + b"12" + UNDER_ZPK + b"0101" + ACCOUNT,
        b"CD0004" + UNDER_ZPK + b"01",
    ),
}


def cases(*, seconds: float = 1.0) -> list[dict[str, Any]]:
    """Measure for about `seconds` a case.

    Rows of case, value (commands a second) and unit; for windows 1 and 64 the baseline is what we
    want of them, and that is promised.
    """
    found: dict[tuple[str, int], list[float]] = {}
    with running_hsm(core=min(os.sched_getaffinity(0))) as hsm, on_core(1):
        for _ in range(TURNS):
            for name in COMMANDS:
                for window in WINDOWS:
                    turn = per_second(hsm.port, name, window, seconds / TURNS)
                    found.setdefault((name, window), []).append(turn)
    return [
        table.row(
            f"HSM {name}, window {window}",
            statistics.median(turns),
            "commands/s",
            baseline=PER_SECOND_WANTED.get(window),
            at_least=1 if window in PER_SECOND_WANTED else None,
            payshield_ratio=round(statistics.median(turns) / PAYSHIELD_PER_SECOND, 1),
        )
        for (name, window), turns in found.items()
    ]


def per_second(port: int, name: str, window: int, seconds: float) -> float:
    """Send a window, wait for its answers, again, for so long; answers a second."""
    command, response = COMMANDS[name]
    headers = [b"%04d" % number for number in range(window)]
    sent = b"".join(framed(header, command) for header in headers)
    wanted = b"".join(framed(header, response) for header in headers)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        room = bytearray(len(wanted))
        _exchange(connection, sent, wanted, room)  # opens the keys
        count = 0
        began_at = time.perf_counter()
        while (elapsed := time.perf_counter() - began_at) < seconds or count == 0:
            _exchange(connection, sent, wanted, room)
            count += window
    return count / elapsed


def _exchange(connection: socket.socket, sent: bytes, wanted: bytes, room: bytearray) -> None:
    connection.sendall(sent)
    have, view = 0, memoryview(room)
    while have < len(wanted):
        count = connection.recv_into(view[have:])
        assert count, "the HSM hung up"
        have += count
    assert room == wanted, "another answer: something else was measured"


@contextmanager
def on_core(index: int) -> Iterator[None]:
    """Keep this process on one core, where there are so many."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[min(index, len(allowed) - 1)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def main() -> None:
    """Print the table."""
    print(table.heading() + "  of a payShield's largest licence")
    for row in cases():
        print(f"{table.line(row)}  {row['payshield_ratio']:,}x")


if __name__ == "__main__":
    main()
