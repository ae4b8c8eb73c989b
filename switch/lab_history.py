"""The past as the replay lab reads it: where a window begins, what later rows name, the rows.

Owns the queries. Must not know what a row says. Everything here runs on the database's thread, with
a session lent by `Database.call_sync`; it only reads, so a replica will do.

Theory of operation. Rows come in the order of their sequences as COPY binary, with the journal's
columns; those that looking back has no use for are NULL, which halves the bytes. Each worker asks
for its own cards' rows alone, so that the server encodes no row twice. A stretch of rows is a
statement of its own: a replica that has to catch up ends long ones.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from switch._lab import BLOCK
from switch.ledger.journal import COLUMNS
from switch.ledger.reader import read_chosen_rows
from switch.ledger.session import Session
from switch.operations import JournalKind
from switch.recall import Original, later_rows, outcomes_of

STRETCH_ROWS = 200_000

IN_ORDER = """
SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_seqscan = off
"""
"""By the primary key, whose order is the rows' on disk. A partition that is being written has no
statistics: the planner takes a stretch for a few rows and sorts them, on disk: twice the time."""

UNUSED = {
    "epoch": "INTEGER",
    "club": "SMALLINT",
    "acquirer": "INTEGER",
    "programme_version": "INTEGER",
    "mti": "SMALLINT",
    "processing_code": "INTEGER",
    "stan": "INTEGER",
    "local_at": "INTEGER",
    "transmitted_at": "INTEGER",
    "rrn": "TEXT",
    "fingerprint": "BIGINT",
    "authorisation_code": "TEXT",
    "original_stan": "INTEGER",
    "original_at": "INTEGER",
    "original_class": "SMALLINT",
    "hold_expires_at": "TIMESTAMPTZ",
    "reply": "BYTEA",
    "proofs": "SMALLINT",
    "card_counter": "INTEGER",
    "key_serial": "BIGINT",
}
READ_COLUMNS = ", ".join(
    f"NULL::{UNUSED[column]}" if column in UNUSED else column for column in COLUMNS
)

FIND_DECIDED = """
SELECT seq, extract(epoch FROM decided_at)::BIGINT AS decided_s
  FROM journal WHERE shard = $1 AND seq >= $2 ORDER BY seq LIMIT 1
"""

FIND_NAMED = """
SELECT DISTINCT original_seq AS seq FROM journal
 WHERE shard = $1 AND seq > $2 AND seq <= $3 AND original_seq IS NOT NULL
   AND response_code IN ('00', '10') AND card / $4 % $5 = $6
"""

READ_ORIGINALS = """
SELECT seq, operation, approved_minor, original_seq, response_code IN ('00', '10') AS approved
  FROM journal WHERE shard = $1 AND seq = ANY($2)
"""

FIND_LIVE = f"""
SELECT event::TEXT AS event FROM journal
 WHERE shard = $1 AND seq > $2 AND seq <= $3 AND kind = {JournalKind.EVENT:d}
   AND event->>'type' = 'programme_live'
"""


FIND_DRAFT = f"""
SELECT event::TEXT AS event FROM journal
 WHERE kind = {JournalKind.EVENT:d} AND event->>'type' = 'programme_drafted'
   AND (event->'definition'->>'programme')::INTEGER = $1
 ORDER BY seq DESC LIMIT 1
"""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker reads: its cards of a programme, and rows of others that move theirs.

    `referrers`: programmes whose guests reward this one's members, or that take its vouchers.
    """

    programme: int
    worker: int
    worker_count: int
    referrers: tuple[int, ...] = ()

    def condition(self) -> str:
        """Give the rows as SQL."""
        mine = f"card / {BLOCK:d} % {self.worker_count:d} = {self.worker:d}"
        others = ",".join(f"{number:d}" for number in self.referrers)
        return (
            f"(kind = {JournalKind.EVENT:d}"
            f" OR kind = {JournalKind.CLOCK:d} AND programme = {self.programme:d}"
            f" OR kind = {JournalKind.HOLD_EXPIRY:d} AND {mine}"
            f" OR kind = {JournalKind.EXCHANGE:d} AND programme = {self.programme:d} AND {mine}"
            f" OR kind = {JournalKind.EXCHANGE:d} AND programme = ANY ('{{{others}}}'))"
        )


async def is_replica(session: Session) -> bool:
    """Say whether nobody writes here."""
    return bool((await session.fetch("SELECT pg_is_in_recovery() AS yes"))[0]["yes"])


async def first_seq_since(session: Session, shard: int, at_s: int, last_seq: int) -> int:
    """Give the first row that was decided at `at_s` or later; one more than the last for none.

    By halves: rows are in the order in which they were decided, as far as clocks go forward.
    """
    low, high = 1, last_seq + 1
    while low < high:
        middle = (low + high) // 2
        rows = await session.fetch(FIND_DECIDED, shard, middle)
        if rows and rows[0]["decided_s"] < at_s:
            low = rows[0]["seq"] + 1
        else:
            high = middle
    return low


async def live_events(session: Session, shard: int, after_seq: int, until_seq: int) -> list[bytes]:
    """Give the events by which versions went live in between, as JSON."""
    rows = await session.fetch(FIND_LIVE, shard, after_seq, until_seq)
    return [str(row["event"]).encode("utf-8") for row in rows]


async def newest_draft(session: Session, programme: int) -> bytes | None:
    """Give the event that proposed a programme's newest version, as JSON."""
    rows = await session.fetch(FIND_DRAFT, programme)
    return str(rows[0]["event"]).encode("utf-8") if rows else None


async def named_later(
    session: Session, shard: int, share: Share, after_seq: int, until_seq: int
) -> tuple[list[int], bytes, dict[int, tuple[int, int]]]:
    """Give the exchanges that rows in between undo or complete.

    Their sequences; the rows of those up to `after_seq` as a COPY stream; and what had become of
    each of these by then: (state, undone minor units).
    """
    rows = await session.fetch(
        FIND_NAMED, shard, after_seq, until_seq, BLOCK, share.worker_count, share.worker
    )
    seqs = {row["seq"] for row in rows}
    before = await _originals(session, shard, [seq for seq in seqs if seq <= after_seq])
    # A refund that is taken back: what it had undone has to be known, too.
    refunded = {row["original_seq"] for row in before if row["original_seq"] is not None} - seqs
    before += await _originals(session, shard, refunded)
    originals = [
        Original(
            seq=row["seq"],
            operation=row["operation"],
            approved_minor=row["approved_minor"],
            approved=row["approved"],
        )
        for row in before
    ]
    old = sorted(one.seq for one in originals)
    later = [row for row in await later_rows(session, shard, old) if row.seq <= after_seq]
    refunds = [row.seq for row in later if row.seq not in old]
    later += [row for row in await later_rows(session, shard, refunds) if row.seq <= after_seq]
    outcomes = {seq: (int(o[0]), o[1]) for seq, o in outcomes_of(originals, later).items()}
    return sorted(seqs | refunded), await read_chosen_rows(session, shard, old), outcomes


async def _originals(session: Session, shard: int, seqs: Iterable[int]) -> list[dict[str, Any]]:
    return [dict(row) for row in await session.fetch(READ_ORIGINALS, shard, sorted(seqs))]


async def read_history(
    session: Session,
    shard: int,
    share: Share,
    after_seq: int,
    until_seq: int,
    sink: Callable[[bytes], object],
    on_stretch: Callable[[int], object] = lambda seq: None,
) -> None:
    """Stream a worker's rows above `after_seq` up to `until_seq`, in order.

    They come as several COPY streams, one after the other. `on_stretch` is told how far it has got.
    """

    def take(piece: bytes) -> None:
        try:
            sink(piece)
        except BaseException:
            session.abort()  # the server is still sending: the driver would wait for the end
            raise

    for first in range(after_seq, until_seq, STRETCH_ROWS):
        last = min(first + STRETCH_ROWS, until_seq)
        async with session.transaction():
            await session.execute(IN_ORDER)
            await session.copy_out(
                f"SELECT {READ_COLUMNS} FROM journal WHERE shard = {shard:d} AND seq > {first:d}"
                f" AND seq <= {last:d} AND {share.condition()} ORDER BY seq",
                take,
            )
        on_stretch(last)
