"""The auditor: rebuilds every book from the first row of the journal and says whether it all holds.

Owns what is checked and in which order. Decides no message again; must not know how the result is
shown. Runs on the database's thread with a session lent by `Database.call_sync`, beside a serving
switch if need be: it looks at the journal as it was when it began.

What is held against what:
- each row: its sequence, epoch, chain (any changed column), moves; that nothing decided freely took
  an account below its floor, holds included;
- the newest snapshot: every byte of every part, at its own row;
- the book at the end: units sum to zero, lots to balances; each card's held funds to what is left
  of its open holds, computed from their rows; points issued less redeemed and expired to what
  cards hold;
- the tenure: its epoch is no older than the last row's.

What the journal alone cannot show: rows missing at its very end. A snapshot behind them does.
"""

from collections.abc import Iterator

import msgspec

from switch._audit import below_floor, held_balances, open_holds, points, points_of_merchants
from switch._core import Core
from switch._packing import PackingBroken, unpack
from switch._snapshot import dump, layout
from switch.directory import Directory
from switch.errors import LedgerCorrupt
from switch.ledger.reader import head
from switch.ledger.session import Session
from switch.ledger.snapshots import load_snapshot
from switch.recovery import Progress, replay_rows, replaying_core, rows_of
from switch.snapshot_records import describe_difference, exchange_entries_of, record_bytes
from switch.units import COUNTS_BASE

EXCHANGE_ENTRIES = 1_000_000
"""Exchanges remembered where no snapshot says how many: more than may be open holds."""

BELOW_FLOOR_SHOWN = 20

NEXT_SHARD = """
SELECT least((SELECT min(shard) FROM journal WHERE shard > $1),
             (SELECT min(shard) FROM shard_heads WHERE shard > $1),
             (SELECT min(shard) FROM snapshots WHERE shard > $1)) AS shard
"""

NEWEST_SNAPSHOT = """
SELECT seq, chain, layout FROM snapshots WHERE shard = $1 ORDER BY seq DESC LIMIT 1
"""

LAST_EPOCH = "SELECT epoch FROM journal WHERE shard = $1 AND seq = $2"

HOLD_MOVES = """
SELECT seq, approved_minor, moves
  FROM journal WHERE shard = $1 AND seq = ANY($2) ORDER BY seq
"""


class ClubPoints(msgspec.Struct, frozen=True, kw_only=True):
    """A club's points: issued less redeemed less expired is what cards hold, the liability.

    `merchant_funded`: of them, those that merchants have paid for, wholly or in part.
    """

    club: int
    issued: int
    redeemed: int
    expired: int
    liability: int
    merchant_funded: int


class ShardReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a shard; `first_difference` None = everything holds.

    `rows` were verified one by one. `snapshot_seq` is the row of the snapshot that was compared,
    None without one. `below_floor` are accounts that reversals or advices took there: allowed, but
    somebody owes that money; the first of them, and how many in all.
    """

    shard: int
    rows: int
    last_seq: int
    first_difference: str | None
    snapshot_seq: int | None = None
    accounts: int = 0
    cards: int = 0
    open_holds: int = 0
    below_floor_count: int = 0
    below_floor: tuple[str, ...] = ()
    points: tuple[ClubPoints, ...] = ()


async def find_shards(session: Session) -> list[int]:
    """Give every shard that the database knows."""
    shards: list[int] = []
    while True:
        row = (await session.fetch(NEXT_SHARD, shards[-1] if shards else -1))[0]
        if row["shard"] is None:
            return shards
        shards.append(row["shard"])


async def verify_shard(session: Session, shard: int, on_progress: Progress) -> ShardReport:
    """Rebuild a shard from its first row and check everything. Raises DatabaseUnavailable."""
    newest = await session.fetch(NEWEST_SNAPSHOT, shard)
    end = await head(session, shard)  # afterwards: a switch that serves writes more of both
    entries = exchange_entries_of(newest[0]["layout"]) if newest else None
    core = replaying_core(shard, entries or EXCHANGE_ENTRIES)
    core.watch_floors()
    directory = Directory(core)
    snapshot_seq = None
    try:
        while newest and newest[0]["layout"] == layout(core):
            snapshot_seq = newest[0]["seq"]
            if snapshot_seq > end.last_seq:
                raise LedgerCorrupt(
                    f"the journal ends at row {end.last_seq}, a snapshot at {snapshot_seq}"
                )
            await replay_rows(session, core, directory, shard, snapshot_seq, on_progress)
            _expect_row(core, snapshot_seq)
            if await _compare_snapshot(session, shard, core, directory):
                break
            # The switch has made newer ones meanwhile, and dropped it.
            newest = await session.fetch(NEWEST_SNAPSHOT, shard)
            end = await head(session, shard)
        if core.last_seq < end.last_seq:
            await replay_rows(session, core, directory, shard, end.last_seq, on_progress)
        _expect_row(core, end.last_seq)
        await _check_tenure(session, shard, end.last_seq, end.epoch)
        _check_book(core)
        await _check_holds(session, shard, core)
    except LedgerCorrupt as error:
        return ShardReport(
            shard=shard,
            rows=core.last_seq,
            last_seq=end.last_seq,
            first_difference=str(error).removeprefix(f"shard {shard}: "),
            snapshot_seq=snapshot_seq,
        )
    return _report(shard, core, snapshot_seq)


def _report(shard: int, core: Core, snapshot_seq: int | None) -> ShardReport:
    below = below_floor(core)
    funded = points_of_merchants(core)
    return ShardReport(
        shard=shard,
        rows=core.last_seq,
        last_seq=core.last_seq,
        first_difference=None,
        snapshot_seq=snapshot_seq,
        accounts=core.account_count,
        cards=core.card_count,
        open_holds=len(open_holds(core)),
        below_floor_count=len(below),
        below_floor=tuple(
            f"account {number}: {balance}, floor {floor}"
            for number, balance, floor in below[:BELOW_FLOOR_SHOWN]
        ),
        points=tuple(
            ClubPoints(
                club=club,
                issued=issued,
                redeemed=redeemed,
                expired=expired,
                liability=on_cards,
                merchant_funded=funded[club],
            )
            for club, issued, redeemed, expired, on_cards, _in_lots in points(core)
        ),
    )


def _expect_row(core: Core, seq: int) -> None:
    if core.last_seq != seq:
        raise LedgerCorrupt(f"row {core.last_seq + 1} is missing")


async def _check_tenure(session: Session, shard: int, last_seq: int, epoch: int) -> None:
    rows = await session.fetch(LAST_EPOCH, shard, last_seq)
    if rows and rows[0]["epoch"] > epoch:
        raise LedgerCorrupt(f"row {last_seq}: epoch {rows[0]['epoch']}, the shard's is {epoch}")


def _check_book(core: Core) -> None:
    """Units, lots and points."""
    imbalances = core.imbalances()
    if imbalances:
        raise LedgerCorrupt(imbalances[0])
    for club, issued, redeemed, expired, on_cards, in_lots in points(core):
        if not issued - redeemed - expired == on_cards == in_lots:
            raise LedgerCorrupt(
                f"club {club}: {issued} points issued less {redeemed} redeemed"
                f" and {expired} expired,"
                f" {on_cards} on cards, {in_lots} in lots"
            )


async def _check_holds(session: Session, shard: int, core: Core) -> None:
    """Hold what cards have held against what the rows of open holds moved there and still do."""
    held = held_balances(core)
    undone = {seq: undone_minor for seq, _approved, undone_minor in open_holds(core)}
    expected: dict[int, int] = {}
    for row in await session.fetch(HOLD_MOVES, shard, list(undone)):
        approved_minor = row["approved_minor"]
        for _, account, moved, *_ in row["moves"]:
            if core.account(account)[3] >= COUNTS_BASE:
                continue  # what a cap has seen is reserved for nobody
            left = moved - moved * undone[row["seq"]] // approved_minor
            expected[account] = expected.get(account, 0) + left
    for account in sorted(held.keys() | expected.keys()):
        if held.get(account, 0) != expected.get(account, 0):
            raise LedgerCorrupt(
                f"account {account}: {held.get(account, 0)} held,"
                f" {expected.get(account, 0)} in open holds"
            )


async def _compare_snapshot(session: Session, shard: int, core: Core, directory: Directory) -> bool:
    """Hold every byte of the snapshot of this row against the state; false when it is gone."""
    comparison = _Comparison(rows_of(dump(core), directory.dump()))
    found = await load_snapshot(session, shard, layout(core), comparison.take, seq=core.last_seq)
    if found is None:
        return False
    comparison.finish()
    if comparison.difference is None and found.chain != core.chain:
        comparison.difference = "chain: of another journal"
    if comparison.difference is not None:
        raise LedgerCorrupt(f"snapshot at row {found.seq}: {comparison.difference}")
    return True


class _Comparison:
    """Compares stored rows with rebuilt ones as they come; keeps the first difference."""

    def __init__(self, rebuilt: Iterator[tuple[str, bytes]]) -> None:
        self.difference: str | None = None
        self._rebuilt = rebuilt
        self._part = ""
        self._records = 0  # compared so far, of the part

    def take(self, part: str, body: bytes) -> None:
        """Take the next stored row."""
        if self.difference is not None:
            return
        expected, rebuilt = next(self._rebuilt, ("nothing", b""))
        if part != self._part:
            self._part, self._records = part, 0
        if part != expected:
            self.difference = f"{part}: where {expected} should be"
        elif body != rebuilt:
            try:
                stored = unpack(body)
            except PackingBroken as error:
                self.difference = f"{part}: {error}"
            else:
                self.difference = self._describe(stored, unpack(rebuilt))
        else:
            self._records += len(unpack(body)) // record_bytes(part)

    def finish(self) -> None:
        """Look for what is left when everything was taken."""
        if self.difference is None and (missing := next(self._rebuilt, None)) is not None:
            self.difference = f"{missing[0]}: is missing"

    def _describe(self, stored: bytes, rebuilt: bytes) -> str:
        """Name the first record in which two rows differ."""
        step = record_bytes(self._part)
        for index in range(min(len(stored), len(rebuilt)) // step):
            here = slice(index * step, (index + 1) * step)
            if stored[here] != rebuilt[here]:
                return describe_difference(
                    self._part, self._records + index, stored[here], rebuilt[here]
                )
        if len(stored) == len(rebuilt):
            return f"{self._part}: packed otherwise"
        longer = "longer" if len(stored) > len(rebuilt) else "shorter"
        return f"{self._part}: {longer} than it should be"
