"""The writer on a real PostgreSQL: what is stored, who is fenced, what is refused."""

from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from switch.errors import FencedError, JournalUnavailable
from switch.ledger import reader, tenures
from switch.ledger.database import Database, pause
from switch.ledger.journal import COLUMNS, GENESIS_CHAIN, Batch, Durable, Fenced, Overtaken
from switch.ledger.session import DatabaseUnavailable, Session
from switch.ledger.writer import Writer
from tests.ledger.journal_rows import batch_of
from tests.ledger.owner import Owner, read_all
from tests.ledger.rows_model import verify_chain


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


@pytest.fixture
def other_db(database: str) -> Iterator[Database]:
    """Another process, as far as PostgreSQL can tell."""
    with Database(database) as opened:
        yield opened


async def execute(db: Database, script: str) -> None:
    async def work(session: Session) -> None:
        await session.execute(script)

    await db.call(work)


async def wait_until_unavailable(writer: Writer) -> None:
    with trio.fail_after(5):
        while writer.status().failures == 0:  # noqa: ASYNC110 (polled, as the gate does)
            await trio.sleep(0.01)


# What is stored.


async def test_rows_are_stored_as_they_were_sent(db: Database) -> None:
    owner = await Owner(db).start()

    outcome = await owner.append(3)

    assert outcome == Durable(last_seq=4)
    pieces: list[bytes] = []
    await db.call(reader.read_rows, 0, 1, pieces.append)
    assert b"".join(pieces) == owner.durable[-1].copy_body


async def test_batches_of_two_tenures_continue_one_chain(db: Database, other_db: Database) -> None:
    first = await Owner(db).start()
    await first.append(2)

    second = await Owner(other_db).start()
    await second.append(2)

    rows = await read_all(db)
    assert [row["epoch"] for row in rows] == [1, 1, 1, 2, 2, 2]
    assert verify_chain(rows) == second.last_chain


async def test_shards_do_not_touch_each_other(db: Database, other_db: Database) -> None:
    one = await Owner(db, shard=0).start()
    two = await Owner(other_db, shard=1).start()

    assert isinstance(await one.append(2), Durable)
    assert isinstance(await two.append(1), Durable)

    assert len(await read_all(db, 0)) == 3
    assert len(await read_all(db, 1)) == 2


async def test_the_head_says_where_the_journal_ends(db: Database) -> None:
    empty = await db.call(reader.head, 0)
    owner = await Owner(db).start()
    await owner.append(2)

    head = await db.call(reader.head, 0)

    assert (empty.last_seq, empty.chain, empty.epoch) == (0, GENESIS_CHAIN, 0)
    assert (head.last_seq, head.chain, head.epoch) == (3, owner.last_chain, 1)


async def test_status_counts_batches_and_rows(db: Database) -> None:
    owner = await Owner(db).start()
    await owner.append(5)

    status = owner.writer.status()

    assert status.available
    assert (status.batches, status.rows, status.last_seq, status.epoch) == (2, 6, 6, 1)
    assert 0 < status.commit_ns_last <= status.commit_ns_max
    assert status.appending_since_ns == status.unavailable_since_ns == 0


# The fence: an earlier owner that is idle, in mid-statement, late, or racing.


async def test_an_idle_owner_is_fenced_after_a_takeover(db: Database, other_db: Database) -> None:
    zombie = await Owner(db).start()
    successor = await Owner(other_db).start()

    outcome = await zombie.append()

    assert isinstance(outcome, Fenced)
    assert not zombie.writer.status().available
    assert len(await read_all(other_db)) == successor.last_seq == 2


async def test_an_owner_that_wakes_after_its_successor_wrote_its_sequence_is_fenced(
    db: Database, other_db: Database
) -> None:
    zombie = await Owner(db).start()
    late = zombie.next_batch(3)
    successor = await Owner(other_db).start()
    await successor.append(5)

    outcome = await zombie.append_batch(late)

    assert isinstance(outcome, Fenced)
    assert [row["epoch"] for row in await read_all(other_db)] == [1, 2, 2, 2, 2, 2, 2]


async def test_an_owner_that_wakes_before_its_successor_began_is_fenced(
    db: Database, other_db: Database
) -> None:
    zombie = await Owner(db).start()
    successor = Owner(other_db)
    await successor.take_over()

    outcome = await zombie.append(3)

    assert isinstance(outcome, Fenced)
    assert isinstance(await successor.begin(), Durable)
    assert [row["epoch"] for row in await read_all(other_db)] == [1, 2]


async def test_an_owner_frozen_in_the_middle_of_a_copy_is_ended_by_a_takeover(
    db: Database, other_db: Database
) -> None:
    zombie = await Owner(db).start()
    body = bytes(zombie.next_batch(50).copy_body)
    half_sent = trio.Event()

    async def send_half(token: trio.lowlevel.TrioToken) -> None:
        session = await db.open_session(tenures.application_name(0))

        async def half() -> AsyncIterator[bytes]:
            yield body[: len(body) // 2]
            token.run_sync_soon(half_sent.set)
            while not session.closed:
                await pause(0.01)

        await session.copy_in_stream("journal", half(), COLUMNS)

    successor = Owner(other_db)
    async with trio.open_nursery() as nursery:

        async def freeze() -> None:
            with pytest.raises(DatabaseUnavailable):
                await db.run(send_half, trio.lowlevel.current_trio_token())

        nursery.start_soon(freeze)
        await half_sent.wait()
        with trio.fail_after(5):
            await successor.start()

    assert successor.last_seq == 2
    assert [row["epoch"] for row in await read_all(other_db)] == [1, 2]


@pytest.mark.slow
async def test_an_owner_that_froze_while_it_held_the_head_row_does_not_stop_a_takeover(
    db: Database, other_db: Database
) -> None:
    await Owner(db).start()
    locked = trio.Event()

    async def lock_head(token: trio.lowlevel.TrioToken) -> None:
        session = await db.open_session(tenures.application_name(0))
        await session.execute("SET idle_in_transaction_session_timeout = 0")
        await session.execute("BEGIN; SELECT owns_shard(0::SMALLINT, 1)")
        token.run_sync_soon(locked.set)

    await db.run(lock_head, trio.lowlevel.current_trio_token())
    await locked.wait()

    with trio.fail_after(5):
        successor = await Owner(other_db).start()

    assert successor.tenure.epoch == 2


async def test_a_takeover_overtaken_by_another_is_fenced_before_it_writes(
    db: Database, other_db: Database
) -> None:
    slow, quick = Owner(db), Owner(other_db)
    await slow.take_over()
    await quick.take_over()

    slow_outcome = await slow.begin()
    quick_outcome = await quick.begin()

    assert isinstance(slow_outcome, Fenced)
    assert isinstance(quick_outcome, Durable)
    assert [row["epoch"] for row in await read_all(db)] == [2]


async def test_the_epoch_is_checked_in_the_statement_that_writes_the_first_row(
    db: Database, other_db: Database
) -> None:
    """Goal: not even a live connection that nobody ended lets an old epoch begin.

    Method: the epoch is raised by hand, so that the connection survives and nothing reconnects.
    """
    owner = Owner(db)
    await owner.take_over()
    await execute(other_db, "UPDATE shard_heads SET epoch = 2 WHERE shard = 0")

    outcome = await owner.begin()

    assert isinstance(outcome, Fenced)
    assert owner.writer.status().reconnects == 0
    assert await read_all(db) == []


async def test_rows_that_came_between_replay_and_first_row_are_replayed_first(
    db: Database, other_db: Database
) -> None:
    await Owner(db).start()
    successor = Owner(other_db)
    await successor.take_over()
    straggler = batch_of(2, 3, previous_chain=successor.last_chain)

    async def copy_unmarked(session: Session) -> None:
        await session.copy_rows("journal", straggler.copy_body)

    await db.call(copy_unmarked)
    outcome = await successor.begin()
    await successor.replay()

    assert outcome == Overtaken(after_seq=1)
    assert isinstance(await successor.begin(), Durable)
    assert [row["epoch"] for row in await read_all(db)] == [1, 1, 1, 1, 2]


@pytest.mark.slow
async def test_owners_that_take_over_from_each_other_leave_one_gapless_chain(
    database: str,
) -> None:
    """Goal: whatever the order of takeovers and batches, the journal is one owner's at a time.

    Method: five owners take over from each other as fast as they can, writing in between. At the
    end every batch that was called durable is there, whole, and the chain and epochs hold.
    """
    durable: list[Batch] = []
    fenced_count = 0

    async def compete(name: str) -> None:
        nonlocal fenced_count
        with Database(database) as db:
            for _ in range(6):
                owner = Owner(db, name=name)
                if not await took_over(owner):
                    fenced_count += 1
                    continue
                outcome: object = await owner.begin()
                while isinstance(outcome, Overtaken):
                    await owner.replay()
                    outcome = await owner.begin()
                for _ in range(4):
                    if isinstance(outcome, Durable):
                        outcome = await owner.append(3)
                fenced_count += isinstance(outcome, Fenced)
                durable.extend(owner.durable)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(compete, f"owner-{number}")

    with Database(database) as db:
        rows = await read_all(db)
        head = await db.call(reader.head, 0)
    verify_chain(rows)
    epochs = [int(str(row["epoch"])) for row in rows]
    assert epochs == sorted(epochs)
    assert head.epoch >= 30
    assert fenced_count > 0, "nobody raced"
    chains = {row["seq"]: row["chain"] for row in rows}
    assert all(chains[batch.last_seq] == batch.last_chain for batch in durable)


async def test_a_takeover_that_is_overtaken_says_so_and_takes_nothing_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised, overtaken = trio.Event(), False

    async def late(session: Session, shard: int, epoch: int) -> None:
        monkeypatch.undo()
        trio.from_thread.run_sync(raised.set, trio_token=token)
        while not overtaken:
            await pause(0.01)
        await tenures.end_earlier(session, shard, epoch)

    with Database(database) as slow_db, Database(database) as quick_db:
        token = trio.lowlevel.current_trio_token()
        slow, quick = Owner(slow_db, name="slow"), Owner(quick_db, name="quick")
        monkeypatch.setattr(tenures, "end_earlier", late)
        with trio.fail_after(10):
            with pytest.RaisesGroup(FencedError):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(slow.take_over)
                    await raised.wait()
                    await quick.start()
                    overtaken = True
            outcome = await quick.append()

    assert isinstance(outcome, Durable)
    assert quick.writer.status().reconnects == 0, "somebody ended the owner's connection"


async def took_over(owner: Owner) -> bool:
    """Whether it was not overtaken itself."""
    try:
        await owner.take_over()
    except FencedError:
        return False
    return True


# What the caller does meanwhile.


async def test_cancelling_the_caller_waits_for_the_outcome(db: Database) -> None:
    owner = await Owner(db).start()

    with trio.CancelScope() as scope:
        scope.cancel()
        outcome = await owner.append()

    assert outcome == Durable(last_seq=2)
    assert len(await read_all(db)) == 2


async def test_only_one_batch_is_written_at_a_time(db: Database) -> None:
    owner = await Owner(db).start()
    batch = owner.next_batch(400)

    async def append_twice() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.append_batch, batch)
            nursery.start_soon(owner.append_batch, batch)

    with pytest.raises(ExceptionGroup) as raised:
        await append_twice()

    assert raised.group_contains(AssertionError, match="one batch at a time")


# Errors that PostgreSQL answers: definite, repeated, never durable.


async def test_a_batch_that_is_refused_is_never_called_durable(db: Database) -> None:
    owner = await Owner(db).start()
    broken = owner.next_batch(2, response_code=None)
    outcomes: list[object] = []

    async def append() -> None:
        with pytest.raises(JournalUnavailable, match="2 to 3"):
            outcomes.append(await owner.writer.append(broken))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(append)
        await wait_until_unavailable(owner.writer)
        status = owner.writer.status()
        owner.writer.give_up()

    assert outcomes == []
    assert not status.available
    assert "23502" in status.last_error
    assert status.appending_since_ns > 0
    assert status.unavailable_since_ns > 0
    assert len(await read_all(db)) == 1


async def test_a_full_disk_is_reported_and_the_batch_goes_in_when_there_is_room(
    db: Database,
) -> None:
    owner = await Owner(db).start()
    await execute(
        db,
        "CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    outcomes: list[object] = []

    async with trio.open_nursery() as nursery:

        async def append() -> None:
            outcomes.append(await owner.append(2))

        nursery.start_soon(append)
        await wait_until_unavailable(owner.writer)
        status = owner.writer.status()
        await execute(db, "DROP TRIGGER full_disk ON journal")

    assert "53100 no space left" in status.last_error
    assert outcomes == [Durable(last_seq=3)]
    assert owner.writer.status().available
    assert len(await read_all(db)) == 3


async def test_a_takeover_without_a_database_says_so() -> None:
    with Database("postgresql://bashgah@127.0.0.1:1/bashgah") as db:
        writer = Writer(db, shard=0, owner="nobody")

        with pytest.raises(JournalUnavailable, match="cannot be reached: ConnectionRefusedError"):
            await writer.take_over()

    assert not writer.status().available
