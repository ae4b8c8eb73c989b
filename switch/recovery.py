"""Recovery: a shard's memory from its newest snapshot and the journal's tail; and making snapshots.

Owns the order of the two and what is checked on the way: the snapshot's digest, its place in the
journal, and each row's sequence, chain and moves. Must not know what a row or a part says, nor who
serves afterwards.

Theory of operation. The book is a cache of the journal, so a snapshot is only a shortcut: one that
is damaged is left aside and the journal is replayed from its first row. A switch that serves makes
snapshots of its own memory (`switch.snapshots`). `write_snapshot` makes the same bytes from the
snapshot before and the rows since then, without a switch, and audits the journal on the way.

`recover` is called from Trio; everything else runs on the database's thread with a session lent by
`Database.call` or `call_sync`, so that health and metrics answer meanwhile.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from switch._core import Core, JournalBroken
from switch._packing import PackingBroken, unpack
from switch._snapshot import Loading, SnapshotBroken, as_they_are, dump, layout
from switch.directory import Directory, EventError
from switch.errors import LedgerCorrupt
from switch.ledger.database import Database
from switch.ledger.reader import head, read_rows_ahead
from switch.ledger.session import Session
from switch.ledger.snapshots import Snapshot, load_snapshot, store_snapshot

DIRECTORY_PART = "directory"
DIGEST_PART = "digest"

REPLAY_DETAIL_BYTES = 1 << 20
"""Details of exchanges that a core which only replays keeps: nobody will ask for them."""

Progress = Callable[[int, int], object]
"""Called with the last sequence replayed and the last there is; on the database's thread."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """A shard as its journal says. `snapshot` is what it began with, None for the first row.

    `rows` were replayed after that. `refused` says why the newest snapshot was left aside, else "".
    """

    core: Core
    directory: Directory
    snapshot: Snapshot | None
    rows: int
    refused: str


def replaying_core(shard: int, exchange_entries: int) -> Core:
    """Give an empty core that can replay, but neither look for a PAN nor answer a message."""
    return Core(
        shard=shard,
        pan_key=bytes(32),
        exchange_entries=exchange_entries,
        detail_bytes=REPLAY_DETAIL_BYTES,
        batch_rows_max=1,
        batch_bytes_max=1,
        clock_seconds_max=0,
        response_codes=[],
        reason_names=[],
    )


async def recover(
    database: Database,
    shard: int,
    core_factory: Callable[[], Core],
    on_progress: Progress = lambda last_seq, end_seq: None,
) -> Recovery:
    """Rebuild a shard; called from Trio, which goes on meanwhile.

    `core_factory` gives an empty core of the shard. Raises LedgerCorrupt when the journal
    contradicts itself or the snapshot, DatabaseUnavailable when the database is lost (call again).
    """
    return await database.call(rebuild, shard, core_factory, on_progress)


async def rebuild(
    session: Session, shard: int, core_factory: Callable[[], Core], on_progress: Progress
) -> Recovery:
    """Rebuild a shard. See `recover`."""
    refused = ""
    core = core_factory()
    directory = Directory(core)
    try:
        snapshot = await load_state(session, shard, core, directory)
    except SnapshotBroken as error:
        refused = str(error)
        snapshot = None
        core = core_factory()
        directory = Directory(core)
    rows = await replay_tail(session, core, directory, shard, on_progress)
    return Recovery(core=core, directory=directory, snapshot=snapshot, rows=rows, refused=refused)


async def replay_tail(
    session: Session, core: Core, directory: Directory, shard: int, on_progress: Progress
) -> int:
    """Replay the rows after the core's last; return how many.

    For a tenure that was overtaken before its first row, too. Raises LedgerCorrupt, after which the
    core is of no use, like DatabaseUnavailable.
    """
    end = await head(session, shard)
    before_seq = core.last_seq
    if end.last_seq < before_seq:
        raise LedgerCorrupt(
            f"shard {shard}: the journal ends at row {end.last_seq}, a snapshot at {before_seq}"
        )
    if end.last_seq > before_seq:
        await replay_rows(session, core, directory, shard, end.last_seq, on_progress)
    if core.last_seq != end.last_seq:
        raise LedgerCorrupt(f"shard {shard}: row {core.last_seq + 1} is missing")
    if core.chain != end.chain:
        raise LedgerCorrupt(f"shard {shard}: the snapshot is not of row {end.last_seq}'s journal")
    return end.last_seq - before_seq


async def replay_rows(
    session: Session,
    core: Core,
    directory: Directory,
    shard: int,
    until_seq: int,
    on_progress: Progress,
) -> None:
    """Replay the rows after the core's last up to `until_seq`.

    Raises LedgerCorrupt; then core and session are of no use any more.
    """

    def carry_out(seq: int, kind: int, body: bytes) -> None:
        try:
            directory.replay(seq, kind, body)
        except (EventError, msgspec.MsgspecError, UnicodeError) as error:
            raise JournalBroken(f"row {seq}: its event cannot take effect: {error}") from error

    def take(piece: bytes) -> None:
        core.replay(bytes(piece), carry_out)  # the driver gives bytearrays
        on_progress(core.last_seq, until_seq)

    try:
        await read_rows_ahead(session, shard, core.last_seq, until_seq, take)
    except JournalBroken as error:
        # The server is still sending: the driver would wait for the end of a COPY that it left.
        session.abort()
        raise LedgerCorrupt(f"shard {shard}: {error}") from error


# --- snapshots ------------------------------------------------------------------------------------


async def write_snapshot(
    session: Session,
    shard: int,
    core_factory: Callable[[], Core],
    on_progress: Progress = lambda last_seq, end_seq: None,
) -> Snapshot | None:
    """Make a snapshot of the journal as it is now; None when the newest has every row already.

    Raises LedgerCorrupt, DatabaseUnavailable, or StatementRefused when somebody else has just made
    the same one.
    """
    found = await rebuild(session, shard, core_factory, on_progress)
    if found.rows == 0 and not found.refused:
        return None
    core = found.core
    if found.refused:
        # The broken one may be of this very row, and it is of use to nobody.
        await session.fetch(DROP_BROKEN, shard, layout(core))
    return await store_snapshot(
        session,
        shard,
        core.last_seq,
        core.chain,
        layout(core),
        rows_of(dump(core), found.directory.dump()),
    )


DROP_BROKEN = """
WITH gone AS (
    DELETE FROM snapshots WHERE shard = $1 AND seq = (
        SELECT max(seq) FROM snapshots WHERE shard = $1 AND layout = $2) RETURNING seq
)
DELETE FROM snapshot_chunks WHERE shard = $1 AND seq IN (SELECT seq FROM gone)
"""


def rows_of(state: Iterable[tuple[str, bytes]], directory: bytes) -> Iterator[tuple[str, bytes]]:
    """Give everything that a snapshot holds, the digest of all the rows last.

    `state` are the core's rows, `directory` is its directory's dump.
    """
    digest = _Digest()
    for part, body in state:
        digest.add(part, body)
        yield part, body
    for body in as_they_are(directory):
        digest.add(DIRECTORY_PART, body)
        yield DIRECTORY_PART, body
    for body in as_they_are(digest.result()):
        yield DIGEST_PART, body


async def load_state(
    session: Session, shard: int, core: Core, directory: Directory
) -> Snapshot | None:
    """Load the newest snapshot into an empty core; None when there is none of its layout.

    Raises SnapshotBroken; then the core is of no use.
    """
    loading = Loading(core)
    digest = _Digest()
    beside: dict[str, bytearray] = {DIRECTORY_PART: bytearray(), DIGEST_PART: bytearray()}

    def take(part: str, body: bytes) -> None:
        if part != DIGEST_PART:
            digest.add(part, body)
        if part not in beside:
            loading.take(part, body)
            return
        try:
            beside[part] += unpack(body)
        except PackingBroken as error:
            raise SnapshotBroken(f"{part}: {error}") from error

    found = await load_snapshot(session, shard, layout(core), take)
    if found is None:
        return None
    if bytes(beside[DIGEST_PART]) != digest.result():
        raise SnapshotBroken("digest: some byte of it was changed")
    loading.finish()
    if (core.last_seq, core.chain) != (found.seq, found.chain):
        raise SnapshotBroken(f"head: of row {core.last_seq}, not of {found.seq}")
    try:
        directory.load(bytes(beside[DIRECTORY_PART]))
    except (EventError, msgspec.MsgspecError, UnicodeError) as error:
        raise SnapshotBroken(f"{DIRECTORY_PART}: {error}") from error
    return found


class _Digest:
    """SHA-256 over the parts' names and rows."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def add(self, part: str, body: bytes) -> None:
        self._sum.update(f"\0{part}\0{len(body)}\0".encode())
        self._sum.update(body)

    def result(self) -> bytes:
        return self._sum.digest()
