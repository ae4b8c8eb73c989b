"""A host for the generator's own tests: answers everything, and makes the mistakes it is told to.

It is no switch and stands in for none. It runs in a thread, so that the core's loop, which holds no
interpreter lock, meets it over real sockets. A reply repeats the echoed elements and adds code 00.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from loadtest.target import MessageKind, Target, load_target
from switch.iso8583 import FrameReader, Framing, Message, decode, encode, named
from switch.iso8583.framing import NEED_DATA, reply_tpdu

SPEC = named("iso1987-binary")
FRAMING = Framing(length="binary2", tpdu=True)
ECHOED = (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What came: on which connection, and as which one of the run."""

    count: int  # from 0
    connection: int
    tpdu: bytes
    body: bytes

    @property
    def message(self) -> Message:
        """The request, decoded."""
        return decode(self.body, SPEC)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes to send: a body to be framed, or `raw` ones as they are."""

    connection: int
    body: bytes = b""
    tpdu: bytes = b""
    raw: bytes = b""


Behaviour = Callable[["Host", Request], list[Answer]]


class Host:
    """One listening socket, and what it was sent."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._selector = selectors.DefaultSelector()
        self._ends = threading.Event()
        self._connections: list[socket.socket] = []
        self._readers: list[FrameReader] = []
        self.requests: list[Request] = []
        self.held: list[Answer] = []
        port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{port}"

    def reply(self, request: Request, code: str = "00", **elements: str) -> Answer:
        """Give the honest answer, elements changed as told (`DE4="…"`)."""
        message = request.message
        reply = Message(f"{message.mti[:2]}{int(message.mti[2]) + 1}0", spec=SPEC)
        for element in ECHOED:
            if element in message:
                reply[element] = message[element]
        reply[39] = code
        for name, value in elements.items():
            reply[int(name.removeprefix("DE"))] = value
        return Answer(
            connection=request.connection,
            body=encode(reply, SPEC),
            tpdu=reply_tpdu(request.tpdu),
        )

    def close(self, connection: int) -> None:
        """Close a connection without a word."""
        self._selector.unregister(self._connections[connection])
        self._connections[connection].close()

    def serve(self) -> None:
        """Answer until told to end."""
        self._selector.register(self._listener, selectors.EVENT_READ, -1)
        while not self._ends.is_set():
            for key, _events in self._selector.select(0.02):
                if key.data < 0:
                    self._accept()
                else:
                    self._read(key.data)
        self._listener.close()
        for connection in self._connections:
            connection.close()
        self._selector.close()

    def stop(self) -> None:
        """Let `serve` end."""
        self._ends.set()

    def _accept(self) -> None:
        connection, _address = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, len(self._connections))
        self._connections.append(connection)
        self._readers.append(FrameReader(FRAMING))

    def _read(self, index: int) -> None:
        try:
            data = self._connections[index].recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.close(index)
            return
        reader = self._readers[index]
        reader.receive_data(data)
        while (frame := reader.next_frame()) is not NEED_DATA:
            request = Request(
                count=len(self.requests), connection=index, tpdu=frame.tpdu, body=frame.body
            )
            self.requests.append(request)
            for answer in self._behaviour(self, request):
                self._send(answer)
            if self._connections[index].fileno() < 0:
                return

    def _send(self, answer: Answer) -> None:
        data = answer.raw or FRAMING.frame(answer.body, answer.tpdu)
        with suppress(BrokenPipeError, ConnectionResetError):  # the run is over
            self._connections[answer.connection].sendall(data)


def honest(host: Host, request: Request) -> list[Answer]:
    """Answer as a healthy host does."""
    return [host.reply(request)]


def after(seconds: float) -> Behaviour:
    """Answer honestly, but stop the whole host for a while at the first request."""

    def behaviour(host: Host, request: Request) -> list[Answer]:
        if request.count == 0:
            time.sleep(seconds)
        return [host.reply(request)]

    return behaviour


@contextmanager
def serving(behaviour: Behaviour = honest) -> Iterator[Host]:
    """Run a host in a thread."""
    host = Host(behaviour)
    thread = threading.Thread(target=host.serve, name="host", daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.stop()
        thread.join(5.0)


def target() -> Target:
    """Give the target file of this host: our own one, of two kinds."""
    ours, _folder = load_target("bashgah-binary")
    kinds: dict[str, MessageKind] = {
        name: ours.kinds[name] for name in ("purchase", "balance", "reversal", "refund")
    }
    return msgspec.structs.replace(ours, name="host", kinds=kinds)
