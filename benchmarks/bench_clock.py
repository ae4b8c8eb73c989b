"""Clock work: cards a second, in memory and with every row durable, and what a turn takes.

    python -m benchmarks.bench_clock [CARDS]

A programme whose organisation opens a lot on each card, and takes it back when the month has ended:
every card is touched and every card moves, the most that clock work can be. In memory: the slices
with their rows and chains. Durable: the pace of `switch.housekeeping` against an embedded
PostgreSQL, each batch committed before more than a few rows wait.
"""

import struct
import sys
import tempfile
import time
from pathlib import Path

from bashgah.postgres import Cluster
from benchmarks import table
from issuers.bon import bon
from switch._core import Core
from switch.clock_work import ClockWork
from switch.directory import Directory
from switch.events import CardsAdded, Event, OrganisationAdded, ProgrammeLive
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from switch.limits import CLOCK_ROWS_MAX
from tests.support.journaled_shop import JournaledShop, new_core

CARDS = 500_000
CARDS_PER_EVENT = 10_000
CARDS_PER_SECOND_MIN = 100_000  # promised
MONTH_S = 40 * 86_400
OFFSET_S = 12_600


def cases(*, seconds: float = 1.0, cards: int = CARDS) -> list[table.Row]:
    """Measure so many cards; `seconds` has no influence."""
    rows = []
    shop = make_shop(None, cards)
    for name, later_s in (("opening a month", 0), ("endings and the next opening", MONTH_S)):
        shop.now_us += later_s * 1_000_000
        longest_us, elapsed_s = _run(shop, CLOCK_ROWS_MAX)
        rows.append(table.row(f"{name}, in memory", cards / elapsed_s, "cards/s"))
        rows.append(table.row("  longest slice", longest_us, "us"))
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        with Database(cluster.dsn()) as database:
            shop = make_shop(database, cards)
            for name, later_s in (("opening a month", 0), ("endings, next opening", MONTH_S)):
                shop.now_us += later_s * 1_000_000
                _, elapsed_s = _run(shop, CLOCK_ROWS_MAX)
                rows.append(
                    table.row(
                        f"{name}, durable",
                        cards / elapsed_s,
                        "cards/s",
                        baseline=CARDS_PER_SECOND_MIN,
                        at_least=1,
                    )
                )
    return rows


def make_shop(database: Database | None, cards: int) -> JournaledShop:
    """Give a shop with an organisation and so many bon cards."""
    shop = JournaledShop(database, new_core()).open()
    for event in _events(cards):
        shop.record(event)
    shop.commit()
    return shop


def _events(cards: int) -> list[Event]:
    events: list[Event] = [
        OrganisationAdded(organisation=7, club=1, name="Org", name_fa="سازمان"),
        ProgrammeLive(definition=bon(7, 1, 1, organisation=7, monthly_minor=1_000_000)),
    ]
    for first in range(0, cards, CARDS_PER_EVENT):
        count = min(CARDS_PER_EVENT, cards - first)
        numbers = range(first, first + count)
        events.append(
            CardsAdded(
                programme=7,
                tokens=b"".join(struct.pack("<QQ", number, 0xB0) for number in numbers),
                expiries=struct.pack("<H", 3012) * count,
                first6=struct.pack("<I", 936_400) * count,
                last4=struct.pack("<H", 1) * count,
            )
        )
    return events


def _run(shop: JournaledShop, rows_max: int) -> tuple[float, float]:
    """Do what is due; gives the longest slice in µs, and how long it took."""
    work = _work(shop.core, shop.directory)
    began_at = time.perf_counter()
    longest_s = 0.0
    waiting = 0
    while True:
        slice_at = time.perf_counter()
        done = work.step(now_us=shop.now_us, utc_offset_s=OFFSET_S)
        longest_s = max(longest_s, time.perf_counter() - slice_at)
        if done is None:
            break
        waiting += done[1] != 0
        if waiting == rows_max:
            shop.commit()
            waiting = 0
    shop.commit()
    elapsed_s = time.perf_counter() - began_at
    return longest_s * 1e6, elapsed_s


def _work(core: Core, directory: Directory) -> ClockWork:
    return ClockWork(core, directory)


def main() -> None:
    """Print the table."""
    for row in cases(cards=int(sys.argv[1]) if len(sys.argv) > 1 else CARDS):
        print(f"{row['case']:44} {row['value']:12,} {row['unit']}")


if __name__ == "__main__":
    main()
