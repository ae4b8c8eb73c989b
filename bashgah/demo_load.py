"""The demo's load: simulated terminals on the demo club, and the verdict on what they were told.

Owns the population, mix and pace of the demo and the one line of JSON that it ends with. Must not
know how the switch and its database were started.
"""

import json
from collections.abc import Callable

import msgspec
import trio
from rich.console import Console

from bashgah import live_view
from bashgah.demo_products import PRODUCTS
from bashgah.demo_tills import ProductTills
from loadtest.dialect import dialect_of
from loadtest.journal_check import (
    JournalVerdict,
    approvals_by_programme,
    check_journal,
    read_heads,
)
from loadtest.mix import SHOP_DAY, Mix
from loadtest.oracle import Counts
from loadtest.pace import Pace
from loadtest.population import Population
from loadtest.terminals import Load, Terminals


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The demo's last line, in this order.

    `cross_talk` counts every reply that was not the one right reply to its request; `unanswered`
    every request or repeat whose own reply never came, even if it was reversed afterwards.
    """

    approved: int
    declined: int
    reversed: int
    per_second: float
    p50_ms: float
    p99_ms: float
    unanswered: int
    cross_talk: int
    acknowledged_but_missing: int
    books_balance: bool
    products: dict[str, int]  # approvals of each of the club's other products

    @property
    def good(self) -> bool:
        """Whether nothing was lost, mixed up or miscounted."""
        wrong = self.unanswered + self.cross_talk + self.acknowledged_but_missing
        return wrong == 0 and self.books_balance and all(self.products.values())

    def line(self) -> str:
        """Give it as JSON in one line."""
        return json.dumps(msgspec.structs.asdict(self))


class DemoLoad:
    """One run of the terminals against a switch that is ready. `began` is set when the load is."""

    def __init__(
        self,
        *,
        population: Population,
        pace: Pace,
        connections: int,
        seed: int,
        address: tuple[str, int],
        metrics_urls: tuple[str, ...],
        dsn: str,
        tills: ProductTills,
        say: Callable[[str], None],
        mix: Mix = SHOP_DAY,
    ) -> None:
        self._load = Load(
            population=population, mix=mix, pace=pace, seed=seed, connections=connections
        )
        self._terminals = Terminals(self._load, address=address, dialect=dialect_of("pos-binary"))
        self._metrics_urls = metrics_urls
        self._dsn = dsn
        self._tills = tills
        self._say = say
        self._heads: dict[int, int] = {}
        self._surveyed = False
        self.began = trio.Event()

    @property
    def clean(self) -> bool:
        """Whether every reply was also the one that a healthy switch gives."""
        return self._terminals.oracle.counts.unexpected == 0

    async def drive(self, stop: trio.Event, console: Console) -> None:
        """Survey the balances, run the load until `stop`, survey them again."""
        self._heads = await trio.to_thread.run_sync(read_heads, self._dsn)
        await self._terminals.survey_before()
        await self._tills.one_round()
        title = f"Bashgah: {self._load.connections} terminals"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                live_view.show, console, title, self._terminals.figures, self._metrics_urls
            )
            nursery.start_soon(self._tills.go_on)
            self.began.set()
            await self._terminals.drive(stop)
            nursery.cancel_scope.cancel()
        await self._terminals.survey_after()
        self._terminals.close()
        self._surveyed = True

    async def judge(self, *, difference: str | None) -> Verdict:
        """Hold the journal against what the terminals were told; the switch may be gone by now.

        `difference`: what `bashgah verify` found in the books, None when they balance.
        """
        terminals, oracle = self._terminals, self._terminals.oracle
        journal: JournalVerdict = await trio.to_thread.run_sync(
            check_journal, self._dsn, oracle.acknowledged, self._heads
        )
        books = [difference] if difference is not None else []
        by_programme = await trio.to_thread.run_sync(approvals_by_programme, self._dsn, self._heads)
        for finding in [*oracle.findings, *terminals.model.discrepancies, *books]:
            self._say(f"wrong: {finding}")
        for rrn in journal.examples:
            self._say(f"wrong: the terminal was told about rrn {rrn}, the journal was not")
        if journal.journalled_twice:
            self._say(f"wrong: {journal.journalled_twice} replies stand in the journal twice")
        counts = terminals.counts()
        model_agrees = self._surveyed and terminals.model.discrepancy_count == 0
        return Verdict(
            approved=counts.approved,
            declined=counts.declined,
            reversed=counts.reversed,
            per_second=_per_second(counts, terminals.seconds()),
            p50_ms=terminals.latency.percentile_ms(50),
            p99_ms=terminals.latency.percentile_ms(99),
            unanswered=oracle.unanswered,
            cross_talk=oracle.counts.wrong_replies,
            acknowledged_but_missing=journal.missing,
            books_balance=difference is None and model_agrees and not journal.journalled_twice,
            products={
                product.name: by_programme.get(product.definition.programme, 0)
                for product in PRODUCTS
            },
        )


def _per_second(counts: Counts, seconds: float) -> float:
    return round((counts.answered + counts.repeated) / seconds, 1) if seconds else 0.0
