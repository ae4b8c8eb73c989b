"""Pull the plug again and again under load, and look for every rial.

Owns one run: a real PostgreSQL, a real switch process, simulated terminals over TCP, and SIGKILL at
random moments: for the switch, for the switch while it makes a snapshot, for the fork that writes
one, or for PostgreSQL. What must hold is written in `Verdict.good`.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
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
from switch.ledger.database import Database
from switch.ledger.session import Session
from tests.support.site import running_site

Target = Literal["switch", "snapshot", "image", "postgres"]
Say = Callable[[str], None]

CONNECTIONS = 60
THINK_SECONDS = 0.02
ALIVE_SECONDS_MIN, ALIVE_SECONDS_MAX = 0.2, 1.5
"""Between readiness and the next kill: short enough to hit recovery's first moments, long enough
for journal batches, snapshots and holds to be under way."""
SNAPSHOT_EVERY_ENTRIES = 500
"""So few that one is always being made, or was a moment ago."""
IMAGE_SECONDS_MAX = 30.0
SNAPSHOT_SECONDS_MAX = 0.15
"""From the fork, which takes some 50 ms, until the snapshot is stored."""
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
    strays: int  # forks that outlived their switch
    snapshots: int  # in the database in the end
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
            self.strays,
        )
        return not any(wrong) and self.books_balance


async def run_chaos(
    *, kills: int, seed: int, target: Target, say: Say, shards: int = 1
) -> tuple[Verdict, list[str]]:
    """Run to the end; give the verdict and what was wrong, in words.

    With several `shards` each kill of the switch is of one of them.
    """
    async with running_site(
        say, snapshot_every_entries=SNAPSHOT_EVERY_ENTRIES, shards=shards
    ) as site:
        terminals = _new_terminals(site, seed)
        await terminals.survey_before()
        say(f"terminals: {CONNECTIONS} at work")
        restarts, strays = await _kill_under_load(site, terminals, kills, Random(seed), target, say)
        await terminals.survey_after()
        terminals.close()
        await site.stop_switch()
        snapshots = await trio.to_thread.run_sync(_count_snapshots, site.dsn)
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
        strays=strays,
        snapshots=snapshots,
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
) -> tuple[list[float], int]:
    """Give how long each kill kept the switch from being ready, and how many forks stayed."""
    restarts: list[float] = []
    strays = 0
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminals.drive, stop)
        for number in range(1, kills + 1):
            await trio.sleep(random.uniform(ALIVE_SECONDS_MIN, ALIVE_SECONDS_MAX))
            began_seconds = monotonic()
            strays += await _kill(site, target, random)
            for switch in site.switches:
                await switch.wait_ready()
            restarts.append(monotonic() - began_seconds)
            answered = terminals.counts().answered
            say(f"kill {number}/{kills}: {answered} answered, ready in {restarts[-1]:.2f} s")
        await trio.sleep(ALIVE_SECONDS_MAX)
        stop.set()
    return restarts, strays


async def _kill(site: Site, target: Target, random: Random) -> int:
    """Kill, and start again what does not by itself; give how many forks are left behind."""
    if target == "postgres":
        assert site.cluster is not None, "the site has its own PostgreSQL"
        primary = site.cluster.primary
        await trio.to_thread.run_sync(primary.kill)
        await trio.to_thread.run_sync(primary.start)
        return 0
    switch = random.choice(site.switches)
    image = 0
    if target != "switch":
        with trio.fail_after(IMAGE_SECONDS_MAX):
            while not (image := image_of(switch.pid)):  # noqa: ASYNC110 (no event says it)
                await trio.sleep(0.002)
    if target == "image":
        os.kill(image, signal.SIGKILL)
        return 0
    if target == "snapshot":
        await trio.sleep(random.uniform(0.0, SNAPSHOT_SECONDS_MAX))
        image = image_of(switch.pid)
    switch.kill()
    switch.start()
    return int(image > 0 and not await _ends(image))


def image_of(pid: int) -> int:
    """Give the pid of the fork in which a switch's state is being written, or 0."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return next((int(child) for child in children if _is_image(int(child))), 0)


def _is_image(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False  # it has ended
    # One that was killed and that nobody has asked for yet (Z) is none any more.
    return "(bashgah-image) " in status and "(bashgah-image) Z" not in status


async def _ends(pid: int) -> bool:
    """Wait until a fork whose switch was killed is gone; false when it stays."""
    with trio.move_on_after(1.0):
        while _is_image(pid):  # noqa: ASYNC110 (no event says it)
            await trio.sleep(0.005)
        return True
    return False


def _count_snapshots(dsn: str) -> int:
    async def count(session: Session) -> int:
        return int((await session.fetch("SELECT count(*) FROM snapshots"))[0][0])

    with Database(dsn) as database:
        return database.call_sync(count)
