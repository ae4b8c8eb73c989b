"""Goal: a reply that a terminal got and the journal has not is found. Method: a real database."""

import asyncio

import asyncpg
import pytest

from loadtest.journal_check import check_journal, read_heads
from loadtest.record import AcknowledgedRecord

INSERT = """
INSERT INTO journal (shard, seq, epoch, kind, business_date, received_at, decided_at, operation,
    rrn, amount_minor, approved_minor, discount_minor, points_earned, points_redeemed,
    response_code, reason, reply, chain)
VALUES (0, $1, 1, 1, '2026-01-01', now(), now(), 1, $2, 1, 1, 0, 0, 0, '00', 0, $3, '\\x00')
"""
PARTITION = "CREATE TABLE journal_all PARTITION OF journal DEFAULT"
HEAD = "INSERT INTO shard_heads (shard, epoch, owner) VALUES (0, 1, 'test')"


def write(dsn: str, rows: list[tuple[int, str, bytes]]) -> None:
    """Write journal rows: sequence, reference number, reply."""

    async def insert() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(f"{PARTITION}; {HEAD}")
            await connection.executemany(INSERT, rows)
        finally:
            await connection.close()

    asyncio.run(insert())


def recorded(replies: dict[int, bytes]) -> AcknowledgedRecord:
    """Give a record of replies by reference number."""
    record = AcknowledgedRecord(100)
    for rrn, body in replies.items():
        record.add(rrn, body)
    return record


@pytest.mark.slow
def test_acknowledged_replies_are_found_by_number_and_bytes(database: str) -> None:
    rows = [
        (1, "000000000100", b"from the run before"),
        (2, "000000000100", b"a"),
        (3, "000000000101", b"b"),
        (4, "000000000101", b"b"),
        (5, "000000000102", b"other bytes"),
        (6, "not a number", b"z"),
        (7, "000000000999", b"asked by others"),
    ]
    write(database, rows)

    verdict = check_journal(
        database, recorded({100: b"a", 101: b"b", 102: b"c", 103: b"d"}), heads={0: 1}
    )

    assert verdict.acknowledged == 4
    assert verdict.missing == 2
    assert verdict.examples == ("000000000102", "000000000103")
    assert verdict.journalled_twice == 1


@pytest.mark.slow
def test_heads_are_the_last_rows_of_each_shard(database: str) -> None:
    write(database, [(4, "000000000001", b""), (9, "000000000002", b"")])

    assert read_heads(database) == {0: 9}
