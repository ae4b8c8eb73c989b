"""An HSM on a real socket, with the LMKs that everybody knows, and a plain client beside it."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from hsm_sim.commands.table import table
from hsm_sim.framing import framed
from hsm_sim.hsm import Command, Hsm, Lmk
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from hsm_sim.selftest import Compared, Lmks, Unfit, Vector
from hsm_sim.selftest_recipes import find
from hsm_sim.server import Bounds, HsmServer, listen, port_of
from switch.hsm_client import HsmAddress

VARIANT, BLOCK = 0, 1
Sent = list[bytes]


def published_hsm(
    *more: Command, header_bytes: int = 4, now_ns: Callable[[], int] = time.time_ns
) -> Hsm:
    """Make an HSM with both published LMKs, and commands of a test's own."""
    commands = {**table(), **{command.code: command for command in more}}
    lmks: dict[int, Lmk] = {
        VARIANT: VariantLmk.published_test_set(),
        BLOCK: KeyBlockLmk.published_test_key(),
    }
    return Hsm(lmks, commands, header_bytes=header_bytes, now_ns=now_ns)


def played(hsm: Hsm, vector: Vector) -> tuple[Compared | None, Sent]:
    """Show a vector in process: how it ended (None: answered an error), and what was sent."""
    recipe = find(vector)[1]
    assert recipe is not None
    sent: Sent = []
    playing = recipe(vector, Lmks(VARIANT, BLOCK))
    try:
        sent.append(next(playing))
        while True:
            sent.append(playing.send(hsm.execute(sent[-1])))
    except StopIteration as ended:
        compared: Compared = ended.value
        return compared, sent
    except (Unfit, ValueError):
        return None, sent


@asynccontextmanager
async def served_hsm(
    hsm: Hsm | None = None, bounds: Bounds | None = None
) -> AsyncIterator[tuple[HsmServer, HsmAddress]]:
    """Serve on a free port as long as the block runs."""
    server = HsmServer(hsm or published_hsm(), bounds)
    listeners = await listen("127.0.0.1", 0)
    address = HsmAddress(host="127.0.0.1", port=port_of(listeners[0]))
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, listeners)
        yield server, address
        server.stop()


def frames(messages: Iterable[bytes]) -> bytes:
    """Frame commands, numbered in their headers."""
    return b"".join(framed(b"%04d" % number, text) for number, text in enumerate(messages))


async def received(stream: trio.abc.Stream, count: int) -> list[bytes]:
    """Read so many frames, headers included; fewer when the peer hangs up."""
    data = bytearray()
    found: list[bytes] = []
    while len(found) < count:
        chunk = await stream.receive_some(65_536)
        if not chunk:
            break
        data += chunk
        while len(data) >= 2 and len(data) >= 2 + (length := data[0] << 8 | data[1]):
            found.append(bytes(data[2 : 2 + length]))
            del data[: 2 + length]
    return found


@asynccontextmanager
async def connected(address: HsmAddress) -> AsyncIterator[trio.SocketStream]:
    """Connect without TLS."""
    async with await trio.open_tcp_stream(address.host, address.port) as stream:
        yield stream
