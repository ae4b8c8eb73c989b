"""Every acknowledged reply must be in the journal: read from PostgreSQL, after the load.

Owns the comparison of the terminals' record with the journal's rows: each reply stands there once,
byte for byte, under its reference number. Runs asyncpg in an event loop of its own, in a
short-lived thread when called from Trio.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from loadtest import ledger_reader
from loadtest.record import AcknowledgedRecord, digest_of

EXAMPLES_MAX = 20


class JournalVerdict(Struct, frozen=True, kw_only=True):
    """What the journal has of what terminals were told. `examples` are reference numbers."""

    acknowledged: int
    missing: int  # no row with this reference number and this reply
    journalled_twice: int  # more than one row that says it answered
    examples: tuple[str, ...]


class Tally:
    """Counts the journal's rows of each message: the one with RRN `first_rrn` + n has number n.

    `digests` are of the replies that terminals got, 0 where none came (or none needs a row).
    """

    def __init__(
        self, first_rrn: int, digests: Sequence[int], digest: Callable[[bytes], int]
    ) -> None:
        self._first_rrn = first_rrn
        self._digests = digests
        self._digest = digest
        self._found = bytearray(len(digests))  # rows per message, up to 255

    def note(self, rrn: str | None, reply: bytes | None) -> int:
        """Take a row; gives the number of its message, -1 when it is of nobody here."""
        if rrn is None or not (rrn.isascii() and rrn.isdigit()):
            return -1
        number = int(rrn) - self._first_rrn
        if not 0 <= number < len(self._digests):
            return -1
        expected = self._digests[number]
        if expected and reply is not None and self._digest(reply) == expected:
            self._found[number] = min(self._found[number] + 1, 255)
        return number

    def verdict(self) -> JournalVerdict:
        """Judge, when every row was taken."""
        found, digests = self._found, self._digests
        missing = [number for number, digest in enumerate(digests) if digest and not found[number]]
        return JournalVerdict(
            acknowledged=len(digests) - digests.count(0),
            missing=len(missing),
            journalled_twice=sum(1 for count in found if count > 1),
            examples=tuple(f"{self._first_rrn + at:012d}" for at in missing[:EXAMPLES_MAX]),
        )


def read_heads(dsn: str) -> dict[int, int]:
    """Give each shard's last sequence: rows behind it are from before the run."""
    return asyncio.run(_read_heads(dsn))


def check_journal(
    dsn: str, acknowledged: AcknowledgedRecord, heads: dict[int, int]
) -> JournalVerdict:
    """Compare the record with the rows after `heads`; blocks for about a second per 200,000 rows.

    Raises `OSError` or `asyncpg.PostgresError` when the database cannot be read.
    """
    tally = Tally(acknowledged.first_rrn, acknowledged.digests, digest_of)
    asyncio.run(_check(dsn, tally, heads))
    return tally.verdict()


def approvals_by_programme(dsn: str, heads: dict[int, int]) -> dict[int, int]:
    """Give how many messages the journal says were approved after `heads`, by programme.

    Raises `OSError` or `asyncpg.PostgresError` when the database cannot be read.
    """
    return asyncio.run(_approvals(dsn, heads))


async def _approvals(dsn: str, heads: dict[int, int]) -> dict[int, int]:
    approved: Counter[int] = Counter()
    connection = await ledger_reader.connect(dsn)
    try:
        for shard in await ledger_reader.shards(connection):
            approved.update(await ledger_reader.approvals(connection, shard, heads.get(shard, 0)))
    finally:
        await connection.close()
    return dict(approved)


async def _read_heads(dsn: str) -> dict[int, int]:
    connection = await ledger_reader.connect(dsn)
    try:
        return await ledger_reader.heads(connection)
    finally:
        await connection.close()


async def _check(dsn: str, tally: Tally, heads: dict[int, int]) -> None:
    connection = await ledger_reader.connect(dsn)
    try:
        for shard in await ledger_reader.shards(connection):
            async for row in ledger_reader.rows_after(connection, shard, heads.get(shard, 0)):
                tally.note(row.rrn, row.reply)
    finally:
        await connection.close()
