"""A TCP proxy that fails on demand, between a client and a server on this machine.

It owns the faults: replies that never arrive, silence in both directions, connections cut. Threads,
so that it works beside any event loop. A client connects to `port`; `target` is what the server
listens on: a port of 127.0.0.1 or the path of a Unix socket.
"""

import contextlib
import enum
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Fault(enum.Enum):
    """What happens to bytes from now on, on every connection."""

    NONE = "everything passes"
    DROP_REPLIES = "requests pass, replies are read and thrown away"
    BLACKHOLE = "nothing passes, nothing is closed"


class FaultProxy:
    """The proxy as a context manager; `fault` may be changed at any time."""

    def __init__(self, target: int | str) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._passing = threading.Event()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._fault = Fault.NONE
        self.connections = 0
        self.reply_bytes_dropped = 0

    @property
    def port(self) -> int:
        """Where a client connects, at 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def fault(self) -> Fault:
        """The present fault."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        (self._passing.clear if fault is Fault.BLACKHOLE else self._passing.set)()

    def cut(self) -> None:
        """Reset every connection that exists now; new ones are accepted."""
        with self._lock:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._passing.set()
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed = True
        self.fault = Fault.NONE
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _start(self, run: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            self.connections += 1
            self._start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with self._lock:
            self._sockets |= {client, server}
        replies = threading.Thread(target=self._pump, args=(server, client, True), daemon=True)
        replies.start()
        self._pump(client, server, False)
        replies.join()
        with self._lock:
            self._sockets -= {client, server}
        client.close()
        server.close()

    def _connect(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._target)
        except OSError:
            server.close()
            raise
        return server

    def _pump(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._passing.wait()
                if replies and self._fault is Fault.DROP_REPLIES:
                    self.reply_bytes_dropped += len(data)
                else:
                    sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
