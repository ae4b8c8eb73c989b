"""Nanoseconds of a date, of a month's edges and of a schedule, in C.

    python -m benchmarks.bench_schedule

Each case is the best of five rounds over 20,000 different days. No promise hangs on it: a purchase
costs 2,500 ns.
"""

import time
from collections.abc import Callable
from functools import partial

from benchmarks import table
from switch._schedule_probe import convert_times, month_times, schedule_times
from switch.calendar import Calendar
from switch.instalments import FeeKind, Terms

FIRST_DAY = 15_000
PRINCIPAL_MINOR = 100_000_000
PLAIN = Terms(count=12, multiple_minor=10_000)
PROFIT = Terms(count=12, fee=FeeKind.PROFIT_DECLINING, rate_bps=2_400)
QARZ = Terms(count=36, fee=FeeKind.QARZ_11, rate_bps=400)


def cases(*, seconds: float = 1.0) -> list[table.Row]:
    """Measure for about `seconds` a case."""
    rows = []
    for calendar in Calendar:
        name = calendar.name.lower()
        convert = partial(convert_times, calendar, FIRST_DAY)
        month = partial(month_times, calendar, FIRST_DAY)
        rows.append(_row(f"day to {name} date and back", convert, 1, seconds))
        rows.append(_row(f"edges of the {name} month", month, 1, seconds))
    for name, terms in (("plain", PLAIN), ("declining profit", PROFIT), ("qarz-al-hasaneh", QARZ)):
        run = partial(schedule_times, terms, PRINCIPAL_MINOR, FIRST_DAY)
        rows.append(_row(f"schedule of {terms.count}, {name}", run, terms.count, seconds))
    return rows


def _row(case: str, run: Callable[[int], int], each: int, seconds: float) -> table.Row:
    """Time `run(times)` in five rounds; it answers `each` a time, or it is wrong."""
    times = 1_000
    while (elapsed_ns := _elapsed_ns(run, times, each)) < seconds / 10 * 1e9:
        times *= 2
    best_ns = min(elapsed_ns, *(_elapsed_ns(run, times, each) for _ in range(4)))
    return table.row(case, best_ns / times, "ns")


def _elapsed_ns(run: Callable[[int], int], times: int, each: int) -> int:
    started_ns = time.perf_counter_ns()
    answer = run(times)
    elapsed_ns = time.perf_counter_ns() - started_ns
    assert answer == each * times
    return elapsed_ns


def main() -> None:
    """Print the table."""
    for row in cases():
        print(f"{row['case']:40} {row['value']:8,} {row['unit']}")


if __name__ == "__main__":
    main()
