"""One connection to a switch, frame by frame, in blocking sockets: bytes in, bytes out.

For tests that care about the very bytes. Knows framing, nothing of the messages.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from acquirers.terminal.wire import Wire
from switch.iso8583 import NEED_DATA, Frame, FrameReader, reply_tpdu

REPLY_SECONDS_MAX = 10.0


class Line:
    """Sends a message, gives the reply's bytes. Made by `connected`."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._socket = sock
        self._wire = wire
        self._reader = FrameReader(wire.framing)

    def send(self, body: bytes) -> None:
        """Send one message in its frame."""
        self._socket.sendall(self._wire.framing.frame(body, self._wire.tpdu))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def receive(self) -> bytes | None:
        """Give the next message; None when the switch closes the connection instead."""
        frame = self.receive_frame()
        if frame is None:
            return None
        assert frame.tpdu == reply_tpdu(self._wire.tpdu), "the reply's TPDU is not turned round"
        return frame.body

    def receive_frame(self) -> Frame | None:
        """Give the next TPDU and message; None when the switch closes the connection instead."""
        while (frame := self._reader.next_frame()) is NEED_DATA:
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._reader.receive_data(data)
        assert isinstance(frame, Frame)
        return frame

    def ask(self, body: bytes) -> bytes | None:
        """Send one message and give what comes back."""
        self.send(body)
        return self.receive()


@contextmanager
def connected(port: int, wire: Wire) -> Iterator[Line]:
    """Give a line to the switch at a port of this machine."""
    with socket.create_connection(("127.0.0.1", port), timeout=REPLY_SECONDS_MAX) as sock:
        yield Line(sock, wire)
