"""Snapshots of a shard that is served: stored when they are durable, or not at all."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio
from prometheus_client import CollectorRegistry

from switch._snapshot import dump
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.recovery import Recovery, rebuild
from switch.snapshots import SnapshotFailed, SnapshotMetrics, Snapshots, due_seq
from tests.support.journaled_shop import JournaledShop, new_core

pytestmark = pytest.mark.slow  # a database for each test

WITHOUT_PROCESSES = """
import os, resource, sys
import trio
from prometheus_client import CollectorRegistry
from switch.ledger.database import Database
from switch.snapshots import SnapshotMetrics, Snapshots, due_seq
from tests.support.journaled_shop import JournaledShop, new_core

async def run(snapshots):
    with trio.move_on_after(2):
        await snapshots.run()

shop = JournaledShop(None, new_core()).open()
registry = CollectorRegistry()
with Database("postgresql://nobody@127.0.0.1:1/none") as database:
    snapshots = Snapshots(
        core=shop.core, directory=shop.directory, database=database, shard=0, every_entries=1,
        snapshot_seq=0, durable_seq=lambda: shop.core.last_seq, metrics=SnapshotMetrics(registry),
    )
    if os.geteuid() == 0:
        os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    trio.run(run, snapshots)
shop.send(amount_minor=1)
print(registry.get_sample_value("bashgah_snapshot_failures_total"), file=sys.stderr)
"""


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def shop(db: Database) -> JournaledShop:
    return JournaledShop(db, new_core()).open()


def snapshots_of(
    shop: JournaledShop,
    registry: CollectorRegistry,
    *,
    every_entries: int = 1,
    durable_seq: Callable[[], int] | None = None,
) -> Snapshots:
    return Snapshots(
        core=shop.core,
        directory=shop.directory,
        database=shop.database,
        shard=0,
        every_entries=every_entries,
        snapshot_seq=0,
        durable_seq=durable_seq or (lambda: shop.core.last_seq),
        metrics=SnapshotMetrics(registry),
    )


def rebuilt(shop: JournaledShop) -> Recovery:
    return shop.database.call_sync(rebuild, 0, new_core, lambda last, end: None)


def stored(shop: JournaledShop) -> list[int]:
    async def work(session: Session) -> list[int]:
        rows = await session.fetch("SELECT seq FROM snapshots ORDER BY seq")
        return [row["seq"] for row in rows]

    return shop.database.call_sync(work)


def children() -> set[str]:
    """This process's children, those that have ended and were not waited for too."""
    found: set[str] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found |= set(path.read_text().split())
    return found


async def test_a_shard_is_recovered_from_what_its_fork_wrote(
    shop: JournaledShop, registry: CollectorRegistry
) -> None:
    shop.load(1_000_000)
    shop.send(amount_minor=20_000)
    shop.commit()
    before = children()

    await snapshots_of(shop, registry).make()

    found = rebuilt(shop)
    assert (found.rows, found.refused) == (0, "")
    assert list(dump(found.core)) == list(dump(shop.core))
    assert found.directory.dump() == shop.directory.dump()
    value = partial(registry.get_sample_value)
    assert value("bashgah_snapshot_sequence") == shop.core.last_seq
    assert 0 < (value("bashgah_snapshot_pause_seconds") or 0) < 1
    assert (value("bashgah_snapshot_bytes") or 0) > 200
    assert children() == before


async def test_rows_that_are_not_durable_are_in_no_snapshot(
    shop: JournaledShop, registry: CollectorRegistry
) -> None:
    shop.load(1_000_000)  # decided, and not written
    durable_seq = shop.core.last_seq - 1
    snapshots = snapshots_of(shop, registry, durable_seq=lambda: durable_seq)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(snapshots.make)
        await trio.sleep(0.3)
        waiting = stored(shop)
        shop.send(amount_minor=1)  # after the fork: not in it either
        shop.commit()
        durable_seq = shop.core.last_seq

    assert waiting == []
    assert stored(shop) == [shop.core.last_seq - 1]
    assert rebuilt(shop).rows == 1


async def test_a_switch_that_ends_before_leaves_neither_snapshot_nor_process(
    shop: JournaledShop, registry: CollectorRegistry
) -> None:
    snapshots = snapshots_of(shop, registry, durable_seq=lambda: 0)
    before = children()

    for seconds in (0.0, 0.001, 0.01, 0.3):
        with trio.move_on_after(seconds) as scope:
            await snapshots.make()

        assert scope.cancelled_caught
        assert children() == before
        assert stored(shop) == []


async def test_a_snapshot_is_made_when_enough_rows_have_come(
    shop: JournaledShop, registry: CollectorRegistry
) -> None:
    shop.load(1_000_000)
    shop.commit()
    first = shop.core.last_seq
    every = 2 * first  # so the middle of the first rows is here
    snapshots = snapshots_of(shop, registry, every_entries=every)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(snapshots.run)
        with trio.fail_after(10):
            while not stored(shop):  # noqa: ASYNC110 (the database has no event)
                await trio.sleep(0.05)
        await trio.sleep(1.2)
        too_few = stored(shop)
        for _ in range(every):
            shop.send(amount_minor=1)
        shop.commit()
        with trio.fail_after(10):
            while len(stored(shop)) < 2:  # noqa: ASYNC110 (the database has no event)
                await trio.sleep(0.05)
        nursery.cancel_scope.cancel()

    assert too_few == [first]
    assert stored(shop) == [first, first + every]


@pytest.mark.parametrize(
    ("snapshot_seq", "every_entries", "due"),
    [
        (0, 1, 1),
        (1, 1, 2),
        (0, 1_000, 500),
        (499, 1_000, 500),
        (500, 1_000, 1_500),
        (501, 1_000, 1_500),
        (1_499, 1_000, 1_500),
        (0, 3, 1),
        (1, 3, 4),
    ],
)
def test_snapshots_are_due_in_the_middle_where_no_partition_ends(
    snapshot_seq: int, every_entries: int, due: int
) -> None:
    assert due_seq(snapshot_seq, every_entries) == due


async def test_one_that_is_there_already_is_no_disaster(
    shop: JournaledShop, registry: CollectorRegistry
) -> None:
    snapshots = snapshots_of(shop, registry)
    await snapshots.make()

    with pytest.raises(SnapshotFailed, match="snapshots_one_per_sequence"):
        await snapshots.make()

    assert rebuilt(shop).rows == 0


def test_without_a_place_for_a_process_there_is_a_warning_and_the_switch_goes_on() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_PROCESSES], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "1.0\n")
    assert "snapshot_failed" in ended.stdout
    assert "the process could not be forked" in ended.stdout
