"""A bench with a plain door and two that speak TLS, and a peer whose records a test can cut.

Owns the listeners' names and the ciphertext on the way. What comes of it is the tests' to say.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio

from switch.iso8583 import NEED_DATA, FrameReader, Message
from tests.support.certificates import Site
from tests.support.gate_bench import DIALECTS, REPLY_SECONDS_MAX, Bench, Link, serving

DOORS = {"plain": "binary", "secure": "binary", "plain-text": "ascii", "secure-text": "ascii"}


@asynccontextmanager
async def serving_tls(site: Site, *names: str, **arguments: Any) -> AsyncIterator[Bench]:
    """Serve plain terminals and, at `secure` and `secure-text`, those with certificates.

    `names` are those that may come, else any; the other arguments are those of `serving`.
    """
    framings = {name: DIALECTS[dialect] for name, dialect in DOORS.items()}
    tls = site.tls(*names)
    doors = {name: tls for name in DOORS if name.startswith("secure")}
    async with serving(framings=framings, tls=doors, **arguments) as bench:
        yield bench


class RecordPeer:
    """A client whose every byte on the wire is a test's to send, or not."""

    def __init__(self, stream: trio.SocketStream, context: ssl.SSLContext, link: Link) -> None:
        self.stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self._link = link
        self._reader = FrameReader(link.framing)

    async def greet(self) -> None:
        """Do the handshake. Raises ssl.SSLError, or EndOfChannel when it was hung up on."""
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self.stream.send_all(self.leaving())
                await self._receive()
            except ssl.SSLError:
                await self.stream.send_all(self.leaving())  # what we hold against the switch
                raise
            else:
                await self.stream.send_all(self.leaving())
                return

    def first_words(self) -> bytes:
        """Give the ClientHello, without sending it."""
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return self.leaving()
        raise AssertionError("a handshake of one")

    def record(self, message: Message | bytes) -> bytes:
        """Give a message's frame as a record of its own."""
        return self.encrypted(self._link.frame(message))

    def encrypted(self, data: bytes) -> bytes:
        """Give the records of some bytes."""
        self._ssl.write(data)
        return self.leaving()

    def farewell(self) -> bytes:
        """Give our close_notify: we say no more, and may still listen."""
        with suppress(ssl.SSLWantReadError):
            self._ssl.unwrap()
        return self.leaving()

    def leaving(self) -> bytes:
        """Give what OpenSSL wants to send."""
        return self._outgoing.read()

    async def reply_bytes(self) -> bytes:
        """Give the next reply without framing. Raises EndOfChannel when the switch hung up."""
        with trio.fail_after(REPLY_SECONDS_MAX):
            while (frame := self._reader.next_frame()) is NEED_DATA:
                try:
                    data = self._ssl.read(65_536)
                except ssl.SSLWantReadError:
                    await self._receive()
                    continue
                except ssl.SSLZeroReturnError:
                    data = b""  # so it is told to who has said farewell, and only then
                if not data:
                    raise trio.EndOfChannel
                self._reader.receive_data(data)
        return frame.body

    async def _receive(self) -> None:
        with trio.fail_after(REPLY_SECONDS_MAX):
            data = await self.stream.receive_some()
        if not data:
            raise trio.EndOfChannel
        self._incoming.write(data)


async def record_peer(
    bench: Bench, context: ssl.SSLContext, *, greets: bool = True, listener: str = "secure"
) -> RecordPeer:
    """Connect a peer to a listener that speaks TLS."""
    link = await bench.connect(listener)
    peer = RecordPeer(link.stream, context, link)
    if greets:
        await peer.greet()
    return peer
