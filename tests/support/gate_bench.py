"""Core, gate and server on real sockets in this process, with a fake journal: and its terminals.

Owns their lifetimes and how a test speaks to them. The shop, its cards and how a message is written
are `tests.support.shop`'s; what an answer should be is said by the tests.
"""

import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import trio
from prometheus_client import CollectorRegistry

from acquirers.pos import POS_ASCII, POS_BINARY
from issuers.pricings import PRICINGS
from issuers.purse import purse
from switch._fastpath import Gate
from switch._lane import Lane
from switch._peers import Peers
from switch._pricing import Pricer
from switch._shard_gate import ShardGate
from switch._tls import Tls
from switch.control import Desk as Control
from switch.errors import JournalUnavailable
from switch.hsm_client import HsmAddress
from switch.hsm_pool import Hsm, HsmPool, KeyMaker
from switch.iso8583 import (
    NEED_DATA,
    FrameReader,
    Framing,
    Message,
    Spec,
    decode,
    encode,
    reply_tpdu,
)
from switch.issuer_desk import IssuerDesk
from switch.issuer_link import IssuerLink
from switch.local_sockets import listen_at
from switch.metrics import (
    ClockCollector,
    CommitMetrics,
    IssuersCollector,
    PeersCollector,
    SwitchCollector,
)
from switch.operations import Recalled
from switch.peers import keep_connected
from switch.pricing import Pricing
from switch.programme import Programme
from switch.rules import Limits
from switch.server import Recall, Server
from switch.slots import even_owners
from switch.snapshots import SnapshotMetrics
from switch.voucher_desk import ShardLink, VoucherDesk
from tests.support.fake_journal import FakeJournal
from tests.support.shop import TEHRAN_S, Shop, events_of, spec

DIALECTS = {"binary": ("binary", POS_BINARY.framing), "ascii": ("ascii", POS_ASCII.framing)}
CARDS = range(4)  # those of the shop's cards that are neither expired nor about to be
ACQUIRER_CODES = {1: b"581672", 2: b"603799"}
TPDU = bytes.fromhex("6000010002")
REPLY_SECONDS_MAX = 10.0


TEHRAN = ZoneInfo("Asia/Tehran")


async def nothing_to_recall(whats: Sequence[Recalled]) -> None:
    """Find nothing in the journal: what is not in memory never was."""
    await trio.lowlevel.checkpoint()


async def journal_is_away(whats: Sequence[Recalled]) -> None:
    """Fail as the real one does without a database."""
    await trio.lowlevel.checkpoint()
    raise JournalUnavailable("no connection")


GENEROUS = Limits(
    transaction_minor_max=500_000_000,
    day_minor_max=900_000_000_000,
    day_count_max=1_000_000,
    balance_minor_max=900_000_000_000,
)


def generous_purse() -> Programme:
    """The reference purse with limits that no test reaches by the number of its messages."""
    return purse(1, 1, 1, GENEROUS)


class Link:
    """One terminal's connection: sends what it is told, reads replies in the order they come."""

    def __init__(
        self,
        stream: trio.SocketStream,
        framing: Framing,
        dialect: Spec,
        channel: trio.abc.Stream | None = None,
    ) -> None:
        """`channel` is what stands between the link and its socket, when it is not plain."""
        self.stream = stream
        self.channel = channel or stream
        self.framing = framing
        self.spec = dialect
        self._reader = FrameReader(framing)

    @property
    def tpdu(self) -> bytes:
        return TPDU if self.framing.tpdu else b""

    def frame(self, message: Message | bytes) -> bytes:
        """Give the bytes on the wire of a message, or of a body that is none."""
        body = message if isinstance(message, bytes) else encode(message, self.spec)
        return self.framing.frame(body, self.tpdu)

    async def send(self, *messages: Message | bytes) -> None:
        """Send messages in one go."""
        await self.channel.send_all(b"".join(map(self.frame, messages)))

    async def reply_bytes(self) -> bytes:
        """Give the next reply without framing. Raises EndOfChannel when the switch hung up."""
        with trio.fail_after(REPLY_SECONDS_MAX):
            while (frame := self._reader.next_frame()) is NEED_DATA:
                data = await self.channel.receive_some()
                if not data:
                    raise trio.EndOfChannel
                self._reader.receive_data(data)
        assert frame.tpdu == reply_tpdu(self.tpdu)
        return frame.body

    async def reply(self) -> Message:
        """Give the next reply."""
        return decode(await self.reply_bytes(), self.spec)

    async def ask(self, message: Message) -> Message:
        """Send one message and wait for its reply."""
        await self.send(message)
        return await self.reply()

    async def wait_end(self, seconds: float = REPLY_SECONDS_MAX) -> bytes:
        """Wait until the switch has closed the connection; gives what it had sent before."""
        received = b""
        with trio.fail_after(seconds):
            try:
                while data := await self.channel.receive_some():
                    received += data
            except trio.BrokenResourceError:
                pass  # a reset is an end, too
        return received

    async def says_nothing(self, seconds: float = 0.05) -> bool:
        """Whether nothing comes, and the connection stays, for a while."""
        with trio.move_on_after(seconds):
            await self.channel.receive_some()
            return False
        return True

    def vanish(self) -> None:
        """Reset the connection, as a terminal that lost its power and came back does."""
        linger = struct.pack("ii", 1, 0)
        self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.stream.socket.close()


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Which shard a bench is, and where it meets the others."""

    number: int
    count: int
    directory: Path
    greeting: bytes = b"g" * 32


class Bench:
    """A switch that serves, and what it wrote to its exchange log."""

    def __init__(
        self,
        shop: Shop,
        gate: Gate,
        server: Server,
        journal: FakeJournal,
        registry: CollectorRegistry,
    ) -> None:
        self.shop = shop
        self.gate = gate
        self.server = server
        self.journal = journal
        self.registry = registry
        self.ports: dict[str, int] = {}
        self.speech: dict[str, tuple[str, Framing]] = {}  # listener → dialect, framing
        self.log = bytearray()
        self.stopped = trio.Event()
        self.error_awaited = False
        self.error: BaseException | None = None  # what ended the server, when a test awaits that
        self.peers: Peers | None = None  # of one shard among several
        self.pool = HsmPool((), gate)
        self.desk: IssuerDesk | None = None
        self._links: list[Link] = []

    async def connect(self, listener: str = "binary", *, tls: ssl.SSLContext | None = None) -> Link:
        """Connect a terminal that speaks as a listener expects, and with `tls` greets first."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.ports[listener])
        dialect, framing = self.speech[listener]
        channel = None
        if tls is not None:
            channel = trio.SSLStream(stream, tls, server_hostname="127.0.0.1")
        self._links.append(Link(stream, framing, spec(dialect), channel))
        if channel is not None:
            with trio.fail_after(REPLY_SECONDS_MAX):
                await channel.do_handshake()
        return self._links[-1]

    def hang_up(self) -> None:
        """Close every terminal's connection."""
        for link in self._links:
            link.stream.socket.close()

    def lines(self, event: str) -> list[dict[str, object]]:
        """Give the exchange log's lines of an event, so far."""
        self.keep_log()
        found = [msgspec.json.decode(line) for line in self.log.splitlines()]
        return [line for line in found if line["event"] == event]

    def keep_log(self) -> None:
        """Take what the gate has written."""
        self.log += self.gate.take_log()

    def closed_because(self) -> list[object]:
        """Give why connections were closed, in order."""
        return [line["why"] for line in self.lines("connection_closed")]

    async def wait_until(self, condition: Callable[[], object], seconds: float = 5.0) -> None:
        """Wait until something is so. Raises TooSlowError."""
        with trio.fail_after(seconds):
            while not condition():  # noqa: ASYNC110 (counters in C have no event)
                await trio.sleep(0.002)

    async def forget(self, exchange_entries: int) -> str:
        """Send so much that memory does not reach back to now; gives a DE 90 of before.

        Later messages of the shop's terminals are of later: only what names a past is recalled.
        """
        original = "0200" + "900000" + self.shop.local_at() + "0" * 22
        link = await self.connect(next(iter(self.ports)))
        for _ in range(exchange_entries + 1):
            reply = await link.ask(self.shop.message("0200", "210000"))
            assert reply[39] == "00"
        self.shop.now_s += 60
        return original

    async def load(self, amount_minor: int = 400_000_000) -> None:
        """Fill every purse, so that purchases are approved."""
        link = await self.connect(next(iter(self.ports)))
        async with link.stream:
            for card in CARDS:
                message = self.shop.message("0200", "210000", amount_minor, card=card)
                reply = await link.ask(message)
                assert reply[39] == "00", reply


@asynccontextmanager
async def serving(
    *,
    delay_seconds: float = 0.0,
    connections_max: int = 100,
    pending_max: int = 10_000,
    idle_seconds_max: float = 60.0,
    frame_seconds_max: float = 10.0,
    reply_seconds: int = 15,
    framings: dict[str, tuple[str, Framing]] | None = None,
    tls: Mapping[str, Tls] | None = None,
    acquirers: dict[str, int] | None = None,
    exchange_entries: int = 1 << 16,
    recall: Recall = nothing_to_recall,
    write_log: Callable[[bytes], None] | None = None,
    programme: Programme | None = None,
    pricings: Mapping[str, Pricing] = PRICINGS,
    seat: Seat | None = None,
    shop: Shop | None = None,
    hsms: Sequence[HsmAddress] = (),
    banks: Sequence[IssuerLink] = (),
) -> AsyncIterator[Bench]:
    """Serve binary and ASCII terminals on ports of 127.0.0.1 until the block ends.

    `framings` replaces the two listeners: name → (dialect, framing); `acquirers` says whose a
    listener is, else the first one's; `tls` with what it greets, else it is plain; `programme` the
    generous purse. Without `write_log` the exchange log stays in the gate for `Bench.lines`. With
    a `seat` it is one shard of several, which all have every card in their register and differ in
    whose it is; `shop` is one that an earlier bench has left, for a shard that comes back. `hsms`
    are asked for what messages prove, `banks` about their cards.
    """
    shop = shop or Shop(
        programme or generous_purse(),
        now_s=int(time.time()),
        exchange_entries=exchange_entries,
        detail_bytes=1 << 25,
        shard=0 if seat is None else seat.number,
    )
    gate = _new_gate(shop, connections_max, pending_max, pricings, seat)
    pool = HsmPool([Hsm(address=address) for address in hsms], gate)
    journal = FakeJournal(delay_seconds=delay_seconds, keeps_streams=bool(banks))
    registry = CollectorRegistry()
    SnapshotMetrics(registry)
    server = Server(
        **_parts(shop, gate, journal, pool, registry),
        recall=recall,
        idle_seconds_max=idle_seconds_max,
        frame_seconds_max=frame_seconds_max,
        write_log=write_log,
        issuers=(desk := _desk(shop, gate, banks, seat, journal)),
        vouchers=(vouchers := _voucher_desk(shop, gate, seat)),
    )
    registry.register(SwitchCollector(shop.core, gate, journal.status))
    registry.register(IssuersCollector(desk))
    registry.register(ClockCollector(server.clock_work, server.housekeeping))
    bench = Bench(shop, gate, server, journal, registry)
    bench.pool = pool
    bench.desk = desk
    with ExitStack() as resources:
        _listen(bench, resources, framings or DIALECTS, tls or {}, acquirers or {}, reply_seconds)
        async with trio.open_nursery() as nursery:
            if seat is not None:
                _meet(bench, seat, vouchers, resources, nursery)
            nursery.start_soon(_run, bench)
            nursery.start_soon(pool.run)
            try:
                yield bench
            finally:
                await _end(bench)
                nursery.cancel_scope.cancel()


def _meet(
    bench: Bench,
    seat: Seat,
    vouchers: VoucherDesk | None,
    resources: ExitStack,
    nursery: trio.Nursery,
) -> None:
    """Be one shard of several: linked with the others, and to be asked by them."""
    assert isinstance(bench.gate, ShardGate)
    bench.peers = _join(bench, bench.gate, seat, resources)
    nursery.start_soon(keep_connected, bench.gate, bench.peers, seat.directory)
    listening = listen_at(seat.directory / "control", seat.number)
    resources.callback(listening.close)
    control = Control(
        core=bench.shop.core,
        directory=bench.shop.directory,
        recorder=bench.server,
        owns=lambda token: True,
        vouchers=vouchers,
    )
    nursery.start_soon(control.serve, listening)


async def _end(bench: Bench) -> None:
    bench.server.stop()
    bench.journal.go_on()
    with trio.move_on_after(5, shield=True):
        await bench.stopped.wait()
    bench.hang_up()


def _parts(
    shop: Shop, gate: Gate, journal: FakeJournal, pool: HsmPool, registry: CollectorRegistry
) -> dict[str, Any]:
    """What a server is always made of."""
    return {
        "core": shop.core,
        "directory": shop.directory,
        "gate": gate,
        "journal": journal,
        "timezone": TEHRAN,
        "metrics": CommitMetrics(registry),
        "make_snapshots": trio.sleep_forever,
        "make_keys": KeyMaker(pool, shop.directory, TEHRAN),
    }


def _desk(
    shop: Shop,
    gate: Gate,
    banks: Sequence[IssuerLink],
    seat: Seat | None,
    journal: FakeJournal,
) -> IssuerDesk:
    """Give what asks the banks."""

    async def read_event(seq: int) -> bytes | None:
        await trio.lowlevel.checkpoint()
        return events_of(journal.streams).get(seq)

    return IssuerDesk(
        core=shop.core,
        directory=shop.directory,
        gate=gate,
        links={link.name: link for link in banks},
        shard=0 if seat is None else seat.number,
        shards=1 if seat is None else seat.count,
        read_event=read_event,
    )


def _voucher_desk(shop: Shop, gate: Gate, seat: Seat | None) -> VoucherDesk | None:
    """Give what seeks vouchers at the other shards."""
    if seat is None:
        return None
    others = [number for number in range(seat.count) if number != seat.number]
    return VoucherDesk(
        core=shop.core,
        directory=shop.directory,
        gate=gate,
        shard=seat.number,
        slot=list(even_owners(seat.count)).index(seat.number),
        links={number: ShardLink(seat.directory / "control", number) for number in others},
    )


def _new_gate(
    shop: Shop,
    connections_max: int,
    pending_max: int,
    pricings: Mapping[str, Pricing],
    seat: Seat | None,
) -> Gate:
    return (Gate if seat is None else ShardGate)(
        shop.core,
        connections_max=connections_max,
        pending_max=pending_max,
        utc_offset_s=TEHRAN_S,
        logging=True,
        pricer=Pricer(pricings),
        trunks_max=0 if seat is None else 4 * seat.count,
    )


def _join(bench: Bench, gate: ShardGate, seat: Seat, resources: ExitStack) -> Peers:
    peers = Peers(
        bench.shop.core,
        owners=list(even_owners(seat.count)),
        count=seat.count,
        greeting=seat.greeting,
    )
    listening = resources.enter_context(listen_at(seat.directory, seat.number))
    gate.join(peers, listening.fileno())
    bench.registry.register(PeersCollector(peers))
    return peers


async def _run(bench: Bench) -> None:
    try:
        await bench.server.run()
    except BaseException as error:
        if not bench.error_awaited:
            raise
        bench.error = error
    finally:
        bench.stopped.set()


def _listen(
    bench: Bench,
    resources: ExitStack,
    framings: dict[str, tuple[str, Framing]],
    tls: Mapping[str, Tls],
    acquirers: dict[str, int],
    reply_seconds: int,
) -> None:
    for name, (dialect, framing) in framings.items():
        profile = POS_BINARY if dialect == "binary" else POS_ASCII
        lane = Lane(
            bench.shop.core,
            profile=msgspec.structs.replace(profile, name=name, framing=framing),
            spec=spec(dialect),
            acquirer=acquirers.get(name, 1),
            acquirer_code=ACQUIRER_CODES[acquirers.get(name, 1)],
        )
        listening = resources.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        listening.setblocking(False)
        bench.gate.listen(listening.fileno(), lane, reply_seconds=reply_seconds, tls=tls.get(name))
        bench.ports[name] = listening.getsockname()[1]
        bench.speech[name] = (dialect, framing)
