"""A draft over the whole past, on all cores: one process for each core, forked.

Owns the processes: who reads what, how far they are, and what becomes of one that ends. What a
worker does is `switch.lab`'s, what it reads `switch.lab_history`'s.

Theory of operation. For each shard the journal's rows before the window are replayed once, with
every chain checked: so the cards' lots are right to the second on the window's first day. (A switch
keeps its newest two snapshots, which are younger than any window.) Then a process is forked for
each core: it shares the memory of that moment, and changes only the pages of its own cards. It asks
for their rows over a connection of its own, and sends what it found through a pipe.
"""

import gc
import os
import selectors
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from switch._core import JournalBroken
from switch.directory import Directory
from switch.errors import LedgerCorrupt, OperatingError
from switch.events import ProgrammeLive, decode_event
from switch.lab import (
    LabError,
    Lookback,
    Part,
    PastDirectory,
    Window,
    expect_replayable,
    window_of,
)
from switch.lab_history import (
    Share,
    first_seq_since,
    is_replica,
    live_events,
    named_later,
    read_history,
)
from switch.ledger.database import Database
from switch.ledger.reader import head
from switch.ledger.session import DatabaseUnavailable, StatementRefused
from switch.programme import Programme
from switch.recovery import replay_rows, replaying_core
from switch.verify import EXCHANGE_ENTRIES, find_shards

SECONDS_A_DAY = 86_400
FRAME = struct.Struct("!cQ")  # what it is, and how many bytes follow
PROGRESS, RESULT, TROUBLE = b"p", b"r", b"e"

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how far it has got and how far it goes."""


class PrimaryRefused(OperatingError):
    """The database is the one that a switch writes to."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What all workers found."""

    window: Window
    parts: list[Part]
    workers: int
    seconds: float
    rows_before: int


class _Job(msgspec.Struct, frozen=True, kw_only=True):
    dsn: str
    shard: int
    share: Share
    after_seq: int
    until_seq: int


def replay_past(
    dsn: str,
    draft: Programme,
    *,
    months: int,
    last_day: int,
    zone: ZoneInfo,
    workers: int,
    primary: bool,
    on_progress: Progress,
) -> Past:
    """Replay a draft over the last months up to a local day. Raises OperatingError."""
    began_at = time.monotonic()
    try:
        expect_replayable(draft)
        window = window_of(last_day, months)
    except LabError as error:
        raise OperatingError(str(error)) from error
    parts: list[Part] = []
    rows_before = 0
    with Database(dsn, read_only=True) as database:
        if not primary and not database.call_sync(is_replica):
            raise PrimaryRefused(
                "this database is no replica: its switch would wait for what is read here"
                " (--primary takes it all the same)"
            )
        shards = database.call_sync(find_shards)
    for shard in shards:
        found, before = _replay_shard(dsn, shard, draft, window, zone, workers, on_progress)
        parts += found
        rows_before += before
    if not any(part.live is not None for part in parts):
        raise OperatingError(f"programme {draft.programme} has never been live in this journal")
    return Past(
        window=window,
        parts=parts,
        workers=workers,
        seconds=time.monotonic() - began_at,
        rows_before=rows_before,
    )


def _replay_shard(
    dsn: str,
    shard: int,
    draft: Programme,
    window: Window,
    zone: ZoneInfo,
    workers: int,
    on_progress: Progress,
) -> tuple[list[Part], int]:
    """Replay one shard; give what its workers found, and how many rows were before the window."""
    offsets = offsets_of(zone, window)
    begins_s = window.first_day * SECONDS_A_DAY - offsets[0][1]
    ends_s = (window.last_day + 1) * SECONDS_A_DAY - offsets[-1][1]
    core = replaying_core(shard, EXCHANGE_ENTRIES)
    directory = PastDirectory(core)

    def told(last_seq: int, end_seq: int) -> None:
        on_progress("before", last_seq, end_seq)

    with Database(dsn, read_only=True) as database:
        end = database.call_sync(head, shard)
        first_seq = database.call_sync(first_seq_since, shard, begins_s, end.last_seq)
        last_seq = database.call_sync(first_seq_since, shard, ends_s, end.last_seq) - 1
        try:
            if first_seq > 1:
                database.call_sync(replay_rows, core, directory, shard, first_seq - 1, told)
        except LedgerCorrupt as error:
            raise OperatingError(str(error)) from error
        events = database.call_sync(live_events, shard, first_seq - 1, last_seq)
    referrers = _referrers(draft, directory, events)
    try:
        lookback = Lookback(
            core, directory, draft, first_seq=first_seq, window=window, offsets=offsets
        )
    except LabError as error:
        raise OperatingError(str(error)) from error
    jobs = [
        _Job(
            dsn=dsn,
            shard=shard,
            share=Share(
                programme=draft.programme,
                worker=worker,
                worker_count=workers,
                referrers=referrers,
            ),
            after_seq=first_seq - 1,
            until_seq=last_seq,
        )
        for worker in range(workers)
    ]
    return _Workers(jobs, lookback, on_progress).run(), first_seq - 1


def _referrers(draft: Programme, directory: Directory, events: list[bytes]) -> tuple[int, ...]:
    """Give the programmes whose messages move what this one's cards have.

    Their guests reward this one's members, or their cards take this one's vouchers.
    """
    definitions = list(directory.programmes.values())
    for body in events:
        event = decode_event(body)
        if isinstance(event, ProgrammeLive):
            definitions.append(event.definition)
    return tuple(
        sorted(
            {
                one.programme
                for one in definitions
                if one.programme != draft.programme
                and draft.programme
                in (
                    one.referral.programme if one.referral is not None else None,
                    one.vouchers.programme if one.vouchers is not None else None,
                )
            }
        )
    )


def offsets_of(zone: ZoneInfo, window: Window) -> list[tuple[int, int]]:
    """Give from which Unix second on a place's clocks were how far ahead of UTC."""
    found: list[tuple[int, int]] = []
    for day in range(window.first_day - 1, window.last_day + 2):
        for hour in range(24):
            unix_s = day * SECONDS_A_DAY + hour * 3_600
            shown = datetime.fromtimestamp(unix_s, UTC).astimezone(zone).utcoffset()
            assert shown is not None
            offset_s = int(shown.total_seconds())
            if not found or found[-1][1] != offset_s:
                found.append((unix_s, offset_s))
    return found


# --- the processes --------------------------------------------------------------------------------


class _Workers:
    """The forked processes of one shard."""

    def __init__(self, jobs: list[_Job], lookback: Lookback, on_progress: Progress) -> None:
        self._jobs = jobs
        self._lookback = lookback
        self._on_progress = on_progress
        self._pids: dict[int, int] = {}  # by the end of the pipe that is read
        self._reached = [job.after_seq for job in jobs]

    def run(self) -> list[Part]:
        """Give what each found. Raises OperatingError when one could not finish."""
        gc.collect()
        gc.freeze()  # what is shared stays so: the collector would write to every object
        try:
            for job in self._jobs:
                self._fork(job)
            return self._hear()
        finally:
            for pid in self._pids.values():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            for read_end in self._pids:
                os.close(read_end)
            gc.unfreeze()

    def _fork(self, job: _Job) -> None:
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(read_end)
                for other in self._pids:
                    os.close(other)
                _work(job, self._lookback, write_end)
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)  # nothing of the parent's is run down here
        os.close(write_end)
        self._pids[read_end] = pid

    def _hear(self) -> list[Part]:
        parts: dict[int, Part] = {}
        heard = {read_end: bytearray() for read_end in self._pids}
        workers = {read_end: number for number, read_end in enumerate(self._pids)}
        with selectors.DefaultSelector() as selector:
            for read_end in heard:
                selector.register(read_end, selectors.EVENT_READ)
            while len(parts) < len(self._jobs):
                for key, _ in selector.select():
                    read_end = key.fd
                    piece = os.read(read_end, 1 << 20)
                    if not piece:
                        raise OperatingError(self._ended(read_end, workers[read_end]))
                    heard[read_end] += piece
                    part = self._take(heard[read_end], workers[read_end])
                    if part is not None:
                        parts[workers[read_end]] = part
                        selector.unregister(read_end)
        for read_end, pid in list(self._pids.items()):
            os.waitpid(pid, 0)
            os.close(read_end)
            del self._pids[read_end]
        return [parts[number] for number in sorted(parts)]

    def _take(self, heard: bytearray, worker: int) -> Part | None:
        """Take whole frames; give the result when it has come."""
        while len(heard) >= FRAME.size:
            what, body_bytes = FRAME.unpack_from(heard)
            if len(heard) < FRAME.size + body_bytes:
                return None
            body = bytes(heard[FRAME.size : FRAME.size + body_bytes])
            del heard[: FRAME.size + body_bytes]
            if what == TROUBLE:
                raise OperatingError(body.decode("utf-8"))
            if what == RESULT:
                return msgspec.msgpack.decode(body, type=Part)
            self._reached[worker] = int(body)
            job = self._jobs[worker]
            done = sum(self._reached) - job.after_seq * len(self._reached)
            self._on_progress("window", done, (job.until_seq - job.after_seq) * len(self._reached))
        return None

    def _ended(self, read_end: int, worker: int) -> str:
        """Say what became of a worker that said nothing more."""
        _, status = os.waitpid(self._pids.pop(read_end), 0)
        os.close(read_end)
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            return f"worker {worker} was ended by {name} before it had finished: nothing is known"
        return f"worker {worker} ended with code {os.WEXITSTATUS(status)} before it had finished"


def _work(job: _Job, lookback: Lookback, write_end: int) -> None:
    """Replay a share; the forked process."""
    try:
        part = _look_back(job, lookback, write_end)
    except (
        LabError,
        JournalBroken,
        LedgerCorrupt,
        DatabaseUnavailable,
        StatementRefused,
    ) as error:
        _say(write_end, TROUBLE, f"shard {job.shard}: {error}".encode())
        return
    _say(write_end, RESULT, msgspec.msgpack.encode(part))


def _look_back(job: _Job, lookback: Lookback, write_end: int) -> Part:
    lookback.set_worker(job.share.worker, job.share.worker_count)

    def told(seq: int) -> None:
        _say(write_end, PROGRESS, str(seq).encode())

    with Database(job.dsn, read_only=True) as database:
        seqs, rows, outcomes = database.call_sync(
            named_later, job.shard, job.share, job.after_seq, job.until_seq
        )
        lookback.lab.keep(seqs)
        lookback.lab.remember(rows, outcomes)
        cpu_began_ns, began_ns = time.process_time_ns(), time.monotonic_ns()
        database.call_sync(
            read_history,
            job.shard,
            job.share,
            job.after_seq,
            job.until_seq,
            lookback.take,
            told,
        )
        cpu_ms = (time.process_time_ns() - cpu_began_ns) // 1_000_000
        read_ms = (time.monotonic_ns() - began_ns) // 1_000_000
    return msgspec.structs.replace(lookback.finish(), cpu_ms=cpu_ms, read_ms=read_ms)


def _say(write_end: int, what: bytes, body: bytes) -> None:
    rest = memoryview(FRAME.pack(what, len(body)) + body)
    while rest:
        rest = rest[os.write(write_end, rest) :]
