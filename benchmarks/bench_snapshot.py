"""What a snapshot takes from a switch that serves: the pause, the processor, the bytes.

    python -m benchmarks.bench_snapshot [CARDS…]

Makes a shard in memory (1,000, 100,000 and 1,000,000 cards, a full quarter of remembered
exchanges), and has real snapshots of it made into an embedded PostgreSQL. CPU is user and system
time of this process, the forks and PostgreSQL, by /proc, and on top what the kernel takes for
copying every page of this process once: more than a load can cause while a fork lives. `seconds`
has no influence: the sizes are the promise.
"""

import mmap
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import trio
from prometheus_client import CollectorRegistry

from bashgah.postgres import Cluster
from benchmarks import table
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from switch.snapshots import SnapshotMetrics, Snapshots
from tests.support.journaled_shop import JournaledShop, cards_added, new_core

CARDS = (1_000, 100_000, 1_000_000)
EXCHANGES = 250_000  # all that a snapshot remembers, with the configuration's default
EXCHANGE_ENTRIES = 1_000_000
DETAIL_BYTES = 256 << 20
CARDS_PER_EVENT = 1_000
SNAPSHOTS = 3
PAUSE_MS_MAX = 30.0  # promised
SHARE_PERCENT_MAX = 5.0  # promised, of two cores
ROWS_PER_SECOND = 80_000
ROWS_PER_SNAPSHOT = 1_000_000  # the configuration's default
CORES = 2
COPIED_BYTES = 64 << 20
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = resource.getpagesize()


def cases(*, seconds: float = 1.0, cards: tuple[int, ...] = CARDS) -> list[dict[str, Any]]:
    """Measure shards of these sizes."""
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        copy_us = _page_copy_us()
        rows = [_row("copying a page that a fork shares", round(copy_us, 2), "us")]
        for count in cards:
            rows += _cases(cluster, count, copy_us)
        return rows


def _cases(cluster: Cluster, cards: int, copy_us: float) -> list[dict[str, Any]]:
    shop = make_shop(cards)
    registry = CollectorRegistry()
    pauses_ms, cpu_seconds = [], []
    with Database(cluster.dsn()) as database:
        snapshots = Snapshots(
            core=shop.core,
            directory=shop.directory,
            database=database,
            shard=0,
            every_entries=1,
            snapshot_seq=0,
            durable_seq=lambda: shop.core.last_seq,
            metrics=SnapshotMetrics(registry),
        )
        for _ in range(SNAPSHOTS):
            shop.send(amount_minor=10_000)
            shop.commit()
            before = _cpu_seconds(cluster.primary.pid)
            trio.run(snapshots.make)
            cpu_seconds.append(_cpu_seconds(cluster.primary.pid) - before)
            pauses_ms.append(_value(registry, "pause_seconds") * 1e3)
        cluster.psql("TRUNCATE snapshots, snapshot_chunks", database="bashgah")
    resident_bytes = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    cpu = sorted(cpu_seconds)[SNAPSHOTS // 2]
    copies = resident_bytes / PAGE_BYTES * copy_us / 1e6
    share = 100 * (cpu + copies) / (CORES * ROWS_PER_SNAPSHOT / ROWS_PER_SECOND)
    size = f"{cards:,} cards"
    pause_ms = round(sorted(pauses_ms)[SNAPSHOTS // 2], 1)
    return [
        _row(f"pause, {size}, {resident_bytes / 1e6:.0f} MB", pause_ms, "ms", PAUSE_MS_MAX),
        _row("  stored", round(_value(registry, "bytes") / 1e6, 1), "MB"),
        _row("  until it is stored", round(_value(registry, "seconds"), 2), "s"),
        _row("  CPU: fork, packing, storing", round(cpu, 2), "s"),
        _row("  CPU: page copies, at most", round(copies, 2), "s"),
        _row(f"  of {CORES} cores at {ROWS_PER_SECOND:,} rows/s", round(share, 1), "%",
             SHARE_PERCENT_MAX),
    ]  # fmt: skip


def make_shop(cards: int) -> JournaledShop:
    """A shop with that many cards, of which those of the exchanges have money and points."""
    core = new_core(exchange_entries=EXCHANGE_ENTRIES, detail_bytes=DETAIL_BYTES)
    shop = JournaledShop(None, core).open(cards=min(cards, CARDS_PER_EVENT))
    for first in range(CARDS_PER_EVENT, cards, CARDS_PER_EVENT):
        shop.record(cards_added(core, first, min(CARDS_PER_EVENT, cards - first)))
        shop.commit()
    for number in range(EXCHANGES // 2):
        card = number * 7919 % cards
        shop.load(10_000_000, card=card)
        shop.send(amount_minor=10_000 + number % 997, card=card)
        if number % 1_000 == 0:
            shop.commit()
    return shop


def _page_copy_us() -> float:
    """What a write to a page takes that a child of this process still shares."""
    memory = mmap.mmap(-1, COPIED_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, COPIED_BYTES, PAGE_BYTES):
        memory[at] = 1
    began_at = time.perf_counter()
    for at in range(0, COPIED_BYTES, PAGE_BYTES):
        memory[at] = 2
    loop_seconds = time.perf_counter() - began_at
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent has written everything
        os._exit(0)
    began_at = time.process_time()
    for at in range(0, COPIED_BYTES, PAGE_BYTES):
        memory[at] = 3
    copy_seconds = time.process_time() - began_at - loop_seconds
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)
    return copy_seconds * 1e6 / (COPIED_BYTES // PAGE_BYTES)


def _cpu_seconds(postmaster: int) -> float:
    """User and system time of this process, its forks that ended, and PostgreSQL so far."""
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has ended
        if int(stat.parent.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return sum(one.ru_utime + one.ru_stime for one in ours) + ticks / TICKS_PER_SECOND


def _value(registry: CollectorRegistry, name: str) -> float:
    value = registry.get_sample_value(f"bashgah_snapshot_{name}")
    assert value is not None
    return value


def _row(case: str, value: float, unit: str, bound: float | None = None) -> dict[str, Any]:
    """A row; a bound is promised and met from below."""
    ratio = None if bound is None else round(bound / max(value, 0.01), 2)
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "baseline": bound,
        "ratio": ratio,
        "at_least": None if bound is None else 1.0,
        "met": ratio is None or ratio >= 1.0,
    }


if __name__ == "__main__":
    print(table.heading())
    wanted = tuple(map(int, sys.argv[1:])) or CARDS
    for row in cases(cards=wanted):
        print(table.line(row))
