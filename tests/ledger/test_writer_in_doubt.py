"""Outcomes that are unknown at first: each batch is stored exactly once and nobody is told a lie.

Real PostgreSQL, real connections: a proxy drops, holds or cuts what travels; servers are stopped,
killed and started again.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trio

from bashgah.postgres import Cluster
from switch.ledger import writer as writer_module
from switch.ledger.database import Database
from switch.ledger.journal import Durable, Fenced
from switch.ledger.migrate import migrate
from switch.ledger.session import Session
from switch.ledger.writer import Writer
from tests.ledger.owner import Owner, read_all
from tests.ledger.rows_model import verify_chain
from tests.support.fault_proxy import Fault, FaultProxy

COUNT_ROWS = "SELECT count(*) FROM journal"


@pytest.fixture
def proxy(database: str) -> Iterator[FaultProxy]:
    """Stands before the test's database; `proxied` is the DSN through it."""
    options = {name: values[0] for name, values in parse_qs(urlsplit(database).query).items()}
    with FaultProxy(f"{options['host']}/.s.PGSQL.{options['port']}") as running:
        yield running


@pytest.fixture
def proxied(database: str, proxy: FaultProxy) -> str:
    parts = urlsplit(database)
    passfile = parse_qs(parts.query)["passfile"][0]
    return f"postgresql://{parts.username}@127.0.0.1:{proxy.port}{parts.path}?passfile={passfile}"


@pytest.fixture
def db(proxied: str, proxy: FaultProxy) -> Iterator[Database]:
    """The owner's view: everything goes through the proxy."""
    with Database(proxied) as opened:
        yield opened


@pytest.fixture
def witness(database: str) -> Iterator[Database]:
    """A view that no fault touches."""
    with Database(database) as opened:
        yield opened


async def query(db: Database, text: str) -> object:
    async def work(session: Session) -> object:
        rows = await session.fetch(text)
        return rows[0][0] if rows else None

    return await db.call(work)


async def wait_for(condition: Callable[[], bool], seconds_max: float = 10) -> None:
    with trio.fail_after(seconds_max):
        while not condition():  # noqa: ASYNC110 (the writer's status is polled, as the gate does)
            await trio.sleep(0.005)


async def wait_for_rows(db: Database, count: int) -> None:
    with trio.fail_after(10):
        while await query(db, COUNT_ROWS) != count:  # noqa: ASYNC110 (another session's doing)
            await trio.sleep(0.005)


# The connection.


async def test_a_connection_cut_between_commit_and_answer_stores_the_batch_once(
    db: Database, proxy: FaultProxy, witness: Database
) -> None:
    owner = await Owner(db).start()
    outcomes: list[object] = []

    async def append() -> None:
        outcomes.append(await owner.append(3))

    async with trio.open_nursery() as nursery:
        proxy.fault = Fault.DROP_REPLIES
        nursery.start_soon(append)
        await wait_for_rows(witness, 4)  # committed, and nobody was told
        assert outcomes == []
        proxy.fault = Fault.NONE
        proxy.cut()

    assert outcomes == [Durable(last_seq=4)]
    assert owner.writer.status().reconnects == 1
    rows = await read_all(witness)
    assert len(rows) == 4
    assert verify_chain(rows) == owner.last_chain


async def test_a_connection_cut_before_the_request_arrived_stores_the_batch_once(
    db: Database, proxy: FaultProxy, witness: Database
) -> None:
    owner = await Owner(db).start()
    proxy.cut()

    outcome = await owner.append(3)

    assert outcome == Durable(last_seq=4)
    assert await query(witness, COUNT_ROWS) == 4


async def test_an_answer_that_is_lost_while_the_connection_stays_is_found_out(
    db: Database, proxy: FaultProxy, witness: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SILENCE_SECONDS", 0.2)
    owner = await Owner(db).start()
    outcomes: list[object] = []

    async def append() -> None:
        outcomes.append(await owner.append(3))

    async with trio.open_nursery() as nursery:
        proxy.fault = Fault.DROP_REPLIES
        nursery.start_soon(append)
        await wait_for_rows(witness, 4)
        proxy.fault = Fault.NONE  # the answer is gone for good; new connections work
        await wait_for(lambda: bool(outcomes))

    assert outcomes == [Durable(last_seq=4)]
    assert await query(witness, COUNT_ROWS) == 4


@pytest.mark.slow
async def test_a_statement_that_takes_long_is_not_disturbed(
    db: Database, witness: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit has no time limit: silence alone must not make the writer leave a busy server."""
    monkeypatch.setattr(writer_module, "SILENCE_SECONDS", 0.1)
    owner = await Owner(db).start()
    await query(
        witness,
        "CREATE FUNCTION dawdle() RETURNS TRIGGER LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$",
    )
    await query(
        witness,
        "CREATE TRIGGER slow BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION dawdle()",
    )

    outcome = await owner.append()

    assert outcome == Durable(last_seq=2)
    status = owner.writer.status()
    assert status.failures >= 2, "nobody looked"
    assert status.reconnects == 0
    assert status.available


@pytest.mark.slow
async def test_a_network_that_swallows_everything_holds_the_batch_until_it_is_back(
    db: Database, proxy: FaultProxy, witness: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "SILENCE_SECONDS", 0.1)
    owner = await Owner(db).start()
    outcomes: list[object] = []

    async def append() -> None:
        outcomes.append(await owner.append(300))

    async with trio.open_nursery() as nursery:
        proxy.fault = Fault.BLACKHOLE
        nursery.start_soon(append)
        await wait_for(lambda: not owner.writer.status().available)
        await trio.sleep(0.5)
        stored_meanwhile = await query(witness, COUNT_ROWS)
        proxy.fault = Fault.NONE
        await wait_for(lambda: bool(outcomes))

    assert stored_meanwhile == 1
    assert outcomes == [Durable(last_seq=301)]
    assert await query(witness, COUNT_ROWS) == 301


async def test_a_zombie_whose_network_comes_back_after_a_takeover_is_fenced(
    db: Database, proxy: FaultProxy, witness: Database
) -> None:
    zombie = await Owner(db).start()
    outcomes: list[object] = []

    async def append() -> None:
        outcomes.append(await zombie.append(300))

    async with trio.open_nursery() as nursery:
        proxy.fault = Fault.BLACKHOLE
        nursery.start_soon(append)
        successor = await Owner(witness).start()
        await successor.append(2)
        proxy.fault = Fault.NONE

    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Fenced)
    assert [row["epoch"] for row in await read_all(witness)] == [1, 2, 2, 2]


# The server's answer.


async def test_a_notice_with_the_answer_puts_the_batch_in_doubt(
    db: Database, witness: Database
) -> None:
    """PostgreSQL calls a commit that no replica has a success and adds a warning."""
    owner = await Owner(db).start()
    await query(
        witness,
        "CREATE FUNCTION warn() RETURNS TRIGGER LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE WARNING 'not what it seems'; RETURN NEW; END $$",
    )
    await query(
        witness,
        "CREATE TRIGGER warn BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION warn()",
    )

    outcome = await owner.append(2)

    status = owner.writer.status()
    assert outcome == Durable(last_seq=3)
    assert (status.failures, status.reconnects) == (1, 1)
    assert "not what it seems" in status.last_error
    assert await query(witness, COUNT_ROWS) == 3


async def test_a_connection_ended_by_an_administrator_is_replaced(
    db: Database, witness: Database
) -> None:
    owner = await Owner(db).start()
    await query(
        witness,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'bashgah-journal-0' AND datname = current_database()",
    )

    outcome = await owner.append(2)

    assert outcome == Durable(last_seq=3)
    assert await query(witness, COUNT_ROWS) == 3


# The server.


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that a test may stop and kill, and starts again."""
    yield from _cluster(replica=False)


@pytest.fixture
def pair() -> Iterator[Cluster]:
    """A primary whose commits wait for its replica."""
    yield from _cluster(replica=True)


def _cluster(*, replica: bool) -> Iterator[Cluster]:
    data_dir = Path(tempfile.mkdtemp(prefix="bashgah-tests-"))
    try:
        with Cluster(data_dir, replica=replica, synchronous=replica) as running:
            migrate(running.dsn())
            yield running
    finally:
        shutil.rmtree(data_dir)


class Load:
    """Appends without a pause until told to stop."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            assert isinstance(await self.owner.append(5), Durable)


async def wait_for_progress(writer: Writer) -> None:
    batches = writer.status().batches
    await wait_for(lambda: writer.status().batches > batches + 3)


async def check_journal(db: Database, owner: Owner) -> None:
    """Every batch that was called durable is there, once, and nothing else is."""
    rows = await read_all(db)
    assert verify_chain(rows) == owner.last_chain
    assert [row["seq"] for row in rows] == list(range(1, owner.last_seq + 1))


@pytest.mark.slow
async def test_postgresql_killed_in_mid_load_loses_and_doubles_nothing(
    own_cluster: Cluster,
) -> None:
    with Database(own_cluster.dsn()) as db:
        owner = await Owner(db).start()
        load = Load(owner)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run)
            for _ in range(3):
                await wait_for_progress(owner.writer)
                await trio.to_thread.run_sync(own_cluster.primary.kill)
                await wait_for(lambda: not owner.writer.status().available)
                await trio.to_thread.run_sync(own_cluster.primary.start)
                await wait_for_progress(owner.writer)
            load.stopping = True

        await check_journal(db, owner)
        assert owner.writer.status().reconnects >= 3


@pytest.mark.slow
async def test_service_resumes_by_itself_when_postgresql_was_away_for_three_seconds(
    own_cluster: Cluster,
) -> None:
    with Database(own_cluster.dsn()) as db:
        owner = await Owner(db).start()
        load = Load(owner)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run)
            await wait_for_progress(owner.writer)
            await trio.to_thread.run_sync(own_cluster.primary.stop)
            await wait_for(lambda: not owner.writer.status().available)
            durable_before = len(owner.durable)
            await trio.sleep(3)
            away = owner.writer.status()
            durable_meanwhile = len(owner.durable) - durable_before
            await trio.to_thread.run_sync(own_cluster.primary.start)
            began_at = trio.current_time()
            await wait_for_progress(owner.writer)
            resumed_seconds = trio.current_time() - began_at
            load.stopping = True

        await check_journal(db, owner)
        assert durable_meanwhile == 0
        assert away.failures >= 3
        assert away.unavailable_since_ns > 0
        assert resumed_seconds < 3 * writer_module.RETRY_SECONDS_MAX
        assert owner.writer.status().available


@pytest.mark.slow
async def test_a_commit_that_no_replica_has_is_not_durable_even_when_it_is_cancelled(
    pair: Cluster,
) -> None:
    """With its replica away a commit waits; cancelling it makes PostgreSQL report a success."""
    with Database(pair.dsn()) as db:
        owner = await Owner(db).start()
        outcomes: list[object] = []

        async def append() -> None:
            outcomes.append(await owner.append(2))

        await trio.to_thread.run_sync(pair.replica.stop)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(append)
            await trio.sleep(0.5)
            cancelled = await trio.to_thread.run_sync(
                pair.psql,
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
            )
            await wait_for(lambda: not owner.writer.status().available)
            await trio.sleep(0.5)
            outcomes_meanwhile = list(outcomes)
            visible = await trio.to_thread.run_sync(
                lambda: pair.psql(COUNT_ROWS, database="bashgah")
            )
            await trio.to_thread.run_sync(pair.replica.start)

        assert cancelled == "t"
        assert visible == "3", "the false success that must not be believed"
        assert outcomes_meanwhile == []
        assert outcomes == [Durable(last_seq=3)]
        await check_journal(db, owner)


@pytest.mark.slow
async def test_the_writer_goes_on_at_the_promoted_replica_and_nothing_is_lost(
    pair: Cluster,
) -> None:
    """Goal: with both hosts in its DSN the writer finds the new primary by itself.

    Method: the primary is killed under load and its synchronous replica promoted. Every batch that
    was called durable must be there, in one chain with what came after.
    """
    port = pair.primary.port
    both = pair.dsn().replace(f"port={port}", f"port={port},{port + 1}")
    host = both.partition("host=")[2].partition("&")[0]
    both = both.replace(f"host={host}", f"host={host},{host}")
    with Database(both) as db:
        owner = await Owner(db).start()
        load = Load(owner)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(load.run)
            await wait_for_progress(owner.writer)
            await trio.to_thread.run_sync(pair.primary.kill)
            await wait_for(lambda: not owner.writer.status().available)
            with Database(pair.replica_dsn("postgres", user="postgres"), read_only=True) as admin:
                assert await query(admin, "SELECT pg_promote()") is True
            await wait_for_progress(owner.writer)
            load.stopping = True

        assert await query(db, "SHOW cluster_name") == "replica"
        await check_journal(db, owner)
