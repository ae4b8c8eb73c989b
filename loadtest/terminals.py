"""Simulated terminals over real TCP: N connections from one Trio process, and what they saw.

Owns the life of a load: a survey of the balances, the load itself, a second survey. Must not know
which switch is at the other end, nor its database (that is `loadtest.journal_check`).
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from time import monotonic_ns

import trio
from msgspec import Struct

from loadtest.balances import BalanceModel
from loadtest.dialect import Dialect
from loadtest.latency import Latency
from loadtest.mix import Draw, Mix
from loadtest.oracle import Counts, Oracle
from loadtest.pace import Pace, Schedule
from loadtest.population import Population
from loadtest.pump import Pump
from loadtest.requests import Desk, RrnCounter, Stationery, TerminalClock
from loadtest.scenarios import Cashier
from loadtest.session import Patience, Session
from loadtest.shift import Shift
from loadtest.survey import survey

TPDU_OF_SWITCH = b"\x60\x00\x01"  # ISO 8583 over NII 001; the terminal's own number follows


class Load(Struct, frozen=True, kw_only=True):
    """Everything that a load is, except where the switch is."""

    population: Population
    mix: Mix
    pace: Pace
    seed: int
    connections: int = 200  # at most one for each terminal of the population
    patience: Patience = Patience()
    drain_seconds: float = 30.0  # from "stop" until what is still outstanding is given up


class Figures(Struct, frozen=True, kw_only=True):
    """A look at a running load. Counts are since its beginning; latencies since the last look."""

    seconds: float
    counts: Counts
    declines: dict[str, int]
    connections: int
    outstanding: int
    unanswered: int
    p50_ms: float
    p99_ms: float


class Terminals:
    """A load on one switch. Call `survey_before`, `drive`, `survey_after`, in this order."""

    def __init__(
        self,
        load: Load,
        *,
        address: tuple[str, int],
        dialect: Dialect,
        now_seconds: Callable[[], float] = time.time,
    ) -> None:
        # Distinct between runs too, as long as a run stays below 10,000 requests a second on
        # average: 12 digits, the last four for each second since an arbitrary day.
        first_rrn = int(now_seconds()) % 99_000_000 * 10_000 + 1
        self.oracle = Oracle(first_rrn)
        self.model = BalanceModel()
        self.latency = Latency()
        self._load = load
        self._pump = Pump()
        self._began_ns = self._ended_ns = 0
        self._counts_before = Counts()
        self._sessions: list[Session] = []
        self._shifts: list[Shift] = []
        population = load.population
        stationery = Stationery(dialect.encode, population)
        clock, rrns = TerminalClock(now_seconds), RrnCounter(first_rrn)
        for index, terminal in enumerate(population.terminals[: load.connections]):
            session = Session(
                pump=self._pump,
                address=address,
                dialect=dialect,
                desk=Desk(
                    terminal=terminal,
                    stationery=stationery,
                    clock=clock,
                    rrns=rrns,
                    acquirer=population.acquirer,
                ),
                oracle=self.oracle,
                patience=load.patience,
                random=Random(f"{load.seed}:{index}:session"),
                tpdu=TPDU_OF_SWITCH + index.to_bytes(2, "big"),
            )
            self._sessions.append(session)
            self._shifts.append(self._shift(index, session))

    def seconds(self) -> float:
        """Give how long the load has run, or ran."""
        if not self._began_ns:
            return 0.0
        return ((self._ended_ns or monotonic_ns()) - self._began_ns) / 1e9

    def counts(self) -> Counts:
        """Give the counts of the load itself, without the surveys."""
        return self.oracle.counts.since(self._counts_before)

    def figures(self) -> Figures:
        """Look at the load as it runs."""
        p50_ms, p99_ms = self.latency.take_recent()
        return Figures(
            seconds=self.seconds(),
            counts=self.counts(),
            declines=dict(self.oracle.declines),
            connections=sum(session.connected for session in self._sessions),
            outstanding=self.oracle.outstanding,
            unanswered=self.oracle.unanswered,
            p50_ms=p50_ms,
            p99_ms=p99_ms,
        )

    async def survey_before(self) -> None:
        """Ask the balances of every good card: the model begins with them."""
        async with self._pumping():
            await survey(self._load.population, self._sessions, self.model, self.model.begin)
        self._counts_before = self.oracle.counts.since(Counts())
        self.oracle.declines.clear()

    async def drive(self, stop: trio.Event) -> None:
        """Run the load until `stop`, then until every terminal has ended what it had begun.

        After `drain_seconds` more the rest is given up and counts as unanswered.
        """
        self._began_ns = monotonic_ns()
        async with self._pumping() as nursery:
            nursery.start_soon(self._limit_drain, stop, nursery.cancel_scope)
            async with trio.open_nursery() as working:
                for index, shift in enumerate(self._shifts):
                    schedule = Schedule(
                        self._load.pace,
                        pump=self._pump,
                        index=index,
                        count=len(self._shifts),
                        random=Random(f"{self._load.seed}:{index}:schedule"),
                    )
                    working.start_soon(shift.work, schedule, stop)
        self._ended_ns = monotonic_ns()

    async def survey_after(self) -> None:
        """Ask the balances again and hold them against the model."""
        self.close()  # what is still outstanding must not answer into the survey
        async with self._pumping():
            await survey(self._load.population, self._sessions, self.model, self.model.compare)

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()

    @asynccontextmanager
    async def _pumping(self) -> AsyncIterator[trio.Nursery]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pump.run)
            yield nursery
            nursery.cancel_scope.cancel()

    def _shift(self, index: int, session: Session) -> Shift:
        draw = Draw(self._load.mix, f"{self._load.seed}:{index}")
        return Shift(
            cashier=Cashier(session.desk, draw, self._load.population),
            session=session,
            oracle=self.oracle,
            model=self.model,
            latency=self.latency,
        )

    async def _limit_drain(self, stop: trio.Event, scope: trio.CancelScope) -> None:
        await stop.wait()
        scope.deadline = trio.current_time() + self._load.drain_seconds
