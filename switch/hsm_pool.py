"""The HSMs of a switch: connected, tried, given to the gate, and connected again when lost.

Owns who is asked and since when not. What is asked is the gate's (`_hsm_stage`); keys for
terminals are made here, over a session of their own (`switch.hsm_client`). A link is a socket: one
with TLS is carried through a pair of sockets, so the gate sees no difference.
"""

import contextlib
import socket
import time
from collections.abc import Sequence
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
import structlog
import trio

from switch.directory import Directory
from switch.errors import HsmUnavailable
from switch.events import TerminalKeysSet
from switch.hsm_client import HsmAddress, HsmSession, connect, open_hsm
from switch.places import utc_offset_seconds

RETRY_SECONDS_FIRST = 0.1
RETRY_SECONDS_MAX = 2.0
POLL_SECONDS = 0.05
"""How long a link that has ended goes unnoticed here; the gate has noticed at once."""
PUMP_BYTES = 65_536
OVERLAP_SECONDS = 300
"""A terminal that has not got its new keys, or has messages under way, may use those of before."""

log = structlog.get_logger("switch.hsm_pool")


class LinkedGate(Protocol):
    """What the pool needs of a gate."""

    def connect_hsm(self, fd: int) -> int:
        """Take a connected socket; gives the link's name."""

    def hsm_is_lost(self, name: int) -> bool:
        """Say whether a link has ended."""


class Hsm(msgspec.Struct, frozen=True, kw_only=True):
    """An HSM as configured; `check_value` is how its LMK's has to begin."""

    address: HsmAddress
    check_value: str = ""


class HsmPool:
    """The HSMs of one gate. `run` keeps them connected until it is cancelled."""

    def __init__(self, hsms: Sequence[Hsm], gate: LinkedGate) -> None:
        self._hsms = tuple(hsms)
        self._gate = gate
        self._connected: dict[int, bool] = dict.fromkeys(range(len(hsms)), False)

    def connected(self) -> dict[str, bool]:
        """Say of each HSM, by its address, whether it is connected."""
        return {str(hsm.address): self._connected[index] for index, hsm in enumerate(self._hsms)}

    async def run(self) -> None:
        """Connect every HSM, again whenever it was lost."""
        async with trio.open_nursery() as nursery:
            for index, hsm in enumerate(self._hsms):
                nursery.start_soon(self._keep, index, hsm)

    async def answering(self) -> HsmAddress:
        """Give the first HSM that answers, for a session of one's own. Raises HsmUnavailable."""
        trouble = "no HSM is configured"
        for hsm in self._hsms:
            try:
                async with open_hsm(hsm.address) as session:
                    await _try_out(session, hsm)
            except HsmUnavailable as error:
                trouble = str(error)
            else:
                return hsm.address
        raise HsmUnavailable(trouble)

    async def _keep(self, index: int, hsm: Hsm) -> None:
        """Connect, try out, hand over, wait for the end, and again."""
        pause_s = RETRY_SECONDS_FIRST
        said = ""
        while True:
            try:
                async with open_hsm(hsm.address) as session:
                    await _try_out(session, hsm)
                stream = await connect(hsm.address)
            except HsmUnavailable as error:
                if str(error) != said:
                    log.warning("hsm_unavailable", hsm=str(hsm.address), error=str(error))
                    said = str(error)
                await trio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_SECONDS_MAX)
                continue
            pause_s, said = RETRY_SECONDS_FIRST, ""
            log.info("hsm_connected", hsm=str(hsm.address))
            self._connected[index] = True
            try:
                await self._carry(stream)
            finally:
                self._connected[index] = False
            log.warning("hsm_lost", hsm=str(hsm.address))

    async def _carry(self, stream: trio.abc.Stream) -> None:
        """Let the gate use a connection until it has ended."""
        if isinstance(stream, trio.SocketStream):
            descriptor = socket.socket(fileno=stream.socket.detach())
            await self._await_end(self._gate.connect_hsm(descriptor.detach()))
            return
        ours, gates = socket.socketpair()
        for end in (ours, gates):
            end.setblocking(False)
        inner = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        name = self._gate.connect_hsm(gates.detach())
        async with stream, inner, trio.open_nursery() as nursery:
            nursery.start_soon(_pump, stream, inner, nursery.cancel_scope)
            nursery.start_soon(_pump, inner, stream, nursery.cancel_scope)
        await self._await_end(name)

    async def _await_end(self, name: int) -> None:
        while not self._gate.hsm_is_lost(name):  # noqa: ASYNC110 (a flag in C has no event)
            await trio.sleep(POLL_SECONDS)


async def _pump(source: trio.abc.Stream, sink: trio.abc.Stream, scope: trio.CancelScope) -> None:
    """Carry bytes one way until either side has ended; then the other way ends, too."""
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await source.receive_some(PUMP_BYTES):
            await sink.send_all(data)
    scope.cancel()


async def _try_out(session: HsmSession, hsm: Hsm) -> None:
    """Ask for the LMK's check value: another LMK would answer all else with errors."""
    answer = await session.command(b"NC")
    if answer[:4] != b"ND00":
        raise HsmUnavailable(f"{hsm.address}: diagnostics answer {answer[2:4]!r}")
    found = answer[4:20].decode("ascii", "replace")
    if not found.startswith(hsm.check_value):
        raise HsmUnavailable(f"{hsm.address}: its LMK has check value {found}")


class KeyMaker:
    """Makes session keys for terminals and journals them (`switch.server.MakeKeys`)."""

    def __init__(self, pool: HsmPool, directory: Directory, timezone: ZoneInfo) -> None:
        self._pool = pool
        self._directory = directory
        self._timezone = timezone

    async def __call__(self, terminal: int, missed: bool) -> None:
        """Make a PIN key, a data key and, if its messages carry one, a MAC key.

        `missed`: it asked with its keys of before, so the newest never reached it. Raises
        HsmUnavailable.
        """
        known = self._directory.terminal_keys.get(terminal, ())
        if not known or not known[-1].master:
            raise HsmUnavailable(f"terminal {terminal} has no master key")
        master, algorithm = known[-1].master, known[-1].mac_algorithm
        async with open_hsm(await self._pool.answering()) as session:
            pin, told_pin = await make_session_key(session, "002", "P0", "B", master)
            mac, told_mac = "", ""
            if algorithm:
                usage = "M6" if algorithm == "cmac" else "M3"
                mac, told_mac = await make_session_key(session, "003", usage, "C", master)
            data, told_data = await make_session_key(session, "30B", "D0", "B", master)
        now_s = time.time()
        self._directory.record(
            TerminalKeysSet(
                terminal=terminal,
                master=master,
                pin=pin,
                mac=mac,
                mac_algorithm=algorithm,
                told_pin=told_pin,
                told_mac=told_mac,
                data=data,
                told_data=told_data,
                at_s=int(now_s),
                overlap_seconds=OVERLAP_SECONDS,
                instead_of_newest=missed,
            ),
            now_us=int(now_s * 1_000_000),
            utc_offset_s=utc_offset_seconds(self._timezone, now_s),
        )


async def make_session_key(
    session: HsmSession, kind: str, usage: str, mode: str, master: str
) -> tuple[str, str]:
    """Have a double-length key made: as the HSM takes it, and under the master key with its KCV.

    Raises HsmUnavailable.
    """
    blocks = master.startswith("S")
    command = f"A01{'FFF' if blocks else kind}{'S' if blocks else 'U'};1{master}X"
    if blocks:
        command += f"#{usage}T2{mode}00S00"  # S: it leaves in the terminal's own form
    answer = (await session.command(command.encode("ascii"))).decode("ascii", "replace")
    if answer[:4] != "A100":
        raise HsmUnavailable(f"no key was made: error {answer[2:4]}")
    fields = answer[4:]
    sealed_bytes = 1 + int(fields[2:6]) if blocks else 33
    return fields[:sealed_bytes], fields[sealed_bytes:]
