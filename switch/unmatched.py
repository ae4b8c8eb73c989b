"""What replay cannot do alone: giving back to cards' limits what was reversed late.

Owns the look-up of originals that memory had lost. Must not know who replays.

Theory of operation. A live reversal has its original recalled, and gives back what the original had
taken from its card's limits of the day. Replay does not stop at each row to ask the database: it
notes the reversals whose originals memory does not hold, and afterwards they are looked up
together. That gives the same counters, because a card's day only goes forward: a reversal of
today's purchase still counts now, and one of an earlier day's was forgotten with that day.

Everything here runs on the database's thread.
"""

from collections import defaultdict
from datetime import date

from switch._core import Core
from switch._unmatched import take_unmatched, uncount
from switch.ledger.session import Session
from switch.operations import Operation
from switch.recall import Later, Original, later_rows, outcome

EPOCH = date(1970, 1, 1)
ROWS_AT_ONCE = 10_000

COUNTED = (
    Operation.PURCHASE,
    Operation.POINTS_PAYMENT,
    Operation.HOLD,
    Operation.PREAUTHORISATION,
)

READ_PAIRS = f"""
SELECT reversal.seq, reversal.undone_minor,
       original.seq AS original_seq, original.card, original.business_date, original.operation,
       original.approved_minor
  FROM journal AS reversal
  JOIN journal AS original ON original.shard = $1 AND original.seq = reversal.original_seq
 WHERE reversal.shard = $1 AND reversal.seq = ANY($2) AND original.card IS NOT NULL
   AND original.operation IN ({", ".join(f"{operation:d}" for operation in COUNTED)})
 ORDER BY reversal.seq
"""


async def match_originals(session: Session, shard: int, core: Core) -> None:
    """Let the reversals that were replayed without their originals take their whole effect."""
    unmatched = take_unmatched(core)
    for at in range(0, len(unmatched), ROWS_AT_ONCE):
        await _match(session, shard, core, unmatched[at : at + ROWS_AT_ONCE])


async def _match(session: Session, shard: int, core: Core, seqs: list[int]) -> None:
    pairs = [
        (row, (row["business_date"] - EPOCH).days)
        for row in await session.fetch(READ_PAIRS, shard, seqs)
    ]
    pairs = [(row, day) for row, day in pairs if core.card_limits(row["card"])[0] == day]
    naming = await _rows_naming(session, shard, sorted({row["original_seq"] for row, _ in pairs}))
    for row, day in pairs:
        original = Original(
            seq=row["original_seq"],
            operation=row["operation"],
            approved_minor=row["approved_minor"],
            approved=True,
        )
        before = [later for later in naming[original.seq] if later.seq < row["seq"]]
        change_minor = row["undone_minor"] - outcome(original, before)[1]
        if change_minor > 0:
            whole = row["undone_minor"] == original.approved_minor
            uncount(core, row["card"], day, change_minor, whole)


async def _rows_naming(session: Session, shard: int, seqs: list[int]) -> dict[int, list[Later]]:
    """Give the rows that name each original or one of its refunds, in order."""
    naming: dict[int, list[Later]] = defaultdict(list)
    original_of = {}
    for row in await later_rows(session, shard, seqs):
        naming[row.original_seq].append(row)
        if row.operation == Operation.REFUND:
            original_of[row.seq] = row.original_seq
    for row in await later_rows(session, shard, list(original_of)):
        naming[original_of[row.original_seq]].append(row)
    for rows in naming.values():
        rows.sort(key=lambda row: row.seq)
    return naming
