"""The table, group by group: what is measured after what, and on which stand.

Owns the order, the stand that several groups share, and the limit that one finds for the others.
Must not know how results are shown or kept.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

from benchmarks.promises import (
    cards,
    latency,
    memory,
    overload,
    pins,
    products,
    slow_lane,
    stages,
    throughput,
)
from benchmarks.promises.setting import setting
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import Stand, bench_target, running_stand
from benchmarks.promises.throughput import Say, find_limit
from benchmarks.table import Row


class Bench:
    """What the groups share. `close` stops the common stand."""

    def __init__(self, sizes: Sizes, say: Say) -> None:
        self.sizes = sizes
        self.say = say
        self._resources = ExitStack()
        self._stand: Stand | None = None
        self._limit_per_second: float | None = None

    def throughput(self) -> list[Row]:
        """Links, terminals, many terminals, pgbench."""
        rows = throughput.cases(self.stand(), self.sizes, self.say)
        self._limit_per_second = rows[0]["value"]
        return rows

    def latency(self) -> list[Row]:
        """Half of the limit; a lonely terminal."""
        return latency.cases(self.stand(), self.sizes, self.limit())

    def profile(self) -> list[Row]:
        """Where the time goes."""
        return stages.cases(self.stand(), self.sizes)

    def overload(self) -> list[Row]:
        """Twice the limit."""
        return overload.cases(self.stand(), self.sizes, self.limit())

    def memory(self) -> list[Row]:
        """A short soak, on a stand of its own."""
        limit = self.limit()
        self.close()
        return memory.cases(self.sizes, limit, self.say)

    def cards(self) -> list[Row]:
        """Few cards and very many, on stands of their own."""
        self.close()
        return cards.cases(self.sizes, self.say)

    def slow_lane(self) -> list[Row]:
        """The same purchases, priced in Python, on a stand of their own."""
        self.close()
        return slow_lane.cases(self.sizes, self.say)

    def pins(self) -> list[Row]:
        """Purchases with a PIN, on a stand of their own with an HSM."""
        self.close()
        return pins.cases(self.sizes, self.say)

    def products(self) -> list[Row]:
        """All products at once beside the purse alone, on a stand of their own."""
        self.close()
        return products.cases(self.sizes, self.say)

    def stand(self) -> Stand:
        """Give the common stand, started when it is first needed."""
        if self._stand is None:
            target = bench_target(cards=self.sizes.cards_few, terminals=self.sizes.many_terminals)
            self._stand = self._resources.enter_context(running_stand(target, say=self.say))
        return self._stand

    def limit(self) -> float:
        """Give what the links hold."""
        if self._limit_per_second is None:
            self._limit_per_second = find_limit(self.stand(), self.sizes)
        return self._limit_per_second

    def close(self) -> None:
        """Stop the common stand: two switches at full load would measure each other."""
        self._resources.close()
        self._stand = None


GROUPS: dict[str, Callable[[Bench], list[Row]]] = {
    "throughput": Bench.throughput,
    "latency": Bench.latency,
    "overload": Bench.overload,
    "profile": Bench.profile,
    "memory": Bench.memory,
    "slow-lane": Bench.slow_lane,
    "pins": Bench.pins,
    "products": Bench.products,
    "cards": Bench.cards,
}
"""In the order in which they run: the common stand is in nobody's way."""


PIECES = ("forwarding", "hsm", "clock", "replay_lab")
"""Micro-benchmarks that the table has too, behind the groups, where there are such."""


def measure(name: str, cases: Callable[[], list[Row]]) -> list[Row]:
    """Run a group or a micro-benchmark; its rows, with what is needed to run it again."""
    began_at = time.monotonic()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    rows = cases()
    about = {
        "group": name,
        "command": f"python -m benchmarks --only {name}",
        "at": at,
        "took_seconds": round(time.monotonic() - began_at),
        "setting": setting(),
    }
    return [{**row, **about} for row in rows]
