"""The one file that knows asyncio: PostgreSQL on a thread of its own, called from Trio or not.

It owns the thread, its event loop (uvloop), connecting to whichever of several hosts is the
primary, and lending sessions. It must not know what the journal means.

Theory of operation. asyncpg needs an asyncio loop; the switch runs on Trio. A bridge inside one
thread costs more for each crossing than a thread with a loop of its own (docs/decisions/0010), and
work on the other thread can't be cancelled by construction: a commit under synchronous replication
must never be. `run` crosses once each way: `call_soon_threadsafe` there, `run_sync_soon` back.

Functions handed to `run`, `call` and their `_sync` twins are `async def` and run on the database's
thread. They take a `Session` and await nothing but its methods, `pause` and each other.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from functools import partial
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
import outcome
import trio
import uvloop
from asyncpg.connect_utils import SessionAttribute

from switch.ledger.session import LOST, DatabaseUnavailable, Session, StatementRefused

if TYPE_CHECKING:
    from switch.ledger.session import Connection

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS_MAX = 1.0  # each host; all are raced, so a frozen first host costs nothing
IDLE_SESSIONS_MAX = 4  # kept open for `call`; more at once are opened and closed again

# Anything below a warning is chatter that must not put a commit in doubt.
SESSION_SETTINGS = {
    "client_min_messages": "warning",
    "idle_in_transaction_session_timeout": "2s",
    "jit": "off",
    "timezone": "UTC",
}


class Database:
    """A thread with an event loop and sessions to one PostgreSQL database.

    Used as a context manager, from Trio or from plain code; leaving it drops every connection.
    `dsn` may name several hosts: the first that answers and accepts writes is used.
    """

    def __init__(
        self,
        dsn: str,
        *,
        read_only: bool = False,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    ) -> None:
        self._hosts = split_hosts(dsn)
        self._read_only = read_only
        self._loop = loop_factory()
        self._loop.set_exception_handler(_report_stray_error)
        self._thread = threading.Thread(target=self._serve, name="bashgah-database", daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sessions: set[Session] = set()
        self._idle: list[Session] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    # Called from Trio or from plain code.

    async def run(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on the database's thread and wait for it under Trio, whatever is cancelled."""
        return await self._cross(lambda: work(*args, **kwargs), lambda: None)

    def run_sync(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on the database's thread and block this one (never Trio's) until it ends."""
        done = threading.Event()
        results: list[outcome.Outcome[T]] = []

        def deliver(result: outcome.Outcome[T]) -> None:
            results.append(result)
            done.set()

        self._loop.call_soon_threadsafe(self._begin, lambda: work(*args, **kwargs), deliver)
        done.wait()
        return results[0].unwrap()

    async def call(
        self,
        work: Callable[Concatenate[Session, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work(session, …)` on the database's thread from Trio, with a session lent to it.

        Cancelling drops the session's connection: for reads, and for writes that may be repeated.
        """
        lent: list[Session] = []
        cancelled = False

        async def use(session: Session) -> T:
            lent.append(session)
            if cancelled:
                session.abort()
            return await work(session, *args, **kwargs)

        def cancel() -> None:
            nonlocal cancelled
            cancelled = True
            for session in lent:
                session.abort()

        try:
            return await self._cross(lambda: self.borrow(use), cancel)
        except DatabaseUnavailable:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise

    def call_sync(
        self,
        work: Callable[Concatenate[Session, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work(session, …)` on the database's thread from plain code."""
        return self.run_sync(lambda: self.borrow(work, *args, **kwargs))

    def post(self, action: Callable[[], object]) -> None:
        """Have a plain function called on the database's thread, soon; from any thread."""
        self._loop.call_soon_threadsafe(action)

    # Called on the database's thread.

    async def open_session(self, application_name: str) -> Session:
        """Connect to the current primary (or any host, when reading only).

        Raises DatabaseUnavailable with one reason for each host.
        """
        settings = SESSION_SETTINGS | {"application_name": application_name}
        attempts = [
            asyncio.create_task(_connect(host, settings, self._read_only)) for host in self._hosts
        ]
        try:
            connection = await _first_connection(attempts)
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_close_loser)
        try:
            session = Session(connection, partial(self.open_session, application_name))
            connection.add_termination_listener(lambda _: self._sessions.discard(session))
        except asyncpg.InterfaceError as error:  # a takeover has ended it already
            raise DatabaseUnavailable(f"lost as soon as it was made: {error}") from error
        self._sessions.add(session)
        return session

    async def borrow(
        self,
        work: Callable[Concatenate[Session, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Lend `work` a session for as long as it runs."""
        while self._idle and self._idle[-1].closed:
            self._idle.pop()
        session = self._idle.pop() if self._idle else await self.open_session("bashgah")
        return await self._lend(session, work, *args, **kwargs)

    async def borrow_within(
        self,
        seconds_max: float,
        work: Callable[Concatenate[Session, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Lend `work` a new session and drop it when the time is over (DatabaseUnavailable).

        New, because one that lay idle may lead to a host that is frozen or no longer the primary.
        """
        session = await self.open_session("bashgah")
        timer = self._loop.call_later(seconds_max, session.abort)
        try:
            return await self._lend(session, work, *args, **kwargs)
        finally:
            timer.cancel()

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start `work` beside whatever runs; it handles its own operating errors."""
        task = self._loop.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def call_later(self, delay_seconds: float, action: Callable[[], object]) -> Callable[[], None]:
        """Have `action` called later on this thread; returns what cancels it."""
        return self._loop.call_later(delay_seconds, action).cancel

    # Internal.

    async def _cross(
        self, work: Callable[[], Coroutine[Any, Any, T]], on_cancel: Callable[[], None]
    ) -> T:
        """Wait for `work` under Trio; a cancellation calls `on_cancel` there, and waits on."""
        task = trio.lowlevel.current_task()
        back = trio.lowlevel.current_trio_token().run_sync_soon

        def deliver(result: outcome.Outcome[T]) -> None:
            back(trio.lowlevel.reschedule, task, result)

        def refuse(_raise_cancel: object) -> trio.lowlevel.Abort:
            self._loop.call_soon_threadsafe(on_cancel)
            return trio.lowlevel.Abort.FAILED

        self._loop.call_soon_threadsafe(self._begin, work, deliver)
        # Trio hands back, or raises, what `deliver` was given.
        return cast(T, await trio.lowlevel.wait_task_rescheduled(refuse))

    def _begin(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        deliver: Callable[[outcome.Outcome[T]], None],
    ) -> None:
        async def carry() -> None:
            result = await outcome.acapture(work)
            if isinstance(result, outcome.Error) and isinstance(
                result.error, asyncio.CancelledError
            ):
                result = outcome.Error(DatabaseUnavailable("the database was closed"))
            deliver(result)

        self.spawn(carry)

    async def _lend(
        self,
        session: Session,
        work: Callable[Concatenate[Session, P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            result = await work(session, *args, **kwargs)
        except StatementRefused:
            self._keep(session)
            raise
        except BaseException:
            session.abort()
            raise
        self._keep(session)
        return result

    def _keep(self, session: Session) -> None:
        if session.closed or len(self._idle) >= IDLE_SESSIONS_MAX:
            session.abort()
        else:
            self._idle.append(session)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _stop(self) -> None:
        # Sessions first: a task that is cancelled in mid-statement would have asyncpg send a
        # cancel request, and a cancelled commit may look like a success.
        for session in list(self._sessions):
            session.abort()
        for task in list(self._tasks):
            task.cancel()
        self._loop.call_later(0.01, self._stop_when_idle)

    def _stop_when_idle(self) -> None:
        if self._tasks:
            self._stop()
        else:
            self._loop.stop()


async def in_order(
    works: Iterable[Callable[[], Coroutine[Any, Any, T]]], ahead: int
) -> AsyncGenerator[T, None]:
    """Run some work, `ahead` at once beside what is done with a result; give results in order."""
    rest = iter(works)
    tasks = deque(asyncio.ensure_future(work()) for work in islice(rest, ahead))
    try:
        while tasks:
            result = await tasks.popleft()
            tasks.extend(asyncio.ensure_future(work()) for work in islice(rest, 1))
            yield result
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pause(seconds: float) -> None:
    """Wait, on the database's thread."""
    await asyncio.sleep(seconds)


def split_hosts(dsn: str) -> tuple[str, ...]:
    """Return one DSN for each host of a DSN: `//h1:5432,h2:5433/…` or `?host=/a,/b&port=1,2`."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," in hosts:
        return tuple(
            parts._replace(netloc=f"{user}{at}{host}").geturl() for host in hosts.split(",")
        )
    options = dict(parse_qsl(parts.query))
    names = options.get("host", "").split(",")
    if len(names) == 1:
        return (dsn,)
    ports = options.get("port", "5432").split(",")
    ports = ports * len(names) if len(ports) == 1 else ports
    return tuple(
        parts._replace(query=urlencode(options | {"host": name, "port": port})).geturl()
        for name, port in zip(names, ports, strict=True)
    )


async def _connect(host: str, settings: dict[str, str], read_only: bool) -> Connection | str:
    """Connect to one host; a failure is returned as its reason, which never holds the DSN."""
    wanted = SessionAttribute.any if read_only else SessionAttribute.read_write
    try:
        return await asyncpg.connect(
            host,
            timeout=CONNECT_SECONDS_MAX,
            server_settings=settings,
            target_session_attrs=wanted,
        )
    except (*LOST, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"{type(error).__name__}: {error}"


async def _first_connection(attempts: list[asyncio.Task[Connection | str]]) -> Connection:
    """Wait for the first attempt that succeeds and take it out of the list."""
    pending, reasons = set(attempts), []
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            answer = attempt.result()
            if not isinstance(answer, str):
                attempts.remove(attempt)
                return answer
            reasons.append(answer)
    raise DatabaseUnavailable(f"the database cannot be reached: {'; '.join(reasons)}")


def _close_loser(attempt: asyncio.Task[Connection | str]) -> None:
    """Close a connection that was made but came second."""
    if attempt.cancelled():
        return
    answer = attempt.result()
    if not isinstance(answer, str):
        answer.terminate()


def _report_stray_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody awaited, except the loss of a connection.

    asyncpg leaves a future behind when a connection ends in mid-COPY. The COPY itself raises, and
    that is where the loss is handled.
    """
    if not isinstance(context.get("exception"), asyncpg.PostgresConnectionError):
        loop.default_exception_handler(context)
