"""One simulated terminal on its connection: sends a request and waits for its own reply.

Owns one TCP connection and what a terminal does about silence. A lost connection is made again and
the outstanding request is repeated (or, for a seeded share, reversed, as a terminal that was
switched off does). No reply in time: a reversal advice, repeated until it is acknowledged.
Must not know what a scenario wants or when the load ends.
"""

from random import Random

import trio
from msgspec import Struct

from loadtest.dialect import Dialect
from loadtest.kinds import REVERSAL_ADVICE
from loadtest.oracle import Oracle, Verdict
from loadtest.pump import Frame, Line, LineLostError, Pump, open_line
from loadtest.replies import Reply, read_reply
from loadtest.requests import Desk, Request
from switch.iso8583.framing import FramingError

RECONNECT_SECONDS = 0.05
FINAL = (Verdict.ANSWER, Verdict.DEFERRED)


class Patience(Struct, frozen=True, kw_only=True):
    """How a terminal takes silence. `reverse_when_cut_bps`: of 10,000 lost connections, how many
    make it reverse the outstanding request instead of repeating it."""

    reply_seconds: float = 10.0
    reverse_when_cut_bps: int = 0


class Session:
    """A terminal's connection. One request is outstanding at any time."""

    def __init__(
        self,
        *,
        pump: Pump,
        address: tuple[str, int],
        dialect: Dialect,
        desk: Desk,
        oracle: Oracle,
        patience: Patience,
        random: Random,
        tpdu: bytes,
    ) -> None:
        self.desk = desk
        self._pump = pump
        self._address = address
        self._dialect = dialect
        self._oracle = oracle
        self._patience = patience
        self._random = random
        self._tpdu = tpdu
        self._reply_tpdu = dialect.reply_tpdu(tpdu)
        self._line: Line | None = None
        self._last: Request | None = None  # the last one answered
        self._again: Request | None = None  # to be asked again after the outstanding one

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return self._line is not None

    async def ask(self, request: Request) -> Reply | None:
        """Send a request and return its reply; None when it was given up, and then reversed.

        A completion or reversal is never given up but repeated until it is answered. Whoever runs
        the load cancels in the end, and it then counts as unanswered.
        """
        self._oracle.sent(request)
        if request.kind.insists:
            reply: Reply | None = await self._insist(request)
        else:
            cut_bps = self._patience.reverse_when_cut_bps
            reply = await self._exchange(request, request.body, cut_bps)
        if reply is not None:
            await self._ask_last_again()
            self._last = None if reply.unavailable else request
            return reply
        self._oracle.gave_up(request)
        if not request.kind.asks_only:
            await self.ask(
                self.desk.follow_up(REVERSAL_ADVICE, request, amount_minor=request.amount_minor)
            )
        return None

    async def repeat(self, request: Request) -> Reply | None:
        """Send an answered request as a repeat and have the reply judged; None when none came."""
        deadline = trio.current_time() + self._patience.reply_seconds
        while trio.current_time() < deadline:
            try:
                line = await self._send(request.repeat_body())
                reply = await self._answer_to_repeat(line, request, deadline)
                if reply is not None and self._oracle.judge_repeat(request, reply):
                    return reply
                await self._pause()
            except OSError:
                await self._reconnect_later()
        self._oracle.repeat_unanswered(request)
        return None

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _insist(self, request: Request) -> Reply:
        body = request.body
        while True:
            reply = await self._exchange(request, body, 0)
            if reply is not None and not reply.unavailable:
                return reply
            await self._pause()
            body = request.repeat_body()

    async def _ask_last_again(self) -> None:
        """After a lost connection: what was answered before it must still be answered the same."""
        again, self._again = self._again, None
        if again is not None:
            await self.repeat(again)

    async def _exchange(self, request: Request, body: bytes, cut_bps: int) -> Reply | None:
        deadline = trio.current_time() + self._patience.reply_seconds
        while True:
            try:
                return await self._answer(await self._send(body), request, deadline)
            except OSError:
                await self._reconnect_later()
                cut = cut_bps and self._random.randrange(10_000) < cut_bps
                if cut or trio.current_time() >= deadline:
                    return None
                body = request.repeat_body()

    async def _answer_to_repeat(
        self, line: Line, request: Request, deadline: float
    ) -> Reply | None:
        while (frame := await self._next_frame(line, request, deadline)) is not None:
            reply = self._read(frame, request)
            if reply is not None and reply.rrn == request.rrn:
                return reply
            if reply is not None:
                self._oracle.judge(request, reply)
        return None

    async def _answer(self, line: Line, request: Request, deadline: float) -> Reply | None:
        while (frame := await self._next_frame(line, request, deadline)) is not None:
            reply = self._read(frame, request)
            if reply is not None and self._oracle.judge(request, reply) in FINAL:
                return reply
        return None

    async def _next_frame(self, line: Line, request: Request, deadline: float) -> Frame | None:
        try:
            return await line.next_frame(deadline)
        except FramingError as error:
            self._oracle.unreadable(request, str(error))
            raise LineLostError("framing is lost") from error

    def _read(self, frame: Frame, request: Request) -> Reply | None:
        """Read a reply; None when that could not be done, and the oracle knows why."""
        tpdu, body = frame
        if tpdu != self._reply_tpdu:
            self._oracle.unreadable(request, "its TPDU is not addressed to this terminal")
            return None
        try:
            return read_reply(self._dialect.decode(body), body)
        except ValueError as error:
            self._oracle.unreadable(request, str(error))
            return None

    async def _send(self, body: bytes) -> Line:
        if self._line is None:
            self._line = await open_line(self._pump, self._dialect, self._address)
        self._line.send(self._dialect.frame(body, self._tpdu))
        return self._line

    async def _reconnect_later(self) -> None:
        self._again = self._last
        self.close()
        await self._pause()

    async def _pause(self) -> None:
        # Spread, or all terminals of a restarted switch would arrive in the same millisecond.
        pause_seconds = RECONNECT_SECONDS * (0.5 + self._random.random())
        await self._pump.sleep_until(trio.current_time() + pause_seconds)
