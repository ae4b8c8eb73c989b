"""Snapshots on a real PostgreSQL: whole, in order, few."""

from collections.abc import Iterator

import pytest

from switch.ledger.database import Database
from switch.ledger.session import Session, StatementRefused
from switch.ledger.snapshots import PIECE_BYTES, Snapshot, load_snapshot, store_snapshot

CHAIN = bytes(range(32))


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with Database(database) as opened:
        yield opened


def pattern(count: int) -> bytes:
    """`count` bytes of which no two pieces are the same."""
    return b"".join(number.to_bytes(8, "big") for number in range(count // 8 + 1))[:count]


def store(db: Database, seq: int, parts: dict[str, list[bytes]], layout: str = "1") -> Snapshot:
    rows = [(part, body) for part, bodies in parts.items() for body in bodies]
    return db.call_sync(store_snapshot, 0, seq, CHAIN, layout, rows)


def load(db: Database, layout: str = "1") -> tuple[Snapshot | None, list[tuple[str, bytes]]]:
    pieces: list[tuple[str, bytes]] = []
    found = db.call_sync(load_snapshot, 0, layout, lambda part, piece: pieces.append((part, piece)))
    return found, pieces


def count(db: Database, table: str) -> int:
    async def work(session: Session) -> int:
        return int((await session.fetch(f"SELECT count(*) FROM {table}"))[0][0])

    return db.call_sync(work)


def test_nothing_is_loaded_where_nothing_was_stored(db: Database) -> None:
    found, pieces = load(db)

    assert found is None
    assert pieces == []


def test_rows_come_back_byte_for_byte_in_the_order_of_storing(db: Database) -> None:
    zebra = [pattern(3 * PIECE_BYTES + 17), b"", pattern(5)]
    aardvark = [pattern(PIECE_BYTES), pattern(8 * PIECE_BYTES)]

    stored = store(db, 10, {"zebra": zebra, "aardvark": aardvark})
    found, pieces = load(db)

    assert found == stored
    assert found is not None
    assert (found.seq, found.chain, found.layout) == (10, CHAIN, "1")
    assert found.body_bytes == 12 * PIECE_BYTES + 22
    assert pieces == [("zebra", body) for body in zebra] + [("aardvark", body) for body in aardvark]


def test_a_snapshot_of_another_layout_is_not_loaded(db: Database) -> None:
    store(db, 10, {"book": [b"old"]}, layout="1")

    found, pieces = load(db, layout="2")

    assert found is None
    assert pieces == []


def test_the_newest_two_are_kept(db: Database) -> None:
    for seq in (10, 20, 30, 40):
        store(db, seq, {"book": [b"%d" % seq]})

    found, pieces = load(db)

    assert found is not None
    assert found.seq == 40
    assert pieces == [("book", b"40")]
    assert count(db, "snapshots") == count(db, "snapshot_chunks") == 2


def test_a_snapshot_that_fails_half_way_leaves_nothing(db: Database) -> None:
    store(db, 10, {"book": [b"good"]})

    def failing() -> Iterator[tuple[str, bytes]]:
        yield "book", pattern(2 * PIECE_BYTES)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.call_sync(store_snapshot, 0, 20, CHAIN, "1", failing())

    found, pieces = load(db)
    assert found is not None
    assert found.seq == 10
    assert pieces == [("book", b"good")]
    assert count(db, "snapshot_chunks") == 1


def test_two_snapshots_of_one_sequence_are_refused(db: Database) -> None:
    store(db, 10, {"book": [b"first"]})

    with pytest.raises(StatementRefused, match="snapshots_one_per_sequence"):
        store(db, 10, {"book": [b"second"]})

    assert load(db)[1] == [("book", b"first")]
