"""Clock work: cards a second, in memory and with every row durable, and what a turn takes.

    python -m benchmarks.bench_clock [CARDS]

A programme whose organisation opens a lot on each card, and takes it back when the month has ended:
every card is touched and every card moves, the most that clock work can be. Then credit of which
each card has a part that is overdue: it is charged on one day and again on the next. In memory: the
slices with their rows and chains. Durable: the pace of `switch.housekeeping` against an embedded
PostgreSQL, each batch committed before more than a few rows wait.
"""

import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bashgah.postgres import Cluster
from benchmarks import table
from issuers.bon import bon
from issuers.credit import credit
from switch._core import Core
from switch.clock_work import ClockWork
from switch.directory import Directory
from switch.events import CardsAdded, Event, OrganisationAdded, ProgrammeLive
from switch.instalments import Terms
from switch.ledger.database import Database
from switch.ledger.migrate import migrate
from switch.limits import CLOCK_ROWS_MAX
from switch.rules import Credit, InstalmentPlan
from tests.support.journaled_shop import JournaledShop, cards_added, new_core

CARDS = 500_000
LATE_CARDS = 100_000  # at most: each of them buys something first
CARDS_PER_EVENT = 10_000
CARDS_PER_SECOND_MIN = 100_000  # promised
DAY_S = 86_400
MONTH_S = 40 * DAY_S
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
    month = (("opening a month", 0), ("endings, next opening", MONTH_S))
    rows += _durable(make_shop, cards, month)
    late = (("charging what is late", DAY_S), ("charging it the next day", DAY_S))
    return rows + _durable(make_late_shop, min(cards, LATE_CARDS), late)


def _durable(
    make: Callable[[Database, int], JournaledShop], cards: int, runs: Sequence[tuple[str, int]]
) -> list[table.Row]:
    """Measure what is due at each time, with a database of its own."""
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="bashgah-bench-") as directory,
        Cluster(Path(directory) / "postgres") as cluster,
    ):
        migrate(cluster.dsn())
        with Database(cluster.dsn()) as database:
            shop = make(database, cards)
            for name, later_s in runs:
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


def make_late_shop(database: Database, cards: int) -> JournaledShop:
    """Give a shop whose cards each owe a part that has been due for some days."""
    core = new_core(exchange_entries=1 << 18, detail_bytes=1 << 26)
    shop = JournaledShop(database, core).open(cards=1)
    terms = Terms(count=1, late_rate_bps=1_800, late_cap_bps=1_000)
    plans = (InstalmentPlan(name="next-month", terms=terms),)
    programme = msgspec.structs.replace(
        credit(8, 1, 1), credit=Credit(limit_minor=1_000_000_000, plans=plans)
    )
    shop.record(ProgrammeLive(definition=programme))
    for first in range(1, cards + 1, CARDS_PER_EVENT):
        count = min(CARDS_PER_EVENT, cards + 1 - first)
        shop.record(cards_added(core, first, count, programme=8))
    for card in range(1, cards + 1):
        shop.answer(shop.request(card=card, amount_minor=10_000_000))
        if card % CARDS_PER_EVENT == 0:
            shop.now_us += 1_000_000
            shop.commit()
    shop.commit()
    shop.now_us += MONTH_S * 1_000_000
    return shop


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
