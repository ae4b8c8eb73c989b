"""The live view of a load run in the terminal, one redraw for each second that it is told about.

Owns the drawing. Must not know how the run is made: it is handed `Interval`s. With a terminal it is
a panel that is redrawn; without one it is a plain line for each interval, so that a log can be
read.
"""

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from loadtest.result import Counts, Interval

SPARKS = "▁▂▃▄▅▆▇█"
INTERVALS_SHOWN = 60


class LiveView:
    """Shows a run while it runs: a context manager that is called with each interval.

    `seconds`: how long the run is planned to be; 0 when it ends by itself.
    """

    def __init__(self, console: Console, title: str, seconds: float = 0.0) -> None:
        self._console = console
        self._title = title
        self._seconds = seconds
        self._intervals: deque[Interval] = deque(maxlen=INTERVALS_SHOWN)
        self._total = Counts()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, interval: Interval) -> None:
        """Take one interval and show it."""
        self._intervals.append(interval)
        self._total = sum_of_counts(self._total, interval.counts)
        if self._live is not None:
            self._live.update(self.panel(), refresh=True)
        else:
            self._console.print(line(interval), highlight=False, soft_wrap=True, markup=False)

    def panel(self) -> Panel:
        """Draw what was seen so far; at least one interval."""
        last, total = self._intervals[-1], self._total
        elapsed_seconds = last.at_s + last.seconds
        head = Text(f"{_per_second(last, last.counts.answered):,.0f} answered/s", "bold green")
        head.append(
            f"   of {_per_second(last, last.counts.due):,.0f} due/s"
            f"   p50 {last.latency.p50_ms:,.1f} ms   p99 {last.latency.p99_ms:,.1f} ms"
            f"   max {last.latency.max_ms:,.1f} ms",
            style="default",
        )
        history = Table.grid(padding=(0, 2))
        for name, figure in (
            ("answered/s", lambda one: _per_second(one, one.counts.answered)),
            ("p99 ms", lambda one: one.latency.p99_ms),
        ):
            history.add_row(*self._history(name, figure))
        sides = Table.grid(padding=(0, 4))
        sides.add_row(_answers_table(total), _waiting_table(last, total))
        planned = f" of {self._seconds:,.0f}" if self._seconds else ""
        return Panel(
            Group(head, Text(), history, Text(), sides),
            title=f"{self._title}   {elapsed_seconds:,.0f}{planned} s",
            subtitle="Ctrl-C ends the run and reports what was measured",
        )

    def _history(self, name: str, figure: Callable[[Interval], float]) -> tuple[Text, Text, Text]:
        values = [figure(interval) for interval in self._intervals]
        return (
            Text(name, "dim"),
            Text(sparkline(values), "cyan"),
            Text(f"highest {max(values):,.0f}", "dim"),
        )


def line(interval: Interval) -> str:
    """Say an interval in one plain line."""
    counts, latency = interval.counts, interval.latency
    parts = [
        f"{interval.at_s + interval.seconds:7.1f} s",
        f"due {_per_second(interval, counts.due):,.0f}/s",
        f"answered {_per_second(interval, counts.answered):,.0f}/s",
        f"approved {counts.approved:,}",
        f"declined {counts.declined:,}",
        f"p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms, max {latency.max_ms:.1f} ms",
        f"outstanding {interval.outstanding:,}",
        f"backlog {interval.backlog:,}",
    ]
    if counts.unavailable:
        parts.append(f"unavailable {counts.unavailable:,}")
    if counts.timed_out:
        parts.append(f"timed out {counts.timed_out:,}")
    return "  ".join(parts)


def sparkline(values: list[float]) -> str:
    """Draw values from 0 to their highest, a letter each."""
    highest = max(values, default=0.0)
    if highest <= 0:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[round(value / highest * (len(SPARKS) - 1))] for value in values)


def figures_table(title: str, rows: list[tuple[str, str]]) -> Table:
    """Draw names and figures under a title, the figures at the right edge."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(style="dim", min_width=20)
    table.add_column(justify="right", min_width=10)
    table.show_header = False
    for row in rows:
        table.add_row(*row)
    return table


def sum_of_counts(one: Counts, other: Counts) -> Counts:
    """Add two counts, field by field."""
    return Counts(
        **{name: getattr(one, name) + getattr(other, name) for name in Counts.__struct_fields__}
    )


def _answers_table(total: Counts) -> Table:
    return figures_table(
        "Answers",
        [
            ("answered", f"{total.answered:,}"),
            ("approved", f"{total.approved:,}"),
            ("declined", f"{total.declined:,}"),
            ("of them unavailable", f"{total.unavailable:,}"),
        ],
    )


def _waiting_table(last: Interval, total: Counts) -> Table:
    return figures_table(
        "Waiting",
        [
            ("outstanding", f"{last.outstanding:,}"),
            ("due, not sent", f"{last.backlog:,}"),
            ("timed out", f"{total.timed_out:,}"),
            ("repeats sent", f"{total.repeated:,}"),
        ],
    )


def _per_second(interval: Interval, count: int) -> float:
    return count / interval.seconds if interval.seconds else 0.0
