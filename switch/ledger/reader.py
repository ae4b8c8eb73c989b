"""Reading the journal: as streams of PostgreSQL's COPY binary format, decoded elsewhere.

It owns the queries that recovery, verification and the slow lane ask. It must not decode a row.

Everything here runs on the database's thread, with a session lent by `Database.call` (from Trio) or
`Database.call_sync`: `await database.call(read_rows, shard, after_seq, sink)`.
"""

from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from switch.ledger.database import in_order, pause
from switch.ledger.journal import COLUMNS, GENESIS_CHAIN, Head
from switch.ledger.session import Session

RANGE_ROWS = 10_000
"""Read at once by one session: some 9 MB, of which three are in memory at most."""

ALL_COLUMNS = ", ".join(COLUMNS)

READ_HEAD = """
SELECT coalesce(last.seq, 0) AS last_seq, last.chain, coalesce(head.epoch, 0) AS epoch
  FROM (SELECT $1::SMALLINT AS shard) AS wanted
  LEFT JOIN shard_heads head ON head.shard = wanted.shard
  LEFT JOIN LATERAL (
       SELECT seq, chain FROM journal
        WHERE journal.shard = wanted.shard ORDER BY seq DESC LIMIT 1) AS last ON true
"""


async def head(session: Session, shard: int) -> Head:
    """Return where the shard's journal ends and the tenure's epoch."""
    row = (await session.fetch(READ_HEAD, shard))[0]
    return Head(last_seq=row["last_seq"], chain=row["chain"] or GENESIS_CHAIN, epoch=row["epoch"])


async def read_rows(
    session: Session,
    shard: int,
    after_seq: int,
    sink: Callable[[bytes], object],
    *,
    until_seq: int | None = None,
) -> None:
    """Stream the rows above `after_seq`, in order, as one COPY binary stream.

    `sink` is called on the database's thread with pieces of the stream, cut anywhere.
    """
    until = "" if until_seq is None else f" AND seq <= {int(until_seq)}"
    await session.copy_out(
        f"SELECT {ALL_COLUMNS} FROM journal"
        f" WHERE shard = {int(shard)} AND seq > {int(after_seq)}{until} ORDER BY seq",
        sink,
    )


async def read_rows_ahead(
    session: Session, shard: int, after_seq: int, until_seq: int, sink: Callable[[bytes], object]
) -> None:
    """Hand the rows above `after_seq` up to `until_seq` to `sink`, in order, over two sessions.

    Encoding a row costs the server more than reading it costs us, and it is one process a session.
    The rows come as several COPY streams, one after the other. When `sink` raises, `session` is of
    no use any more.
    """
    firsts = range(after_seq, until_seq, RANGE_ROWS)
    if len(firsts) < 2:
        await read_rows(session, shard, after_seq, sink, until_seq=until_seq)
        return
    both = (session, await session.another())
    works = [
        partial(_read_range, both[number % 2], shard, first, min(first + RANGE_ROWS, until_seq))
        for number, first in enumerate(firsts)
    ]
    try:
        async with aclosing(in_order(works, len(both))) as ranges:
            try:
                async for pieces in ranges:
                    for piece in pieces:
                        sink(piece)
                        await pause(0)  # let the sessions go on reading
            except BaseException:
                # The servers are still sending: the driver would wait for the ends of their COPYs.
                for one in both:
                    one.abort()
                raise
    finally:
        both[1].abort()


async def _read_range(session: Session, shard: int, after_seq: int, until_seq: int) -> list[bytes]:
    pieces: list[bytes] = []
    await read_rows(session, shard, after_seq, pieces.append, until_seq=until_seq)
    return pieces


async def read_chosen_rows(session: Session, shard: int, seqs: list[int]) -> bytes:
    """Return the stream of these rows, in order; those that are not there are left out."""
    pieces: list[bytes] = []
    chosen = ",".join(str(int(seq)) for seq in seqs)
    await session.copy_out(
        f"SELECT {ALL_COLUMNS} FROM journal"
        f" WHERE shard = {int(shard)} AND seq = ANY ('{{{chosen}}}'::BIGINT[]) ORDER BY seq",
        pieces.append,
    )
    return b"".join(pieces)


async def read_event(session: Session, shard: int, seq: int) -> bytes | None:
    """Give the event on a row, as JSON, or None when it has none."""
    rows = await session.fetch(
        "SELECT event::TEXT AS event FROM journal WHERE shard = $1 AND seq = $2", shard, seq
    )
    event = rows[0]["event"] if rows else None
    return None if event is None else str(event).encode("utf-8")
