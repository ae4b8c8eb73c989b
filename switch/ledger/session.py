"""One connection to PostgreSQL, as the database's thread uses it.

It owns what statements can be sent and the difference between "refused" and "perhaps done". It
must not know threads, Trio or, of the journal, more than its columns, and imports no asyncio: its
methods are awaited on the database's loop (`switch.ledger.database`).

Two errors leave this file. `StatementRefused`: the server answered with an error and the connection
stayed open, so the statement had no effect. `DatabaseUnavailable`: everything else, that is, the
statement may or may not have had its effect.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import asyncpg
import msgspec

from switch.errors import OperatingError
from switch.ledger.journal import COLUMNS

if TYPE_CHECKING:  # the class is generic for the checker only
    from typing_extensions import Buffer

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

LOST = (OSError, EOFError, TimeoutError, asyncpg.InternalClientError)
DISCONNECTED_STATES = ("08", "57P", "40003")  # connection errors, shutdowns, unknown completion


class DatabaseUnavailable(OperatingError):
    """No usable connection, or one was lost in mid-statement: the outcome is unknown."""


class StatementRefused(OperatingError):
    """The server answered with an error on a live connection: the statement had no effect."""

    def __init__(self, sqlstate: str, text: str) -> None:
        super().__init__(f"{sqlstate} {text}")
        self.sqlstate = sqlstate


class Backend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One server process, named so that another with the same number is not mistaken for it."""

    pid: int
    started_at: datetime


class Session:
    """One connection, on the database's thread, used by one coroutine at a time."""

    def __init__(
        self, connection: Connection, open_another: Callable[[], Awaitable[Session]]
    ) -> None:
        """`open_another` connects to the same database, for `another`."""
        self._connection = connection
        self._open_another = open_another
        self._notices: list[str] = []
        connection.add_log_listener(self._note)

    @property
    def closed(self) -> bool:
        """Whether the connection is known to be gone."""
        return self._connection.is_closed()

    async def another(self) -> Session:
        """Open a session beside this one; whoever calls this drops it. DatabaseUnavailable."""
        return await self._open_another()

    def abort(self) -> None:
        """Drop the connection without a word: no cancel request reaches the server."""
        self._connection.terminate()

    async def step_back(self) -> None:
        """Have the server's process work when no other wants to, if it is on this machine.

        An ordinary user cannot take that back: for a session that is used for nothing else.
        """
        rows = await self.fetch(
            "SELECT pg_backend_pid() AS pid, inet_client_addr() IS NULL AS is_here"
        )
        if rows[0]["is_here"]:
            _step_back(rows[0]["pid"])

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Run one statement and return its rows."""
        with self._classified():
            return await self._connection.fetch(query, *args)

    async def execute(self, script: str) -> None:
        """Run one or more statements without parameters and without results."""
        with self._classified():
            await self._connection.execute(script)

    @contextlib.asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[None]:
        """Hold a transaction; with `snapshot` a read-only one that sees one moment."""
        options = " ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else ""
        await self.execute("BEGIN" + options)
        try:
            yield
        except BaseException:
            if not self.closed:
                await self.execute("ROLLBACK")
            raise
        await self.execute("COMMIT")

    async def copy_rows(self, table: str, body: Buffer, *, where: str | None = None) -> int:
        """Send a whole COPY binary stream of the journal as one statement; return how many rows.

        It is its own transaction unless one is open. The request, its data and its end leave in
        one go, so nothing is held open across a round trip.
        """
        # A memoryview, because asyncpg takes `bytes` for a path; its stubs know neither. Released
        # here: a traceback that outlives the statement must not hold the core's buffer.
        with self._classified(), memoryview(body) as source:
            tag = await self._connection.copy_to_table(
                table,
                source=cast(AsyncIterator[bytes], source),
                columns=COLUMNS,
                format="binary",
                where=where,
            )
        return int(tag.rpartition(" ")[2])

    async def copy_in_stream(
        self, table: str, chunks: AsyncIterator[bytes], columns: Sequence[str] | None = None
    ) -> int:
        """Send a COPY binary stream piece by piece; return the number of rows stored.

        `columns` names those of the stream, when they are not the table's in its order.
        """
        with self._classified():
            tag = await self._connection.copy_to_table(
                table, source=chunks, columns=columns, format="binary"
            )
        return int(tag.rpartition(" ")[2])

    async def copy_out(self, query: str, sink: Callable[[bytes], object]) -> None:
        """Stream a query as COPY binary: `sink` gets the bytes in order, on this thread."""

        async def take(chunk: bytes) -> None:
            sink(chunk)

        with self._classified():
            await self._connection.copy_from_query(query, output=take, format="binary")

    @contextlib.contextmanager
    def unambiguous(self) -> Iterator[None]:
        """Raise DatabaseUnavailable if the server said anything besides the answer inside.

        PostgreSQL reports a commit that gave up waiting for its replicas as a success with a
        warning, so any notice during a commit makes its outcome unknown.
        """
        self._notices.clear()
        yield
        if self._notices:
            raise DatabaseUnavailable(f"notice during a commit: {self._notices[0]}")

    def _note(self, _connection: object, message: Any) -> None:
        self._notices.append(f"{message.sqlstate} {message.message}")

    @contextlib.contextmanager
    def _classified(self) -> Iterator[None]:
        try:
            yield
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            fatal = getattr(error, "severity_en", None) in ("FATAL", "PANIC")
            if fatal or self.closed or state.startswith(DISCONNECTED_STATES):
                self.abort()
                raise DatabaseUnavailable(f"{state} {error.args[0]}") from error
            # Only the message: the detail may quote the row.
            raise StatementRefused(state, str(error.args[0])) from error
        except (asyncpg.InterfaceError, RuntimeError, AttributeError) as error:
            # uvloop's RuntimeError: a write to a connection that was lost a moment ago. asyncpg's
            # AttributeError: the connection was lost between two steps of one call.
            if not self.closed:
                raise  # our own misuse of the driver, not an outage
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error
        except LOST as error:
            self.abort()
            raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def _step_back(pid: int) -> None:
    with contextlib.suppress(OSError):  # another user's process, or hidden: it competes then
        # A socket's file may lead into a container, where numbers mean other processes.
        if b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes():
            # Niceness would let it finish its slice while a commit waits for the processor.
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
