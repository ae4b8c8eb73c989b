"""Recovery of a large shard: how long, how much memory; and what the slow lane's look-ups take.

    python -m benchmarks.bench_recovery [CARDS] [TAIL_ROWS]

Starts an embedded PostgreSQL and makes a real shard: 1,000,000 cards by events of 1,000 each,
loads, a snapshot, then a tail of 1,000,000 purchases answered through a lane. Recovery runs in a
process of its own, as after a crash, so that its memory can be told: resident bytes after less
before, with everything in it (accounts, cards, indexes, lots, exchanges). `seconds` has no
influence: the size is the promise.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import trio

from bashgah.postgres import Cluster
from benchmarks import table
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from switch.operations import Recalled
from switch.recall import recall
from switch.recovery import recover, replaying_core, write_snapshot
from switch.verify import verify_shard
from tests.support.journaled_shop import JournaledShop, cards_added, new_core

CARDS = 1_000_000
TAIL_ROWS = 1_000_000  # the configuration's default: the longest tail
CARDS_PER_EVENT = 1_000
ROWS_PER_BATCH = 500
PURCHASES_PER_CARD = 5
ROWS_PER_SECOND = 80_000
EXCHANGE_ENTRIES = 1_000_000  # the configuration's default
DETAIL_BYTES = 256 << 20
RECOVERY_SECONDS_MAX = 15.0  # promised
ACCOUNT_BYTES_MAX = 250  # promised
RECALLS = 20
PAGE_BYTES = resource.getpagesize()


def cases(
    *, seconds: float = 1.0, cards: int = CARDS, tail_rows: int = TAIL_ROWS
) -> list[dict[str, Any]]:
    """Measure one shard of that size; promises hold for the default size."""
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        with Database(cluster.dsn()) as database:
            return _cases(database, cluster.dsn(), cards, tail_rows)


def _cases(database: Database, dsn: str, cards: int, tail_rows: int) -> list[dict[str, Any]]:
    shop = make_shop(database, cards)
    used = Random(1).sample(range(cards), max(1, tail_rows // PURCHASES_PER_CARD))
    for card in used:
        shop.load(10_000_000, card=card)
        commit_when_full(shop)
    shop.commit()
    began_at = time.perf_counter()
    core_factory = partial(replaying_core, 0, EXCHANGE_ENTRIES)
    made = database.call_sync(write_snapshot, 0, core_factory)
    snapshot_seconds = time.perf_counter() - began_at
    assert made is not None
    for number in range(tail_rows):
        reply = shop.send(amount_minor=10_000 + number % 997, card=used[number % len(used)])
        assert reply.code == "00"
        if number % ROWS_PER_SECOND == 0:
            shop.now_us += 1_000_000  # a STAN that comes again is of another time
        commit_when_full(shop)
    shop.commit()
    found = _recover_in_a_process(dsn)
    assert found["rows"] == tail_rows
    assert found["chain"] == shop.core.chain.hex()
    size = f"{cards:,} cards, {tail_rows:,} rows"
    return [
        _row(f"recovery, {size}", found["seconds"], "s", RECOVERY_SECONDS_MAX, promised=True),
        _row("  CPU of the process that recovers", found["cpu_seconds"], "s"),
        _row("  its memory", found["account_bytes"], "B/account", ACCOUNT_BYTES_MAX, promised=True),
        _row("  its snapshot", round(made.body_bytes / 1e6, 1), "MB"),
        _row("  of that: the tail", round(found["rows"] / found["tail_seconds"]), "rows/s"),
        _row("first snapshot, from the first row", round(snapshot_seconds, 2), "s"),
        _row("verify, from the first row", _verify_seconds(database), "s"),
        _row("recall by sequence, p50", _recall_ms(shop, database, by_key=False), "ms"),
        _row("recall by terminal and STAN, p50", _recall_ms(shop, database, by_key=True), "ms"),
        _row(
            "  the same for 256 at once", _recall_ms(shop, database, by_key=True, at_once=256), "ms"
        ),
    ]


def make_shop(database: Database, cards: int) -> JournaledShop:
    """A shop with that many cards, all of it in the journal."""
    core = new_core(exchange_entries=EXCHANGE_ENTRIES, detail_bytes=DETAIL_BYTES)
    shop = JournaledShop(database, core).open(cards=min(cards, CARDS_PER_EVENT))
    for first in range(CARDS_PER_EVENT, cards, CARDS_PER_EVENT):
        shop.record(cards_added(core, first, min(CARDS_PER_EVENT, cards - first)))
        if first // CARDS_PER_EVENT % 10 == 0:
            shop.commit()
    shop.commit()
    return shop


def commit_when_full(shop: JournaledShop) -> None:
    """Write a batch whenever there are enough rows for one."""
    if shop.core.last_seq % ROWS_PER_BATCH == 0:
        shop.commit()


def _recover_in_a_process(dsn: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_recovery", "--recover", dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


async def _recover(dsn: str) -> None:
    """Recover and say how it went; the other process."""
    with Database(dsn) as database:
        tail_began_at: list[float] = []
        before_bytes = _resident_bytes()
        began_at, cpu_began_at = time.perf_counter(), time.process_time()
        found = await recover(
            database,
            0,
            partial(new_core, exchange_entries=EXCHANGE_ENTRIES, detail_bytes=DETAIL_BYTES),
            lambda last_seq, end_seq: tail_began_at.append(time.perf_counter()),
        )
        ended_at, cpu_ended_at = time.perf_counter(), time.process_time()
        accounts = found.core.account_count
        assert found.core.imbalances() == []
        print(
            json.dumps(
                {
                    "seconds": round(ended_at - began_at, 2),
                    "cpu_seconds": round(cpu_ended_at - cpu_began_at, 2),
                    "tail_seconds": ended_at - tail_began_at[0],
                    "rows": found.rows,
                    "chain": found.core.chain.hex(),
                    "account_bytes": round((_resident_bytes() - before_bytes) / accounts, 1),
                }
            )
        )


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def _verify_seconds(database: Database) -> float:
    began_at = time.perf_counter()
    report = database.call_sync(verify_shard, 0, lambda last_seq, end_seq: None)
    assert report.first_difference is None, report.first_difference
    return round(time.perf_counter() - began_at, 2)


def _recall_ms(shop: JournaledShop, database: Database, *, by_key: bool, at_once: int = 1) -> float:
    """The median time of a look-up from an empty memory, in the partition that is being written."""
    last_seq = shop.core.last_seq
    elapsed_ms = []
    for number in range(RECALLS):
        core = replaying_core(0, 1024)
        wanted: list[Recalled] = [
            ("key", 0, shop.last_stan - back) if by_key else ("seq", last_seq - back)
            for back in range(1 + number, 1 + number + at_once)
        ]
        began_at = time.perf_counter()
        trio.run(recall, database, core, 0, wanted)
        elapsed_ms.append((time.perf_counter() - began_at) * 1e3)
        assert core.exchange(last_seq - number - at_once) is not None
    return round(sorted(elapsed_ms)[RECALLS // 2], 2)


def _row(
    case: str, value: float, unit: str, bound: float | None = None, *, promised: bool = False
) -> dict[str, Any]:
    """A row; a bound is met from below."""
    ratio = None if bound is None else round(bound / value, 2)
    return {
        "case": case,
        "value": value,
        "unit": unit,
        "baseline": bound,
        "ratio": ratio,
        "at_least": 1.0 if promised else None,
        "met": ratio is None or ratio >= 1.0,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--recover"]:
        trio.run(_recover, sys.argv[2])
    else:
        print(table.heading())
        for row in cases(**dict(zip(("cards", "tail_rows"), map(int, sys.argv[1:]), strict=False))):
            print(table.line(row))
