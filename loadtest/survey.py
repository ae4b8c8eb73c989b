"""The balances of all good cards, asked through the terminals themselves.

Owns the two inquiries that the model of balances stands on: before the load and after it, when
nothing is outstanding.
"""

from collections.abc import Callable, Sequence

import trio

from loadtest.balances import BalanceModel
from loadtest.kinds import BALANCE
from loadtest.population import Card, Population
from loadtest.replies import Reply
from loadtest.session import Session


async def survey(
    population: Population,
    sessions: Sequence[Session],
    model: BalanceModel,
    take: Callable[[Card, Reply], None],
) -> None:
    """Ask the balances of every good card and hand each reply to `take`."""
    waiting = [*population.cards, *population.poor_cards]

    async def ask_next(session: Session) -> None:
        while waiting:
            card = waiting.pop()
            reply = await session.ask(session.desk.request(BALANCE, card))
            if reply is None or not reply.approved:
                model.note(f"{card}: the balance inquiry got no balances")
            else:
                take(card, reply)

    async with trio.open_nursery() as nursery:
        for session in sessions:
            nursery.start_soon(ask_next, session)
