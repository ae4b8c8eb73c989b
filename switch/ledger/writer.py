"""The journal's writer: takeover, group commit, and the end of every doubt, on PostgreSQL.

It owns one shard's writing connection and the rules of the fence. It must not know what a row says:
rows come as COPY streams, and only the last one's epoch and chain are compared.

Theory of operation (docs/decisions/0011 has the races, one by one):

- The journal's primary key is the fence. A batch is one COPY, its own transaction, beginning at the
  sequence after the last one; two writers who both believe to be the owner collide on the key.
- `take_over` raises the shard's epoch, then ends every other journal connection of the shard. A
  writer whose connection ends must show that its epoch still stands before it writes again.
- So an outcome is unknown only when a connection breaks or the server adds a warning to its answer.
  Then: connect to the current primary, end the old connection's process, confirm the tenure, send
  the same batch again. If the key is taken, the row at the batch's end says by whom.
- Confirming is an acknowledged write. Under synchronous replication an acknowledged commit implies
  that everything before it in the log is replicated too, so a row that was found, followed by a
  confirmation, is as durable as one that was acknowledged.

Methods with a leading underscore run on the database's thread, the others under Trio.
"""

import time
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from switch.errors import FencedError, JournalUnavailable
from switch.ledger import partitions, tenures
from switch.ledger.database import Database, pause
from switch.ledger.journal import Batch, Durable, Fenced, Overtaken, Tenure, WriterStatus
from switch.ledger.session import Backend, DatabaseUnavailable, Session, StatementRefused

RETRY_SECONDS_MIN = 0.05  # a restarted PostgreSQL answers within 0.2 s
RETRY_SECONDS_MAX = 1.0  # so service resumes within a second of the database's return
SILENCE_SECONDS = 5.0  # then somebody looks whether the server still works on our statement
LOOK_SECONDS_MAX = 2.0
CALM_LOOK_SECONDS = 1.0
CALM_SECONDS = 10.0  # after a flood whoever got 91 comes again: they first
FLOOD_ROWS = 10_000
"""Decided and waiting behind a batch: 0.1 s of work at full speed, two full batches. What terminals
and links that wait for their answers can offer stays below."""
UNINDEXED_MAX = 6
"""Complete partitions that may wait for their indexes: a minute's flood. A search by key reads them
row by row."""
HINT_SECONDS_MAX = 10.0  # reading 10,000 rows takes 3 ms; longer means that the host is gone
PARTITION_SECONDS_MAX = 10.0  # making one takes 10 ms; longer means that the host is gone
UNIQUE_VIOLATION = "23505"


class Writer:
    """The `Journal` of one shard on PostgreSQL. One call at a time."""

    def __init__(self, database: Database, *, shard: int, owner: str) -> None:
        self._database = database
        self._shard = shard
        self._owner = owner
        self._epoch = 0
        self._session: Session | None = None
        self._backends: list[Backend] = []  # the session's, after those that may not have ended
        self._covered_end_seq = 0  # partitions exist for what comes next, up to this
        self._preparing = False
        self._prepared_half = -1  # of a partition: the last for which partitions were prepared
        self._indexing = False
        self._flooded_at = -CALM_SECONDS  # when more was offered than can be written, monotonic
        self._hints: Session | None = None
        self._hinting = False
        self._hinted_seq = -1  # rows up to here have been read once (`partitions.set_hints`)
        self._stop_watching: Callable[[], None] = lambda: None
        self._giving_up = False
        self._status = WriterStatus(
            available=False,
            unavailable_since_ns=time.time_ns(),
            appending_since_ns=0,
            last_error="",
            epoch=0,
            last_seq=0,
            batches=0,
            rows=0,
            failures=0,
            reconnects=0,
            commit_ns_last=0,
            commit_ns_max=0,
        )

    async def take_over(self) -> Tenure:
        """End every earlier tenure and begin ours; the caller replays next, then calls `begin`.

        Raises JournalUnavailable when the database can't be reached; may be called again. Raises
        FencedError when somebody else took over meanwhile: who then tried again at once would end
        an owner that is at work.
        """
        return await self._database.run(self._take_over)

    async def begin(self, batch: Batch) -> Durable | Fenced | Overtaken:
        """Write the tenure's first batch, on condition that the tenure is still ours."""
        return await self._database.run(self._settle, batch, first=True)

    async def append(self, batch: Batch) -> Durable | Fenced:
        """Write one batch; returns when its outcome is certain, however long that takes.

        Cancelling the caller waits for the outcome and returns it. Raises JournalUnavailable only
        after `give_up`.
        """
        outcome = await self._database.run(self._settle, batch, first=False)
        assert not isinstance(outcome, Overtaken), "only a tenure's first batch can be overtaken"
        return outcome

    async def confirm(self) -> bool:
        """Ask whether the tenure is still ours; true, too, while the database cannot be asked."""
        try:
            return await self._database.call(tenures.confirm, self._shard, self._epoch)
        except (DatabaseUnavailable, StatementRefused):
            return True

    def status(self) -> WriterStatus:
        """Return the present state; any thread may ask."""
        return self._status

    def give_up(self) -> None:
        """End a call that waits for the database with JournalUnavailable; for shutdown only."""
        self._giving_up = True
        self._database.post(self._abort_session)

    # On the database's thread: takeover.

    async def _take_over(self) -> Tenure:
        self._abort_session()
        try:
            session = await self._database.open_session(tenures.contender_name(self._shard))
            self._session = session
            self._backends = [await tenures.identify(session)]
            self._epoch = await tenures.raise_epoch(session, self._shard, self._owner)
            await self._end_earlier()
        except (DatabaseUnavailable, StatementRefused) as error:
            self._note_failure(error)
            self._abort_session()
            raise JournalUnavailable(str(error)) from error
        self._status = replace(self._status, epoch=self._epoch)
        return Tenure(shard=self._shard, epoch=self._epoch, owner=self._owner)

    async def _end_earlier(self) -> None:
        """End the others' connections; when ours ends meanwhile, find out whether that was one."""
        stands = True
        while stands:
            try:
                session = await self._confirmed_session()
                if session is not None:
                    await tenures.end_earlier(session, self._shard, self._epoch)
                    return
                stands = False
            except DatabaseUnavailable:
                # Asked on a connection that nobody ends; fails when it is the database.
                stands = await self._database.borrow(tenures.confirm, self._shard, self._epoch)
        raise FencedError(f"shard {self._shard} was taken over by another")

    # On the database's thread: one batch, until its outcome is certain.

    async def _settle(self, batch: Batch, *, first: bool) -> Durable | Fenced | Overtaken:
        assert self._epoch > 0, "a shard is taken over before it is written"
        assert self._status.appending_since_ns == 0, "one batch at a time"
        assert 1 <= batch.first_seq <= batch.last_seq
        self._status = replace(self._status, appending_since_ns=time.time_ns())
        began_ns = time.monotonic_ns()
        retry_seconds = RETRY_SECONDS_MIN
        if batch.rows_behind >= FLOOD_ROWS:
            self._flooded_at = time.monotonic()
        self._watch_silence()
        try:
            while not self._giving_up:
                try:
                    outcome = await self._attempt(batch, first)
                except (DatabaseUnavailable, StatementRefused) as error:
                    self._note_failure(error)
                    self._abort_session()
                else:
                    self._note_outcome(batch, outcome, time.monotonic_ns() - began_ns)
                    return outcome
                await pause(retry_seconds)
                retry_seconds = min(2 * retry_seconds, RETRY_SECONDS_MAX)
        finally:
            self._stop_watching()
            self._status = replace(self._status, appending_since_ns=0)
        raise JournalUnavailable(
            f"left while the outcome of {batch.first_seq} to {batch.last_seq} was unknown"
        )

    async def _attempt(self, batch: Batch, first: bool) -> Durable | Fenced | Overtaken:
        session = await self._confirmed_session()
        if session is None:
            return self._fenced()
        if batch.last_seq >= self._covered_end_seq:
            await self._cover(batch.first_seq, batch.last_seq)
        try:
            with session.unambiguous():
                rows = await session.copy_rows(
                    self._target(batch),
                    batch.copy_body,
                    where=f"owns_shard({self._shard}::SMALLINT, {self._epoch})" if first else None,
                )
        except StatementRefused as refusal:
            self._covered_end_seq = 0  # perhaps a partition was taken away: look again
            if refusal.sqlstate != UNIQUE_VIOLATION:
                raise
            return await self._compare(session, batch, first)
        if first and rows == 0:
            return self._fenced()
        assert rows == batch.last_seq - batch.first_seq + 1, "the batch does not hold its sequences"
        return Durable(last_seq=batch.last_seq)

    def _target(self, batch: Batch) -> str:
        """Name the table to write: the partition itself, the journal where a batch is in two.

        Finding the partition of every row anew, and copying it for that, costs 5 % more.
        """
        return (
            partitions.single_partition(self._shard, batch.first_seq, batch.last_seq) or "journal"
        )

    async def _confirmed_session(self) -> Session | None:
        """Return the writing connection; None when, after connecting anew, we are not the owner."""
        if self._session is not None and not self._session.closed:
            return self._session
        session = await self._database.open_session(tenures.application_name(self._shard))
        self._session = session
        self._backends.append(await tenures.identify(session))
        # The lost ones first: one that froze in mid-COPY would hold the keys that we need.
        await tenures.end_backends(session, self._backends[:-1])
        del self._backends[:-1]
        self._status = replace(self._status, reconnects=self._status.reconnects + 1)
        if await tenures.confirm(session, self._shard, self._epoch):
            return session
        self._abort_session()
        return None

    async def _compare(
        self, session: Session, batch: Batch, first: bool
    ) -> Durable | Fenced | Overtaken:
        """Some row of the batch is there already: find out whose, and whether we still own."""
        rows = await session.fetch(
            "SELECT epoch, chain FROM journal WHERE shard = $1 AND seq = $2",
            self._shard,
            batch.last_seq,
        )
        ours = bool(rows) and (rows[0]["epoch"], rows[0]["chain"]) == (
            self._epoch,
            batch.last_chain,
        )
        if not await tenures.confirm(session, self._shard, self._epoch):
            return self._fenced()
        if ours:
            return Durable(last_seq=batch.last_seq)
        if first:
            return Overtaken(after_seq=batch.first_seq - 1)
        return Fenced(reason=f"sequence {batch.first_seq} was written by somebody else")

    def _fenced(self) -> Fenced:
        return Fenced(reason=f"shard {self._shard} has an epoch above {self._epoch}")

    # On the database's thread: partitions.

    async def _cover(self, first_seq: int, last_seq: int) -> None:
        self._covered_end_seq = await self._database.borrow_within(
            PARTITION_SECONDS_MAX, partitions.cover, self._shard, first_seq, last_seq
        )

    async def _prepare(self, last_seq: int) -> None:
        """Make the next partition and have the complete ones indexed, beside the batches."""
        try:
            await self._cover(last_seq, last_seq + partitions.AHEAD_ROWS)
            if not self._indexing:
                self._indexing = True
                self._database.spawn(self._index)
        except (DatabaseUnavailable, StatementRefused) as error:
            # Not an outage of the journal: a batch that needs the partition makes it itself.
            await self._prepare_again(error)
        finally:
            self._preparing = False

    async def _index(self) -> None:
        """Index the complete partitions, those too that are completed meanwhile."""
        try:
            # A connection of its own: one that has stepped back cannot always step forward again.
            session = await self._database.open_session("bashgah")
            try:
                await session.step_back()
                indexed = -1
                while partitions.partition_number(self._status.last_seq) > indexed:
                    indexed = partitions.partition_number(self._status.last_seq)
                    await partitions.index_complete(
                        session, self._shard, self._status.last_seq, self._wait_for_calm
                    )
            finally:
                session.abort()
        except (DatabaseUnavailable, StatementRefused) as error:
            await self._prepare_again(error)
        finally:
            self._indexing = False

    async def _wait_for_calm(self, number: int) -> None:
        """Wait until a flood has been over for a while, unless too much is without an index."""
        while (
            time.monotonic() - self._flooded_at < CALM_SECONDS
            and partitions.partition_number(self._status.last_seq) - number <= UNINDEXED_MAX
        ):
            await pause(CALM_LOOK_SECONDS)

    async def _prepare_again(self, error: Exception) -> None:
        self._status = replace(self._status, last_error=f"partitions: {error}")
        await pause(RETRY_SECONDS_MAX)
        self._prepared_half = -1

    async def _set_hints(self) -> None:
        """Read the newest rows once, on a connection kept for it, as often as there are enough."""
        try:
            while (last_seq := self._status.last_seq) - self._hinted_seq >= partitions.HINT_ROWS:
                if self._hints is None or self._hints.closed:
                    self._hints = await self._database.open_session("bashgah")
                stop_waiting = self._database.call_later(HINT_SECONDS_MAX, self._hints.abort)
                try:
                    await partitions.set_hints(self._hints, self._shard, self._hinted_seq, last_seq)
                finally:
                    stop_waiting()
                self._hinted_seq = last_seq
        except (DatabaseUnavailable, StatementRefused) as error:
            # Nothing depends on it but the cost of the indexes: the next batch tries again.
            self._status = replace(self._status, last_error=f"hints: {error}")
        finally:
            self._hinting = False

    # On the database's thread: silence.

    def _watch_silence(self) -> None:
        self._stop_watching = self._database.call_later(
            SILENCE_SECONDS, lambda: self._database.spawn(self._look)
        )

    async def _look(self) -> None:
        """Nothing was heard for a while: leave the connection if its server is not at work.

        A commit has no time limit, and this sets none: as long as the server's process is there
        and busy (or waits for its replicas) it is left alone. What is found here is a connection
        whose other end is gone, has answered already, or waits for bytes that were lost.
        """
        since_ns = self._status.appending_since_ns
        if since_ns == 0:
            return  # the answer came while this was on its way
        session = self._session
        self._note_failure(f"no answer for {SILENCE_SECONDS:.0f} s")
        try:
            at_work = await self._database.borrow_within(
                LOOK_SECONDS_MAX, tenures.is_at_work, self._backends[-1]
            )
        except (DatabaseUnavailable, StatementRefused):
            at_work = True  # nobody can say
        if self._status.appending_since_ns != since_ns:
            return
        if session is self._session and session is not None and not at_work:
            session.abort()
        self._watch_silence()

    # On the database's thread: the account.

    def _abort_session(self) -> None:
        if self._session is not None:
            self._session.abort()

    def _note_failure(self, error: object) -> None:
        status = self._status
        self._status = replace(
            status,
            available=False,
            unavailable_since_ns=status.unavailable_since_ns or time.time_ns(),
            last_error=str(error),
            failures=status.failures + 1,
        )

    def _note_outcome(
        self, batch: Batch, outcome: Durable | Fenced | Overtaken, elapsed_ns: int
    ) -> None:
        status = self._status
        if isinstance(outcome, Fenced):
            self._note_failure(outcome.reason)
        if not isinstance(outcome, Durable):
            return
        self._status = replace(
            status,
            available=True,
            unavailable_since_ns=0,
            last_seq=batch.last_seq,
            batches=status.batches + 1,
            rows=status.rows + batch.last_seq - batch.first_seq + 1,
            commit_ns_last=elapsed_ns,
            commit_ns_max=max(elapsed_ns, status.commit_ns_max),
        )
        if self._hinted_seq < 0:
            self._hinted_seq = batch.first_seq - 1
        if batch.last_seq - self._hinted_seq >= partitions.HINT_ROWS and not self._hinting:
            self._hinting = True
            self._database.spawn(self._set_hints)
        half = batch.last_seq // partitions.AHEAD_ROWS
        if half != self._prepared_half and not self._preparing:
            self._prepared_half, self._preparing = half, True
            self._database.spawn(partial(self._prepare, batch.last_seq))
