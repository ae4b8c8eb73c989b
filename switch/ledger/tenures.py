"""Who may write a shard's journal: the epoch, how it is raised, confirmed and enforced.

It owns the statements on `shard_heads` and on PostgreSQL's list of server processes. It must not
know batches or rows. Everything here runs on the database's thread.
"""

from switch.ledger.session import Backend, Session, StatementRefused

LOCK_NOT_AVAILABLE = "55P03"
LOCK_TIMEOUT = "1s"  # a takeover waits this long for an earlier owner's statement, then ends it
END_MS_MAX = 5_000  # how long a server process may take to end before we ask again

# Whatever the role's or the database's settings say, an acknowledgement must be a promise.
IDENTIFY = """
SELECT pid, backend_start,
       set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                  WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
  FROM pg_stat_activity WHERE pid = pg_backend_pid()
"""

RAISE_EPOCH = """
INSERT INTO shard_heads AS head (shard, epoch, owner) VALUES ($1, 1, $2)
ON CONFLICT (shard) DO UPDATE
   SET epoch = head.epoch + 1, owner = excluded.owner, taken_over_at = now()
RETURNING epoch
"""

BECOME_A_WRITER = "SELECT set_config('application_name', $1, false)"

CONFIRM = "UPDATE shard_heads SET epoch = epoch WHERE shard = $1 AND epoch = $2 RETURNING epoch"

# Only in this database: the name is the same in every database of a server.
# One that was overtaken meanwhile does not end its successor's connection.
END_OTHERS_WHILE_OWNER = f"""
SELECT pg_terminate_backend(pid, {END_MS_MAX}) AS ended
  FROM pg_stat_activity
 WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()
   AND EXISTS (SELECT 1 FROM shard_heads WHERE shard = $2 AND epoch = $3)
"""

# Whoever holds the head row: not those who wait for it as we do.
END_HOLDERS = f"""
SELECT pg_terminate_backend(pid, {END_MS_MAX}) AS ended
  FROM pg_stat_activity
 WHERE application_name = ANY ($1::TEXT[]) AND datname = current_database()
   AND pid <> pg_backend_pid() AND wait_event_type IS DISTINCT FROM 'Lock'
"""

END_BACKENDS = f"""
SELECT pg_terminate_backend(activity.pid, {END_MS_MAX}) AS ended
  FROM pg_stat_activity activity
  JOIN unnest($1::INTEGER[], $2::TIMESTAMPTZ[]) AS lost (pid, started_at)
    ON activity.pid = lost.pid AND activity.backend_start = lost.started_at
"""

AT_WORK = """
SELECT state = 'active' AND wait_event IS DISTINCT FROM 'ClientRead' AS at_work
  FROM pg_stat_activity
 WHERE pid = $1 AND backend_start = $2
"""


def application_name(shard: int) -> str:
    """Return the name that marks a shard's writing connections in `pg_stat_activity`."""
    return f"bashgah-journal-{shard}"


def contender_name(shard: int) -> str:
    """Return the name of a connection that is to write but has raised no epoch yet."""
    return f"bashgah-takeover-{shard}"


async def identify(session: Session) -> Backend:
    """Make the session's commits durable ones, and return the server process that serves it."""
    row = (await session.fetch(IDENTIFY))[0]
    return Backend(pid=row["pid"], started_at=row["backend_start"])


async def raise_epoch(session: Session, shard: int, owner: str) -> int:
    """Begin a new tenure: return its epoch. The contender's session becomes a writer's.

    Nobody ends contenders: they have written nothing, and ended in turn, none of several would ever
    come to its tenure. One that is overtaken between its raise and its new name is not ended
    either, but its first batch finds the fence.

    Raises DatabaseUnavailable when a notice came with the commit: raise it again, epochs only grow.
    """
    name, contender = application_name(shard), contender_name(shard)
    await session.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    while True:
        try:
            with session.unambiguous():
                rows = await session.fetch(RAISE_EPOCH, shard, owner)
            break
        except StatementRefused as refusal:
            if refusal.sqlstate != LOCK_NOT_AVAILABLE:
                raise
            # An owner that froze while its statement held the head row: it loses its connection.
            await session.fetch(END_HOLDERS, [name, contender])
    await session.execute("SET lock_timeout = 0")
    await session.fetch(BECOME_A_WRITER, name)
    return int(rows[0]["epoch"])


async def end_earlier(session: Session, shard: int, epoch: int) -> None:
    """End every other journal connection of the shard, as long as the tenure stands.

    When this returns, every batch of an earlier tenure is either committed and visible or gone for
    good, and whoever wrote it must `confirm` before writing again, which fails.
    """
    name = application_name(shard)
    while not all(
        row["ended"] for row in await session.fetch(END_OTHERS_WHILE_OWNER, name, shard, epoch)
    ):
        pass  # each turn waits END_MS_MAX for a process that does not end


async def confirm(session: Session, shard: int, epoch: int) -> bool:
    """Return whether the tenure still stands, by an acknowledged write.

    When it does, everything that could be seen before is as durable as this write.
    """
    with session.unambiguous():
        return bool(await session.fetch(CONFIRM, shard, epoch))


async def end_backends(session: Session, backends: list[Backend]) -> None:
    """End server processes of connections that were lost, so that they hold no lock or key."""
    await session.fetch(
        END_BACKENDS,
        [backend.pid for backend in backends],
        [backend.started_at for backend in backends],
    )


async def is_at_work(session: Session, backend: Backend) -> bool:
    """Return whether the process exists and is busy with something other than waiting for us."""
    rows = await session.fetch(AT_WORK, backend.pid, backend.started_at)
    return bool(rows and rows[0]["at_work"])
