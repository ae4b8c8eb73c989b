"""Ways of writing one batch to the journal, and the rates of reading and of snapshots, in one run.

    python -m benchmarks.bench_journal [DSN]

Without a DSN it starts an embedded PostgreSQL of its own: fsync on, no replica. Rows are purchases
with six moves and a 110-byte reply, about 930 bytes each in COPY format. COPY streams are encoded
beforehand, as the compiled core hands them over: what is measured is the statement, its crossing
from Trio and PostgreSQL. Ways:

- `writer`: what the switch uses. `Writer.append` from Trio, one COPY on a thread with uvloop.
- `plain asyncio`: the same, the thread runs Python's own loop.
- `no crossing`: the same COPY awaited on the database's thread itself: what crossing costs.
- `one statement`: head row and rows in one statement (UPDATE … RETURNING, INSERT … unnest), on the
  database's thread. The rows are an array of the journal's row type, which asyncpg encodes: there
  is no way past its encoder, so its time is included.
- `head row and COPY`: a transaction around an UPDATE and the COPY: four round trips, on the
  database's thread.
- `with readers' indexes`: `no crossing`, while the partition has the indexes that a complete one
  gets (largest batch only).

Then what a row costs the server, as CPU time of its process (user and system, from the scheduler's
account, so other load on the machine disturbs it less than it disturbs a clock): by the number of
rows in a batch, through the journal instead of straight into the partition, and for the indexes and
statistics of a complete partition. Ways take turns, batch by batch, in one run.

trio-asyncio is not a dependency and not measured here.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
import uvloop

from bashgah.postgres import Cluster
from switch.ledger import partitions, tenures
from switch.ledger.database import Database
from switch.ledger.journal import COLUMNS, GENESIS_CHAIN, Batch, Durable
from switch.ledger.migrate import migrate
from switch.ledger.reader import read_rows
from switch.ledger.session import Session
from switch.ledger.snapshots import load_snapshot, store_snapshot
from switch.ledger.writer import Writer
from tests.ledger import rows_model
from tests.ledger.journal_rows import batch_of

BATCH_ROWS = (1, 10, 50, 100, 500)
CPU_BATCH_ROWS = (100, 1000, 4000)
SCHEDULER_ACCOUNT = "/proc/{}/schedstat"  # of Linux: nanoseconds on a CPU come first
SHARD = 0
EPOCH = 1
ROWS_PER_SECOND_READ = 300_000  # wanted
SNAPSHOT_BYTES_PER_SECOND = 100_000_000  # wanted: 300 MB within 3 s

ONE_STATEMENT = """
WITH own AS (UPDATE shard_heads SET epoch = epoch WHERE shard = $1 AND epoch = $2 RETURNING shard)
INSERT INTO journal SELECT rows.* FROM own, unnest($3::journal[]) AS rows
"""

# Writes one batch on the database's thread, in the form that suits it.
Way = Callable[[Session, Any], Awaitable[object]]


def cases(
    *, seconds: float = 1.0, batch_rows: tuple[int, ...] = BATCH_ROWS, dsn: str | None = None
) -> list[dict[str, Any]]:
    """Measure for about `seconds` a case.

    Rows of case, value, unit, baseline (the writer's value at the same batch size, or the wanted
    rate), ratio, at_least, met, and p50_ms where a case has one.
    """
    if dsn is not None:
        return _cases(dsn, seconds, batch_rows)
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        return _cases(cluster.dsn(), seconds, batch_rows)


def _cases(dsn: str, seconds: float, batch_rows: tuple[int, ...]) -> list[dict[str, Any]]:
    found = []
    for row_count in batch_rows:
        batches = _batches(row_count, seconds)
        baseline_ms = _through_writer(dsn, batches, uvloop.new_event_loop)
        found.append(_write_row("writer", row_count, baseline_ms, baseline_ms))
        others = {
            "plain asyncio": _through_writer(dsn, batches, asyncio.new_event_loop),
            "no crossing": _on_thread(dsn, batches, _copy),
            "one statement": _on_thread(dsn, batches, _one_statement),
            "head row and COPY": _on_thread(dsn, batches, _head_row_and_copy),
        }
        found += [
            _write_row(name, row_count, p50_ms, baseline_ms) for name, p50_ms in others.items()
        ]
    indexed_ms = _on_thread(dsn, batches, _copy, indexed=True)
    found.append(_write_row("with readers' indexes", row_count, indexed_ms, baseline_ms))
    found += _server_cpu(dsn, seconds)
    found.append(_reading(dsn, seconds))
    found += _snapshots(dsn, seconds)
    return found


def _batches(row_count: int, seconds: float) -> list[Batch]:
    batch_count = max(5, round(400 * seconds / (1 + row_count / 12)))
    batches: list[Batch] = []
    for number in range(batch_count):
        chain = batches[-1].last_chain if batches else GENESIS_CHAIN
        batches.append(batch_of(1 + number * row_count, row_count, previous_chain=chain))
    return batches


def _write_row(way: str, row_count: int, p50_ms: float, baseline_ms: float) -> dict[str, Any]:
    return {
        "case": f"{row_count:3} rows a batch, {way}",
        "value": round(row_count / p50_ms * 1e3),
        "unit": "rows/s",
        "baseline": round(row_count / baseline_ms * 1e3),
        "ratio": round(baseline_ms / p50_ms, 2),
        "at_least": None,
        "met": True,
        "p50_ms": round(p50_ms, 3),
    }


def _through_writer(
    dsn: str, batches: list[Batch], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> float:
    """The median milliseconds of `Writer.append` from Trio."""

    async def run() -> float:
        with Database(dsn, loop_factory=loop_factory) as database:
            await database.call(_empty, batches)
            writer = Writer(database, shard=SHARD, owner="bench")
            await writer.take_over()
            elapsed_ns = []
            for batch in batches:
                began_ns = time.perf_counter_ns()
                outcome = await writer.append(batch)
                elapsed_ns.append(time.perf_counter_ns() - began_ns)
                assert isinstance(outcome, Durable)
            return statistics.median(elapsed_ns) / 1e6

    return trio.run(run)


def _on_thread(dsn: str, batches: list[Batch], way: Way, *, indexed: bool = False) -> float:
    """The median milliseconds of a way that runs on the database's thread."""

    async def run(session: Session) -> float:
        await _empty(session, batches)
        await tenures.identify(session)
        await session.fetch("UPDATE shard_heads SET epoch = $1 WHERE shard = $2", EPOCH, SHARD)
        if indexed:
            await partitions.index_complete(session, SHARD, partitions.ROWS_PER_PARTITION)
        prepared = [_as_tuples(batch) if way is _one_statement else batch for batch in batches]
        elapsed_ns = []
        for batch in prepared:
            began_ns = time.perf_counter_ns()
            await way(session, batch)
            elapsed_ns.append(time.perf_counter_ns() - began_ns)
        for suffix, _, _ in partitions.CLOSED_INDEXES:
            await session.execute(f"DROP INDEX IF EXISTS journal_s000_p000000_{suffix}")
        rows = await session.fetch("SELECT count(*) FROM journal")
        assert rows[0][0] == batches[-1].last_seq, "not every row was written"
        return statistics.median(elapsed_ns) / 1e6

    with Database(dsn) as database:
        return database.call_sync(run)


async def _empty(session: Session, batches: list[Batch]) -> None:
    await partitions.cover(session, SHARD, 1, batches[-1].last_seq)
    await session.execute("TRUNCATE journal")
    await session.execute(f"INSERT INTO shard_heads VALUES ({SHARD}, 0, '') ON CONFLICT DO NOTHING")


async def _copy(session: Session, batch: Batch) -> None:
    with session.unambiguous():
        await session.copy_rows("journal", batch.copy_body)


async def _head_row_and_copy(session: Session, batch: Batch) -> None:
    async with session.transaction():
        await session.fetch(tenures.CONFIRM, SHARD, EPOCH)
        await session.copy_rows("journal", batch.copy_body)


async def _one_statement(session: Session, rows: object) -> None:
    await session.fetch(ONE_STATEMENT, SHARD, EPOCH, rows)


def _as_tuples(batch: Batch) -> list[tuple[rows_model.Value, ...]]:
    rows = rows_model.decode_rows(bytes(batch.copy_body))
    # The composite has the table's order: what a later migration added stands at its end.
    later = rows_model.LATER_COLUMNS
    order = [column for column in COLUMNS if column not in later] + list(later)
    return [tuple(row[column] for column in order) for row in rows]


def _server_cpu(dsn: str, seconds: float) -> list[dict[str, Any]]:
    """Nanoseconds of the server's process a row; nothing where that process is not to be seen."""
    partition = partitions.partition_name(SHARD, 0)
    ways = [(partition, row_count) for row_count in CPU_BATCH_ROWS] + [("journal", 1000)]
    rows_a_round = sum(row_count for _, row_count in ways)
    round_count = max(2, round(6 * seconds))

    async def run(session: Session) -> list[tuple[str, float]]:
        local = await session.fetch("SELECT inet_server_addr() IS NULL AS local")
        if not local[0]["local"]:
            return []
        account = SCHEDULER_ACCOUNT.format((await tenures.identify(session)).pid)
        await _empty(session, [batch_of(round_count * rows_a_round, 1)])
        spent_ns: list[list[float]] = [[] for _ in ways]
        next_seq = 1
        for _ in range(round_count):
            for way_ns, (table, row_count) in zip(spent_ns, ways, strict=True):
                body = batch_of(next_seq, row_count).copy_body
                next_seq += row_count
                began_ns = _cpu_ns(account)
                await session.copy_rows(table, body)
                way_ns.append((_cpu_ns(account) - began_ns) / row_count)
        began_ns = _cpu_ns(account)
        await partitions.index_complete(session, SHARD, partitions.ROWS_PER_PARTITION)
        indexes_ns = (_cpu_ns(account) - began_ns) / next_seq
        await session.execute(f"DROP TABLE {partition}")
        names = [
            f"CPU a row, {rows} a batch, into the {'partition' if table == partition else table}"
            for table, rows in ways
        ]
        return [
            *zip(names, (statistics.median(way_ns) for way_ns in spent_ns), strict=True),
            ("CPU a row, indexes of a complete partition", indexes_ns),
        ]

    with Database(dsn) as database:
        measured = database.call_sync(run)
    return [_rate_row(name, value_ns, "ns", None) for name, value_ns in measured]


def _cpu_ns(account: str) -> int:
    """CPU time of a process that waits for us: it is not at work, so its account is complete."""
    return int(Path(account).read_text().split()[0])


def _reading(dsn: str, seconds: float) -> dict[str, Any]:
    """Rows a second of `read_rows`, best of three."""
    row_count = max(1000, round(50_000 * seconds))

    async def fill(session: Session) -> None:
        batch = batch_of(1, 1000)
        await _empty(session, [batch])
        for first_seq in range(1, row_count, 1000):
            await session.copy_rows("journal", batch_of(first_seq, 1000).copy_body)

    with Database(dsn) as database:
        database.call_sync(fill)
        best_seconds = float("inf")
        for _ in range(3):
            pieces: list[bytes] = []
            began_at = time.perf_counter()
            database.call_sync(read_rows, SHARD, 0, pieces.append)
            best_seconds = min(best_seconds, time.perf_counter() - began_at)
        assert sum(map(len, pieces)) > 900 * row_count, "not every row was read"
    return _rate_row("read_rows", row_count / best_seconds, "rows/s", ROWS_PER_SECOND_READ)


def _snapshots(dsn: str, seconds: float) -> list[dict[str, Any]]:
    body_bytes = round(300_000_000 * min(seconds, 1.0))
    block = bytes(range(256)) * 4096
    rows = [("book", block)] * (body_bytes // len(block))
    with Database(dsn) as database:
        began_at = time.perf_counter()
        stored = database.call_sync(store_snapshot, SHARD, 1, bytes(32), "bench", rows)
        stored_at = time.perf_counter()
        loaded = database.call_sync(load_snapshot, SHARD, "bench", lambda part, piece: None)
        loaded_at = time.perf_counter()
        assert loaded == stored

        async def clear(session: Session) -> None:
            await session.execute("TRUNCATE snapshots, snapshot_chunks, journal")

        database.call_sync(clear)
    size = f"of {stored.body_bytes // 1_000_000} MB"
    store_rate = stored.body_bytes / (stored_at - began_at)
    load_rate = stored.body_bytes / (loaded_at - stored_at)
    return [
        _rate_row(f"store_snapshot {size}", store_rate, "bytes/s", None),
        _rate_row(f"load_snapshot {size}", load_rate, "bytes/s", SNAPSHOT_BYTES_PER_SECOND),
    ]


def _rate_row(case: str, value: float, unit: str, wanted: int | None) -> dict[str, Any]:
    ratio = None if wanted is None else round(value / wanted, 2)
    return {
        "case": case,
        "value": round(value),
        "unit": unit,
        "baseline": wanted,
        "ratio": ratio,
        "at_least": None if wanted is None else 1,
        "met": ratio is None or ratio >= 1,
    }


def main() -> None:
    """Print the table."""
    print(f"{'case':40} {'value':>12} {'unit':8} {'p50 ms':>8} {'ratio':>6}")
    for row in cases(dsn=sys.argv[1] if len(sys.argv) > 1 else None):
        p50 = f"{row['p50_ms']:8.3f}" if "p50_ms" in row else " " * 8
        ratio = "" if row["ratio"] is None else f"{row['ratio']:6.2f}"
        verdict = "" if row["at_least"] is None else "met" if row["met"] else "NOT MET"
        print(f"{row['case']:40} {row['value']:12,} {row['unit']:8} {p50} {ratio}  {verdict}")


if __name__ == "__main__":
    main()
