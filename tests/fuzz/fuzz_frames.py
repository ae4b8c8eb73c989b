"""Fuzzing the gate: broken frames on real sockets, against a switch in a process of its own.

    python -m tests.fuzz.fuzz_frames --seconds 60 --seed 1

Holds, whatever is sent: the switch lives, a healthy terminal beside it gets its own answers, its
memory stays bounded, every connection that was closed left one line, the book balances. Prints the
seed; a failure names the last bytes sent.
"""

import argparse
import random
import socket
import sys
import time
from contextlib import suppress

from switch.iso8583 import NEED_DATA, FrameReader, Framing, encode
from switch.iso8583.framing import TPDU_BYTES
from tests.fuzz.fuzz_codec import mutated
from tests.gate.child import Served, served
from tests.support.gate_bench import DIALECTS, TPDU
from tests.support.shop import Shop, spec

HEALTHY_SECONDS_MAX = 5.0
RESIDENT_KIB_MAX = 400 * 1024


class Healthy:
    """A terminal that asks and checks that the answer is its own."""

    def __init__(self, child: Served) -> None:
        self._shop = Shop(now_s=child.now_s)
        self._stan = 500_000
        self._framing = DIALECTS["binary"][1]
        self._socket = socket.create_connection(("127.0.0.1", child.ports["binary"]))
        self._socket.settimeout(HEALTHY_SECONDS_MAX)
        self._reader = FrameReader(self._framing)

    def ask(self) -> None:
        """Inquire a balance; the reply must be to this message and an approval."""
        self._stan += 1
        message = self._shop.message("0200", "310000", None, terminal="T0000003", stan=self._stan)
        self._socket.sendall(self._framing.frame(encode(message, spec("binary")), TPDU))
        while (frame := self._reader.next_frame()) is NEED_DATA:
            data = self._socket.recv(65_536)
            assert data, "the healthy terminal was hung up on"
            self._reader.receive_data(data)
        # MTI 0210, and its own STAN somewhere in it.
        assert frame.body[:2] == b"\x02\x10"
        assert bytes.fromhex(f"{self._stan:06d}") in frame.body, "somebody else's reply"

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def sources(now_s: int, dialect: str) -> list[bytes]:
    """Give whole messages of several kinds to mutate."""
    shop = Shop(now_s=now_s)
    original = "0200000001" + shop.local_at() + "0" * 22
    messages = [
        shop.message("0200", "210000"),
        shop.message(extra={48: "PR00550000PA0011"}),
        shop.message("0100", extra={25: "06"}),
        shop.message("0400", extra={90: original, 95: "0" * 42}),
        shop.message("0220", extra={90: original}),
        shop.message("0200", "310000", None, extra={2: None, 35: "9364001234567890D3012101"
                                                    if dialect == "binary" else
                                                    "9364001234567890=3012101"}),
        shop.message("0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}),
    ]  # fmt: skip
    return [encode(message, spec(dialect)) for message in messages]


def broken_stream(framing: Framing, bodies: list[bytes], chance: random.Random) -> bytes:
    """Give some frames, wrong in their bodies, in their framing, or in neither."""
    stream = b""
    for _ in range(chance.randint(1, 8)):
        body = chance.choice(bodies)
        if chance.random() < 0.7:
            body = mutated(body, chance)
        tpdu = b"\x60" + chance.randbytes(TPDU_BYTES - 1) if framing.tpdu else b""
        stream += framing.frame(body or b"\0", tpdu)
    return mutated(stream, chance) if chance.random() < 0.4 else stream


def attack(port: int, stream: bytes, chance: random.Random) -> None:
    """Send a stream in pieces on a connection of its own; leave in one of three ways."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.05)
        at = 0
        with suppress(OSError):  # it hangs up on us whenever it likes
            while at < len(stream):
                count = chance.choice((1, 7, 64, 4096))
                connection.sendall(stream[at : at + count])
                at += count
            if chance.random() < 0.3:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
        # Leaving what came unread makes the kernel send a reset: the third way.


def fuzz(seconds: float, seed: int) -> dict[str, int]:
    """Run for so long; what was sent and how the connections ended. Raises on a fault."""
    chance = random.Random(seed)
    counts = {"streams": 0, "bytes": 0}
    with served(connections_max=200, frame_seconds_max=2.0) as child:
        healthy = Healthy(child)
        bodies = {name: sources(child.now_s, name) for name in DIALECTS}
        end_ns = time.monotonic_ns() + int(seconds * 1e9)
        while time.monotonic_ns() < end_ns:
            dialect = chance.choice(sorted(DIALECTS))
            stream = broken_stream(DIALECTS[dialect][1], bodies[dialect], chance)
            try:
                attack(child.ports[dialect], stream, chance)
                if counts["streams"] % 20 == 0:
                    healthy.ask()
            except (AssertionError, OSError):
                print(f"seed {seed}, after {dialect} {stream.hex()}", file=sys.stderr)
                raise
            counts["streams"] += 1
            counts["bytes"] += len(stream)
        healthy.ask()
        healthy.close()
    counted = child.counted
    statistics, lines = counted["statistics"], counted["lines"]
    assert counted["imbalances"] == []
    assert counted["resident_kib_max"] < RESIDENT_KIB_MAX
    exchanges = lines.pop("exchange")
    closed = sum(statistics["closed"].values())
    assert sum(lines.values()) + statistics["open"] >= statistics["accepted"], "a line is missing"
    assert sum(lines.values()) == closed, "one line for each closed connection"
    return {**counts, "answered": exchanges, "rows": counted["rows"], **lines}


def main() -> None:
    """Fuzz, and say what was tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.fuzz_frames", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="default: by the clock")
    arguments = parser.parse_args()
    seed = time.time_ns() % 1_000_000 if arguments.seed is None else arguments.seed
    print(f"fuzzing frames for {arguments.seconds:g} s, seed {seed}", flush=True)
    print(", ".join(f"{name} {count:,}" for name, count in fuzz(arguments.seconds, seed).items()))


if __name__ == "__main__":
    main()
