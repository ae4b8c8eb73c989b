"""A session with an HSM: commands out, responses back, many at once.

Owns one connection and who waits for what. The header of a frame is our number for the command:
the HSM gives it back unchanged, so answers may come in any order. Must not know any command's
fields; it keeps and shows none of them, for they are card data.

Every loss is `HsmUnavailable`, and a session that was lost stays so: the caller opens another.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio

from switch.errors import HsmUnavailable, OperatingError
from switch.iso8583.framing import NEED_DATA, FrameReader, Framing, FramingError

HEADER_BYTES = 4
IN_FLIGHT_MAX = 64
"""With so many a simulated HSM is at its full speed; a payShield has 64 sockets' worth."""
COMMAND_SECONDS_MAX = 5.0
CONNECT_SECONDS_MAX = 5.0
MESSAGE_BYTES_MAX = 32_000
READ_BYTES_MAX = 1 << 16
FRAMING = Framing()
RESPONSE_BYTES_MIN = HEADER_BYTES + 4  # reply code and error


class HsmAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the HSM is. With `tls`, its name must be in its certificate: the context checks it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"HSM {self.host}:{self.port}"


def tls_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """Make the client's side of TLS from files: whom we trust, and who we are."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


class _Waiting:
    """One command under way."""

    __slots__ = ("answered", "response")

    def __init__(self) -> None:
        self.answered = trio.Event()
        self.response: bytes | None = None


class HsmSession:
    """An open connection. Made by `open_hsm`."""

    def __init__(
        self,
        address: HsmAddress,
        stream: trio.abc.Stream,
        *,
        in_flight_max: int,
        command_seconds_max: float,
    ) -> None:
        assert 0 < in_flight_max <= 1 << 15  # half of the numbers a header can be
        self._address = address
        self._stream = stream
        self._command_seconds_max = command_seconds_max
        self._places = trio.Semaphore(in_flight_max, max_value=in_flight_max)
        self._waiting: dict[bytes, _Waiting | None] = {}  # None: nobody waits any more
        self._outgoing: list[bytes] = []
        self._outgoing_wait = trio.Event()
        self._number = 0
        self._lost: str | None = None

    def __repr__(self) -> str:
        return f"HsmSession({self._address}, {len(self._waiting)} in flight)"

    async def command(self, message: bytes) -> bytes:
        """Send a command; give what follows the header: reply code, error code, fields.

        Raises HsmUnavailable when the connection is lost or the answer does not come in time.
        """
        if not 2 <= len(message) <= MESSAGE_BYTES_MAX:
            raise ValueError(f"a command of {len(message)} bytes")
        with trio.move_on_after(self._command_seconds_max):
            async with self._places:
                return await self._exchange(message)
        raise HsmUnavailable(f"{self._address}: no answer in {self._command_seconds_max:g} s")

    async def _exchange(self, message: bytes) -> bytes:
        if self._lost is not None:
            raise HsmUnavailable(self._lost)
        header = self._next_header()
        waiting = _Waiting()
        self._waiting[header] = waiting
        self._outgoing.append(FRAMING.frame(header + message))
        self._outgoing_wait.set()
        try:
            await waiting.answered.wait()
        except trio.Cancelled:
            # The answer may still come: the number is free only then.
            if header in self._waiting:
                self._waiting[header] = None
            raise
        if waiting.response is None:
            assert self._lost is not None
            raise HsmUnavailable(self._lost)
        return waiting.response

    def _next_header(self) -> bytes:
        if len(self._waiting) >= 0xFFFF:
            self._lose("as many commands as there are numbers were never answered")
            raise HsmUnavailable(self._lost)
        while True:
            self._number = (self._number + 1) & 0xFFFF
            header = b"%04X" % self._number
            if header not in self._waiting:
                return header

    async def _write(self) -> None:
        """Send what has gathered, in one write."""
        while True:
            await self._outgoing_wait.wait()
            self._outgoing_wait = trio.Event()
            frames = b"".join(self._outgoing)
            self._outgoing.clear()
            try:
                await self._stream.send_all(frames)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._lose("the connection broke")
                return

    async def _read(self) -> None:
        reader = FrameReader(FRAMING, frame_bytes_max=FRAMING.value_max)
        while self._lost is None:
            try:
                data = await self._stream.receive_some(READ_BYTES_MAX)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if not data:
                self._lose("the connection broke")
                return
            try:
                reader.receive_data(data)
                while (frame := reader.next_frame()) is not NEED_DATA:
                    self._take(frame.body)
            except FramingError:
                self._lose("it sent what is no response")

    def _take(self, body: bytes) -> None:
        """Hand a response to who waits for it."""
        header = body[:HEADER_BYTES]
        if len(body) < RESPONSE_BYTES_MIN or header not in self._waiting:
            raise FramingError("a response to nothing")
        waiting = self._waiting.pop(header)
        if waiting is not None:
            waiting.response = body[HEADER_BYTES:]
            waiting.answered.set()

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = f"{self._address}: {why}"
        for waiting in self._waiting.values():
            if waiting is not None:
                waiting.answered.set()
        self._waiting.clear()


@asynccontextmanager
async def open_hsm(
    address: HsmAddress,
    *,
    in_flight_max: int = IN_FLIGHT_MAX,
    command_seconds_max: float = COMMAND_SECONDS_MAX,
) -> AsyncIterator[HsmSession]:
    """Connect, and hang up at the end of the block. Raises HsmUnavailable."""
    stream = await _connect(address)
    session = HsmSession(
        address,
        stream,
        in_flight_max=in_flight_max,
        command_seconds_max=command_seconds_max,
    )
    failure: OperatingError | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session._read)
            nursery.start_soon(session._write)
            try:
                yield session
            except OperatingError as error:
                failure = error  # the nursery would wrap it in a group
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)
    if failure is not None:
        raise failure


async def _connect(address: HsmAddress) -> trio.abc.Stream:
    try:
        with trio.fail_after(CONNECT_SECONDS_MAX):
            plain = await trio.open_tcp_stream(address.host, address.port)
            if address.tls is None:
                return plain
            try:
                stream = trio.SSLStream(plain, address.tls, server_hostname=address.host)
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(plain)
                raise
            return stream
    except trio.TooSlowError as error:
        raise HsmUnavailable(f"{address}: no connection in time") from error
    except OSError as error:
        raise HsmUnavailable(f"{address}: {error}") from error
    except trio.BrokenResourceError as error:
        # The reason names what is wrong with a certificate, never what is in it.
        reason = error.__cause__
        said = reason.reason if isinstance(reason, ssl.SSLError) else None
        raise HsmUnavailable(f"{address}: no TLS ({said or 'the connection broke'})") from error
