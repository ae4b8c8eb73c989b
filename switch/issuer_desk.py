"""Cards of other banks in the slow lane: their banks are asked, and told what they have to undo.

Owns the order in which a bank is asked and what is written down when; and that a debt is told until
the bank has acknowledged it. What is owed follows from events (`switch.issuer_debts`); how a bank
is reached is `switch.issuer_link`'s. Must not know a card's number: only the gate does.

    parked message ─► IssuerAsked ─► durable ─► bank ─► answer ─► served again ─► row ─► reply
                                                  │ none in time, or no row came of it
    debts ◄───────────────────────────────────────┘
      └─► 0420, then 0421 until the bank says yes ─► IssuerTold

The question is durable before the bank has it, so whenever the switch dies the journal says what
may have happened there. A reversal leaves when the row by which it is owed is durable: the bank
must not undo what a lost row would leave standing here.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
import structlog
import trio

from switch._core import Core
from switch._fastpath import Gate
from switch._issuer_messages import IssuerReply
from switch.directory import Directory, EventError
from switch.errors import OperatingError
from switch.events import (
    CardsAdded,
    Event,
    IssuerAnswered,
    IssuerAsked,
    IssuerTold,
    IssuerUnanswered,
    decode_event,
)
from switch.iso8583 import Message, encode
from switch.issuer_debts import Asked, Debt, asked_of
from switch.issuer_link import IssuerLink, IssuerUnavailable, at_of
from switch.limits import ISSUER_QUESTIONS_MAX, REMOTE_CARDS_A_MINUTE_MAX
from switch.operations import IssuerSaid, NewCard, Operation, Question
from switch.response_codes import ResponseCode

TELLING_MAX = 64
"""Reversals under way to one bank, beside the questions of people who wait."""
LOOK_SECONDS = 0.05
RETRY_SECONDS_FIRST = 1.0
RETRY_SECONDS_MAX = 60.0
ACKNOWLEDGED = frozenset({b"00", b"25", b"94"})
"""What says that a reversal need not come again: done, nothing known to undo, done before."""
REFUSALS = frozenset(code.encode() for code in ResponseCode) - {b"00", b"10"}
OTHER_REFUSAL = str(ResponseCode.DO_NOT_HONOUR).encode()
NO_EXPIRY = (9912).to_bytes(2, "little")  # of a card whose bank knows until when it is good
BALANCE_CHARACTERS = 20
STANS = 999_999

ReadEvent = Callable[[int], Awaitable[bytes | None]]
"""Gives the event on a row of the journal, by its sequence. Raises OperatingError."""

log = structlog.get_logger("switch.issuer_desk")


class Serving(Protocol):
    """What is needed of a server."""

    def record(self, event: Event) -> int:
        """Let an event take effect. Raises EventError, OperatingError."""

    async def wait_durable(self, seq: int) -> None:
        """Wait until a row is durable."""

    async def go_on(self) -> None:
        """Serve what was resumed, and let its rows be committed."""


class Tally(msgspec.Struct):
    """Of one bank, since the process started."""

    approved: int = 0
    refused: int = 0
    silent: int = 0  # no answer in time, or the link broke
    unusable: int = 0  # answers that cannot be ours
    absent: int = 0  # not asked: no link, or too many wait
    told: int = 0
    told_in_vain: int = 0  # reversals without an acknowledgement, each time


class _Underway:
    """One message's question. `settled`: its row is there."""

    __slots__ = ("ended", "settled")

    def __init__(self) -> None:
        self.ended = trio.Event()
        self.settled = False


class IssuerDesk:
    """Asks and tells the banks of one shard's cards."""

    def __init__(
        self,
        *,
        core: Core,
        directory: Directory,
        gate: Gate,
        links: Mapping[str, IssuerLink],
        shard: int,
        shards: int,
        read_event: ReadEvent,
    ) -> None:
        """`links` by the names that programmes have in `host`."""
        self.links = links
        self.tallies = {name: Tally() for name in links}
        self._core = core
        self._directory = directory
        self._gate = gate
        self._read_event = read_event
        # Shards speak to a bank as one institution: each has STANs of its own.
        self._stan_count = STANS // shards
        self._stan_first = 1 + shard * self._stan_count
        self._shard = shard
        self._todo = trio.open_memory_channel[tuple[int, NewCard | Question]](1 << 16)
        self._underway: dict[tuple[int, int, int], _Underway] = {}
        self._waiting = dict.fromkeys(links, 0)
        self._telling: dict[int, float] = {}  # debt → not before
        self._tried: dict[int, int] = {}  # debt → how often
        self._minute = 0
        self._cards_added = 0

    def put(self, ticket: int, what: NewCard | Question) -> None:
        """Take a parked message; bounded by the gate's places for them."""
        self._todo[0].send_nowait((ticket, what))

    def owed(self) -> dict[str, int]:
        """Give how many debts each bank has not acknowledged."""
        counts = dict.fromkeys(self.links, 0)
        for debt in self._directory.issuers.owed.values():
            name = self._host_of(debt.programme)
            counts[name] = counts.get(name, 0) + 1
        return counts

    async def run(self, server: Serving) -> None:
        """Keep the links, ask and tell, until cancelled."""
        for definition in self._directory.programmes.values():
            if definition.host and definition.host not in self.links:
                log.warning("issuer_not_configured", issuer=definition.host)
        async with trio.open_nursery() as nursery:
            for link in self.links.values():
                nursery.start_soon(link.run)
                nursery.start_soon(self._tell_all, link, server, nursery)
            async for ticket, what in self._todo[1]:
                if what[0] == "card":
                    await self._add_card(ticket, what, server)
                else:
                    nursery.start_soon(self._ask, ticket, what, server)

    def _host_of(self, programme: int) -> str:
        definition = self._directory.programmes.get(programme)
        return definition.host if definition is not None else ""

    # --- cards ------------------------------------------------------------------------------------

    async def _add_card(self, ticket: int, what: NewCard, server: Serving) -> None:
        """Add a card that was never seen, if strangers have not brought too many already."""
        _, plan_row, token, first6, last4 = what
        if self._core.card_of(token) is None and not self._record_card(
            self._programme_of(plan_row), token, first6, last4, server
        ):
            self._gate.answer(ticket, IssuerSaid.ABSENT)
        else:
            self._gate.resume(ticket)
        await server.go_on()

    def _record_card(
        self, programme: int, token: bytes, first6: int, last4: int, server: Serving
    ) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._cards_added = minute, 0
        if self._cards_added >= REMOTE_CARDS_A_MINUTE_MAX:
            log.warning("remote_cards_refused", a_minute_max=REMOTE_CARDS_A_MINUTE_MAX)
            return False
        self._cards_added += 1
        try:
            server.record(
                CardsAdded(
                    programme=programme,
                    tokens=token,
                    expiries=NO_EXPIRY,
                    first6=first6.to_bytes(4, "little"),
                    last4=last4.to_bytes(2, "little"),
                )
            )
        except OperatingError:
            return False
        return True

    def _programme_of(self, plan_row: int) -> int:
        rows = self._directory.programme_rows
        return next(programme for programme, row in rows.items() if row == plan_row)

    # --- asking -----------------------------------------------------------------------------------

    async def _ask(self, ticket: int, question: Question, server: Serving) -> None:
        """Ask a message's bank, and serve it with the answer. A repeat waits for the first."""
        terminal, stan, at = question[6:]
        key = (terminal, stan, at)
        before = self._underway.get(key)
        if before is not None:
            await before.ended.wait()
            if before.settled:
                self._gate.resume(ticket)
            else:
                self._gate.answer(ticket, IssuerSaid.ABSENT)
            await server.go_on()
            return
        underway = self._underway[key] = _Underway()
        try:
            await self._ask_first(ticket, question, underway, server)
        finally:
            del self._underway[key]
            underway.ended.set()

    async def _ask_first(
        self, ticket: int, question: Question, underway: _Underway, server: Serving
    ) -> None:
        _, plan_row, card, operation, amount_minor, processing_code, terminal, _, _ = question
        programme = self._programme_of(plan_row)
        name = self._host_of(programme)
        link = self.links.get(name)
        asked = IssuerAsked(
            programme=programme,
            card=card,
            operation=Operation(operation),
            amount_minor=amount_minor,
            processing_code=processing_code,
            terminal=terminal,
            at_s=int(time.time()),
        )
        seq = self._begin(link, asked, server) if link is not None else None
        if link is None or seq is None:
            self._gate.answer(ticket, IssuerSaid.ABSENT)
            await server.go_on()
            return
        self._waiting[name] += 1
        try:
            await server.wait_durable(seq)
            reply = await self._exchange(ticket, link, asked, seq)
        finally:
            self._waiting[name] -= 1
        self._answer(ticket, name, asked, seq, reply)
        self._directory.hear()
        underway.settled = seq not in self._directory.issuers.open
        if not underway.settled:
            await self._give_up(seq, server)
        await server.go_on()

    async def _give_up(self, seq: int, server: Serving) -> None:
        """Write down that no row came of a question, as soon as anything can be written."""
        while True:
            try:
                server.record(IssuerUnanswered(asked=seq))
            except OperatingError:
                await trio.sleep(RETRY_SECONDS_FIRST)  # the next takeover would do it, too
            else:
                return

    def _begin(self, link: IssuerLink, asked: IssuerAsked, server: Serving) -> int | None:
        """Write a question down; None when its bank cannot be asked now."""
        if link.available and self._waiting[link.name] < ISSUER_QUESTIONS_MAX:
            try:
                return server.record(asked)
            except OperatingError:
                return None
        self.tallies[link.name].absent += 1
        return None

    async def _exchange(
        self, ticket: int, link: IssuerLink, asked: IssuerAsked, seq: int
    ) -> IssuerReply | None:
        stan, sent_at = self._stan_of(seq), at_of(asked.at_s)
        message = self._gate.write_question(
            ticket, link.form, stan, sent_at, self._rrn_of(seq).encode()
        )
        if message is None:
            return None
        answer_mti = 110 if asked.operation == Operation.BALANCE else 210
        try:
            return await link.ask(message, answer_mti, stan, sent_at)
        except IssuerUnavailable:
            return None

    def _answer(
        self, ticket: int, name: str, asked: IssuerAsked, seq: int, reply: IssuerReply | None
    ) -> None:
        """Serve the message with what its bank said, if that can be used."""
        tally = self.tallies[name]
        said = said_by(reply, asked)
        code = b""
        if said is IssuerSaid.APPROVED:
            tally.approved += 1
        elif said is IssuerSaid.REFUSED and reply is not None:
            tally.refused += 1
            code = reply.response_code if reply.response_code in REFUSALS else OTHER_REFUSAL
        elif reply is None:
            tally.silent += 1
        else:
            tally.unusable += 1
        approval = reply.authorisation_code if reply is not None else b""
        balances = reply.balances if reply is not None else b""
        self._gate.answer(
            ticket,
            said,
            asked=seq,
            asked_s=asked.at_s,
            response_code=code,
            authorisation_code=approval if approval.isalnum() else b"",
            balances=balances if _are_balances(balances) else b"",
        )

    def _stan_of(self, seq: int) -> int:
        """Name a row at the bank: with its time it is one of a kind."""
        return self._stan_first + seq % self._stan_count

    def _rrn_of(self, seq: int) -> str:
        return f"{self._shard:02d}{seq % 10**10:010d}"

    # --- telling ----------------------------------------------------------------------------------

    async def _tell_all(self, link: IssuerLink, server: Serving, nursery: trio.Nursery) -> None:
        """Tell a bank what it has to undo, as long as it is there."""
        underway = 0

        async def tell(debt: Debt) -> None:
            nonlocal underway
            try:
                await self._tell(link, debt, server)
            finally:
                underway -= 1

        while True:
            self._directory.hear()
            now_s = trio.current_time()
            for debt in list(self._directory.issuers.owed.values()) if link.available else ():
                if underway >= TELLING_MAX:
                    break
                if self._host_of(debt.programme) != link.name:
                    continue
                if self._telling.get(debt.seq, 0.0) <= now_s:
                    underway += 1
                    self._telling[debt.seq] = float("inf")
                    nursery.start_soon(tell, debt)
            await trio.sleep(LOOK_SECONDS)

    async def _tell(self, link: IssuerLink, debt: Debt, server: Serving) -> None:
        """Tell of one debt once."""
        tally = self.tallies[link.name]
        try:
            await server.wait_durable(debt.seq)
            reply = await self._reverse(link, debt)
            if reply is not None and reply.response_code in ACKNOWLEDGED:
                server.record(IssuerTold(debt=debt.seq))
                tally.told += 1
                self._telling.pop(debt.seq, None)
                self._tried.pop(debt.seq, None)
                return
        except IssuerUnavailable:
            self._telling[debt.seq] = 0.0
            return
        except (OperatingError, EventError) as error:
            log.warning("debt_not_told", issuer=link.name, debt=debt.seq, error=str(error))
        else:
            code = reply.response_code.decode("ascii", "replace") if reply is not None else ""
            log.warning("debt_not_acknowledged", issuer=link.name, debt=debt.seq, answer=code)
        tally.told_in_vain += 1
        tries = self._tried[debt.seq] = self._tried.get(debt.seq, 0) + 1
        pause_s = min(RETRY_SECONDS_MAX, RETRY_SECONDS_FIRST * 2 ** min(tries - 1, 6))
        self._telling[debt.seq] = trio.current_time() + pause_s

    async def _reverse(self, link: IssuerLink, debt: Debt) -> IssuerReply | None:
        """Send the 0420 of a debt; a repeat is the same but for its MTI, after a restart, too."""
        asked = debt.asked or await self._question_of(debt.original)
        stan, sent_at = self._stan_of(debt.seq), at_of(debt.at_s)
        event = self._directory.terminals[asked.terminal]
        acquirer = self._directory.acquirers[event.acquirer].code
        club = self._directory.clubs[self._directory.programmes[asked.programme].club]
        original = f"0200{self._stan_of(asked.seq):06d}{at_of(asked.at_s):010d}"
        message = Message(
            "0421" if self._tried.get(debt.seq) else "0420",
            {
                3: f"{asked.processing_code:06d}",
                4: f"{debt.amount_minor:012d}",
                7: f"{sent_at:010d}",
                11: f"{stan:06d}",
                32: acquirer,
                33: link.form.institution_code,
                37: self._rrn_of(asked.seq),
                41: event.terminal_id,
                42: event.merchant_id,
                49: f"{club.currency:03d}",
                90: f"{original}{acquirer:0>11}{link.form.institution_code:0>11}",
            },
        )
        return await link.ask(bytearray(encode(message, link.spec)), 430, stan, sent_at)

    async def _question_of(self, original: int) -> Asked:
        """Give the question that led to a row. Raises OperatingError."""
        known = self._directory.issuers.question_of(original)
        if known is not None:
            return known
        body = await self._read_event(original)
        event = decode_event(body) if body is not None else None
        if not isinstance(event, IssuerAnswered):
            raise OperatingError(f"row {original} does not say what its bank was asked")
        return asked_of(event)


def said_by(reply: IssuerReply | None, asked: IssuerAsked) -> IssuerSaid:
    """Say what an answer makes of a question. An amount that was not asked for is no approval."""
    if reply is None:
        return IssuerSaid.SILENT
    code = reply.response_code
    if code == b"00":
        agreed = asked.operation == Operation.BALANCE or reply.amount_minor in (
            -1,
            asked.amount_minor,
        )
        return IssuerSaid.APPROVED if agreed else IssuerSaid.SILENT
    if code == b"10" or len(code) != 2:
        return IssuerSaid.SILENT
    return IssuerSaid.REFUSED


def _are_balances(text: bytes) -> bool:
    """Whether it can be a DE 54: up to six balances of twenty characters."""
    return len(text) <= 6 * BALANCE_CHARACTERS and not len(text) % BALANCE_CHARACTERS and (
        text.isalnum()
    )  # fmt: skip
