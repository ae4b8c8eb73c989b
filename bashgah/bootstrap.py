"""The composition root of a switch process: the one place that knows every part.

Owns how a shard is taken, how a `Server` is put together from a configuration, and the process's
signals. Decides nothing itself.
"""

import math
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import BinaryIO
from zoneinfo import ZoneInfo

import msgspec
import structlog
import trio
from prometheus_client import CollectorRegistry

from acquirers.pos import PROFILES
from bashgah.http import Readiness, serve_http
from bashgah.issuer_links import issuer_desk
from bashgah.shard_links import expect_no_more_shards, join_shards, new_gate, voucher_desk
from bashgah.tls_listeners import open_tls, reload_on_hangup
from issuers.pricings import PRICINGS
from switch import config as config_file
from switch._core import Core
from switch._fastpath import Gate
from switch._lane import Lane
from switch._peers import Peers
from switch._pricing import Pricer
from switch._shard_gate import ShardGate
from switch._tls import Tls
from switch.config import Config, ConfigError, Listener, read_dsn, read_pan_key, slot_owners
from switch.control import Desk
from switch.directory import Directory, EventError
from switch.errors import FencedError, OperatingError
from switch.events import TakenOver
from switch.hsm_client import HsmAddress, tls_context
from switch.hsm_pool import Hsm, HsmPool, KeyMaker
from switch.iso8583 import Framing, named
from switch.issuer_desk import IssuerDesk
from switch.ledger.database import Database
from switch.ledger.journal import Batch, Fenced, Overtaken
from switch.ledger.writer import Writer
from switch.limits import FRAME_SECONDS_MAX
from switch.local_sockets import listen_at
from switch.metrics import (
    ClockCollector,
    CommitMetrics,
    IssuersCollector,
    PeersCollector,
    SwitchCollector,
)
from switch.peers import keep_connected
from switch.places import utc_offset_seconds
from switch.profile import Profile
from switch.reasons import RESPONSE_CODES, Reason
from switch.recall import at_once_max, recall
from switch.recovery import recover, replay_tail
from switch.server import Recall, Server
from switch.slots import slot_of
from switch.snapshots import SnapshotMetrics, Snapshots
from switch.voucher_desk import VoucherDesk

DESCRIPTORS_BESIDE = 256
"""Open files that are no terminal's connection: listeners, database, HTTP, log."""

JOIN_SECONDS_MAX = 2.0
"""How long a shard that has started waits for the others before it says that it is ready."""

LISTEN_BACKLOG = 4096
"""Connections that the kernel keeps for us during a drain: all terminals after a power cut."""

log = structlog.get_logger("bashgah.bootstrap")


def new_core(config: Config, pan_key: bytes) -> Core:
    """Give an empty shard with the configuration's bounds."""
    codes = ["00"] * (max(Reason) + 1)
    names = [""] * (max(Reason) + 1)
    for reason in Reason:
        codes[reason] = RESPONSE_CODES[reason]
        names[reason] = "" if reason is Reason.NONE else reason.name.lower()
    return Core(
        shard=config.switch.shard,
        pan_key=pan_key,
        exchange_entries=config.memory.exchange_entries_max,
        detail_bytes=config.memory.exchange_detail_bytes,
        batch_rows_max=config.journal.batch_entries_max,
        batch_bytes_max=config.journal.batch_bytes_max,
        clock_seconds_max=config.clock.request_skew_seconds_max,
        response_codes=codes,
        reason_names=names,
    )


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """A shard that this process owns: everything up to its last row is in memory."""

    core: Core
    directory: Directory
    writer: Writer
    snapshot_seq: int  # of the snapshot that the shard was recovered from; 0 = none


async def own_shard(
    database: Database, config: Config, pan_key: bytes, *, now_us: int, utc_offset_s: int
) -> Owned:
    """Take a shard over: fence its former owner, recover, write the tenure's first row.

    Raises FencedError when yet another process took it meanwhile, LedgerCorrupt for a journal that
    contradicts itself, JournalUnavailable without a database, ConfigError for a programme that is
    priced by a function which is not in `issuers.pricings`.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}"
    shard = config.switch.shard
    writer = Writer(database, shard=shard, owner=owner)
    tenure = await writer.take_over()
    recovery = await recover(database, shard, partial(new_core, config, pan_key))
    core, directory = recovery.core, recovery.directory
    if recovery.refused:
        log.warning("snapshot_refused", why=recovery.refused)
    core.begin_tenure(tenure.epoch)
    while True:
        _know_pricings(directory)
        directory.record(TakenOver(owner=owner), now_us=now_us, utc_offset_s=utc_offset_s)
        outcome = await writer.begin(_next_batch(core))
        if isinstance(outcome, Fenced):
            raise FencedError(f"shard {shard} has another owner: {outcome.reason}")
        if not isinstance(outcome, Overtaken):
            snapshot_seq = recovery.snapshot.seq if recovery.snapshot is not None else 0
            return Owned(core=core, directory=directory, writer=writer, snapshot_seq=snapshot_seq)
        core.drop_tenure()
        await database.call(replay_tail, core, directory, shard, lambda last_seq, end_seq: None)
        core.begin_tenure(tenure.epoch)


def _know_pricings(directory: Directory) -> None:
    try:
        directory.know_pricings(PRICINGS)
    except EventError as error:
        raise ConfigError(f"this program lacks what the journal names: {error}") from error


def _next_batch(core: Core) -> Batch:
    cut = core.cut_batch()
    assert cut is not None, "an event was recorded a moment ago"
    first_seq, last_seq, chain, body = cut
    return Batch(first_seq=first_seq, last_seq=last_seq, last_chain=chain, copy_body=body)


async def append_waiting(owned: Owned) -> None:
    """Make what was recorded durable; for tools that load events without serving."""
    while (cut := owned.core.cut_batch()) is not None:
        first_seq, last_seq, chain, body = cut
        batch = Batch(first_seq=first_seq, last_seq=last_seq, last_chain=chain, copy_body=body)
        outcome = await owned.writer.append(batch)
        if isinstance(outcome, Fenced):
            raise FencedError(f"this shard has another owner: {outcome.reason}")


def _profile_of(listener: Listener) -> Profile:
    profile = PROFILES.get(listener.profile)
    if profile is None:
        known = ", ".join(sorted(PROFILES))
        raise ConfigError(f"listener {listener.name}: no profile {listener.profile!r} ({known})")
    override = listener.framing
    if override is not None:
        framing = Framing(
            length=override.length,
            tpdu=override.tpdu,
            length_includes_itself=override.length_includes_itself,
        )
        profile = msgspec.structs.replace(profile, framing=framing)
    return profile


def _acquirer_of(listener: Listener, directory: Directory) -> tuple[int, bytes]:
    """Give number and DE 32 of the acquirer whose terminals use a listener."""
    if listener.acquirer is None and len(directory.acquirers) != 1:
        raise ConfigError(
            f"listener {listener.name}: say which acquirer uses it,"
            f" there are {len(directory.acquirers)}"
        )
    for event in directory.acquirers.values():
        if listener.acquirer in (None, event.code):
            return event.acquirer, event.code.encode("ascii")
    raise ConfigError(f"listener {listener.name}: no acquirer has the code {listener.acquirer!r}")


def _open_listeners(
    config: Config, owned: Owned, gate: Gate, tls: Mapping[str, Tls], resources: ExitStack
) -> list[tuple[str, int]]:
    """Bind every listener and hand it to the gate. Raises ConfigError or OSError."""
    ports = []
    for listener in config.listener:
        profile = _profile_of(listener)
        acquirer, code = _acquirer_of(listener, owned.directory)
        lane = Lane(
            owned.core,
            profile=msgspec.structs.replace(profile, name=listener.name),
            spec=named(profile.spec),
            acquirer=acquirer,
            acquirer_code=code,
        )
        try:
            listening = socket.create_server(
                (listener.host, listener.port),
                backlog=LISTEN_BACKLOG,
                reuse_port=config.switch.shards > 1,
            )
        except OSError as error:
            where = f"{listener.host}:{listener.port}"
            raise OperatingError(f"listener {listener.name}: {where}: {error.strerror}") from error
        resources.callback(listening.close)
        listening.setblocking(False)
        gate.listen(
            listening.fileno(),
            lane,
            reply_seconds=math.ceil(listener.reply_seconds_max),
            tls=tls.get(listener.name),
        )
        ports.append((listener.name, listening.getsockname()[1]))
    return ports


def _hsm_of(configured: config_file.Hsm) -> Hsm:
    """Give an HSM as the pool takes it. Raises ConfigError for files that are no TLS identity."""
    ca, certificate, key = configured.ca, configured.certificate, configured.key
    tls = None
    if ca is not None and certificate is not None and key is not None:
        try:
            tls = tls_context(str(ca), str(certificate), str(key))
        except OSError as error:  # ssl.SSLError is one
            where = f"{configured.host}:{configured.port}"
            raise ConfigError(f"HSM {where}: {error.strerror or error}") from error
    address = HsmAddress(host=configured.host, port=configured.port, tls=tls)
    return Hsm(address=address, check_value=configured.check_value or "")


@contextmanager
def _exchange_log(config: Config) -> Iterator[Callable[[bytes], None] | None]:
    """Give what writes the exchange log's lines, or None when it is off. Raises ConfigError."""
    if config.log.exchanges == "off":
        yield None
    elif config.log.exchanges == "stdout":
        yield partial(_write_all, sys.stdout.buffer)
    else:
        # Opened apart from its block: an error inside it is not about opening.
        try:
            file = open(config.log.exchanges, "ab")  # noqa: SIM115 - `with file` closes it
        except OSError as error:
            raise ConfigError(f"{config.log.exchanges}: {error.strerror}") from error
        with file:
            yield partial(_write_all, file)


def _write_all(file: BinaryIO, lines: bytes) -> None:
    file.write(lines)
    file.flush()


def _allow_descriptors(wanted: int) -> None:
    """Raise the limit of open files as far as it may be; say so if that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, hard))
        if reached < wanted:
            log.warning("few_open_files", wanted=wanted, limit=reached)


class _State:
    """What readiness says, while there is no server yet and later."""

    def __init__(self) -> None:
        self.server: Server | None = None
        self._peers: Peers | None = None
        self._served_since = 0.0

    def serve(self, server: Server, peers: Peers | None) -> None:
        self.server, self._peers = server, peers
        self._served_since = time.monotonic()

    def readiness(self) -> Readiness:
        if self.server is None:
            return Readiness(ready=False, reason="recovering")
        if self._peers is not None and not self._peers.joined():
            # For a moment only: a shard must serve its own cards while another one is down.
            if time.monotonic() - self._served_since < JOIN_SECONDS_MAX:
                return Readiness(ready=False, reason="waiting for the other shards")
            self._peers = None
        if not self.server.available:
            return Readiness(ready=False, reason="the journal cannot be written")
        return Readiness(ready=True)


async def run_switch(config: Config) -> None:
    """Run one shard until SIGTERM or SIGINT. Raises OperatingError when it cannot go on."""
    if config.keys.pan_key_file is None:
        raise ConfigError("a switch needs the key of its card tokens - at $.keys.pan_key_file")
    if not config.listener:
        raise ConfigError("nobody could connect - at $.listener")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the PAN key
    pan_key = read_pan_key(config.keys.pan_key_file)
    tls = open_tls(config)
    connections_max = sum(listener.connections_max for listener in config.listener)
    _allow_descriptors(connections_max + DESCRIPTORS_BESIDE)
    timezone = ZoneInfo(config.switch.timezone)
    registry = CollectorRegistry()
    state = _State()
    with ExitStack() as resources:
        database = resources.enter_context(Database(read_dsn(config.database)))
        snapshot_database = resources.enter_context(Database(read_dsn(config.database)))
        write_log = resources.enter_context(_exchange_log(config))
        async with trio.open_nursery() as nursery:
            await nursery.start(
                serve_http, config.http.host, config.http.port, registry, state.readiness
            )
            await expect_no_more_shards(database, config)
            now_s = time.time()
            offset_s = utc_offset_seconds(timezone, now_s)
            owned = await own_shard(
                database, config, pan_key, now_us=int(now_s * 1_000_000), utc_offset_s=offset_s
            )
            gate = new_gate(
                config,
                owned.core,
                utc_offset_s=offset_s,
                logging=write_log is not None,
                pricer=Pricer(PRICINGS),
            )
            ports = _open_listeners(config, owned, gate, tls, resources)
            control = _open_control(config, resources)
            pool = HsmPool([_hsm_of(hsm) for hsm in config.hsm], gate)
            peers = join_shards(config, gate, owned.core, pan_key, resources)
            recalling = partial(recall, database, owned.core, config.switch.shard)
            snapshots = _new_snapshots(config, owned, snapshot_database, registry)
            desk = issuer_desk(config, owned.core, owned.directory, gate, database)
            vouchers = voucher_desk(config, owned.core, owned.directory, gate)
            server = _new_server(
                config, owned, gate, pool, recalling, write_log, registry, snapshots, desk, vouchers
            )
            registry.register(IssuersCollector(desk))
            registry.register(SwitchCollector(owned.core, gate, owned.writer.status))
            registry.register(ClockCollector(server.clock_work, server.housekeeping))
            nursery.start_soon(_stop_on_signal, server)
            nursery.start_soon(pool.run)
            nursery.start_soon(reload_on_hangup, config, tls)
            if control is not None:
                nursery.start_soon(_new_desk(config, owned, server, vouchers).serve, control)
            if peers is not None:
                registry.register(PeersCollector(peers))
                assert isinstance(gate, ShardGate)
                assert config.switch.peers_dir is not None
                nursery.start_soon(keep_connected, gate, peers, config.switch.peers_dir)
            state.serve(server, peers)
            log.info("serving", shard=config.switch.shard, last_seq=owned.core.last_seq,
                     **{f"port_{name}": port for name, port in ports})  # fmt: skip
            await server.run()
            owned.writer.give_up()
            log.info("stopped", last_seq=owned.core.last_seq)
            nursery.cancel_scope.cancel()


def _new_server(
    config: Config,
    owned: Owned,
    gate: Gate,
    pool: HsmPool,
    recalling: Recall,
    write_log: Callable[[bytes], None] | None,
    registry: CollectorRegistry,
    snapshots: Snapshots,
    issuers: IssuerDesk,
    vouchers: VoucherDesk | None,
) -> Server:
    timezone = ZoneInfo(config.switch.timezone)
    return Server(
        core=owned.core,
        directory=owned.directory,
        gate=gate,
        journal=owned.writer,
        recall=recalling,
        timezone=timezone,
        idle_seconds_max=min(listener.idle_seconds_max for listener in config.listener),
        frame_seconds_max=FRAME_SECONDS_MAX,
        metrics=CommitMetrics(registry),
        write_log=write_log,
        make_snapshots=snapshots.run,
        recalled_at_once_max=at_once_max(
            config.memory.exchange_entries_max, config.memory.exchange_detail_bytes
        ),
        make_keys=KeyMaker(pool, owned.directory, timezone),
        issuers=issuers,
        vouchers=vouchers,
    )


def _open_control(config: Config, resources: ExitStack) -> socket.socket | None:
    """Listen for operators, if they may come. Raises OperatingError."""
    if config.switch.control_dir is None:
        return None
    listening = listen_at(config.switch.control_dir, config.switch.shard)
    resources.callback(listening.close)
    return listening


def _new_desk(config: Config, owned: Owned, server: Server, vouchers: VoucherDesk | None) -> Desk:
    owners = slot_owners(config.switch)

    def owns(token: bytes) -> bool:
        return config.switch.shards == 1 or owners[slot_of(token)] == config.switch.shard

    return Desk(
        core=owned.core,
        directory=owned.directory,
        recorder=server,
        owns=owns,
        vouchers=vouchers,
    )


def _new_snapshots(
    config: Config, owned: Owned, database: Database, registry: CollectorRegistry
) -> Snapshots:
    return Snapshots(
        core=owned.core,
        directory=owned.directory,
        database=database,
        shard=config.switch.shard,
        every_entries=config.switch.snapshot_every_entries,
        snapshot_seq=owned.snapshot_seq,
        durable_seq=lambda: owned.writer.status().last_seq,
        metrics=SnapshotMetrics(registry),
    )


async def _stop_on_signal(server: Server) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("stopping", signal=signal.Signals(number).name)
            server.stop()
            return
