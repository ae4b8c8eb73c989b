"""The sockets between shards: in place of a former one, in a directory that is closed."""

import socket
from pathlib import Path

import pytest
import trio

from switch.errors import OperatingError
from switch.local_sockets import listen_at
from switch.peers import keep_connected


class Calls:
    """A gate that wants shard 1, and keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[socket.socket] = []

    def unconnected(self) -> list[int]:
        return [] if self.given else [1]

    def connected(self, number: int, fd: int) -> None:
        assert number == 1
        self.given.append(socket.socket(fileno=fd))


async def test_a_shard_that_comes_later_is_connected_and_takes_a_dead_ones_place(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("d" * 100)  # longer than a socket's path may be
    deep.mkdir(mode=0o700)
    (deep / "1.sock").touch()
    calls = Calls()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_connected, calls, calls, deep)
        await trio.sleep(0.1)
        before = list(calls.given)
        with listen_at(deep, 1) as listening, trio.fail_after(5):
            accepted, _ = await trio.socket.from_stdlib_socket(listening).accept()
            accepted.close()
        nursery.cancel_scope.cancel()
    for given in calls.given:
        given.close()

    assert before == []
    assert len(calls.given) == 1


@pytest.mark.parametrize("mode", [0o755, 0o710])
def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)

    with pytest.raises(OperatingError, match="must be ours with mode 0700"):
        listen_at(tmp_path, 0)
