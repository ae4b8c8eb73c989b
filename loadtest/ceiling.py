"""What the generator itself can do: the echo server in C under the two usual shapes of load.

Owns the two cases. A figure for a host means something only far below these.
"""

import resource

import msgspec

from loadtest.arrival import closed
from loadtest.baseline import running_echo
from loadtest.run import RunPlan, run_load

CASES = (("terminals", 1_000, 1), ("links", 16, 256))


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """One case. CPU is the generator's own, per message, in microseconds.

    `cpu_us` is exact; its parts are counted in the kernel's ticks.
    """

    name: str
    connections: int
    window: int
    answered_per_second: float
    cpu_us: float
    user_us: float
    system_us: float
    faults: int


def measure_ceiling(seconds: float) -> tuple[Ceiling, ...]:
    """Run every case for so many seconds. Raises `LoadtestError` without a C compiler."""
    with running_echo() as echo:
        return tuple(
            _measure(name, connections, window, echo.address, seconds)
            for name, connections, window in CASES
        )


def _measure(name: str, connections: int, window: int, address: str, seconds: float) -> Ceiling:
    plan = RunPlan(
        target="echo",
        address=address,
        arrival=closed(),
        connections=connections,
        window=window,
        seconds=seconds,
        keep_records=False,
    )
    before = resource.getrusage(resource.RUSAGE_THREAD)
    result = run_load(plan).result
    after = resource.getrusage(resource.RUSAGE_THREAD)
    answered = max(1, result.counts.answered)
    return Ceiling(
        name=name,
        connections=connections,
        window=window,
        answered_per_second=round(result.answered_per_second, 1),
        cpu_us=round(result.generator_cpu_seconds / answered * 1e6, 3),
        user_us=round((after.ru_utime - before.ru_utime) / answered * 1e6, 3),
        system_us=round((after.ru_stime - before.ru_stime) / answered * 1e6, 3),
        faults=result.faults.total,
    )
