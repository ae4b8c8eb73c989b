"""Purchases whose programme is priced in Python: in memory, and through sockets and PostgreSQL.

    python -m benchmarks.bench_slow_lane

In memory: as `bench_gate`, with the purse of `issuers.purse_in_python`; each message goes through
the lane twice, as in the gate: once without the interpreter, until it turns out to need a price,
and once more with somebody who asks for it. Its baseline is the same purse as a compiled plan.

Through everything: a site of its own (embedded PostgreSQL, the demo club, the switch as a process)
and one client with 16 links of 256 outstanding, whose frames are made beforehand and whose replies
are looked at afterwards: every one has to be an approval. All on this machine. Its baseline is the
rate that we want.
"""

import selectors
import socket
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import trio

from acquirers.pos import POS_BINARY
from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import Card, Station, Trace
from acquirers.terminal.wire import Wire, wire_of
from bashgah import demo
from benchmarks import table
from issuers.purse_in_python import purse_in_python
from switch.config import Config
from switch.iso8583 import NEED_DATA, FrameReader, decode, encode
from switch.iso8583.framing import Framing
from switch.programme import Programme
from tests.golden.play import TEHRAN
from tests.support.gate_bench import CARDS, GENEROUS, generous_purse
from tests.support.shop import TEHRAN_S, Shop
from tests.support.site import running_site

ROUNDS = 5
BATCH_ROWS = 500
FUNDS_MINOR = 400_000_000  # of each card: more than all rounds spend
PER_SECOND_WANTED = 8_000
LINKS = 16
WINDOW = 256
FRAMES_PER_SECOND = 40_000  # made beforehand, for each second that is asked for


def cases(*, seconds: float = 1.0, end_to_end: bool = True) -> list[dict[str, Any]]:
    """Measure for about `seconds` a case. Starts a PostgreSQL unless told to stay in memory."""
    fast, slow = _in_memory(seconds)
    rows = [_row("purchase priced in Python, in memory", slow, baseline=fast)]
    if end_to_end:
        through = trio.run(_through_everything, seconds)
        rows.append(
            _row("the same, 16 links x 256, PostgreSQL", through, PER_SECOND_WANTED, at_least=1)
        )
    return rows


def _row(
    case: str, per_second: float, baseline: float, at_least: float | None = None
) -> dict[str, Any]:
    ratio = per_second / baseline
    return {
        "case": case,
        "value": round(per_second),
        "unit": "messages/s",
        "baseline": round(baseline),
        "ratio": ratio,
        "at_least": at_least,
        "met": at_least is None or ratio >= at_least,
    }


# --- in memory ------------------------------------------------------------------------------------


def _in_memory(seconds: float) -> tuple[float, float]:
    """Answer purchases in rounds, both lanes in turn; messages a CPU second of the best ones."""
    count = max(ROUNDS * 20, int(50_000 * seconds))
    round_count = count // ROUNDS
    fast, slow = _shop(generous_purse(), count), _shop(purse_in_python(1, 1, 1, GENEROUS), count)
    best_ns = [1 << 60, 1 << 60]
    for _ in range(ROUNDS):
        for lane, (shop, answer) in enumerate(((fast, _answer_fast), (slow, _answer_slow))):
            best_ns[lane] = min(best_ns[lane], _elapsed_ns(shop, round_count, answer))
    return round_count * 1e9 / best_ns[0], round_count * 1e9 / best_ns[1]


def _shop(programme: Programme, count: int) -> Shop:
    shop = Shop(
        programme,
        # Room for every message of the run: what has been forgotten would ask the journal.
        exchange_entries=1 << (4 * count + 4096).bit_length(),
        detail_bytes=count * 2_000 + (1 << 20),
    )
    for card in CARDS:
        shop.send(code="210000", amount_minor=FUNDS_MINOR, card=card)
    return shop


def _elapsed_ns(shop: Shop, count: int, answer: Callable[[Shop, list[bytes]], set[str]]) -> int:
    """Answer so many purchases; CPU time, for others may work on this machine."""
    bodies = [
        shop.encoded(shop.message(amount_minor=1_000 + at % 1_000, card=CARDS[at % len(CARDS)]))
        for at in range(count)
    ]
    statuses: set[str] = set()
    began_ns = time.process_time_ns()
    for first in range(0, len(bodies), BATCH_ROWS):
        statuses |= answer(shop, bodies[first : first + BATCH_ROWS])
        shop.core.cut_batch()
    elapsed_ns = time.process_time_ns() - began_ns
    assert statuses == {"at_seq"}, f"{statuses}: something else was measured"
    return elapsed_ns


def _answer_fast(shop: Shop, bodies: list[bytes]) -> set[str]:
    answer, now_us = shop.lanes["binary"].answer, shop.now_s * 1_000_000
    return {answer(body, now_us=now_us, utc_offset_s=TEHRAN_S)[0] for body in bodies}


def _answer_slow(shop: Shop, bodies: list[bytes]) -> set[str]:
    answer, now_us, pricer = shop.lanes["binary"].answer, shop.now_s * 1_000_000, shop.pricer
    first = {answer(body, now_us=now_us, utc_offset_s=TEHRAN_S)[0] for body in bodies}
    assert first == {"later"}
    return {answer(body, now_us=now_us, utc_offset_s=TEHRAN_S, pricer=pricer)[0] for body in bodies}


# --- through everything ---------------------------------------------------------------------------


async def _through_everything(seconds: float) -> float:
    """Start a site, send purchases, look at every reply; messages a second."""
    async with running_site(lambda said: None, make_purse=purse_in_python) as site:
        port = _port_of(site.config)
        return await trio.to_thread.run_sync(_drive, port, int(FRAMES_PER_SECOND * seconds))


def _port_of(config: Config) -> int:
    return next(
        listener.port for listener in config.listener if listener.profile == POS_BINARY.name
    )


class _Link:
    """A connection with its frames, and the replies as they came."""

    def __init__(self, port: int, frames: list[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.frames = frames
        self.sent = 0
        self.replies: list[bytes] = []
        self._reader = FrameReader(_FRAMING)

    def refill(self) -> None:
        """Send as many as the window allows."""
        allowed = len(self.replies) + WINDOW
        if self.sent < min(allowed, len(self.frames)):
            self.socket.sendall(b"".join(self.frames[self.sent : allowed]))
            self.sent = min(allowed, len(self.frames))

    def receive(self) -> bool:
        """Take what has come; whether more is to come."""
        data = self.socket.recv(1 << 18)
        assert data, "the switch hung up"
        self._reader.receive_data(data)
        while (frame := self._reader.next_frame()) is not NEED_DATA:
            self.replies.append(frame.body)
        return len(self.replies) < len(self.frames)


_WIRE: Wire = wire_of(POS_BINARY.name)
_FRAMING: Framing = _WIRE.framing


def _frames(count: int) -> list[bytes]:
    """Give purchases, of all terminals and cards in turn."""
    now = datetime.now(TEHRAN)
    stations = [
        Station(terminal_id=terminal_id, merchant_id=merchant_id)
        for terminal_id, merchant_id in demo.TERMINALS[:-1]
    ]
    cards = [Card(pan=pan, expiry=demo.EXPIRY) for pan in demo.CROWD_PANS]
    frames = []
    for number in range(count):
        order = Order(service=Service.PURCHASE, amount_minor=10_000 + number % 5_000)
        trace = Trace(stan=number // len(stations) + 1, local_at=now)
        station, card = stations[number % len(stations)], cards[number % len(cards)]
        request = compose(order, station, trace, card)
        frames.append(_FRAMING.frame(encode(request, _WIRE.spec), _WIRE.tpdu))
    return frames


def _drive(port: int, count: int) -> float:
    """Send so many purchases over all links; messages a second, if each was approved."""
    frames = _frames(count)
    links = [_Link(port, frames[at::LINKS]) for at in range(LINKS)]
    with selectors.DefaultSelector() as ready:
        for link in links:
            ready.register(link.socket, selectors.EVENT_READ, link)
        began_ns = time.perf_counter_ns()
        for link in links:
            link.refill()
        open_count = len(links)
        while open_count:
            for key, _ in ready.select():
                if key.data.receive():
                    key.data.refill()
                else:
                    ready.unregister(key.fileobj)
                    open_count -= 1
        elapsed_ns = time.perf_counter_ns() - began_ns
    codes = {decode(reply, _WIRE.spec)[39] for link in links for reply in link.replies}
    for link in links:
        link.socket.close()
    assert codes == {"00"}, f"{codes}: not every purchase was approved"
    return count * 1e9 / elapsed_ns


def main() -> None:
    """Print the table."""
    print(table.heading())
    for row in cases():
        print(table.line(row))


if __name__ == "__main__":
    main()
