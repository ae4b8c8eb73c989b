"""A bench as a process of its own, for tests that attack it or measure it from outside.

    python -m tests.gate.serve '{"connections_max": 100}'

Takes `serving`'s arguments as JSON (`tls`: three files by listener), says its ports as one line of
JSON, serves until its input ends, then says what it counted: the gate's statistics, the largest
resident memory, log lines.
"""

import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import trio

from switch._tls import Tls
from tests.support.gate_bench import Bench, serving

LOG_SECONDS = 0.05


async def _keep_counts(bench: Bench, counts: Counter[str]) -> None:
    """Count the log's lines, as they come: what is kept would count as memory."""
    while True:
        await trio.sleep(LOG_SECONDS)
        count_lines(bench, counts)


def count_lines(bench: Bench, counts: Counter[str]) -> None:
    """Count exchange lines, and lines of closed connections by why."""
    for line in bench.gate.take_log().splitlines():
        row = msgspec.json.decode(line)
        counts["exchange" if row["event"] == "exchange" else str(row["why"])] += 1


async def serve(arguments: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts: Counter[str] = Counter()
    tls = {name: Tls(*files) for name, files in arguments.pop("tls", {}).items()}
    async with serving(tls=tls, **arguments) as bench, trio.open_nursery() as nursery:
        nursery.start_soon(_keep_counts, bench, counts)
        await bench.load()
        say({"ports": bench.ports, "now_s": bench.shop.now_s})
        async for _ in trio.lowlevel.FdStream(0):
            pass
        nursery.cancel_scope.cancel()
        count_lines(bench, counts)
        say(
            {
                "statistics": bench.gate.statistics(),
                "resident_kib_max": resident_kib_max(),
                "lines": dict(counts),
                "imbalances": bench.shop.core.imbalances(),
                "rows": bench.journal.row_count,
            }
        )


def resident_kib_max() -> int:
    """Give the most memory that this program has had; `ru_maxrss` begins with its parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0])


def say(what: object) -> None:
    """Write one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    trio.run(serve, msgspec.json.decode(sys.argv[1]) if len(sys.argv) > 1 else {})
