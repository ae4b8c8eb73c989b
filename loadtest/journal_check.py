"""Every acknowledged reply must be in the journal: read from PostgreSQL, after the load.

Owns the comparison of the terminals' record with the journal's rows. The only place of this package
that knows our switch's database; runs asyncpg in an event loop of its own, in a short-lived thread
when called from Trio.
"""

import asyncio
from collections.abc import Iterator

import asyncpg
from msgspec import Struct

from loadtest.record import AcknowledgedRecord, digest_of

ROWS_PER_FETCH = 10_000
EXAMPLES_MAX = 20

HEADS = "SELECT shard, max(seq) AS seq FROM journal GROUP BY shard"

# `reply` is what was sent, without framing. A row for a repeat would carry the same bytes again.
REPLIES = """
SELECT rrn, reply FROM journal
 WHERE shard = $1 AND seq > $2 AND rrn IS NOT NULL AND reply IS NOT NULL
 ORDER BY seq
"""


class JournalVerdict(Struct, frozen=True, kw_only=True):
    """What the journal has of what terminals were told. `examples` are reference numbers."""

    acknowledged: int
    missing: int  # no row with this reference number and this reply
    journalled_twice: int  # more than one row that says it answered
    examples: tuple[str, ...]


def read_heads(dsn: str) -> dict[int, int]:
    """Give each shard's last sequence: rows behind it are from before the run."""
    return asyncio.run(_read_heads(dsn))


def check_journal(
    dsn: str, acknowledged: AcknowledgedRecord, heads: dict[int, int]
) -> JournalVerdict:
    """Compare the record with the rows after `heads`; blocks for about a second per 200,000 rows.

    Raises `OSError` or `asyncpg.PostgresError` when the database cannot be read.
    """
    return asyncio.run(_check(dsn, acknowledged, heads))


async def _read_heads(dsn: str) -> dict[int, int]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row["shard"]: row["seq"] for row in await connection.fetch(HEADS)}
    finally:
        await connection.close()


async def _check(
    dsn: str, acknowledged: AcknowledgedRecord, heads: dict[int, int]
) -> JournalVerdict:
    found = bytearray(acknowledged.span())  # rows per reference number, up to 255
    connection = await asyncpg.connect(dsn)
    try:
        for row in await connection.fetch("SELECT shard FROM shard_heads"):
            shard = row["shard"]
            async with connection.transaction(readonly=True):
                rows = connection.cursor(
                    REPLIES, shard, heads.get(shard, 0), prefetch=ROWS_PER_FETCH
                )
                async for journalled in rows:
                    _note(found, acknowledged, journalled["rrn"], journalled["reply"])
    finally:
        await connection.close()
    return _verdict(found, acknowledged)


def _note(found: bytearray, acknowledged: AcknowledgedRecord, rrn: str, reply: bytes) -> None:
    if not (rrn.isascii() and rrn.isdigit()):
        return
    number = int(rrn)
    expected = acknowledged.digest(number)
    if expected and digest_of(reply) == expected:
        index = number - acknowledged.first_rrn
        found[index] = min(found[index] + 1, 255)


def _verdict(found: bytearray, acknowledged: AcknowledgedRecord) -> JournalVerdict:
    missing = [rrn for rrn in _answered(acknowledged) if not found[rrn - acknowledged.first_rrn]]
    twice = sum(1 for count in found if count > 1)
    return JournalVerdict(
        acknowledged=acknowledged.count,
        missing=len(missing),
        journalled_twice=twice,
        examples=tuple(f"{rrn:012d}" for rrn in missing[:EXAMPLES_MAX]),
    )


def _answered(acknowledged: AcknowledgedRecord) -> Iterator[int]:
    return (rrn for rrn, _digest in acknowledged.items())
