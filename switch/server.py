"""The running switch: its tasks, and the order in which they start and stop.

Owns the lifetimes: gate, group commit, slow lane, housekeeping, exchange log. Decides nothing. A
message's way: `_serve_gate` drains it, `_commit` makes its row durable, `_deliver` lets its reply
leave. Must not know sockets beyond handing them to the gate, nor PostgreSQL.
"""

import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
import structlog
import trio

from switch._core import Core
from switch._fastpath import Gate
from switch._slow_lane import price_waiting
from switch.clock_work import ClockWork
from switch.directory import Directory, EventError
from switch.errors import FencedError, HsmUnavailable, JournalUnavailable, OperatingError
from switch.events import Event, ProgrammeLive
from switch.housekeeping import Housekeeping, Pace
from switch.issuer_desk import IssuerDesk
from switch.ledger.journal import Batch, Fenced, Journal
from switch.limits import PRICING_TURN_US_MAX
from switch.metrics import CommitMetrics
from switch.operations import Recalled, Wanted
from switch.places import utc_offset_seconds
from switch.voucher_desk import VoucherDesk

TICK_SECONDS = 0.1
LOG_FLUSH_SECONDS = 0.05
COMMIT_SECONDS_MAX = 2.0
"""A commit that takes longer says that the database is in trouble: nothing new is decided then.
Terminals wait 10 s and more, so those that wait already still get their answer when it recovers."""
DRAIN_SECONDS_MAX = 10.0
OTHER_SHARDS_SECONDS_MAX = 5.0
"""A shard that does not answer must not keep another from ending."""
CONFIRM_SECONDS = 1.0
"""A switch that lost its shard answers echoes and repeats from memory for no longer than this."""
HOLDS_PER_TICK_MAX = 1_000

HSM_SECONDS_MAX = 1.0
"""An HSM that has not answered by then is dropped: its terminals wait, and another one may do."""

log = structlog.get_logger("switch.server")

MakeKeys = Callable[[int, bool], Awaitable[None]]
"""Makes new session keys for a terminal (which may have missed the last ones) and journals them.

Raises OperatingError."""


async def no_hsm(terminal: int, missed: bool) -> None:
    """Make no keys: there is no HSM."""
    raise HsmUnavailable("no HSM is configured")


Written = TypeVar("Written")

Recall = Callable[[Sequence[Recalled]], Awaitable[None]]
"""Puts what messages need from the journal back into memory. Raises OperatingError."""


class Server:
    """One shard, serving. `run` ends when `stop` is called, or with the error that ended it."""

    def __init__(
        self,
        *,
        core: Core,
        directory: Directory,
        gate: Gate,
        journal: Journal,
        recall: Recall,
        timezone: ZoneInfo,
        idle_seconds_max: float,
        frame_seconds_max: float,
        metrics: CommitMetrics,
        write_log: Callable[[bytes], None] | None,
        make_snapshots: Callable[[], Awaitable[None]],
        issuers: IssuerDesk,
        vouchers: VoucherDesk | None = None,
        recalled_at_once_max: int = 1,
        make_keys: MakeKeys = no_hsm,
    ) -> None:
        """For so many messages the journal is asked together (`switch.recall.at_once_max`).

        `write_log` takes whole lines and may block: it is called on a thread.

        `make_snapshots` runs as long as the switch serves, and is cancelled then.
        """
        self._core = core
        self._directory = directory
        self._gate = gate
        self._journal = journal
        self._recall = recall
        self._timezone = timezone
        self._idle_us_max = int(idle_seconds_max * 1_000_000)
        self._frame_us_max = int(frame_seconds_max * 1_000_000)
        self._metrics = metrics
        self._write_log = write_log
        self._make_snapshots = make_snapshots
        self._recalled_at_once_max = recalled_at_once_max
        self._make_keys = make_keys
        self._issuers = issuers
        self._vouchers = vouchers
        self._rows_wait = trio.Event()
        # What was recovered is durable: somebody may wait for a row of a process before.
        self._durable_seq = core.statistics()["durable_seq"]
        self._released_seq = self._durable_seq  # their replies have left
        self._durable_moved = trio.Event()
        self._stopping = trio.Event()
        self._not_live: dict[int, str] = {}  # why, by programme: what was logged
        self._all_served = False
        self._drained = trio.Event()
        # A search by key takes longer than a row by its sequence, which need not wait for it.
        # Bounded by the gate's places for parked messages.
        self._parked = {
            kind: trio.open_memory_channel[tuple[int, Recalled]](math.inf)
            for kind in ("seq", "key")
        }
        self._keyless = trio.open_memory_channel[tuple[int, int, bool]](math.inf)
        self.available = True
        self.clock_work = ClockWork(core, directory)
        self.housekeeping = Housekeeping(
            core,
            self.clock_work,
            timezone,
            Pace(
                may_write=lambda: self.available and not self._stopping.is_set(),
                rows_written=lambda: self._rows_wait.set(),
            ),
        )

    def stop(self) -> None:
        """Take no more messages, let the replies under way leave, end."""
        self._stopping.set()
        self._rows_wait.set()

    def record(self, event: Event) -> int:
        """Let an event take effect; gives its sequence, whose row is not durable yet.

        Raises EventError for one that cannot take effect, OperatingError while none may.
        """
        return self.write(
            lambda now_us, utc_offset_s: self._directory.record(
                event, now_us=now_us, utc_offset_s=utc_offset_s
            )
        )

    def write(self, work: Callable[[int, int], Written]) -> Written:
        """Let something write rows, at a time in Unix µs and with its zone.

        Raises OperatingError while none may, and what `work` does.
        """
        if self._stopping.is_set():
            raise OperatingError("the switch is stopping")
        if not self.available:
            raise JournalUnavailable("the journal cannot be written now")
        now_s = time.time()
        written = work(int(now_s * 1_000_000), utc_offset_seconds(self._timezone, now_s))
        self._rows_wait.set()
        return written

    async def go_on(self) -> None:
        """Serve what was resumed, and let its rows be committed."""
        await self._drain()
        self._rows_wait.set()

    async def wait_durable(self, seq: int) -> None:
        """Wait until a row is durable."""
        while self._durable_seq < seq:
            await self._durable_moved.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`. Raises FencedError when another process has taken the shard."""
        try:
            async with trio.open_nursery() as nursery:
                for _, parked_receive in self._parked.values():
                    nursery.start_soon(self._work_slow_lane, parked_receive)
                nursery.start_soon(self._exchange_keys)
                nursery.start_soon(self._issuers.run, self)
                if self._vouchers is not None:
                    nursery.start_soon(self._vouchers.run, self)
                nursery.start_soon(self._keep_house)
                clock_scope = await nursery.start(self._keep_clock)
                nursery.start_soon(self._watch_hsms)
                nursery.start_soon(self._watch_journal)
                nursery.start_soon(self._confirm_tenure)
                nursery.start_soon(self._deliver)
                nursery.start_soon(self._commit)
                nursery.start_soon(self._make_snapshots)
                if self._write_log is not None:
                    nursery.start_soon(self._flush_log, self._write_log)
                gate_scope = await nursery.start(self._serve_gate)
                task_status.started()
                await self._stopping.wait()
                clock_scope.cancel()
                await self._hear_other_shards_out()
                gate_scope.cancel()
                with trio.move_on_after(DRAIN_SECONDS_MAX) as drain_scope:
                    await self._drained.wait()
                if drain_scope.cancelled_caught:
                    # A commit cannot be cancelled: the end would wait for the database.
                    self._journal.give_up()
                nursery.cancel_scope.cancel()
        finally:
            self._gate.close_all()
            if self._write_log is not None:
                with contextlib.suppress(OSError):  # said already, if it is not new
                    self._write_log(self._gate.take_log())

    async def _serve_gate(
        self, *, task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Drain the gate whenever something is ready."""
        with trio.CancelScope() as scope:
            task_status.started(scope)
            while True:
                await trio.lowlevel.wait_readable(self._gate.fileno())
                await self._drain()
        self._gate.stop_accepting()
        while self._price():  # what has come in is answered
            await trio.lowlevel.checkpoint()
        self._all_served = True
        self._rows_wait.set()

    async def _hear_other_shards_out(self) -> None:
        """Pass on what other shards still answer to our requesters, who are heard no more."""
        self._gate.stop_reading()
        with trio.move_on_after(OTHER_SHARDS_SECONDS_MAX):
            while self._gate.awaited():  # noqa: ASYNC110 (a counter in C has no event)
                await trio.sleep(TICK_SECONDS / 10)

    async def _drain(self) -> None:
        """Serve what is ready, and with it what waits to be priced, however many turns that takes.

        Without a checkpoint when one turn does: nothing comes in between then.
        """
        while True:
            if self._gate.drain():
                self._rows_wait.set()
            self._directory.hear()
            for ticket, what in self._gate.take_parked():
                self._park(ticket, what)
            if not self._price():
                return
            await trio.lowlevel.checkpoint()

    def _park(self, ticket: int, what: Wanted) -> None:
        if what[0] == "keys":
            self._keyless[0].send_nowait((ticket, what[1], what[2]))
        elif what[0] == "card" or what[0] == "issuer":
            self._issuers.put(ticket, what)
        elif what[0] == "voucher":
            if self._vouchers is not None:
                self._vouchers.put(ticket, what)
            else:  # the other shards cannot be asked
                self._gate.sought(ticket, everywhere=False)
        else:
            self._parked[what[0]][0].send_nowait((ticket, what))

    def _price(self) -> bool:
        """Have Python price a turn's messages. True when more wait."""
        served, waiting = price_waiting(self._gate, PRICING_TURN_US_MAX)
        if served:
            self._rows_wait.set()
        for trouble in self._gate.pricer.take_troubles():
            log.error("pricing_trouble", **msgspec.structs.asdict(trouble))
        return waiting > 0

    async def _commit(self) -> None:
        """Group commit: while one batch is being committed the next one fills.

        The next one is on its way before the replies of the one before leave (`_deliver`).
        """
        while True:
            cut = self._core.cut_batch()
            if cut is None and self._released_seq < self._durable_seq:
                self._release()
                continue
            if cut is None:
                if self._all_served:
                    self._drained.set()
                    return
                self._rows_wait = trio.Event()
                await self._rows_wait.wait()
                continue
            first_seq, last_seq, chain, body = cut
            began_at = time.perf_counter()
            batch = Batch(
                first_seq=first_seq,
                last_seq=last_seq,
                last_chain=chain,
                copy_body=body,
                rows_behind=self._core.last_seq - last_seq,
            )
            try:
                outcome = await self._journal.append(batch)
            except JournalUnavailable as error:
                if not self._stopping.is_set():
                    raise
                # Their replies have not left: the terminals repeat, and get what became of them.
                log.warning("rows_in_doubt", rows=last_seq - first_seq + 1, error=str(error))
                return
            if isinstance(outcome, Fenced):
                raise self._fenced(outcome.reason)
            self._metrics.note_commit(last_seq - first_seq + 1, time.perf_counter() - began_at)
            self._durable_seq = last_seq
            self._durable_moved.set()

    async def _deliver(self) -> None:
        """Let the replies leave whose rows are durable, once the next batch is on its way."""
        while True:
            await self._durable_moved.wait()
            self._durable_moved = trio.Event()
            if self._released_seq < self._durable_seq:
                self._release()

    def _release(self) -> None:
        """Let replies leave; what waited for room is decided then, and its rows wait."""
        self._released_seq = self._durable_seq
        self._gate.durable(self._durable_seq)
        self._rows_wait.set()

    def _fenced(self, reason: str) -> FencedError:
        """End every connection at once: a task that still runs must not answer from memory."""
        self._gate.stop_accepting()
        self._gate.close_all()
        return FencedError(f"this shard has another owner: {reason}")

    async def _confirm_tenure(self) -> None:
        """Without traffic no commit says that the shard is still ours, so ask."""
        last_seq = 0
        while True:
            await trio.sleep(CONFIRM_SECONDS)
            status = self._journal.status()
            if status.appending_since_ns or status.last_seq != last_seq:
                last_seq = status.last_seq
            elif not await self._journal.confirm():
                raise self._fenced("it took over while nothing happened")

    async def _work_slow_lane(
        self, parked: trio.MemoryReceiveChannel[tuple[int, Recalled]]
    ) -> None:
        """Fetch what parked messages need from the journal, then serve them on the same path."""
        async for first in parked:
            waiting = [first]
            with contextlib.suppress(trio.WouldBlock):
                while len(waiting) < self._recalled_at_once_max:
                    waiting.append(parked.receive_nowait())
            try:
                await self._recall([what for _, what in waiting])
            except OperatingError as error:
                log.warning("recall_failed", messages=len(waiting), error=str(error))
                for ticket, _ in waiting:
                    self._gate.abandon(ticket)
                continue
            for ticket, _ in waiting:
                self._gate.resume(ticket)
            await self.go_on()

    async def _exchange_keys(self) -> None:
        """Have new session keys made for terminals that ask for them, then serve them."""
        async for ticket, terminal, missed in self._keyless[1]:
            try:
                await self._make_keys(terminal, missed)
            except OperatingError as error:
                log.warning("keys_not_made", terminal=terminal, error=str(error))
                self._gate.abandon(ticket)
                continue
            self._gate.resume(ticket)
            await self.go_on()

    async def _watch_hsms(self) -> None:
        """Drop HSMs that do not answer."""
        while True:
            await trio.sleep(TICK_SECONDS)
            self._gate.drop_slow_hsms(int(HSM_SECONDS_MAX * 1_000_000))
            self._rows_wait.set()

    async def _watch_journal(self) -> None:
        """Tell the gate whether the journal takes rows: while it does not, requests get 91."""
        while True:
            status = self._journal.status()
            waited_s = (
                (time.time_ns() - status.appending_since_ns) / 1e9
                if status.appending_since_ns
                else 0.0
            )
            available = waited_s < COMMIT_SECONDS_MAX and (
                status.available or not status.appending_since_ns
            )
            if available != self.available:
                log.warning("journal_available", available=available, error=status.last_error)
                self.available = available
                self._gate.set_available(available)
            await trio.sleep(TICK_SECONDS)

    async def _keep_house(self) -> None:
        """Each tick: the local clock, connections that are overdue, holds that have ended."""
        while True:
            now_s = time.time()
            offset_s = utc_offset_seconds(self._timezone, now_s)
            self._gate.set_utc_offset(offset_s)
            self._gate.close_overdue(self._idle_us_max, self._frame_us_max)
            written = 0
            recalls: list[int] = []
            if self.available and not self._stopping.is_set():
                self._go_live(int(now_s))
            if self.available:
                written, recalls = self._core.expire_holds(
                    int(now_s * 1_000_000), offset_s, HOLDS_PER_TICK_MAX
                )
            if written:
                self._rows_wait.set()
            if recalls:
                try:
                    await self._recall([("seq", seq) for seq in recalls])
                except JournalUnavailable as error:
                    log.warning("recall_failed", error=str(error))
            await trio.sleep(TICK_SECONDS if written or recalls else 10 * TICK_SECONDS)

    async def _keep_clock(
        self, *, task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Do the clock's work until the switch stops: what drains then are messages."""
        with trio.CancelScope() as scope:
            task_status.started(scope)
            await self.housekeeping.run()

    def _go_live(self, now_s: int) -> None:
        """Have versions decide whose day has come; each once, as their rows say that they do."""
        for definition in self._directory.versions.due(now_s):
            event = ProgrammeLive(definition=definition, at_s=now_s)
            name = {"programme": definition.programme, "version": definition.version}
            try:
                seq = self.record(event)
            except EventError as error:
                # It is tried each second, so that it is live once what it lacks is there.
                if self._not_live.get(definition.programme) != str(error):
                    log.error("version_not_live", **name, error=str(error))
                self._not_live[definition.programme] = str(error)
            else:
                self._not_live.pop(definition.programme, None)
                log.info("version_live", **name, seq=seq)

    async def _flush_log(self, write_log: Callable[[bytes], None]) -> None:
        """Write the exchange log's lines; `run` writes the last ones."""
        while True:
            await trio.sleep(LOG_FLUSH_SECONDS)
            lines = self._gate.take_log()
            if lines:
                try:
                    await trio.to_thread.run_sync(write_log, lines)
                except OSError as error:
                    # A full disk stops the log, not the tills; the journal has every exchange.
                    count = lines.count(b"\n")
                    log.warning("exchange_log_lost", lines=count, error=error.strerror)
