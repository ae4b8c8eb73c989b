"""Pull the plug again and again under load, and look for every rial.

Owns one run: a real PostgreSQL, a real switch process, simulated terminals over TCP, and SIGKILL at
random moments for the switch or for PostgreSQL. What must hold is written in `Verdict.good`.
"""

from collections.abc import Callable
from random import Random
from time import monotonic
from typing import Literal

import msgspec
import trio

from bashgah.demo_site import demo_population
from bashgah.site import Site
from bashgah.verification import first_difference
from loadtest.dialect import dialect_of
from loadtest.journal_check import check_journal
from loadtest.mix import SHOP_DAY
from loadtest.pace import Closed
from loadtest.session import Patience
from loadtest.terminals import Load, Terminals
from tests.support.site import running_site

Target = Literal["switch", "postgres"]
Say = Callable[[str], None]

CONNECTIONS = 60
THINK_SECONDS = 0.02
ALIVE_SECONDS_MIN, ALIVE_SECONDS_MAX = 0.2, 1.5
"""Between readiness and the next kill: short enough to hit recovery's first moments, long enough
for journal batches, snapshots and holds to be under way."""
PATIENCE = Patience(reply_seconds=60.0, reverse_when_cut_bps=2_000)
"""A terminal waits out a restart and repeats; one in five reverses instead."""

PATIENCE_WITH_SHARDS = Patience(reply_seconds=8.0, reverse_when_cut_bps=2_000)
"""What a killed shard had of another one's terminals is not answered, and their connections stay:
they find out by waiting."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found; printed as one line of JSON."""

    target: str
    seed: int
    kills: int
    answered: int
    approved: int
    declined: int
    reversed: int
    repeated: int
    reversed_unanswered: int  # given up when the connection was cut, then reversed
    unresolved: int
    cross_talk: int
    repeat_differs: int
    unexpected: int
    acknowledged_but_missing: int
    journalled_twice: int
    balances_wrong: int
    books_balance: bool
    restart_seconds_p50: float
    restart_seconds_max: float

    @property
    def good(self) -> bool:
        """Nothing acknowledged was lost or doubled, and every repeat got its first reply."""
        wrong = (
            self.unresolved,
            self.cross_talk,
            self.repeat_differs,
            self.unexpected,
            self.acknowledged_but_missing,
            self.journalled_twice,
            self.balances_wrong,
        )
        return not any(wrong) and self.books_balance


async def run_chaos(
    *, kills: int, seed: int, target: Target, say: Say, shards: int = 1
) -> tuple[Verdict, list[str]]:
    """Run to the end; give the verdict and what was wrong, in words.

    With several `shards` each kill of the switch is of one of them.
    """
    async with running_site(say, shards=shards) as site:
        terminals = _new_terminals(site, seed)
        await terminals.survey_before()
        say(f"terminals: {CONNECTIONS} at work")
        restarts = await _kill_under_load(site, terminals, kills, Random(seed), target, say)
        await terminals.survey_after()
        terminals.close()
        await site.stop_switch()
        with site.step("verify"):
            difference = await first_difference(site.config_path)
        journal = await trio.to_thread.run_sync(
            check_journal, site.dsn, terminals.oracle.acknowledged, {}
        )
    oracle, counts = terminals.oracle, terminals.counts()
    missing = [f"rrn {rrn} was acknowledged and is not in the journal" for rrn in journal.examples]
    verdict = Verdict(
        target=target,
        seed=seed,
        kills=kills,
        answered=counts.answered,
        approved=counts.approved,
        declined=counts.declined,
        reversed=counts.reversed,
        repeated=counts.repeated,
        reversed_unanswered=oracle.unanswered - oracle.unresolved,
        unresolved=oracle.unresolved,
        cross_talk=counts.wrong_replies - counts.repeat_differs,
        repeat_differs=counts.repeat_differs,
        unexpected=counts.unexpected,
        acknowledged_but_missing=journal.missing,
        journalled_twice=journal.journalled_twice,
        balances_wrong=terminals.model.discrepancy_count,
        books_balance=difference is None,
        restart_seconds_p50=round(sorted(restarts)[len(restarts) // 2], 3),
        restart_seconds_max=round(max(restarts), 3),
    )
    books = [difference] if difference is not None else []
    return verdict, [*oracle.findings, *terminals.model.discrepancies, *missing, *books]


def _new_terminals(site: Site, seed: int) -> Terminals:
    listener = site.config.listener[0]
    load = Load(
        population=demo_population(),
        mix=SHOP_DAY,
        pace=Closed(think_seconds=THINK_SECONDS),
        seed=seed,
        connections=CONNECTIONS,
        patience=PATIENCE_WITH_SHARDS if site.switches[1:] else PATIENCE,
        drain_seconds=PATIENCE.reply_seconds,
    )
    address = (listener.host, listener.port)
    return Terminals(load, address=address, dialect=dialect_of(listener.profile))


async def _kill_under_load(
    site: Site, terminals: Terminals, kills: int, random: Random, target: Target, say: Say
) -> list[float]:
    """Give how long each kill kept the switch from being ready, in seconds."""
    restarts: list[float] = []
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminals.drive, stop)
        for number in range(1, kills + 1):
            await trio.sleep(random.uniform(ALIVE_SECONDS_MIN, ALIVE_SECONDS_MAX))
            began_seconds = monotonic()
            await _kill(site, target, random)
            for switch in site.switches:
                await switch.wait_ready()
            restarts.append(monotonic() - began_seconds)
            answered = terminals.counts().answered
            say(f"kill {number}/{kills}: {answered} answered, ready in {restarts[-1]:.2f} s")
        await trio.sleep(ALIVE_SECONDS_MAX)
        stop.set()
    return restarts


async def _kill(site: Site, target: Target, random: Random) -> None:
    if target == "switch":
        switch = random.choice(site.switches)
        switch.kill()
        switch.start()
        return
    assert site.cluster is not None, "the site has its own PostgreSQL"
    primary = site.cluster.primary
    await trio.to_thread.run_sync(primary.kill)
    await trio.to_thread.run_sync(primary.start)
