"""One shard as an asker at another one's control socket.

Owns one question a connection, and how long it may take. The protocol is `switch.control`'s.
"""

import socket
from pathlib import Path

import msgspec
import trio

from switch.control import Answer, BringVoucher, SeekVoucher
from switch.errors import OperatingError
from switch.limits import CONTROL_LINE_BYTES_MAX
from switch.local_sockets import connect_to

ANSWER_SECONDS_MAX = 5.0

_ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


async def ask_shard(directory: Path, number: int, request: SeekVoucher | BringVoucher) -> Answer:
    """Ask once. Raises OperatingError: whether it was heard is not known then."""
    link = socket.socket(socket.AF_UNIX)
    try:
        connect_to(link, directory, number)
        link.setblocking(False)
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(link))
        with trio.fail_after(ANSWER_SECONDS_MAX):
            async with stream:
                await stream.send_all(msgspec.json.encode(request) + b"\n")
                return _ANSWERS.decode(await _line(stream))
    except (OSError, trio.BrokenResourceError, trio.TooSlowError, msgspec.MsgspecError) as error:
        link.close()
        raise OperatingError(f"shard {number}: {str(error) or 'no answer in time'}") from error


async def _line(stream: trio.SocketStream) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = await stream.receive_some()
        if not piece or len(line) > CONTROL_LINE_BYTES_MAX:
            raise OSError("it hung up")
        line += piece
    return line
