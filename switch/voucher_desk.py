"""Vouchers of other shards in the slow lane: sought where they are, brought to whom they are owed.

Owns the order in which shards are asked and what has to be durable before they are told. How a
voucher leaves and arrives is `switch.voucher_travel`, what is owed `switch.voucher_debts`; how a
shard is reached a link's. Must not know a PIN: a digest is all that anybody has of it.

    parked message ─► seek at every other shard ─► take_in ─► served again: it is here, or nowhere
    owed ─► bring, until the shard has it ─► VoucherReceived

A voucher is told to another shard only when the row that lets it go is durable, and is owed until
the row that takes it in is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import structlog
import trio

from switch._core import Core
from switch.control import Answer, BringVoucher, Recorded, Refused, SeekVoucher, VoucherSought
from switch.control_links import ask_shard
from switch.directory import Directory
from switch.errors import OperatingError
from switch.events import Event, VoucherHandedOver, VoucherReceived
from switch.operations import SoughtVoucher
from switch.voucher_travel import Moment, hand_over, take_in

LOOK_SECONDS = 0.1
RETRY_SECONDS = 1.0
QUESTIONS_MAX = 4
"""To one shard at once: it hears out so many more of all of them."""

Found = TypeVar("Found")

log = structlog.get_logger("switch.voucher_desk")


class Serving(Protocol):
    """What is needed of a server."""

    def record(self, event: Event) -> int:
        """Let an event take effect. Raises EventError, OperatingError."""

    def write(self, work: Callable[[int, int], Found]) -> Found:
        """Let something write rows at a time (Unix µs, zone). Raises OperatingError."""

    async def wait_durable(self, seq: int) -> None:
        """Wait until a row is durable."""

    async def go_on(self) -> None:
        """Serve what was resumed, and let its rows be committed."""


class Waiting(Protocol):
    """The gate, as far as messages that wait for a voucher go."""

    def sought(self, ticket: int, everywhere: bool) -> None:
        """Serve a parked message again."""


class ShardLink:
    """Another shard, by its control socket."""

    def __init__(self, directory: Path, number: int) -> None:
        self._directory = directory
        self._number = number
        self._at_once = trio.CapacityLimiter(QUESTIONS_MAX)

    async def ask(self, request: SeekVoucher | BringVoucher) -> Answer:
        """Ask it. Raises OperatingError."""
        async with self._at_once:
            return await ask_shard(self._directory, self._number, request)


class Asking(Protocol):
    """A way to another shard."""

    async def ask(self, request: SeekVoucher | BringVoucher) -> Answer:
        """Ask it. Raises OperatingError."""


class VoucherDesk:
    """One shard's side of vouchers that go from shard to shard."""

    def __init__(
        self,
        *,
        core: Core,
        directory: Directory,
        gate: Waiting,
        shard: int,
        slot: int | None,
        links: Mapping[int, Asking],
    ) -> None:
        """`slot`: of this shard's cards, if it has any; `links` to the others, by their numbers."""
        self._core = core
        self._directory = directory
        self._gate = gate
        self._shard = shard
        self._slot = slot
        self._links = links
        self._todo = trio.open_memory_channel[tuple[int, SoughtVoucher]](1 << 16)
        self._server: Serving | None = None

    def put(self, ticket: int, what: SoughtVoucher) -> None:
        """Take a parked message; bounded by the gate's places for them."""
        self._todo[0].send_nowait((ticket, what))

    async def run(self, server: Serving) -> None:
        """Seek and bring until cancelled."""
        self._server = server
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._bring_all)
            async for ticket, (_, plan_row, digest) in self._todo[1]:
                nursery.start_soon(self._seek, ticket, plan_row, digest)

    # --- what another shard asks ------------------------------------------------------------------

    async def hand_over(self, request: SeekVoucher) -> VoucherSought:
        """Let a voucher go to the shard that seeks it. Raises EventError, OperatingError."""
        server = self._serving()
        if request.shard not in self._links:
            raise OperatingError(f"there is no other shard {request.shard}")
        digest = bytes.fromhex(request.digest)
        found = server.write(
            lambda now_us, utc_offset_s: hand_over(
                self._core,
                self._directory,
                digest,
                request.programme,
                request.shard,
                Moment(now_us=now_us, utc_offset_s=utc_offset_s),
            )
        )
        await server.wait_durable(found.row)
        return VoucherSought(state=found.state, row=found.row, event=found.event)

    async def take_in(self, request: BringVoucher) -> int:
        """Have a voucher that is owed to this shard; gives a row that is durable.

        Raises EventError, OperatingError.
        """
        self._take_in(request.event, request.row, request.shard)
        seq = self._core.last_seq
        await self._serving().wait_durable(seq)
        return seq

    def _take_in(self, event: VoucherHandedOver, row: int, from_shard: int) -> None:
        slot = self._slot
        if slot is None:
            raise OperatingError("this shard has no slots: no card that a voucher could come to")
        self._serving().write(
            lambda now_us, utc_offset_s: take_in(
                self._core,
                self._directory,
                event,
                row,
                from_shard=from_shard,
                slot=slot,
                at=Moment(now_us=now_us, utc_offset_s=utc_offset_s),
            )
        )

    def _serving(self) -> Serving:
        if self._server is None:
            raise OperatingError("this shard is not serving yet")
        return self._server

    # --- what this shard asks ---------------------------------------------------------------------

    async def _seek(self, ticket: int, plan_row: int, digest: bytes) -> None:
        """Have the voucher here that a message is about, then serve the message again."""
        rows = self._directory.programme_rows
        programme = next(number for number, row in rows.items() if row == plan_row)
        # Its own card's, whose sale is to be undone, or of one who has its PIN.
        vouchers = self._directory.programmes[programme].vouchers
        of = programme if vouchers is None else vouchers.programme
        request = SeekVoucher(digest=digest.hex(), programme=of, shard=self._shard)
        answered: set[int] = set()
        async with trio.open_nursery() as nursery:
            for number, link in self._links.items():
                nursery.start_soon(self._seek_at, number, link, request, answered)
        self._gate.sought(ticket, len(answered) == len(self._links))
        await self._serving().go_on()

    async def _seek_at(
        self, number: int, link: Asking, request: SeekVoucher, answered: set[int]
    ) -> None:
        try:
            answer = await link.ask(request)
            if not isinstance(answer, VoucherSought) or answer.state == "under way":
                return
            if answer.event is not None:
                self._take_in(answer.event, answer.row, number)
        except OperatingError as error:
            log.warning("voucher_not_sought", shard=number, error=str(error))
            return
        answered.add(number)

    async def _bring_all(self) -> None:
        """Tell shards of what they are owed, until they have it."""
        while True:
            owed = list(self._directory.travelling.owed.items())
            brought = [await self._bring(row, event) for row, event in owed]
            await trio.sleep(LOOK_SECONDS if all(brought) else RETRY_SECONDS)

    async def _bring(self, row: int, event: VoucherHandedOver) -> bool:
        server = self._serving()
        link = self._links.get(event.to_shard)
        if link is None:
            return False
        try:
            await server.wait_durable(row)
            answer = await link.ask(BringVoucher(shard=self._shard, row=row, event=event))
            if isinstance(answer, Recorded):
                server.record(VoucherReceived(handed_over=row))
                return True
            trouble = answer.error if isinstance(answer, Refused) else "no answer to this"
        except OperatingError as error:
            trouble = str(error)
        log.warning("voucher_not_brought", shard=event.to_shard, row=row, error=trouble)
        return False
