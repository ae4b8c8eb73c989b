"""Snapshots of the book in PostgreSQL: stored whole or not at all, loaded in order.

It owns how many snapshots are kept and how fast one is stored. It must not know what the parts
mean: a row has a part's name and bytes, and `layout` says which code can read them.

Everything here runs on the database's thread, with a session lent by `Database.call` or
`call_sync`. It shares that thread with whoever else uses the same `Database`: a switch gives
snapshots one of their own, so that 100 MB don't stand in a batch's way.
"""

import struct
from collections.abc import AsyncIterator, Callable, Iterable

import msgspec

from switch.ledger.database import pause
from switch.ledger.session import Session

PIECE_BYTES = 1 << 17
"""Sent in one go, while whoever shares the interpreter waits: some 0.1 ms."""
SNAPSHOTS_KEPT = 2  # the last, and the one before should the last one not be loadable

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
COPY_TRAILER = struct.pack("!h", -1)

INSERT_HEAD = "INSERT INTO snapshots (shard, seq, layout, chain) VALUES ($1, $2, $3, $4)"

FIND = """
SELECT seq, chain FROM snapshots
 WHERE shard = $1 AND layout = $2 AND seq = coalesce($3, seq) ORDER BY seq DESC LIMIT 1
"""

LIST_CHUNKS = """
SELECT part, number FROM snapshot_chunks WHERE shard = $1 AND seq = $2 ORDER BY number
"""

READ_CHUNK = """
SELECT body FROM snapshot_chunks WHERE shard = $1 AND seq = $2 AND part = $3 AND number = $4
"""

PRUNE = """
WITH kept AS (
    SELECT seq FROM snapshots WHERE shard = $1 AND layout = $2 ORDER BY seq DESC LIMIT $3
), gone AS (
    DELETE FROM snapshots WHERE shard = $1 AND seq < (SELECT min(seq) FROM kept) RETURNING seq
)
DELETE FROM snapshot_chunks WHERE shard = $1 AND seq IN (SELECT seq FROM gone)
"""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The book after the journal row `seq`, whose chain is `chain`."""

    seq: int
    chain: bytes
    layout: str
    body_bytes: int


async def store_snapshot(
    session: Session,
    shard: int,
    seq: int,
    chain: bytes,
    layout: str,
    rows: Iterable[tuple[str, bytes]],
    pause_seconds: float = 0.0,
) -> Snapshot:
    """Store a snapshot in one transaction and drop those beyond the last `SNAPSHOTS_KEPT`.

    `rows` are (part, body), a body up to some MB, the rows of a part together; read once, on the
    database's thread. After each piece it waits for `pause_seconds`. Raises StatementRefused
    (23505) when there is a snapshot of that sequence.
    """
    count = _Count()
    async with session.transaction():
        await session.fetch(INSERT_HEAD, shard, seq, layout, chain)
        stream = _tuples(shard, seq, rows, count, pause_seconds)
        await session.copy_in_stream("snapshot_chunks", stream)
        await session.fetch(PRUNE, shard, layout, SNAPSHOTS_KEPT)
    return Snapshot(seq=seq, chain=chain, layout=layout, body_bytes=count.body_bytes)


async def load_snapshot(
    session: Session,
    shard: int,
    layout: str,
    sink: Callable[[str, bytes], object],
    *,
    seq: int | None = None,
) -> Snapshot | None:
    """Hand a snapshot of that layout to `sink`, or return None when there is none.

    The newest, or the one of `seq`.

    `sink(part, body)` is called on the database's thread, rows in the order in which they were
    stored.
    """
    body_bytes = 0
    async with session.transaction(snapshot=True):
        found = await session.fetch(FIND, shard, layout, seq)
        if not found:
            return None
        seq = found[0]["seq"]
        for chunk in await session.fetch(LIST_CHUNKS, shard, seq):
            rows = await session.fetch(READ_CHUNK, shard, seq, chunk["part"], chunk["number"])
            body_bytes += len(rows[0]["body"])
            sink(chunk["part"], rows[0]["body"])
    return Snapshot(seq=seq, chain=found[0]["chain"], layout=layout, body_bytes=body_bytes)


class _Count:
    def __init__(self) -> None:
        self.body_bytes = 0


async def _tuples(
    shard: int, seq: int, rows: Iterable[tuple[str, bytes]], count: _Count, pause_seconds: float
) -> AsyncIterator[bytes]:
    """Yield the rows of `snapshot_chunks` as a COPY binary stream."""
    yield COPY_HEADER
    # `number` counts over all the parts: their order.
    for number, (part, body) in enumerate(rows):
        name = part.encode()
        count.body_bytes += len(body)
        # shard, seq, part, number, body: each with its length before it.
        yield struct.pack(
            f"!hihiqi{len(name)}siii",
            *(5, 2, shard, 8, seq, len(name), name, 4, number, len(body)),
        )
        for at in range(0, len(body), PIECE_BYTES):
            yield body[at : at + PIECE_BYTES]
            if pause_seconds:
                await pause(pause_seconds)
    yield COPY_TRAILER
