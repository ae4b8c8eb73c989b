"""Migrations: forward only, once each, never edited; and the views they make."""

import shutil
import threading
from pathlib import Path

import pytest

from switch.ledger import partitions
from switch.ledger.database import Database
from switch.ledger.migrate import SQL_DIRECTORY, MigrationError, migrate, read_migrations
from switch.ledger.session import Session, StatementRefused
from switch.operations import JournalKind, Operation
from switch.reasons import Reason
from tests.ledger.journal_rows import purchase
from tests.ledger.rows_model import Row, chained, encode_rows


def select(dsn: str, text: str) -> list[tuple[object, ...]]:
    async def work(session: Session) -> list[tuple[object, ...]]:
        return [tuple(row) for row in await session.fetch(text)]

    with Database(dsn) as db:
        return db.call_sync(work)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the real files that the test may change."""
    return Path(shutil.copytree(SQL_DIRECTORY, tmp_path / "sql"))


def test_every_file_is_applied_once_and_in_order(empty_database: str) -> None:
    first = migrate(empty_database)
    second = migrate(empty_database)

    assert first == sorted(path.stem for path in SQL_DIRECTORY.glob("*.sql"))
    assert first[0] == "0001_create_journal"
    assert second == []


def test_a_new_file_is_applied_to_a_database_that_has_the_others(
    empty_database: str, directory: Path
) -> None:
    migrate(empty_database, directory)
    number = len(list(directory.glob("*.sql"))) + 1
    (directory / f"{number:04d}_add_colours.sql").write_text("CREATE TABLE colours (name TEXT);")

    applied = migrate(empty_database, directory)

    assert applied == [f"{number:04d}_add_colours"]
    assert select(empty_database, "SELECT count(*) FROM colours") == [(0,)]


def test_an_applied_file_that_was_edited_is_refused(empty_database: str, directory: Path) -> None:
    migrate(empty_database, directory)
    edited = directory / "0001_create_journal.sql"
    edited.write_text(edited.read_text() + "-- a harmless remark\n")

    with pytest.raises(MigrationError, match=r"0001_create_journal\.sql was edited"):
        migrate(empty_database, directory)


def test_a_database_from_a_newer_version_is_refused(empty_database: str, directory: Path) -> None:
    migrate(empty_database, directory)
    last = sorted(directory.glob("*.sql"))[-1]
    last.unlink()

    with pytest.raises(MigrationError, match=f"{last.stem}, which this version does not know"):
        migrate(empty_database, directory)


def test_a_file_that_fails_leaves_nothing_of_itself(empty_database: str, directory: Path) -> None:
    number = len(list(directory.glob("*.sql"))) + 1
    broken = directory / f"{number:04d}_break_things.sql"
    broken.write_text("CREATE TABLE half (name TEXT); SELECT 1 / 0;")

    with pytest.raises(StatementRefused, match="22012"):
        migrate(empty_database, directory)

    applied = select(empty_database, "SELECT count(*) FROM migrations")
    half = select(empty_database, "SELECT to_regclass('half')::TEXT")
    assert applied == [(number - 1,)]
    assert half == [(None,)]


def test_two_processes_that_migrate_at_once_apply_each_file_once(empty_database: str) -> None:
    applied: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: applied.append(migrate(empty_database))) for _ in range(3)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(len, applied)) == [0, 0, len(read_migrations(SQL_DIRECTORY))]


@pytest.mark.parametrize("name", ["0001_create.sql", "1_create_things.sql", "0001-create-a.sql"])
def test_a_file_with_another_kind_of_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")

    with pytest.raises(MigrationError, match="NNNN_verb_noun"):
        read_migrations(tmp_path)


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_create_a.sql").write_text("SELECT 1")
    (tmp_path / "0003_create_b.sql").write_text("SELECT 1")

    with pytest.raises(MigrationError, match="expected number 0002"):
        read_migrations(tmp_path)


# The views.


def store(dsn: str, *rows: Row) -> None:
    async def work(session: Session) -> None:
        await partitions.cover(session, 0, 1, 1)
        await session.copy_rows("journal", encode_rows(chained(rows)))

    with Database(dsn) as db:
        db.call_sync(work)


def test_exchanges_are_shown_with_the_names_of_their_numbers(database: str) -> None:
    store(database, purchase(1, kind=32_000, operation=32_001, reason=32_002))
    select(database, "INSERT INTO journal_kinds VALUES (32000, 'some_kind')")
    select(database, "INSERT INTO operations VALUES (32001, 'some_operation')")

    rows = select(
        database, "SELECT seq, kind, operation, reason, mti, stan, currency FROM exchanges_view"
    )

    assert rows == [(1, "some_kind", "some_operation", None, "0200", "000001", "364")]


def test_the_legs_of_every_row_sum_to_zero_and_name_both_accounts(database: str) -> None:
    store(database, purchase(1), purchase(2, moves=[[11, 21, 9], [12, 22, 8]]))

    sums = select(
        database, "SELECT seq, sum(amount), count(*) FROM legs_view GROUP BY 1 ORDER BY 1"
    )
    legs = select(
        database, "SELECT account, amount FROM legs_view WHERE seq = 2 AND number = 1 ORDER BY 2"
    )

    assert sums == [(1, 0, 12), (2, 0, 4)]
    assert legs == [(11, -9), (21, 9)]


def test_a_row_without_moves_has_no_legs(database: str) -> None:
    store(database, purchase(1, moves=None), purchase(2, moves=[]))

    assert select(database, "SELECT count(*) FROM moves_view") == [(0,)]


def test_lots_of_moves_are_shown_as_times_or_not_at_all(database: str) -> None:
    store(database, purchase(1), purchase(2, moves=[[11, 21, 9]]))

    rows = select(
        database,
        "SELECT seq, number, lot, extract(epoch FROM lot_available_at)::BIGINT,"
        " extract(epoch FROM lot_expires_at)::BIGINT FROM moves_view WHERE number IN (1, 4)"
        " ORDER BY 1, 2",
    )

    assert rows == [
        (1, 1, None, None, None),
        (1, 4, 7, 1_774_000_000, 1_805_000_000),
        (2, 1, None, None, None),
    ]


def test_a_hold_is_shown_with_the_last_approved_row_that_names_it(database: str) -> None:
    expires_at = purchase(1)["decided_at"]
    store(
        database,
        purchase(1, hold_expires_at=expires_at),
        purchase(2, hold_expires_at=expires_at),
        purchase(3, original_seq=1, response_code="13"),
        purchase(4, original_seq=1, approved_minor=77, undone_minor=5),
        purchase(5, hold_expires_at=expires_at, response_code="51"),
    )

    rows = select(
        database,
        "SELECT seq, closed_by_seq, closed_with_minor, undone_minor FROM holds_view ORDER BY seq",
    )

    assert rows == [(1, 4, 77, 5), (2, None, None, None)]


def test_the_journals_numbers_have_the_names_that_the_program_gives_them(database: str) -> None:
    words = {"journal_kinds": JournalKind, "operations": Operation, "reasons": Reason}

    stored = {table: select(database, f"SELECT * FROM {table} ORDER BY 1") for table in words}

    for table, enum in words.items():
        assert stored[table] == [(member.value, member.name.lower()) for member in enum], table
