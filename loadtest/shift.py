"""A cashier's shift: scenarios played at one terminal until told to stop.

Owns the step from "what the customer wants" to "what was sent, answered, and must now be in the
books". Must not know how a session deals with silence, nor when the load ends.
"""

from time import monotonic_ns

import trio

from loadtest.balances import NOTHING, BalanceModel, Effect, effect_of, wrong_sum
from loadtest.latency import Latency
from loadtest.oracle import Oracle
from loadtest.pace import Schedule
from loadtest.replies import Reply
from loadtest.requests import Request
from loadtest.scenarios import Cashier, Expect, Repeat, Step
from loadtest.session import Session

PAYMENTS = ("purchase", "mixed", "points_payment", "completion")


class Shift:
    """One cashier at one session."""

    def __init__(
        self,
        *,
        cashier: Cashier,
        session: Session,
        oracle: Oracle,
        model: BalanceModel,
        latency: Latency,
    ) -> None:
        self._cashier = cashier
        self._session = session
        self._oracle = oracle
        self._model = model
        self._latency = latency

    async def work(self, schedule: Schedule, stop: trio.Event) -> None:
        """Play scenario after scenario; once `stop` is set, end with the one under way."""
        while not stop.is_set():
            await self._play(schedule)

    async def _play(self, schedule: Schedule) -> None:
        play = self._cashier.play()
        effects: dict[int, Effect] = {}
        step: Step = next(play)
        while True:
            due_ns = await schedule.wait_due()
            reply = await self._take(step, due_ns, effects)
            schedule.advance()
            if reply is None:
                return play.close()
            try:
                step = play.send(reply)
            except StopIteration:
                return None

    async def _take(self, step: Step, due_ns: int, effects: dict[int, Effect]) -> Reply | None:
        if isinstance(step, Repeat):
            return await self._session.repeat(step.request)
        request = step.request if isinstance(step, Expect) else step
        reply = await self._session.ask(request)
        if reply is None:
            return None
        self._latency.record(monotonic_ns() - due_ns)
        if isinstance(step, Expect) and not reply.unavailable:
            self._oracle.expect(request, reply, step.response_code)
        self._apply(request, reply, effects)
        return reply

    def _apply(self, request: Request, reply: Reply, effects: dict[int, Effect]) -> None:
        original = NOTHING
        if request.original is not None:
            original = effects.get(request.original.rrn, NOTHING)
        effects[request.rrn] = effect = effect_of(request, reply, original)
        self._model.apply(request.card, effect)
        if reply.approved and request.kind.name in PAYMENTS and (wrong := wrong_sum(reply)):
            self._model.note(f"rrn {request.rrn:012d}: {wrong}")
