"""Recall: what has left a shard's memory, fetched back from the journal for the slow lane.

Owns the look-ups and the arithmetic of what later rows made of a row (`outcome`). Must not know why
the core asks. Called from Trio; the queries run on the database's thread, beside the batches.

Theory of operation. Memory holds the newest exchanges, and whatever changes one of them needs it
there: a reversal has its original recalled before it is decided. So what the journal says of an
exchange that memory does not hold is complete, as long as memory holds more exchanges than may wait
for the journal. One that was held when the journal was asked, but is not when the answer comes, is
asked for again.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from switch._core import Core
from switch.errors import JournalUnavailable
from switch.ledger.database import Database
from switch.ledger.reader import read_row
from switch.ledger.session import DatabaseUnavailable, Session, StatementRefused
from switch.operations import ExchangeState, JournalKind, Operation
from switch.reasons import Reason

RECALLED_ROWS_MAX = 256
"""Rows of one terminal under one STAN, the newest. Requests claim a time within a day of ours, so
what they could repeat is among the newest few; further back there are only originals of refunds."""

What = tuple[Literal["seq"], int] | tuple[Literal["key"], int, int]
"""("seq", sequence) or ("key", terminal, STAN): what `Lane.answer` and the gate ask for."""

# A message that was refused because its key was taken does not hold that key. A tombstone has its
# original's key; one without a time would stop every later use of a STAN, so it counts for a day.
FIND_BY_KEY = f"""
SELECT seq, false AS tombstone FROM journal
 WHERE shard = $1 AND terminal = $2 AND stan = $3 AND kind = {JournalKind.EXCHANGE:d}
   AND reason <> {Reason.DUPLICATE_WITH_OTHER_CONTENT:d}
UNION ALL
SELECT seq, true FROM journal
 WHERE shard = $1 AND terminal = $2 AND original_stan = $3
   AND reason = {Reason.REVERSED_UNKNOWN_ORIGINAL:d}
   AND (original_at > 0 OR received_at > now() - INTERVAL '1 day')
 ORDER BY seq DESC LIMIT {RECALLED_ROWS_MAX}
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


class _Lost(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row as a COPY stream, and what has become of it (-1 = memory knows)."""

    stream: bytes
    state: int
    undone_minor: int


async def recall(database: Database, core: Core, shard: int, what: What) -> None:
    """Put back into the core's memory what it asked for, as far as the journal has it.

    Then ask the core again, with `recalled`. Raises JournalUnavailable.
    """
    try:
        while not await _recall_once(database, core, shard, what):
            pass
    except (DatabaseUnavailable, StatementRefused) as error:
        raise JournalUnavailable(str(error)) from error


async def _recall_once(database: Database, core: Core, shard: int, what: What) -> bool:
    """Recall; False when something that memory held has left it meanwhile."""
    if what[0] == "seq":
        wanted = [what[1]]
        held = {seq for seq in wanted if core.exchange(seq) is not None}
    else:
        rows = await database.call(_find, shard, what[1], what[2])
        held = {seq for seq in rows if core.exchange(seq) is not None}
        wanted = [abs(seq) for seq in rows if seq not in held]
    lost = [seq for seq in wanted if seq not in held]
    found = await database.call(_fetch, shard, sorted(set(wanted)), lost)
    if any(core.exchange(seq) is None for seq in held):
        return False
    for row in found:
        core.remember(row.stream, row.state, row.undone_minor)
    return True


async def _find(session: Session, shard: int, terminal: int, stan: int) -> list[int]:
    """Give the sequences of a terminal's STAN; below zero where it is a tombstone's."""
    rows = await session.fetch(FIND_BY_KEY, shard, terminal, stan)
    return [-row["seq"] if row["tombstone"] else row["seq"] for row in rows]


async def _fetch(session: Session, shard: int, wanted: list[int], lost: list[int]) -> list[_Lost]:
    """Read rows in order, and of those that are lost what later rows made of them."""
    async with session.transaction(snapshot=True):
        outcomes = await _outcomes(session, shard, lost) if lost else {}
        found = []
        for seq in wanted:
            state, undone_minor = outcomes.get(seq, (-1, -1))
            stream = await read_row(session, shard, seq)
            found.append(_Lost(stream=stream, state=state, undone_minor=undone_minor))
        return found


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


UNDOABLE = frozenset(
    {
        Operation.PURCHASE,
        Operation.POINTS_PAYMENT,
        Operation.LOAD,
        Operation.REFUND,
        Operation.HOLD,
        Operation.PREAUTHORISATION,
        Operation.COMPLETION,
    }
)


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
