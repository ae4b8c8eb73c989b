"""A shard's owner for tests: takes over, replays by the plain model, begins, appends."""

from typing import TypeVar

from switch.ledger.database import Database
from switch.ledger.journal import GENESIS_CHAIN, Batch, Durable, Fenced, Overtaken, Tenure
from switch.ledger.reader import read_rows
from switch.ledger.writer import Writer
from tests.ledger.journal_rows import batch_of
from tests.ledger.rows_model import Row, decode_rows, verify_chain

TAKEOVER_KIND = 3

Outcome = TypeVar("Outcome", Durable | Fenced, Durable | Fenced | Overtaken)


class Owner:
    """One owner with its place in the sequence; `durable` lists the batches it was told are."""

    def __init__(self, database: Database, *, name: str = "owner", shard: int = 0) -> None:
        self.database = database
        self.shard = shard
        self.writer = Writer(database, shard=shard, owner=name)
        self.tenure = Tenure(shard=shard, epoch=0, owner=name)
        self.last_seq = 0
        self.last_chain = GENESIS_CHAIN
        self.durable: list[Batch] = []

    async def take_over(self) -> None:
        """Raise the epoch and replay; nothing is written yet."""
        self.tenure = await self.writer.take_over()
        await self.replay()

    async def replay(self) -> None:
        """Read the journal from the beginning and check its chain."""
        rows = await read_all(self.database, self.shard)
        self.last_chain = verify_chain(rows)
        self.last_seq = len(rows)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))

    async def begin(self) -> Durable | Fenced | Overtaken:
        """Write the takeover row once."""
        batch = self.next_batch(1, kind=TAKEOVER_KIND)
        return self._note(batch, await self.writer.begin(batch))

    async def start(self) -> "Owner":
        """Take over and begin, replaying again whenever somebody's rows came between."""
        await self.take_over()
        while isinstance(outcome := await self.begin(), Overtaken):
            await self.replay()
        assert isinstance(outcome, Durable)
        return self

    async def append(self, count: int = 1) -> Durable | Fenced:
        """Write the next batch."""
        return await self.append_batch(self.next_batch(count))

    async def append_batch(self, batch: Batch) -> Durable | Fenced:
        """Write a batch made earlier by `next_batch`."""
        return self._note(batch, await self.writer.append(batch))

    def next_batch(self, count: int, **changes: object) -> Batch:
        """The batch that would come next."""
        return batch_of(
            self.last_seq + 1,
            count,
            shard=self.shard,
            epoch=self.tenure.epoch,
            previous_chain=self.last_chain,
            **changes,
        )

    def _note(self, batch: Batch, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Durable):
            assert outcome.last_seq == batch.last_seq
            self.last_seq, self.last_chain = batch.last_seq, batch.last_chain
            self.durable.append(batch)
        return outcome


async def read_all(database: Database, shard: int = 0) -> list[Row]:
    """Every row of the shard, in order, decoded by the plain model."""
    pieces: list[bytes] = []
    await database.call(read_rows, shard, 0, pieces.append)
    return decode_rows(b"".join(pieces))
