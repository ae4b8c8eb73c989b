"""`make soak`: minutes at 70 % of the limit, to see whether the switch's memory stays flat.

    python -m benchmarks.promises.soak [--minutes 20] [--limit PER_SECOND]

Owns the long run, its result (build/soak.json, which docs/performance.md quotes), its report
(build/soak.html), and that the disk holds it: at full rate a row of the journal goes to disk every
few microseconds, so partitions that neither the switch nor its snapshots need any more are dropped
while it runs, as whoever archives them would. Must not know how memory is judged.
"""

import argparse
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from bashgah.postgres import Cluster, LaunchError
from benchmarks import table
from benchmarks.promises import memory
from benchmarks.promises.setting import setting
from benchmarks.promises.sizes import FULL, Sizes
from benchmarks.promises.throughput import Say, find_limit, links_of
from loadtest.report.page import render
from loadtest.result import write_result
from loadtest.watch import Watch
from switch.ledger.partitions import partition_name, partition_number

BUILD = Path(__file__).parents[2] / "build"
MINUTES = 20.0
SHARD = 0
TRIM_SECONDS = 15.0
KEPT_PARTITIONS = 2  # before the one with the last snapshot

SNAPSHOT_SEQ = "SELECT coalesce(max(seq), 0) FROM snapshots WHERE shard = 0"
PARTITIONS = """
SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
 WHERE inhparent = 'journal'::REGCLASS ORDER BY relname
"""


class Trimmer:
    """Drops partitions that nobody needs any more, while the block lasts."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self._cluster = cluster
        self._database = database
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_trimming, name="trimmer", daemon=True)
        self.dropped = 0

    def __enter__(self) -> "Trimmer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def trim(self) -> None:
        """Drop what ends before the last snapshot, but the last few. Raises `LaunchError`."""
        number = partition_number(int(self._psql(SNAPSHOT_SEQ))) - KEPT_PARTITIONS
        first_kept = partition_name(SHARD, max(0, number))
        for name in self._psql(PARTITIONS).split():
            if name < first_kept:
                # The switch's COPY waits behind whoever waits for the journal: not for long.
                self._psql(f"SET lock_timeout = '1s'; DROP TABLE {name}")
                self.dropped += 1

    def _keep_trimming(self) -> None:
        while not self._ended.wait(TRIM_SECONDS):
            try:
                self.trim()
            except LaunchError:
                continue  # a lock that was not to be had: the next time

    def _psql(self, sql: str) -> str:
        return self._cluster.psql(sql, database=self._database)


def run(
    sizes: Sizes, seconds: float, limit_per_second: float | None, build: Path, say: Say
) -> table.Row:
    """Soak; write JSON and report; the row."""
    with memory.small_stand(sizes, say) as stand:
        cluster = stand.site.cluster
        assert cluster is not None, "a stand embeds its database"
        limit = limit_per_second or find_limit(stand, sizes)
        say(f"limit {limit:,.0f}/s")
        watch = Watch(
            {"switch": stand.switch_pid, "PostgreSQL": stand.postmaster_pid},
            [stand.site.metrics_url],
        )
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with Trimmer(cluster, "bashgah") as trimmer:
            found = memory.measure(
                stand,
                links_of(sizes),
                memory.shape_at(sizes, limit),
                warmup_seconds=sizes.memory_warmup_seconds,
                seconds=seconds,
                other=watch,
            )
        say(f"{trimmer.dropped} partitions were dropped on the way")
    row = memory.row_of(
        found,
        f"memory: slope over {seconds / 60:g} minutes at 70 % of the limit",
        memory.SOAK_BYTES_MAX,
        command=f"make soak MINUTES={seconds / 60:g}",
        at=at,
        setting=setting(),
        samples_mib=_thinned(found.samples),
    )
    table.write(build / "soak.json", [row])
    write_result(build / "soak-result.json", found.result)
    (build / "soak.html").write_text(render(found.result), "utf-8")
    return row


def _thinned(samples: tuple[memory.Sample, ...]) -> list[tuple[float, float]]:
    """Give about a hundred of them: seconds and mebibytes."""
    step = max(1, len(samples) // 100)
    return [(sample.at_s, round(sample.resident_bytes / 2**20, 2)) for sample in samples[::step]]


def _say(line: str) -> None:
    print(f"  … {line}", file=sys.stderr, flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.promises.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--limit", type=float, help="what the links hold; measured if not given")
    arguments = parser.parse_args()
    row = run(FULL, arguments.minutes * 60, arguments.limit, BUILD, _say)
    print(table.heading())
    print(table.line(row))
    print(row["beside"])
    print(f"written to {BUILD}/soak.json and soak.html")
    sys.exit(0 if row["met"] else 1)


if __name__ == "__main__":
    main()
