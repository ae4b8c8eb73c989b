"""Several shards in this process, each a bench with a port of its own, linked with each other.

Owns their lifetimes, and which of the shop's cards is whose. So a test chooses where a message
comes in; in a real site the shards share one port and the kernel chooses.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.gate_bench import CARDS, Bench, Seat, serving
from tests.support.shop import PANS


def peers_of(bench: Bench) -> dict[int, dict[str, Any]]:
    """Give what a shard counts of each other one."""
    assert bench.peers is not None
    return bench.peers.statistics()


def owner_of(bench: Bench, card: int) -> int:
    """Give the shard that owns one of the shop's cards."""
    assert bench.peers is not None
    return bench.peers.owner_of(bench.shop.core.token_of(PANS[card]))


def card_of(bench: Bench, shard: int) -> int:
    """Give one of the shop's cards that a shard owns."""
    return next(card for card in CARDS if owner_of(bench, card) == shard)


@contextmanager
def meeting_place() -> Iterator[Path]:
    """Give a closed directory for the shards' sockets."""
    with TemporaryDirectory(prefix="bashgah-shards-") as directory:
        yield Path(directory)


@asynccontextmanager
async def serving_shards(count: int = 2, **arguments: Any) -> AsyncIterator[list[Bench]]:
    """Serve so many shards, linked with each other, their cards loaded, until the block ends.

    The arguments are those of `serving`.
    """
    with meeting_place() as directory:
        async with AsyncExitStack() as stack:
            benches = [
                await stack.enter_async_context(
                    serving(seat=Seat(number=number, count=count, directory=directory), **arguments)
                )
                for number in range(count)
            ]
            await wait_joined(benches)
            await benches[0].load()
            yield benches


async def wait_joined(benches: list[Bench]) -> None:
    """Wait until every shard is linked with every other one."""
    for bench in benches:
        assert bench.peers is not None
        await bench.wait_until(bench.peers.joined)
