"""A host that lies: a proxy on frames between a generator and a switch that is right.

Owns the lies that a wrong switch could tell by its replies alone: another terminal's reply, none,
two, an old one, another one to a repeat. Each is a function of a reply; `Liar` counts how often it
was told, so that a test knows that there was something to find. Threads, as in `fault_proxy`.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from switch.iso8583 import Message, Spec, decode, encode
from switch.iso8583.framing import NEED_DATA, FrameReader, Framing

FIRST_LIE = 50
"""Replies that pass before the first lie: a run has begun by then, and there is a past."""


class Reply(NamedTuple):
    """A reply as it came from the switch, and the connection that it is for."""

    link: "_Link"
    tpdu: bytes
    body: bytes


Lie = Callable[["Liar", Reply], list[Reply]]
"""Gives what is sent instead of a reply. Called under one lock: a lie has no need of its own."""


class _Link:
    """One connection of the generator's: its sockets, and what is remembered of it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.repeated: set[str] = set()  # keys of repeats that wait for their reply
        self.first_body = b""  # the oldest reply that it got


class Liar:
    """The proxy as a context manager. `told` counts lies, `replies` what the switch has said."""

    def __init__(
        self, port: int, lie: Lie, *, framing: Framing, spec: Spec, every: int = 1_000_000
    ) -> None:
        self.every = every
        self.replies = 0
        self.told = 0
        self.kept: Reply | None = None
        self._port = port
        self._lie = lie
        self._framing = framing
        self._spec = spec
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    @property
    def port(self) -> int:
        """Where the generator connects, at 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def is_due(self) -> bool:
        """Whether the next lie is due with this reply; the first comes soon, then each `every`."""
        return self.replies % self.every == FIRST_LIE % self.every

    def decode(self, body: bytes) -> Message:
        """Read a body."""
        return decode(body, self._spec)

    def encode(self, message: Message) -> bytes:
        """Write a body."""
        return encode(message, self._spec)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for link in self._links:
                for sock in (link.client, link.server):
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _start(self, run: Callable[..., None], *args: _Link) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server)
            with self._lock:
                self._links.add(link)
            self._start(self._serve, link)

    def _serve(self, link: _Link) -> None:
        replies = threading.Thread(target=self._pump_replies, args=(link,), daemon=True)
        replies.start()
        self._pump_requests(link)
        replies.join()
        with self._lock:
            self._links.discard(link)
        link.client.close()
        link.server.close()

    def _pump_requests(self, link: _Link) -> None:
        reader = FrameReader(self._framing)
        with contextlib.suppress(OSError):
            while data := link.client.recv(1 << 16):
                reader.receive_data(data)
                while (frame := reader.next_frame()) is not NEED_DATA:
                    self._look_for_repeat(link, frame.body)
                link.server.sendall(data)
        self._hang_up(link)

    def _look_for_repeat(self, link: _Link, body: bytes) -> None:
        """A repeat has an odd MTI: its last digit stands in the fourth character or nibble."""
        ascii_digits = self._framing.length == "ascii4"
        is_repeat = body[3:4] in b"1357" if ascii_digits else body[1] & 1
        if is_repeat:
            with self._lock:
                link.repeated.add(key_of(self.decode(body)))

    def _pump_replies(self, link: _Link) -> None:
        reader = FrameReader(self._framing)
        with contextlib.suppress(OSError):
            while data := link.server.recv(1 << 16):
                reader.receive_data(data)
                with self._lock:
                    while (frame := reader.next_frame()) is not NEED_DATA:
                        self._reply(Reply(link, frame.tpdu, frame.body))
        self._hang_up(link)

    def _reply(self, reply: Reply) -> None:
        self.replies += 1
        for link, tpdu, body in self._lie(self, reply):
            with contextlib.suppress(OSError):
                link.client.sendall(self._framing.frame(body, tpdu))
        if not reply.link.first_body:
            reply.link.first_body = reply.body

    def _hang_up(self, link: _Link) -> None:
        for sock in (link.client, link.server):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def key_of(message: Message) -> str:
    """Give what a repeat's reply shares with the first's: terminal and STAN."""
    return f"{message[41]} {message[11]}"


# --- lies -----------------------------------------------------------------------------------------


def truth(liar: Liar, reply: Reply) -> list[Reply]:
    """No lie at all: the control."""
    return [reply]


def swap(liar: Liar, reply: Reply) -> list[Reply]:
    """The replies of two connections change places."""
    if liar.is_due and liar.kept is None:
        liar.kept = reply
        return []
    kept = liar.kept
    if kept is None or kept.link is reply.link:
        return [reply]
    liar.kept = None
    liar.told += 1
    return [kept._replace(body=reply.body), reply._replace(body=kept.body)]


def lose(liar: Liar, reply: Reply) -> list[Reply]:
    """One in `every` never arrives."""
    if not liar.is_due:
        return [reply]
    liar.told += 1
    return []


def answer_twice(liar: Liar, reply: Reply) -> list[Reply]:
    """One in `every` arrives twice."""
    if not liar.is_due:
        return [reply]
    liar.told += 1
    return [reply, reply]


def answer_with_the_past(liar: Liar, reply: Reply) -> list[Reply]:
    """One in `every` is the first reply that its connection ever got; that one is true itself."""
    if not liar.is_due or not reply.link.first_body:
        return [reply]
    liar.told += 1
    return [reply._replace(body=reply.link.first_body)]


def dress_up_the_past(liar: Liar, reply: Reply) -> list[Reply]:
    """As before, but under the new message's own numbers: only its sums and codes are old."""
    message = liar.decode(reply.body)
    if liar.kept is None and message.mti == "0210" and "48.NP" in message:
        liar.kept = reply
    elif liar.kept is not None and liar.told == 0 and liar.replies > FIRST_LIE:
        old = liar.decode(liar.kept.body)
        if message.mti == "0210" and "48.NP" in message and message["48.NP"] != old["48.NP"]:
            liar.told += 1
            for element in (38, 48, 54):
                message[element] = old[element]
            return [reply._replace(body=liar.encode(message))]
    return [reply]


def answer_repeats_differently(liar: Liar, reply: Reply) -> list[Reply]:
    """A repeat's reply has another authorisation code than the first one had."""
    if not reply.link.repeated:
        return [reply]
    message = liar.decode(reply.body)
    if key_of(message) not in reply.link.repeated or 38 not in message:
        return [reply]
    reply.link.repeated.discard(key_of(message))
    liar.told += 1
    message[38] = "LIAR00"
    return [reply._replace(body=liar.encode(message))]


def tell_another_amount(liar: Liar, reply: Reply) -> list[Reply]:
    """A purchase's reply says that one less was paid, and that it was a discount."""
    if liar.kept is None and liar.is_due:
        liar.kept = reply  # from here on the next purchase will do
    if liar.kept is None or reply.body[:2] != b"\x02\x10":
        return [reply]
    message = liar.decode(reply.body)
    if message[3] != "000000" or int(message.get("48.NP", "0")) < 2:
        return [reply]
    liar.kept = None
    liar.told += 1
    message["48.NP"] = str(int(message["48.NP"]) - 1)
    message["48.DS"] = str(int(message.get("48.DS", "0")) + 1)
    return [reply._replace(body=liar.encode(message))]
