"""How long and how large everything is: in full, and as small as keeps every case alive.

Owns the numbers. In full the table takes less than ten minutes on two cores.
"""

import msgspec


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds alternate the switch with what it is compared with; the median round counts."""

    rounds: int = 5
    seconds: float = 3.0  # of a round of the switch, after its warm-up
    warmup_seconds: float = 1.0
    beside_seconds: float = 2.0  # of a round of the echo server
    links: int = 16
    window: int = 256
    terminals: int = 1_000
    many_terminals: int = 10_000
    pgbench_scales: tuple[int, ...] = (10, 50)
    pgbench_clients: tuple[int, ...] = (8, 16, 32)
    pgbench_try_seconds: int = 2
    pgbench_seconds: int = 3
    preparing_seconds: float = 4.0  # gift cards are sold, members join
    latency_seconds: float = 8.0
    cards_few: int = 10_000
    cards_many: int = 5_000_000
    memory_pending_max: int = 50_000
    memory_entries: int = 700_000  # ten seconds at 70 % of the limit; the default has 1,000,000
    memory_warmup_seconds: float = 12.0
    memory_seconds: float = 30.0
    profile_seconds: float = 5.0
    overload_before: float = 4.0
    overload_during: float = 20.0
    overload_after: float = 6.0


FULL = Sizes()
TINY = Sizes(
    rounds=1,
    seconds=0.4,
    warmup_seconds=0.1,
    beside_seconds=0.2,
    links=2,
    window=8,
    terminals=10,
    many_terminals=20,
    pgbench_scales=(1,),
    pgbench_clients=(2,),
    pgbench_try_seconds=1,
    pgbench_seconds=1,
    preparing_seconds=1.0,
    latency_seconds=0.5,
    cards_few=100,
    cards_many=20_000,
    memory_pending_max=1_000,
    memory_entries=2_001,
    memory_warmup_seconds=0.5,
    memory_seconds=1.5,
    profile_seconds=0.5,
    overload_before=2.0,
    overload_during=2.0,
    overload_after=2.0,
)
