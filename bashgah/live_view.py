"""The demo's live view: what the terminals see beside what the switch says of itself.

Owns the drawing and the turning of totals into rates. Must not know how either side works.
With a terminal it is redrawn four times a second; without one it is a plain line every few seconds.
"""

from collections import deque
from collections.abc import Callable

import trio
from msgspec import Struct
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from loadtest.live import figures_table
from loadtest.scrape import SwitchFigures, fetch, read_metrics
from loadtest.terminals import Figures

REDRAW_SECONDS = 0.25
PLAIN_SECONDS = 2.0
SCRAPE_SECONDS = 1.0
SCRAPE_SECONDS_MAX = 2.0  # a switch that does not answer its metrics must not stop the view
RATE_SECONDS = 1.0  # the rate shown is that of the last second
DECLINES_SHOWN = 8


class Look(Struct, frozen=True, kw_only=True):
    """One redraw's content."""

    figures: Figures
    per_second: float
    rows_per_batch: float
    commit_ms: float
    switch: SwitchFigures | None


class Watcher:
    """Turns totals into rates, from one look to the next."""

    def __init__(self) -> None:
        self._answered: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._switch: SwitchFigures | None = None
        self._rows_per_batch = 0.0
        self._commit_ms = 0.0

    def scraped(self, switch: SwitchFigures | None) -> None:
        """Take what the switch said, None when it said nothing."""
        before, self._switch = self._switch, switch
        if before is None or switch is None or switch.batches <= before.batches:
            return
        self._rows_per_batch = (switch.rows - before.rows) / (switch.batches - before.batches)
        commits = switch.commits - before.commits
        if commits > 0:
            self._commit_ms = (switch.commit_seconds - before.commit_seconds) / commits * 1000

    def look(self, figures: Figures) -> Look:
        """Take what the terminals say, and give all there is to show."""
        answered = self._answered
        answered.append((figures.seconds, figures.counts.answered))
        while len(answered) > 2 and answered[1][0] <= figures.seconds - RATE_SECONDS:
            answered.popleft()
        elapsed_seconds = figures.seconds - answered[0][0]
        difference = figures.counts.answered - answered[0][1]
        return Look(
            figures=figures,
            per_second=difference / elapsed_seconds if elapsed_seconds > 0 else 0.0,
            rows_per_batch=self._rows_per_batch,
            commit_ms=self._commit_ms,
            switch=self._switch,
        )


async def show(
    console: Console, title: str, figures: Callable[[], Figures], metrics_urls: tuple[str, ...]
) -> None:
    """Show a running load until cancelled."""
    watcher = Watcher()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_scraping, watcher, metrics_urls)
        if console.is_terminal:
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while True:
                    live.update(draw(title, watcher.look(figures())), refresh=True)
                    await trio.sleep(REDRAW_SECONDS)
        while True:
            await trio.sleep(PLAIN_SECONDS)
            console.print(line(watcher.look(figures())), highlight=False, soft_wrap=True)


def line(look: Look) -> str:
    """Say a look in one plain line."""
    counts = look.figures.counts
    declines = " ".join(f"{code}:{count}" for code, count in sorted(look.figures.declines.items()))
    parts = [
        f"{look.figures.seconds:6.1f} s",
        f"{look.per_second:,.0f}/s",
        f"approved {counts.approved:,}",
        f"declined {counts.declined:,} ({declines})" if declines else "declined 0",
        f"reversed {counts.reversed:,}",
        f"p50 {look.figures.p50_ms:.1f} ms, p99 {look.figures.p99_ms:.1f} ms",
    ]
    if look.switch is not None:
        parts.append(f"{look.rows_per_batch:.0f} rows a batch, commit {look.commit_ms:.1f} ms")
        parts.append(f"lag {look.switch.lag_rows:.0f} rows")
    return "  ".join(parts)


def draw(title: str, look: Look) -> Panel:
    """Draw a look for a terminal."""
    figures, counts = look.figures, look.figures.counts
    head = Text(f"{look.per_second:,.0f} a second", style="bold green")
    head.append(f"   p50 {figures.p50_ms:.1f} ms   p99 {figures.p99_ms:.1f} ms", style="default")
    sides = Table.grid(padding=(0, 4))
    sides.add_row(_terminals_table(look), _switch_table(look))
    wrong = counts.wrong_replies + counts.unexpected + counts.timed_out
    foot = Text(f"wrong or missing replies: {wrong}", style="red" if wrong else "dim")
    return Panel(
        Group(head, Text(), sides, Text(), _declines(figures.declines), foot),
        title=f"{title}   {figures.seconds:,.0f} s",
        subtitle="Ctrl-C stops everything cleanly",
    )


def _terminals_table(look: Look) -> Table:
    counts = look.figures.counts
    rows = (
        ("terminals connected", look.figures.connections),
        ("waiting for a reply", look.figures.outstanding),
        ("approved", counts.approved),
        ("declined", counts.declined),
        ("reversed", counts.reversed),
        ("repeated", counts.repeated),
    )
    return figures_table("The terminals", [(name, f"{value:,}") for name, value in rows])


def _switch_table(look: Look) -> Table:
    if look.switch is None:
        return figures_table("The switch", [("metrics", "no answer")])
    switch = look.switch
    return figures_table(
        "The switch",
        [
            ("connections", f"{switch.connections:,.0f}"),
            ("journal rows", f"{switch.rows:,.0f}"),
            ("rows a batch", f"{look.rows_per_batch:,.1f}"),
            ("commit", f"{look.commit_ms:.2f} ms"),
            ("not yet durable", f"{switch.lag_rows:,.0f} rows"),
        ],
    )


def _declines(declines: dict[str, int]) -> Text:
    text = Text("declined by code: ", style="dim")
    most = sorted(declines.items(), key=lambda item: -item[1])[:DECLINES_SHOWN]
    text.append("  ".join(f"{code} × {count:,}" for code, count in most) or "none", "yellow")
    return text


async def _keep_scraping(watcher: Watcher, metrics_urls: tuple[str, ...]) -> None:
    while True:
        shards: list[SwitchFigures] = []
        for url in metrics_urls:
            # Abandoned on cancel: the thread ends by its own time limit, touching nothing of ours.
            text = await trio.to_thread.run_sync(
                fetch, url, SCRAPE_SECONDS_MAX, abandon_on_cancel=True
            )
            if text is not None:
                shards.append(read_metrics(text))
        # A total without a shard would look like one that runs backwards.
        watcher.scraped(summed(shards) if len(shards) == len(metrics_urls) else None)
        await trio.sleep(SCRAPE_SECONDS)


def summed(shards: list[SwitchFigures]) -> SwitchFigures:
    """Give the figures of all shards together."""
    fields = SwitchFigures.__struct_fields__
    return SwitchFigures(
        **{field: sum(getattr(shard, field) for shard in shards) for field in fields}
    )
