"""The replay lab over a real journal: purchases a second and core, and what is in that figure.

    python -m benchmarks.bench_replay_lab [PURCHASES] [CARDS]

Starts an embedded PostgreSQL and makes a past of half a year: loyalty cards (levels, a cap, five
earning rules, points that end), 4 % refunds, a tenth paid with points. Then the draft that shifts
discounts and points (`tests.support.past_months.thrifty`) is replayed, as `bashgah programme
replay` does it, with one worker for each core.

`purchases/s a core` is over the processor time of the workers: receiving rows from PostgreSQL,
decoding them, carrying out what happened in one book, the draft's plan in the other, and all sums
by month, merchant and member. Not in it: PostgreSQL's own processes, which read and encode beside
it (their share shows in the wall time), the time before the window, and the report. `seconds` has
no influence: the size is the promise.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from bashgah.postgres import Cluster
from bashgah.replay_processes import Past, replay_past
from bashgah.replay_result import report_of
from benchmarks import table
from issuers.loyalty import loyalty
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from tests.support.journaled_shop import UTC_OFFSET_S
from tests.support.past_months import club_of, live_through, thrifty

PURCHASES = 500_000
CARDS = 50_000
DAYS = 180
PURCHASES_PER_CORE_SECOND = 200_000  # promised
LIVE = loyalty(1, 1, 1)


def cases(
    *, seconds: float = 1.0, purchases: int = PURCHASES, cards: int = CARDS
) -> list[dict[str, Any]]:
    """Measure a past of that size."""
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        began_at = time.perf_counter()
        with Database(cluster.dsn()) as database:
            shop = club_of(database, LIVE, cards=cards)
            live_through(shop, Random(11), days=DAYS, a_day=purchases // DAYS, cards=cards)
        made_seconds = time.perf_counter() - began_at
        last_day = (shop.now_us // 1_000_000 + UTC_OFFSET_S) // 86_400
        past = replay_past(
            cluster.dsn(),
            thrifty(LIVE),
            months=7,
            last_day=last_day,
            zone=ZoneInfo("Asia/Tehran"),
            workers=len(os.sched_getaffinity(0)),
            primary=True,
            on_progress=lambda doing, done, whole: None,
        )
    return _rows(past, made_seconds)


def _rows(past: Past, made_seconds: float) -> list[dict[str, Any]]:
    began_at = time.perf_counter()
    report = report_of(past, thrifty(LIVE))
    report_seconds = time.perf_counter() - began_at
    speed = report.speed
    wall_seconds = max(part.read_ms for part in past.parts) / 1_000
    size = f"{speed.purchases:,} purchases, {report.members:,} cards"
    return [
        _row(
            f"replay, {size}",
            speed.purchases_per_core_second,
            "purchases/s a core",
            PURCHASES_PER_CORE_SECOND,
        ),
        _row("  all workers and PostgreSQL", round(speed.purchases / wall_seconds), "purchases/s"),
        _row("  workers", speed.workers, "processes"),
        _row("  the report", round(report_seconds, 2), "s"),
        _row("  making the past", round(made_seconds, 1), "s"),
    ]


def _row(case: str, value: float, unit: str, bound: float | None = None) -> dict[str, Any]:
    """A row; a bound is met from above."""
    ratio = None if bound is None else round(value / bound, 2)
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
    sizes = dict(zip(("purchases", "cards"), map(int, sys.argv[1:]), strict=False))
    print(table.heading())
    for row in cases(**sizes):
        print(table.line(row))
