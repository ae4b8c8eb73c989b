"""Snapshots of a switch that serves: a fork of it writes them, and they are stored beside the load.

Owns when a snapshot is made, in which order, and what happens when it fails. Must not know its form
(`_image`, `recovery`), nor how it is stored (`ledger.snapshots`).

Theory of operation. A snapshot holds the rows that were decided until the fork; some of them are
not durable yet. It is stored only when they are, so it never has a row that the journal has not: a
switch that dies before leaves nothing, because the child dies with it and what it wrote is shared
memory without a name. The child runs at full speed, since each page that the switch writes while
it lives is copied; storing takes its time, because only that costs the database.
"""

import errno
import os
import signal
import time
from collections.abc import Callable

import msgspec
import structlog
import trio
from prometheus_client import CollectorRegistry, Counter, Gauge

from switch._core import Core
from switch._fork import EXITS, fork_image
from switch._image import Image
from switch._snapshot import layout
from switch.directory import Directory
from switch.errors import OperatingError
from switch.ledger.database import Database
from switch.ledger.session import DatabaseUnavailable, StatementRefused
from switch.ledger.snapshots import store_snapshot
from switch.recovery import rows_of

LOOK_SECONDS = 0.5
"""At 100,000 rows a second a snapshot is late by that many rows at most: half of them."""
RETRY_SECONDS = 10.0
DURABLE_POLL_SECONDS = 0.02  # a commit takes a few milliseconds
CHILD_NICENESS = 5
PAUSE_SECONDS = 0.005
"""After each 128 KiB that are stored: at most 25 MB/s, some 30 % of what PostgreSQL can take."""

log = structlog.get_logger("switch.snapshots")


class SnapshotFailed(OperatingError):
    """There is no new snapshot: recovery takes longer until there is one."""


class SnapshotMetrics:
    """What the last snapshot took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sequence = Gauge(
            "bashgah_snapshot_sequence", "Last row of the newest snapshot", registry=registry
        )
        self._seconds = Gauge(
            "bashgah_snapshot_seconds", "From the fork until it was stored", registry=registry
        )
        self._pause_seconds = Gauge(
            "bashgah_snapshot_pause_seconds",
            "For how long the switch stood still",
            registry=registry,
        )
        self._bytes = Gauge("bashgah_snapshot_bytes", "Bytes as stored", registry=registry)
        self._failures = Counter(
            "bashgah_snapshot_failures", "Snapshots that could not be made", registry=registry
        )

    def note_recovered(self, seq: int) -> None:
        """Say with which snapshot the shard was recovered; 0 = none."""
        self._sequence.set(seq)

    def note_stored(self, seq: int, seconds: float, pause_seconds: float, body_bytes: int) -> None:
        """Observe a snapshot that is in the database."""
        self._sequence.set(seq)
        self._seconds.set(seconds)
        self._pause_seconds.set(pause_seconds)
        self._bytes.set(body_bytes)

    def note_failure(self) -> None:
        """Count one that is not."""
        self._failures.inc()


class _Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """A shard at one moment, while a child writes it down."""

    seq: int
    chain: bytes
    layout: str
    directory: bytes
    image: Image
    pid: int
    began_s: float
    pause_seconds: float


def due_seq(snapshot_seq: int, every_entries: int) -> int:
    """Return after which row the next snapshot is made: the middle of some `every_entries` rows.

    Not their end, where a partition of the journal ends too and gets its indexes.
    """
    half = every_entries // 2
    return (snapshot_seq + every_entries - half) // every_entries * every_entries + half


class Snapshots:
    """Makes the snapshots of one shard while it is served."""

    def __init__(
        self,
        *,
        core: Core,
        directory: Directory,
        database: Database,
        shard: int,
        every_entries: int,
        snapshot_seq: int,
        durable_seq: Callable[[], int],
        metrics: SnapshotMetrics,
    ) -> None:
        """`database` is used by nobody else. `snapshot_seq` is the newest snapshot's, or 0."""
        self._core = core
        self._directory = directory
        self._database = database
        self._shard = shard
        self._every_entries = every_entries
        self._snapshot_seq = snapshot_seq
        self._durable_seq = durable_seq
        self._metrics = metrics
        metrics.note_recovered(snapshot_seq)

    async def run(self) -> None:
        """Make a snapshot whenever one is due (`due_seq`), until cancelled."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            if self._core.last_seq < due_seq(self._snapshot_seq, self._every_entries):
                continue
            try:
                await self.make()
            except SnapshotFailed as error:
                # The switch goes on: without it the next recovery only takes longer.
                log.warning("snapshot_failed", error=str(error))
                self._metrics.note_failure()
                await trio.sleep(RETRY_SECONDS)

    async def make(self) -> None:
        """Make one now. Raises SnapshotFailed; then the one before is still there."""
        frozen = self._freeze()
        try:
            await self._wait_written(frozen)
            while self._durable_seq() < frozen.seq:  # noqa: ASYNC110 (the journal has no event)
                await trio.sleep(DURABLE_POLL_SECONDS)
            await self._store(frozen)
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(frozen.image.close)

    async def _store(self, frozen: _Frozen) -> None:
        try:
            stored = await self._database.call(
                store_snapshot,
                self._shard,
                frozen.seq,
                frozen.chain,
                frozen.layout,
                rows_of(frozen.image.rows(), frozen.directory),
                PAUSE_SECONDS,
            )
        except (DatabaseUnavailable, StatementRefused) as error:
            raise SnapshotFailed(f"it was not stored: {error}") from error
        self._snapshot_seq = frozen.seq
        seconds = time.perf_counter() - frozen.began_s
        self._metrics.note_stored(frozen.seq, seconds, frozen.pause_seconds, stored.body_bytes)
        log.info("snapshot", seq=frozen.seq, bytes=stored.body_bytes, seconds=round(seconds, 3),
                 pause_ms=round(frozen.pause_seconds * 1e3, 2))  # fmt: skip

    def _freeze(self) -> _Frozen:
        """Fork: everything in here is of one moment, because nothing in here waits."""
        began_s = time.perf_counter()
        directory = self._directory.dump()
        try:
            image = Image(self._core)
            pid = fork_image(image, CHILD_NICENESS)
        except (OSError, MemoryError) as error:
            reason = os.strerror(errno.ENOMEM) if isinstance(error, MemoryError) else error
            raise SnapshotFailed(f"no fork: {reason}") from error
        return _Frozen(
            seq=self._core.last_seq,
            chain=self._core.chain,
            layout=layout(self._core),
            directory=directory,
            image=image,
            pid=pid,
            began_s=began_s,
            pause_seconds=time.perf_counter() - began_s,
        )

    async def _wait_written(self, frozen: _Frozen) -> None:
        """Wait for the child. Raises SnapshotFailed when it did not write everything."""
        exited = os.pidfd_open(frozen.pid)
        try:
            await trio.lowlevel.wait_readable(exited)
        except BaseException:
            os.kill(frozen.pid, signal.SIGKILL)
            raise
        finally:
            os.close(exited)
            _, status = os.waitpid(frozen.pid, 0)  # noqa: ASYNC222 (it has ended, or will now)
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            raise SnapshotFailed(f"the fork ended: {EXITS.get(code, f'code {code}')}")
        assert frozen.image.used_bytes > 0, "the fork said that it wrote everything"
