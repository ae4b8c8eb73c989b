"""Partitions on a real PostgreSQL: there before they are needed, indexed when they are complete."""

from collections.abc import Iterator

import pytest
import trio
from msgspec.structs import replace

from switch.ledger import partitions, writer
from switch.ledger.database import Database, pause
from switch.ledger.journal import Durable
from switch.ledger.session import Session, StatementRefused
from tests.ledger.journal_rows import batch_of
from tests.ledger.owner import Owner

ROWS = partitions.ROWS_PER_PARTITION


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


def names(db: Database, query: str) -> list[str]:
    async def work(session: Session) -> list[str]:
        return [row[0] for row in await session.fetch(query)]

    return db.call_sync(work)


def partitions_of_journal(db: Database) -> list[str]:
    return names(
        db,
        "SELECT inhrelid::REGCLASS::TEXT FROM pg_inherits"
        " WHERE inhparent = 'journal'::REGCLASS ORDER BY 1",
    )


def indexes(db: Database) -> list[str]:
    return names(
        db,
        "SELECT indexname::TEXT FROM pg_indexes"
        " WHERE tablename LIKE 'journal\\_s%' AND indexname NOT LIKE '%pkey' ORDER BY 1",
    )


async def rows_read(session: Session) -> int:
    rows = await session.fetch(
        "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::BIGINT AS rows_read"
        "  FROM pg_stat_user_tables WHERE relname LIKE 'journal\\_s%'"
    )
    return int(rows[0]["rows_read"])


async def end_sessions_that_set_hints(session: Session) -> None:
    await session.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'SELECT count(epoch)%'"
    )


def copy(db: Database, first_seq: int, row_count: int) -> None:
    async def work(session: Session) -> None:
        await session.copy_rows("journal", batch_of(first_seq, row_count).copy_body)

    db.call_sync(work)


def test_a_range_over_a_border_gets_both_partitions(db: Database) -> None:
    end_seq = db.call_sync(partitions.cover, 7, ROWS - 5, ROWS + 5)

    assert end_seq == 2 * ROWS
    assert partitions_of_journal(db) == ["journal_s007_p000000", "journal_s007_p000001"]


def test_a_batch_over_a_border_is_in_no_single_partition() -> None:
    assert partitions.single_partition(7, ROWS - 2, ROWS - 1) == "journal_s007_p000000"
    assert partitions.single_partition(7, ROWS, ROWS) == "journal_s007_p000001"
    assert partitions.single_partition(7, ROWS - 1, ROWS) is None


def test_covering_again_changes_nothing(db: Database) -> None:
    db.call_sync(partitions.cover, 0, 1, 1)

    end_seq = db.call_sync(partitions.cover, 0, 1, 1)

    assert end_seq == ROWS
    assert partitions_of_journal(db) == ["journal_s000_p000000"]


async def test_several_processes_may_cover_at_once(database: str) -> None:
    async def cover() -> None:
        with Database(database) as db:
            assert await db.call(partitions.cover, 0, 1, 2 * ROWS) == 3 * ROWS

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(cover)


async def test_a_partition_is_attached_while_rows_are_being_copied(database: str) -> None:
    """Goal: making the next partition never waits for a batch, nor a batch for it.

    Method: a transaction that has copied rows stays open until the partition is there; if one
    waited for the other, neither would end.
    """
    with Database(database) as db, Database(database) as writer_db:
        await db.call(partitions.cover, 0, 1, 1)
        copied, covered = trio.Event(), trio.Event()

        async def hold_a_copy_open(session: Session, token: trio.lowlevel.TrioToken) -> None:
            async with session.transaction():
                await session.copy_rows("journal", batch_of(1, 5).copy_body)
                token.run_sync_soon(copied.set)
                while not covered.is_set():
                    await session.fetch("SELECT 1")
                    await pause(0.005)
                await session.copy_rows("journal", batch_of(6, 5).copy_body)

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    writer_db.call, hold_a_copy_open, trio.lowlevel.current_trio_token()
                )
                await copied.wait()
                await db.call(partitions.cover, 0, ROWS, ROWS)
                covered.set()

        assert await db.call(partition_count) == 2


def test_only_complete_partitions_are_indexed_and_only_once(db: Database) -> None:
    db.call_sync(partitions.cover, 0, ROWS - 5, ROWS + 5)
    copy(db, ROWS - 5, 10)

    before = db.call_sync(partitions.index_complete, 0, ROWS - 1)
    built = db.call_sync(partitions.index_complete, 0, ROWS)
    again = db.call_sync(partitions.index_complete, 0, ROWS)

    assert before == again == []
    assert sorted(built) == indexes(db)
    assert built == [
        "journal_s000_p000000_terminal_stan",
        "journal_s000_p000000_original",
        "journal_s000_p000000_card_seq",
    ]


def test_autovacuum_leaves_partitions_alone_and_complete_ones_have_statistics(
    db: Database,
) -> None:
    db.call_sync(partitions.cover, 0, ROWS - 5, ROWS + 5)
    copy(db, ROWS - 5, 10)
    settings = names(
        db, "SELECT unnest(reloptions) FROM pg_class WHERE relname LIKE 'journal\\_s%'"
    )

    db.call_sync(partitions.index_complete, 0, ROWS)

    assert settings == 2 * ["autovacuum_enabled=false"]
    assert names(
        db, "SELECT DISTINCT tablename::TEXT FROM pg_stats WHERE tablename LIKE 'journal\\_s%'"
    ) == ["journal_s000_p000000"]


@pytest.mark.slow
async def test_the_writer_crosses_a_border_and_leaves_a_complete_partition_indexed(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 100)
    monkeypatch.setattr(partitions, "AHEAD_ROWS", 50)
    with Database(database) as db:
        owner = await Owner(db).start()

        for _ in range(30):
            assert isinstance(await owner.append(20), Durable)
        with trio.fail_after(10):
            while await db.call(indexed_count) < 5:
                await owner.append(1)

        assert await db.call(partition_count) >= 7


async def test_in_a_flood_indexes_wait_until_it_is_over_and_not_for_ever(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 100)
    monkeypatch.setattr(partitions, "AHEAD_ROWS", 50)
    monkeypatch.setattr(writer, "CALM_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(writer, "CALM_SECONDS", 0.7)
    monkeypatch.setattr(writer, "UNINDEXED_MAX", 3)
    with Database(database) as db:
        owner = await Owner(db).start()

        for _ in range(15):  # partitions 0 to 2 complete
            await owner.append_batch(replace(owner.next_batch(20), rows_behind=writer.FLOOD_ROWS))
        await trio.sleep(0.4)
        in_the_flood = await db.call(indexed_count)
        for _ in range(10):  # 0 to 4
            await owner.append_batch(replace(owner.next_batch(20), rows_behind=writer.FLOOD_ROWS))
        with trio.fail_after(10):
            while await db.call(indexed_count) < 2:  # noqa: ASYNC110 (the database has no event)
                await trio.sleep(0.02)
        await trio.sleep(0.2)
        too_long = await db.call(indexed_count)
        with trio.fail_after(10):
            while await db.call(indexed_count) < 5:  # noqa: ASYNC110 (the database has no event)
                await trio.sleep(0.02)

        assert in_the_flood == 0
        assert too_long == 2  # three may wait: 2, 3 and 4
        assert await db.call(partition_count) >= 6


async def test_rows_are_read_once_while_their_pages_are_hot_so_that_indexing_does_not_write_them(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "HINT_ROWS", 40)
    with Database(database) as db:
        owner = await Owner(db).start()

        with trio.fail_after(10):
            while await db.call(rows_read) < 200:  # statistics come a little later
                await owner.append(20)
                await trio.sleep(0.02)

        assert await db.call(rows_read) <= owner.writer.status().last_seq
        assert owner.writer.status().last_error == ""


async def test_a_session_for_hints_that_was_lost_is_opened_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "HINT_ROWS", 10)
    with Database(database) as db:
        owner = await Owner(db).start()
        for number in range(20):
            outcome = await owner.append(20)
            if number == 10:
                await db.call(end_sessions_that_set_hints)
            assert isinstance(outcome, Durable)

        before = await db.call(rows_read)
        with trio.fail_after(10):
            while await db.call(rows_read) < before + 50:
                await owner.append(20)
                await trio.sleep(0.02)


async def test_a_batch_larger_than_what_was_made_ahead_makes_its_own_partitions(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 100)
    monkeypatch.setattr(partitions, "AHEAD_ROWS", 50)
    with Database(database) as db:
        owner = await Owner(db).start()

        outcome = await owner.append(350)

        assert outcome == Durable(last_seq=351)
        assert owner.writer.status().failures == 0


async def test_a_partition_that_was_taken_away_is_made_again(database: str) -> None:
    with Database(database) as db:
        owner = await Owner(db).start()

        async def drop(session: Session) -> None:
            await session.execute("DROP TABLE journal_s000_p000000")

        await db.call(drop)
        outcome = await owner.append(2)

        assert outcome == Durable(last_seq=3)
        assert "42P01" in owner.writer.status().last_error


def test_a_partition_that_was_detached_is_not_taken_for_one_of_the_journals(db: Database) -> None:
    db.call_sync(partitions.cover, 0, 1, 1)

    async def detach(session: Session) -> None:
        await session.execute("ALTER TABLE journal DETACH PARTITION journal_s000_p000000")

    db.call_sync(detach)

    with pytest.raises(StatementRefused, match="42P07"):
        db.call_sync(partitions.cover, 0, 1, 1)


async def indexed_count(session: Session) -> int:
    """Partitions that have all of the closed partition's indexes."""
    rows = await session.fetch(
        "SELECT count(*) FROM (SELECT tablename FROM pg_indexes WHERE tablename LIKE 'journal\\_s%'"
        " GROUP BY tablename HAVING count(*) = 4) AS complete"
    )
    return int(rows[0][0])


async def partition_count(session: Session) -> int:
    rows = await session.fetch(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'journal'::REGCLASS"
    )
    return int(rows[0][0])
