"""The HSM as a process: its LMKs, doors, metrics and signals, put together.

Owns what must not be in production. Decides nothing else; the HSM itself is `hsm_sim`.
"""

import ipaddress
import resource
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import structlog
import trio
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bashgah.http import Readiness, serve_http
from hsm_sim.audit import TRAIL_FILE, AuditTrail
from hsm_sim.ceremony import AUTHORISED_FILE, AuthorisedState
from hsm_sim.commands.table import table
from hsm_sim.errors import Unusable
from hsm_sim.hsm import HEADER_BYTES, Hsm, Lmk
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.lmk_files import load_lmk
from hsm_sim.production import Production
from hsm_sim.server import HsmServer, Listener, listen, port_of
from hsm_sim.tls import server_context
from switch.errors import OperatingError

CONSOLE_SECONDS = 1.0
LMKS_MAX = 20  # as on a payShield

log = structlog.get_logger("bashgah.hsm_server")


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are, and whose clients we let in."""

    certificate: Path
    key: Path
    client_ca: Path


class HsmOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an HSM is started with. The first LMK is number 00, the next 01."""

    lmks: Sequence[str]
    plain: Door | None = None
    tls: Door | None = None
    tls_files: TlsFiles | None = None
    metrics: Door | None = None
    header_bytes: int = HEADER_BYTES
    environment: Literal["test", "production"] = "test"
    disabled: frozenset[str] = frozenset()
    home: Path | None = None  # of the console's files, and of production's


def door_of(text: str) -> Door:
    """Read HOST:PORT. Raises OperatingError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise OperatingError(f"{text!r} is not HOST:PORT")
    return Door(host=host.strip("[]") or "0.0.0.0", port=int(port))


def make_hsm(options: HsmOptions) -> Hsm:
    """Make the HSM, without its doors. Raises OperatingError for what must not be."""
    production = options.environment == "production"
    if production and options.plain is not None and not options.plain.is_loopback:
        raise OperatingError(
            f"production: {options.plain} would be without TLS; only loopback may be"
        )
    if not 1 <= len(options.lmks) <= LMKS_MAX:
        raise OperatingError(f"an HSM has 1 to {LMKS_MAX} LMKs")
    lmks: dict[int, Lmk] = {}
    for number, name in enumerate(options.lmks):
        try:
            lmks[number] = load_lmk(name, production=production)
        except Unusable as error:
            raise OperatingError(str(error)) from None
    hsm = Hsm(lmks, table(), header_bytes=options.header_bytes)
    unknown = sorted(options.disabled - hsm.commands.keys())
    if unknown:
        raise OperatingError(f"no such command to disable: {', '.join(unknown)}")
    hsm.disabled = options.disabled
    if options.home is not None:
        try:
            options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            hsm.production = Production(options.home, _home_lmk(hsm), time.time_ns)
        except Unusable as error:
            raise OperatingError(str(error)) from None
    return hsm


async def run_hsm(
    options: HsmOptions, *, task_status: trio.TaskStatus[list[Door]] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until SIGTERM or SIGINT; `started` with the doors as they are."""
    # A core file would hold every key.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    server = HsmServer(make_hsm(options))
    listeners = await _open_doors(options)
    doors = [Door(host=_host_of(door), port=port_of(door)) for door in listeners]
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, listeners)
        if options.metrics is not None:
            registry = CollectorRegistry()
            registry.register(HsmCollector(server))
            metrics = options.metrics
            ready = Readiness(ready=True)
            url = await nursery.start(
                serve_http, metrics.host, metrics.port, registry, lambda: ready
            )
            log.info("hsm_metrics", url=url)
        if options.home is not None:
            nursery.start_soon(_follow_console, server.hsm, *_console_of(server.hsm, options.home))
        log.info(
            "hsm_ready",
            listen=[str(door) for door in doors],
            lmks=[lmk.check_value for lmk in server.hsm.lmks.values()],
            commands=len(server.hsm.commands) - len(options.disabled),
            environment=options.environment,
        )
        task_status.started(doors)
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                log.info("hsm_stopping", signal=signal.Signals(number).name)
                break
        server.stop()
        await server.stopped.wait()
        nursery.cancel_scope.cancel()


def _home_lmk(hsm: Hsm) -> KeyBlockLmk:
    """Give the LMK that the files of an HSM's directory are under."""
    lmk = next((lmk for lmk in hsm.lmks.values() if isinstance(lmk, KeyBlockLmk)), None)
    if lmk is None:
        raise OperatingError("a home needs a key-block LMK")
    return lmk


def _console_of(hsm: Hsm, home: Path) -> tuple[AuthorisedState, AuditTrail]:
    state = AuthorisedState(home / AUTHORISED_FILE, _home_lmk(hsm), time.time_ns)
    return state, AuditTrail(home / TRAIL_FILE, time.time_ns)


async def _follow_console(hsm: Hsm, state: AuthorisedState, trail: AuditTrail) -> None:
    """Be authorised while two custodians at the console said so; RA of a host ends that."""
    given = False
    while True:
        try:
            if given and not hsm.authorised:
                state.end("host command RA", trail)
            holds = state.holds()
        except Unusable as error:
            holds = False
            log.error("hsm_console_unusable", error=str(error))
        if holds != given:
            log.info("hsm_authorised" if holds else "hsm_not_authorised")
        given = hsm.authorised = holds
        await trio.sleep(CONSOLE_SECONDS)


async def _open_doors(options: HsmOptions) -> list[Listener]:
    listeners: list[Listener] = []
    if options.plain is not None:
        listeners += await listen(options.plain.host, options.plain.port)
    if options.tls is not None:
        if options.tls_files is None:
            raise OperatingError("TLS needs a certificate, its key and the clients' CA")
        files = options.tls_files
        context = server_context(files.certificate, files.key, files.client_ca)
        listeners += await listen(options.tls.host, options.tls.port, context)
    if not listeners:
        raise OperatingError("the HSM would listen nowhere")
    return listeners


def _host_of(listener: Listener) -> str:
    door = listener.transport_listener if isinstance(listener, trio.SSLListener) else listener
    assert isinstance(door, trio.SocketListener)
    host: str = door.socket.getsockname()[0]
    return host


class HsmCollector(Collector):
    """What the HSM counts, read at a scrape. A label is a code of the table: a closed set."""

    def __init__(self, server: HsmServer) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """Give the metrics."""
        counts = self._server.statistics()
        commands = CounterMetricFamily(
            "bashgah_hsm_commands", "Commands by code", labels=["command"]
        )
        for code, count in sorted(self._server.hsm.health.counts.items()):
            commands.add_metric([code], count)
        yield commands
        yield CounterMetricFamily(
            "bashgah_hsm_failed_commands", "Answered 41 by a bug of ours", value=counts.failed
        )
        yield GaugeMetricFamily(
            "bashgah_hsm_open_connections", "Connections now", value=counts.open
        )
        closed = CounterMetricFamily(
            "bashgah_hsm_closed_connections", "Connections that we closed", labels=["reason"]
        )
        for reason in ("refused", "handshakes_failed", "lost_framing", "idle", "unread"):
            closed.add_metric([reason], getattr(counts, reason))
        yield closed
