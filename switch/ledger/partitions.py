"""The journal's partitions: a new one before it is needed, indexes once it is complete.

It owns the partitions' size, names and indexes. It must not know what a row means.

The writer's COPY must never wait for a partition or miss one. So a partition is made as a table of
its own and then attached: attaching takes a lock on the journal that lets COPY go on, where
`CREATE TABLE … PARTITION OF` would stop it. While rows still arrive a partition has its primary key
only; the indexes that readers need are built when it is complete, because keeping them up to date
makes every batch slower (measured in docs/decisions/0012). Autovacuum leaves it alone: while it
fills there is nothing to remove, and each look at it reads what the writer has just written. What
readers need besides indexes, the planner's statistics, is made once with them.

The first who reads a row notes on its page that the transaction is committed (hint bits). If that
is the index build, seconds later, every page is written a second time, and, with checksums, every
page that is older than the last checkpoint goes into the log as a whole: 700 MB for a partition,
and each commit waits behind them. So the rows are read once while their pages are still to be
written for the first time (`set_hints`, measured in docs/decisions/0029).

Everything here runs on the database's thread.
"""

from collections.abc import Awaitable, Callable

from switch.ledger.session import Session

ROWS_PER_PARTITION = 1_000_000
"""About 450 MB with its key: an index on it is built in seconds, and dropping old ones is cheap."""

AHEAD_ROWS = ROWS_PER_PARTITION // 2
"""The next partition is made when the present one is half full: minutes ahead at full load."""

HINT_ROWS = 10_000
"""Read at once to set their hints: 7 MB, long before the server must make room for others."""

LOCK_CLASS = 0x6261_7368  # "bash": the first key of the advisory lock; the second is the shard

# Off for good: rows are never changed. What is left is freezing, which PostgreSQL does on time (at
# autovacuum_freeze_max_age) whatever this says.
STORAGE = "autovacuum_enabled = false"

# While the writer is at work one core for the indexes is enough, and none for helpers of it. The
# entries of a million rows are sorted in memory.
INDEX_SETTINGS = """
SET LOCAL max_parallel_maintenance_workers = 0;
SET LOCAL maintenance_work_mem = '128MB';
"""

# Name of the index, its columns, its condition.
KEY_INDEX = "terminal_stan"
CLOSED_INDEXES = (
    (KEY_INDEX, "(terminal, stan)", ""),
    # Few rows name another. By its sequence, or, where nobody knew it (NULL), by its key.
    (
        "original",
        "(original_seq, terminal, original_stan)",
        " WHERE original_seq IS NOT NULL OR original_stan IS NOT NULL",
    ),
    ("card_seq", "(card, seq)", " WHERE card IS NOT NULL"),
)

# What readers look for: statistics of every column take twice as long as an index.
ANALYSED_COLUMNS = (
    "shard, seq, kind, business_date, terminal, merchant, card, operation, stan, response_code,"
    " reason, original_seq"
)


def partition_number(seq: int) -> int:
    """Return the number of the partition that holds `seq`, from 0."""
    return seq // ROWS_PER_PARTITION


def partition_name(shard: int, number: int) -> str:
    """Return the table's name; padded, so that names sort as numbers do."""
    return f"journal_s{shard:03d}_p{number:06d}"


def number_of(name: str) -> int:
    """Return the number of the partition with that name."""
    return int(name.rpartition("p")[2])


def single_partition(shard: int, first_seq: int, last_seq: int) -> str | None:
    """Return the table that holds all of these sequences, None when they are in more than one."""
    number = partition_number(first_seq)
    return partition_name(shard, number) if number == partition_number(last_seq) else None


async def cover(session: Session, shard: int, first_seq: int, last_seq: int) -> int:
    """Make the partitions that hold these sequences; return the first sequence not covered.

    Does nothing where they exist; several processes may do it at once.
    """
    assert 0 <= first_seq <= last_seq
    last_number = partition_number(last_seq)
    async with session.transaction():
        await session.fetch("SELECT pg_advisory_xact_lock($1, $2)", LOCK_CLASS, shard)
        for number in range(partition_number(first_seq), last_number + 1):
            if not await _exists(session, partition_name(shard, number)):
                await _create(session, shard, number)
    return (last_number + 1) * ROWS_PER_PARTITION


async def at_once(number: int) -> None:
    """Let a partition's index be built now."""


async def index_complete(
    session: Session,
    shard: int,
    last_seq: int,
    wait_for_turn: Callable[[int], Awaitable[None]] = at_once,
) -> list[str]:
    """Build what is missing of the indexes of partitions that end before `last_seq`; analyse them.

    `wait_for_turn` is awaited with a partition's number before each of its indexes.

    Returns the names of the indexes built. Takes seconds for a full partition; each index is a
    transaction of its own, so what is done is done.
    """
    rows = await session.fetch(
        "SELECT child.relname AS name, array_agg(index.relname::TEXT) AS indexes"
        "  FROM pg_inherits"
        "  JOIN pg_class child ON child.oid = inhrelid"
        "  LEFT JOIN pg_index ON indrelid = child.oid AND indisvalid"
        "  LEFT JOIN pg_class index ON index.oid = indexrelid"
        " WHERE inhparent = 'journal'::REGCLASS AND child.relname >= $1 AND child.relname < $2"
        " GROUP BY child.relname ORDER BY child.relname",
        partition_name(shard, 0),
        partition_name(shard, partition_number(last_seq)),
    )
    built = []
    for row in rows:
        for suffix, columns, condition in CLOSED_INDEXES:
            name = f"{row['name']}_{suffix}"
            if name not in row["indexes"]:
                await wait_for_turn(number_of(row["name"]))
                async with session.transaction():
                    await session.execute(INDEX_SETTINGS)
                    await session.execute(
                        f"CREATE INDEX {name} ON {row['name']} {columns}{condition}"
                    )
                built.append(name)
        if built and built[-1].startswith(row["name"]):
            await session.execute(f"ANALYZE {row['name']} ({ANALYSED_COLUMNS})")
    return built


async def first_unindexed_seq(session: Session, shard: int) -> int:
    """Return from which sequence on rows can be found by their key only by reading all of them."""
    rows = await session.fetch(
        "SELECT min(child.relname::TEXT) AS name"
        "  FROM pg_inherits"
        "  JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = 'journal'::REGCLASS AND child.relname >= $1 AND child.relname < $2"
        "   AND NOT EXISTS ("
        "       SELECT FROM pg_index JOIN pg_class index ON index.oid = indexrelid"
        "        WHERE indrelid = child.oid AND indisvalid"
        f"         AND index.relname = child.relname || '_{KEY_INDEX}')",
        partition_name(shard, 0),
        partition_name(shard + 1, 0),
    )
    name = rows[0]["name"]
    return 0 if name is None else number_of(name) * ROWS_PER_PARTITION


async def set_hints(session: Session, shard: int, after_seq: int, last_seq: int) -> None:
    """Read the rows above `after_seq` up to `last_seq`, so that whoever reads them next does not
    have to write. A column is counted that the primary key has not: the rows are read for it.
    """
    await session.fetch(
        "SELECT count(epoch) FROM journal WHERE shard = $1 AND seq > $2 AND seq <= $3",
        shard,
        after_seq,
        last_seq,
    )


async def _exists(session: Session, name: str) -> bool:
    """Whether the partition is there, as a part of the journal: rows are written past the parent.

    One that was detached is not; making it again is refused then, because its name is taken.
    """
    rows = await session.fetch(
        "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1)"
        " AND inhparent = 'journal'::REGCLASS) AS found",
        name,
    )
    return bool(rows[0]["found"])


async def _create(session: Session, shard: int, number: int) -> None:
    name = partition_name(shard, number)
    first, end = number * ROWS_PER_PARTITION, (number + 1) * ROWS_PER_PARTITION
    await session.execute(
        f"CREATE TABLE {name} (LIKE journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS"
        f" INCLUDING STORAGE) WITH ({STORAGE});"
        f"ALTER TABLE journal ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({shard}, {first}) TO ({shard}, {end})"
    )
