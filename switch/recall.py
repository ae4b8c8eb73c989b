"""Recall: what has left a shard's memory, fetched back from the journal for the slow lane.

Owns the look-ups and the arithmetic of what later rows made of a row (`outcome`). Must not know why
the core asks. Called from Trio; the queries run on the database's thread, beside the batches.

Theory of operation. Memory holds the newest exchanges, and whatever changes one of them needs it
there: a reversal has its original recalled before it is decided. So what the journal says of an
exchange that memory does not hold is complete, as long as memory holds more exchanges than may wait
for the journal. One that was held when the journal was asked, but is not when the answer comes, is
asked for again.

Many are fetched at once, because the newest partitions have no index yet: a search reads them row
by row (0.3 s for a million), and does so once for all keys. After an outage that is longer than
memory, every message of every terminal may be a repeat and asks.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from switch._core import Core
from switch.errors import JournalUnavailable
from switch.ledger.database import Database
from switch.ledger.partitions import first_unindexed_seq
from switch.ledger.reader import read_chosen_rows
from switch.ledger.session import DatabaseUnavailable, Session, StatementRefused
from switch.operations import ExchangeState, JournalKind, Operation, Recalled
from switch.reasons import Reason

RECALLED_ROWS_MAX = 256
"""Rows of one terminal under one STAN, the newest. Requests claim a time within a day of ours, so
what they could repeat is among the newest few; further back there are only originals of refunds."""

RECALLED_AT_ONCE_MAX = 1_024
"""Messages for which the journal is asked together: all that the gate keeps. 256 take 6 % longer
than one (`python -m benchmarks --only recovery`)."""

DETAIL_BYTES_MAX = 8_192
"""Of one row in memory, with room to spare: its reply and its moves."""

Key = tuple[int, int]
"""Terminal and STAN."""

# A message that was refused because its key was taken does not hold that key. A tombstone has its
# original's key; one without a time would stop every later use of a STAN, so it counts for a day.
HOLDS_ITS_KEY = f"""
    kind = {JournalKind.EXCHANGE:d} AND reason <> {Reason.DUPLICATE_WITH_OTHER_CONTENT:d}
"""
IS_TOMBSTONE = f"""
    reason = {Reason.REVERSED_UNKNOWN_ORIGINAL:d}
    AND (original_at > 0 OR received_at > now() - INTERVAL '1 day')
"""

FIND_INDEXED = f"""
SELECT wanted.terminal, wanted.stan, found.seq, found.is_tombstone
  FROM unnest($3::INT[], $4::INT[]) AS wanted (terminal, stan)
 CROSS JOIN LATERAL (
       (SELECT seq, false AS is_tombstone FROM journal
         WHERE shard = $1 AND seq < $2 AND terminal = wanted.terminal AND stan = wanted.stan
           AND {HOLDS_ITS_KEY}
         ORDER BY seq DESC LIMIT {RECALLED_ROWS_MAX})
       UNION ALL
       (SELECT seq, true FROM journal
         WHERE shard = $1 AND seq < $2 AND original_seq IS NULL AND terminal = wanted.terminal
           AND original_stan = wanted.stan AND {IS_TOMBSTONE}
         ORDER BY seq DESC LIMIT {RECALLED_ROWS_MAX})) AS found
"""

# Read row by row: so both at once, and each row's key looked up in a hash table of those wanted.
FIND_UNINDEXED = f"""
SELECT terminal, stan, original_stan, seq, {HOLDS_ITS_KEY} AS holds_its_key,
       {IS_TOMBSTONE} AS is_tombstone
  FROM journal
 WHERE shard = $1 AND seq >= $2
   AND ((terminal::BIGINT << 32 | stan) = ANY ($3::BIGINT[]) AND {HOLDS_ITS_KEY}
        OR (terminal::BIGINT << 32 | original_stan) = ANY ($3::BIGINT[]) AND {IS_TOMBSTONE})
"""

READ_ORIGINALS = """
SELECT seq, operation, approved_minor, response_code IN ('00', '10') AS approved
  FROM journal WHERE shard = $1 AND seq = ANY($2)
"""

# By the primary key from the original on: the partition that is written has no other index.
READ_LATER = """
SELECT seq, kind, operation, original_seq, approved_minor, undone_minor
  FROM journal
 WHERE shard = $1 AND original_seq = ANY($2) AND seq > $3 AND response_code IN ('00', '10')
 ORDER BY seq
"""


class Original(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row that may have been undone."""

    seq: int
    operation: int
    approved_minor: int
    approved: bool


class Later(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An approved row that names an earlier one. `undone_minor` None says nothing of it."""

    seq: int
    kind: int
    operation: int
    original_seq: int
    approved_minor: int
    undone_minor: int | None


def at_once_max(exchange_entries: int, detail_bytes: int) -> int:
    """Give for how many messages a shard with that memory may recall together.

    What is recalled for the last of them must not have left again when it is served: it would be
    taken for new. Each may bring its rows, a tombstone for each, and in the end a row of its own.
    """
    by_entries = exchange_entries // (4 * RECALLED_ROWS_MAX)
    return max(1, min(RECALLED_AT_ONCE_MAX, by_entries, detail_bytes // DETAIL_BYTES_MAX))


async def recall(database: Database, core: Core, shard: int, whats: Sequence[Recalled]) -> None:
    """Put back into the core's memory what it asked for, as far as the journal has it.

    Then ask the core again, with `recalled`. Raises JournalUnavailable.
    """
    try:
        while not await _recall_once(database, core, shard, whats):
            pass
    except (DatabaseUnavailable, StatementRefused) as error:
        raise JournalUnavailable(str(error)) from error


async def _recall_once(
    database: Database, core: Core, shard: int, whats: Sequence[Recalled]
) -> bool:
    """Recall; False when something that memory held has left it meanwhile."""
    seqs = {what[1] for what in whats if what[0] == "seq"}
    keys = {(what[1], what[2]) for what in whats if what[0] == "key"}
    found = await database.call(_find, shard, sorted(keys)) if keys else set()
    held = {seq for seq in seqs | found if core.exchange(seq) is not None}
    wanted = seqs | {abs(seq) for seq in found - held}
    rows, outcomes = await database.call(_fetch, shard, sorted(wanted), sorted(wanted - held))
    if any(core.exchange(seq) is None for seq in held):
        return False
    core.remember(rows, outcomes)
    return True


async def _find(session: Session, shard: int, keys: list[Key]) -> set[int]:
    """Give the sequences of what has one of these keys; below zero where it is a tombstone's."""
    async with session.transaction(snapshot=True):
        # The arrays are made a hash table, and partitions left out, while a statement is planned.
        await session.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        indexed_until = await first_unindexed_seq(session, shard)
        terminals, stans = [key[0] for key in keys], [key[1] for key in keys]
        indexed = await session.fetch(FIND_INDEXED, shard, indexed_until, terminals, stans)
        packed = [terminal << 32 | stan for terminal, stan in keys]
        read = await session.fetch(FIND_UNINDEXED, shard, indexed_until, packed)
    by_key: defaultdict[Key, set[int]] = defaultdict(set)
    for row in indexed:
        by_key[row["terminal"], row["stan"]].add(-row["seq"] if row["is_tombstone"] else row["seq"])
    for row in read:
        if row["holds_its_key"]:
            by_key[row["terminal"], row["stan"]].add(row["seq"])
        if row["is_tombstone"]:
            by_key[row["terminal"], row["original_stan"]].add(-row["seq"])
    newest = (sorted(by_key[key], key=abs)[-RECALLED_ROWS_MAX:] for key in keys)
    return {seq for seqs in newest for seq in seqs}


async def _fetch(
    session: Session, shard: int, wanted: list[int], lost: list[int]
) -> tuple[bytes, dict[int, tuple[ExchangeState, int]]]:
    """Read rows as a COPY stream in order, and of those that are lost what later rows made of them.

    Later rows are read one by one where there is no index yet: once for all.
    """
    async with session.transaction(snapshot=True):
        await session.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        outcomes = await _outcomes(session, shard, lost) if lost else {}
        return await read_chosen_rows(session, shard, wanted), outcomes


async def _outcomes(
    session: Session, shard: int, seqs: list[int]
) -> dict[int, tuple[ExchangeState, int]]:
    """Give what has become of some rows, by their sequence."""
    rows = await session.fetch(READ_ORIGINALS, shard, seqs)
    originals = [Original(**dict(row)) for row in rows]
    undoable = [row.seq for row in originals if row.approved and row.operation in UNDOABLE]
    direct = await later_rows(session, shard, undoable)
    refunds = [row.seq for row in direct if row.operation == Operation.REFUND]
    return outcomes_of(originals, [*direct, *await later_rows(session, shard, refunds)])


UNDOABLE = frozenset(Operation) - {
    Operation.NONE,
    Operation.BALANCE,
    Operation.POINTS_BALANCE,
    Operation.ITEM_INQUIRY,
    Operation.DEBT_INQUIRY,
    Operation.REVERSAL,
    Operation.SIGN_ON,
    Operation.SIGN_OFF,
    Operation.ECHO,
    Operation.CUT_OVER,
    Operation.KEY_EXCHANGE,
}
"""All but what moves nothing, so that a new operation is never undone twice for being forgotten."""


async def later_rows(session: Session, shard: int, seqs: list[int]) -> list[Later]:
    """Give the approved rows that name one of these, in order."""
    if not seqs:
        return []
    rows = await session.fetch(READ_LATER, shard, seqs, min(seqs))
    return [Later(**dict(row)) for row in rows]


def outcomes_of(
    originals: Iterable[Original], later: Sequence[Later]
) -> dict[int, tuple[ExchangeState, int]]:
    """Give state and undone minor units of each original after all the later rows.

    `later` holds what names the originals and what names their refunds, in any order.
    """
    in_order = sorted({row.seq: row for row in later}.values(), key=lambda row: row.seq)
    return {original.seq: outcome(original, in_order) for original in originals}


def outcome(original: Original, later: Sequence[Later]) -> tuple[ExchangeState, int]:
    """Give state and undone minor units of an original, like the core when it replays the rows.

    A refund leaves the state: what was bought stands, however little of it was paid in the end. A
    reversal of a refund takes back what that had undone.
    """
    if not original.approved:
        return ExchangeState.DECLINED, 0
    is_hold = original.operation in (Operation.HOLD, Operation.PREAUTHORISATION)
    state = ExchangeState.HELD if is_hold else ExchangeState.APPROVED
    undone_minor = 0
    refunds = set()
    for row in later:
        if row.original_seq in refunds:
            undone_minor -= row.approved_minor if row.operation == Operation.REVERSAL else 0
        elif row.original_seq != original.seq:
            continue
        elif row.kind == JournalKind.HOLD_EXPIRY:
            state, undone_minor = ExchangeState.EXPIRED, row.undone_minor or 0
        elif row.operation == Operation.COMPLETION:
            state = ExchangeState.CAPTURED
        elif row.undone_minor is not None:
            undone_minor = row.undone_minor
            if row.operation == Operation.REFUND:
                refunds.add(row.seq)
            elif undone_minor == original.approved_minor:
                state = ExchangeState.RELEASED if is_hold else ExchangeState.REVERSED
    return state, undone_minor
