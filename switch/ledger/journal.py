"""The journal's port: what the switch asks of durable storage, without saying which storage.

This module owns the words that cross the port: a batch, its outcome, a tenure, a status, and the
order of the journal's columns. It must not know PostgreSQL's driver, a thread or an event loop, so
that a simulation can stand in for the real writer.

Theory of operation. A shard has one owner at a time. `take_over` ends every earlier tenure; the new
owner replays what is there, then `begin` writes its first row, which only succeeds while nobody
has taken over since. From then on `append` writes one batch at a time, each beginning at the
sequence that follows the one before. A batch whose outcome is unknown is settled inside the port:
the caller hears `Durable` or `Fenced`, never "perhaps". A fenced owner sends nothing and dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from typing_extensions import Buffer

CHAIN_BYTES = 32  # SHA-256
GENESIS_CHAIN = bytes(CHAIN_BYTES)  # what the chain of a shard's first row is computed from

# Every column of the table `journal`, in the order of the table and of each COPY stream.
COLUMNS = (
    "shard",
    "seq",
    "epoch",
    "kind",
    "business_date",
    "received_at",
    "decided_at",
    "club",
    "acquirer",
    "terminal",
    "merchant",
    "card",
    "programme",
    "programme_version",
    "operation",
    "mti",
    "processing_code",
    "stan",
    "local_at",
    "transmitted_at",
    "rrn",
    "fingerprint",
    "currency",
    "amount_minor",
    "approved_minor",
    "discount_minor",
    "points_earned",
    "points_redeemed",
    "response_code",
    "reason",
    "authorisation_code",
    "original_seq",
    "original_stan",
    "original_at",
    "original_class",
    "undone_minor",
    "day_count_returned",
    "hold_expires_at",
    "moves",
    "event",
    "reply",
    "proofs",
    "card_counter",
    "key_serial",
    "chain",
)


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Consecutive rows of one shard, written all or not at all.

    `copy_body` is a complete stream of PostgreSQL's `COPY … (FORMAT binary)`: signature, header,
    one tuple for each sequence from `first_seq` to `last_seq`, trailer. `last_chain` is the chain
    of the last row: with the epoch it tells our row from anybody else's. The bytes may be the
    core's own and stay until the batch's outcome is known; whoever reads them lets go at once.
    `rows_behind` have been decided and wait for their turn after it.
    """

    first_seq: int
    last_seq: int
    last_chain: bytes
    copy_body: Buffer
    rows_behind: int = 0


class Durable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The batch is committed on the primary and, where replication is synchronous, replicated."""

    last_seq: int


class Fenced(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody else owns the shard now. The owner sends nothing any more and ends."""

    reason: str


class Overtaken(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tenure is ours, but rows of an earlier owner arrived: replay after `after_seq`, retry."""

    after_seq: int


class Tenure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The right to write a shard's journal, until somebody takes over with a higher epoch."""

    shard: int
    epoch: int
    owner: str


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a shard's journal ends: 0 and `GENESIS_CHAIN` before its first row; epoch 0 = unowned.

    `epoch` is the tenure's, which may be ahead of the last row's.
    """

    last_seq: int
    chain: bytes
    epoch: int


class WriterStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the writer is doing, for the gate (91 while not available), metrics and readiness.

    `available` turns false at the first failure and true at the next durable batch.
    `unavailable_since_ns` and `appending_since_ns` are Unix times, 0 when they don't apply.
    `commit_ns_last` is from the call of `append` on the database's thread to its outcome.
    """

    available: bool
    unavailable_since_ns: int
    appending_since_ns: int
    last_error: str
    epoch: int
    last_seq: int
    batches: int
    rows: int
    failures: int
    reconnects: int
    commit_ns_last: int
    commit_ns_max: int


class Journal(Protocol):
    """One shard's journal as its owner sees it. Every method is called from Trio."""

    async def take_over(self) -> Tenure:
        """End every earlier tenure and begin ours.

        Raises JournalUnavailable; may be repeated then. Raises FencedError when it was overtaken.
        """

    async def begin(self, batch: Batch) -> Durable | Fenced | Overtaken:
        """Write the tenure's first rows if the tenure is still ours and nothing came between."""

    async def append(self, batch: Batch) -> Durable | Fenced:
        """Write one batch. Waits as long as it takes; cancellation waits for the outcome.

        Raises JournalUnavailable only after `give_up`: the outcome is unknown then.
        """

    async def confirm(self) -> bool:
        """Ask whether the tenure is still ours; true, too, while nobody can be asked."""

    def status(self) -> WriterStatus:
        """Return the present state; cheap, callable from any thread."""

    def give_up(self) -> None:
        """Make a pending or later call end with JournalUnavailable: for shutdown only."""
