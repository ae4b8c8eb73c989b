"""The terminal's side of a TCP connection, on Trio: ask, wait, repeat, give up.

Owns sockets and waiting. Must not know what a message means; `acquirers.terminal.exchange` says
which reply belongs to which request.

Theory of operation. One message is under way at a time. A connection that has let the terminal
down (time limit passed, closed, framing lost) is dropped, and the next attempt opens a fresh one:
so a reply that comes late goes to a connection nobody reads, and cannot be taken for another's.
The repeat (0201 for 0200) has the same STAN and time, and the switch owes it the first reply.
"""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from msgspec import Struct, structs

from acquirers.terminal.exchange import Answered, TerminalConnection, Unreadable
from acquirers.terminal.orders import repeat_of
from acquirers.terminal.wire import Wire
from switch.errors import OperatingError, ProtocolError
from switch.iso8583 import NEED_DATA, Message

READ_BYTES = 4096
"""One read: the largest frame of the interface fits."""


class Address(Struct, frozen=True, kw_only=True, gc=False):
    """Where the switch listens for this profile."""

    host: str
    port: int


class Patience(Struct, frozen=True, kw_only=True, gc=False):
    """How long a terminal waits, and how often it asks again before it gives up."""

    connect_seconds: float = 5.0
    reply_seconds: float = 15.0
    repeats_max: int = 2


class NotConnectedError(OperatingError):
    """The switch can't be reached: the message never left."""


class NoReplyError(OperatingError):
    """The message left and no reply came: not in time, or the connection went. Outcome unknown."""


class Answer(Struct, frozen=True, kw_only=True):
    """A reply and how it was got: the request as it was sent last, and how many repeats it took."""

    request: Message
    reply: Message
    repeats: int
    elapsed_ns: int


class TerminalClient:
    """Asks the switch one message at a time. Made by `open_client`."""

    def __init__(
        self, address: Address, wire: Wire, patience: Patience, tls: ssl.SSLContext | None
    ) -> None:
        self._tls = tls
        self._address = address
        self._wire = wire
        self._patience = patience
        self._stream: trio.abc.Stream | None = None
        self._connection = TerminalConnection(wire)

    async def ask(self, request: Message) -> Answer:
        """Send a message once and wait for its reply. Raises NotConnectedError, NoReplyError,
        EncodeError."""
        started_ns = time.monotonic_ns()
        stream = await self._connected()
        frame = self._connection.send(request)
        try:
            with trio.fail_after(self._patience.reply_seconds):
                await stream.send_all(frame)
                reply = await self._wait_answered(stream, request)
        except trio.TooSlowError:
            await self.aclose()
            raise NoReplyError(f"no reply within {self._patience.reply_seconds:g} s") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError, ProtocolError) as error:
            await self.aclose()
            raise NoReplyError(f"the connection was lost before the reply: {error}") from error
        except trio.Cancelled:
            # The reply may still come; on this connection it would meet the next request.
            await self.aclose()
            raise
        elapsed_ns = time.monotonic_ns() - started_ns
        return Answer(request=request, reply=reply, repeats=0, elapsed_ns=elapsed_ns)

    async def ask_until_answered(self, request: Message) -> Answer:
        """Send a message, and repeats of it while no reply comes, `repeats_max` at most.

        Raises NotConnectedError when no attempt could be sent at all, otherwise NoReplyError; and
        EncodeError.
        """
        started_ns = time.monotonic_ns()
        sent = request
        for repeats in range(self._patience.repeats_max + 1):
            try:
                answer = await self.ask(sent)
            except NotConnectedError as error:
                fault: OperatingError = error if sent is request else NoReplyError(str(error))
                continue
            except NoReplyError as error:
                fault = error
                sent = repeat_of(request)
                continue
            elapsed_ns = time.monotonic_ns() - started_ns
            return structs.replace(answer, repeats=repeats, elapsed_ns=elapsed_ns)
        raise fault

    async def aclose(self) -> None:
        """Close the connection at once; the next message opens another."""
        stream, self._stream = self._stream, None
        self._connection = TerminalConnection(self._wire)
        if stream is not None:
            await trio.aclose_forcefully(stream)

    async def _connected(self) -> trio.abc.Stream:
        """Give the open stream, opening one when there is none. Raises NotConnectedError."""
        if self._stream is None:
            where = f"{self._address.host}:{self._address.port}"
            try:
                with trio.fail_after(self._patience.connect_seconds):
                    self._stream = await self._opened()
            except trio.TooSlowError:
                raise NotConnectedError(f"cannot connect to {where}: no answer") from None
            except OSError as error:
                raise NotConnectedError(f"cannot connect to {where}: {error}") from error
            except trio.BrokenResourceError as error:
                why = error.__cause__ or error
                raise NotConnectedError(f"no TLS with {where}: {why}") from error
        return self._stream

    async def _opened(self) -> trio.abc.Stream:
        """Give a new stream. Raises OSError; BrokenResourceError when its handshake fails."""
        stream = await trio.open_tcp_stream(self._address.host, self._address.port)
        if self._tls is None:
            return stream
        try:
            greeted = trio.SSLStream(stream, self._tls, server_hostname=self._address.host)
            await greeted.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return greeted

    async def _wait_answered(self, stream: trio.abc.Stream, request: Message) -> Message:
        """Read until the request's own reply has come; replies to nobody are passed over."""
        while True:
            event = self._connection.next_event()
            if event is NEED_DATA:
                data = await stream.receive_some(READ_BYTES)
                if not data:
                    raise trio.BrokenResourceError("closed by the switch")
                self._connection.receive_data(bytes(data))
            elif isinstance(event, Unreadable):
                raise ProtocolError(event.fault)
            elif isinstance(event, Answered) and event.request is request:
                return event.reply


@asynccontextmanager
async def open_client(
    address: Address,
    wire: Wire,
    patience: Patience | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[TerminalClient]:
    """Give a client for as long as the block runs; it connects with the first message.

    With `tls` it speaks TLS, and the switch's certificate must have the address's host.
    """
    client = TerminalClient(address, wire, patience or Patience(), tls)
    try:
        yield client
    finally:
        await client.aclose()
