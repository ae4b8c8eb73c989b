"""A journal without a database: it keeps batches, and can be slow, stalled, fenced or given up.

Stands in for `switch.ledger.writer.Writer` behind the port `switch.ledger.journal.Journal`, and
behaves as the port says: an append cannot be cancelled, and its outcome is certain. Knows nothing
of what is inside a batch.
"""

import time

import trio

from switch.errors import JournalUnavailable
from switch.ledger.journal import Batch, Durable, Fenced, Overtaken, Tenure, WriterStatus


class FakeJournal:
    """Keeps every durable batch in `batches`."""

    def __init__(self, *, delay_seconds: float = 0.0, keeps_streams: bool = False) -> None:
        """`delay_seconds` is how long a commit takes.

        With `keeps_streams` the bytes of what is durable stay in `streams`, for who replays them.
        """
        self.keeps_streams = keeps_streams
        self.streams: list[bytes] = []
        self.delay_seconds = delay_seconds
        self.batches: list[Batch] = []
        self.durable_seq = 0
        self._open = trio.Event()
        self._open.set()
        self._appending_since_ns = 0
        self._fenced = False
        self._gave_up = False

    def stall(self) -> None:
        """Let no commit end until `go_on`."""
        self._open = trio.Event()

    def go_on(self) -> None:
        """End the stall: the commit under way becomes durable."""
        self._open.set()

    def fence(self) -> None:
        """Let another owner have taken over: the commit under way and all later ones fail."""
        self._fenced = True
        self._open.set()

    def give_up(self) -> None:
        """End a commit that waits with JournalUnavailable."""
        self._gave_up = True
        self._open.set()

    @property
    def appending(self) -> bool:
        """Whether a commit is under way."""
        return self._appending_since_ns != 0

    @property
    def row_count(self) -> int:
        """How many rows are durable."""
        return sum(batch.last_seq - batch.first_seq + 1 for batch in self.batches)

    async def take_over(self) -> Tenure:
        return Tenure(shard=0, epoch=1, owner="fake")

    async def begin(self, batch: Batch) -> Durable | Fenced | Overtaken:
        return await self.append(batch)

    async def append(self, batch: Batch) -> Durable | Fenced:
        assert batch.first_seq == self.durable_seq + 1, "a batch follows the one before"
        self._appending_since_ns = time.time_ns()
        with trio.CancelScope(shield=True):
            await trio.sleep(self.delay_seconds)
            await self._open.wait()
        self._appending_since_ns = 0
        if self._gave_up:
            raise JournalUnavailable("given up")
        if self._fenced:
            return Fenced(reason="epoch 2 has taken over")
        self.batches.append(batch)
        if self.keeps_streams:
            self.streams.append(bytes(batch.copy_body))
        self.durable_seq = batch.last_seq
        return Durable(last_seq=batch.last_seq)

    async def confirm(self) -> bool:
        return not self._fenced

    def status(self) -> WriterStatus:
        return WriterStatus(
            available=True,
            unavailable_since_ns=0,
            appending_since_ns=self._appending_since_ns,
            last_error="",
            epoch=1,
            last_seq=self.durable_seq,
            batches=len(self.batches),
            rows=self.row_count,
            failures=0,
            reconnects=0,
            commit_ns_last=0,
            commit_ns_max=0,
        )
