"""The HSM on the network: connections, bounds, and an end that finishes what was read.

Owns the sockets' side. All frames of one read are answered in one write, in their order: that is
where the speed comes from, for a command takes microseconds and a turn of Trio fifty. Must not know
any command. A handler that fails by a bug of ours answers 41 and is told of, without data; the
others go on.
"""

import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb

import msgspec
import structlog
import trio

from hsm_sim.errors import ErrorCode
from hsm_sim.framing import Frame, FrameReader, framed
from hsm_sim.hsm import Hsm, reply_code

CONNECTIONS_MAX = 1_024
READ_BYTES_MAX = 1 << 15
"""A connection's turn: 250 PIN translations, two or three milliseconds; then others have theirs."""
OUTPUT_BYTES_MAX = 1 << 20
"""Answers that wait for one write; beyond it they are written before the next command runs."""
IDLE_SECONDS_MAX = 600.0
SEND_SECONDS_MAX = 10.0  # a peer that does not read its answers for so long is closed
HANDSHAKE_SECONDS_MAX = 5.0
WATCH_SECONDS = 1.0
DRAIN_SECONDS_MAX = 5.0

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]

log = structlog.get_logger("hsm_sim.server")


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one server takes."""

    connections_max: int = CONNECTIONS_MAX
    idle_seconds_max: float = IDLE_SECONDS_MAX
    send_seconds_max: float = SEND_SECONDS_MAX


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the start; `open` is of now."""

    commands: int
    failed: int  # answered 41 by a bug of ours
    accepted: int
    open: int
    refused: int  # too many connections
    handshakes_failed: int
    lost_framing: int
    idle: int
    unread: int  # the peer did not read its answers


class _Connection:
    """One peer. `receiving`: what we wait in for more; None while we answer what came."""

    __slots__ = ("active_at", "closed_for", "receiving", "scope")

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.active_at = trio.current_time()
        self.receiving: trio.CancelScope | None = None
        self.closed_for: str | None = None


class HsmServer:
    """One HSM, served on any number of listeners."""

    def __init__(self, hsm: Hsm, bounds: Bounds | None = None) -> None:
        self.hsm = hsm
        self._bounds = bounds or Bounds()
        self._connections: set[_Connection] = set()
        self._stopping = trio.Event()
        self.stopped = trio.Event()  # all that was read is answered
        self._counts = dict.fromkeys(
            (name for name in Statistics.__struct_fields__ if name != "open"), 0
        )

    def statistics(self) -> Statistics:
        """Give the counts."""
        return Statistics(open=len(self._connections), **self._counts)

    def stop(self) -> None:
        """Take no more commands; what was read is answered."""
        self._stopping.set()

    async def serve(
        self,
        listeners: Sequence[Listener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until `stop`."""
        async with trio.open_nursery() as connections, trio.open_nursery() as doors:
            for listener in listeners:
                doors.start_soon(self._accept, listener, connections)
            doors.start_soon(self._watch)
            task_status.started()
            await self._stopping.wait()
            doors.cancel_scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + DRAIN_SECONDS_MAX
            for connection in self._connections:
                if connection.receiving is not None:
                    connection.receiving.cancel()
        self.stopped.set()

    async def _accept(
        self,
        listener: Listener,
        connections: trio.Nursery,
    ) -> None:
        await trio.serve_listeners(self._serve_connection, [listener], handler_nursery=connections)

    async def _watch(self) -> None:
        """Close who has been silent for too long, or does not take its answers."""
        while True:
            await trio.sleep(WATCH_SECONDS)
            now = trio.current_time()
            for connection in self._connections:
                waits_for_us = connection.receiving is None
                seconds_max = (
                    self._bounds.send_seconds_max if waits_for_us else self._bounds.idle_seconds_max
                )
                if now - connection.active_at > seconds_max:
                    connection.closed_for = "unread" if waits_for_us else "idle"
                    connection.scope.cancel()

    async def _serve_connection(self, stream: Stream) -> None:
        if len(self._connections) >= self._bounds.connections_max:
            self._closed("refused", stream)
            await trio.aclose_forcefully(stream)
            return
        self._counts["accepted"] += 1
        connection = _Connection()
        self._connections.add(connection)
        try:
            with connection.scope:
                if await self._shake_hands(stream):
                    await self._converse(stream, connection)
        except trio.BrokenResourceError:
            pass  # the peer went away: its right
        finally:
            self._connections.discard(connection)
            if connection.closed_for is not None:
                self._closed(connection.closed_for, stream)
            await trio.aclose_forcefully(stream)

    async def _shake_hands(self, stream: Stream) -> bool:
        if not isinstance(stream, trio.SSLStream):
            return True
        try:
            with trio.fail_after(HANDSHAKE_SECONDS_MAX):
                await stream.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError):
            self._closed("handshakes_failed", stream)
            return False
        return True

    async def _converse(
        self,
        stream: Stream,
        connection: _Connection,
    ) -> None:
        reader = FrameReader(self.hsm.header_bytes)
        while not self._stopping.is_set():
            # A scope of its own: what has come in when we are stopped is answered.
            data: bytes | bytearray = b""
            with trio.CancelScope() as connection.receiving:
                data = await stream.receive_some(READ_BYTES_MAX)
            connection.receiving = None
            if not data:
                return
            connection.active_at = trio.current_time()
            frames, lost = reader.receive(data)
            done = 0
            while done < len(frames):
                done, answers = self._answer(frames, done)
                await stream.send_all(answers)
                connection.active_at = trio.current_time()
            if lost:
                connection.closed_for = "lost_framing"
                return

    def _answer(self, frames: list[Frame], done: int) -> tuple[int, bytes]:
        """Answer frames from `done` on, until all are done or a write is full."""
        answers: list[bytes] = []
        output_bytes = 0
        execute = self.hsm.execute
        began_ns = time.time_ns()
        for header, message in frames[done:]:
            try:
                answer = framed(header, execute(message))
            except Exception as error:  # noqa: BLE001 (a bug must not stop the other commands)
                answer = framed(header, self._failed(message[:2], error))
            answers.append(answer)
            output_bytes += len(answer)
            if output_bytes > OUTPUT_BYTES_MAX:
                break
        self.hsm.health.worked(began_ns, time.time_ns())
        self._counts["commands"] += len(answers)
        return done + len(answers), b"".join(answers)

    def _failed(self, code: bytes, error: Exception) -> bytes:
        """Tell of a bug of ours, where it is and never with which data; the response."""
        self._counts["failed"] += 1
        frame = extract_tb(error.__traceback__)[-1]
        known = code.decode("latin-1")
        log.error(
            "hsm_command_failed",
            command=known if known in self.hsm.commands else "?",
            error=type(error).__name__,
            at=f"{Path(frame.filename).name}:{frame.lineno}",
        )
        return reply_code(code) + ErrorCode.INTERNAL.value.encode("ascii")

    def _closed(self, reason: str, stream: Stream) -> None:
        """Count and tell of a connection that we closed."""
        self._counts[reason] += 1
        socket = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        try:
            peer = socket.socket.getpeername()[0]
        except OSError:
            peer = "gone"
        log.warning("hsm_connection_closed", reason=reason, peer=peer)


async def listen(host: str, port: int, tls: ssl.SSLContext | None = None) -> Sequence[Listener]:
    """Listen, with TLS when there is a context; port 0 takes a free one."""
    if tls is None:
        return await trio.open_tcp_listeners(port, host=host)
    return await trio.open_ssl_over_tcp_listeners(port, tls, host=host)


def port_of(listener: Listener) -> int:
    """Give the port of a listener."""
    door = listener.transport_listener if isinstance(listener, trio.SSLListener) else listener
    assert isinstance(door, trio.SocketListener)
    port: int = door.socket.getsockname()[1]
    return port
