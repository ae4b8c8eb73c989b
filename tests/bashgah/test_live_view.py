"""Figures to rates, and that both forms of the view say the same."""

import io

from rich.console import Console

from bashgah.live_view import Watcher, draw, line
from loadtest.oracle import Counts
from loadtest.scrape import SwitchFigures
from loadtest.terminals import Figures


def figures_at(seconds: float, answered: int) -> Figures:
    """Give a look at a load that has answered so many."""
    return Figures(
        seconds=seconds,
        counts=Counts(sent=answered, answered=answered, approved=answered - 7, declined=7),
        declines={"51": 4, "14": 3},
        connections=200,
        outstanding=12,
        unanswered=0,
        p50_ms=3.25,
        p99_ms=17.5,
    )


def switch_figures(batches: float, rows: float, commits: float, seconds: float) -> SwitchFigures:
    """Give what a switch might say."""
    return SwitchFigures(
        batches=batches,
        rows=rows,
        commits=commits,
        commit_seconds=seconds,
        lag_rows=30.0,
        connections=200.0,
    )


def test_the_rate_is_that_of_the_last_second() -> None:
    watcher = Watcher()

    for quarter in range(5):
        watcher.look(figures_at(quarter / 4, 100 * quarter))
    slow = watcher.look(figures_at(1.25, 500)).per_second
    fast = watcher.look(figures_at(2.25, 4_500)).per_second

    assert slow == 400
    assert fast == 4_000


def test_batch_size_and_commit_time_are_of_the_last_scrape() -> None:
    watcher = Watcher()

    watcher.scraped(switch_figures(10, 1_000, 10, 1.0))
    watcher.scraped(switch_figures(20, 1_250, 20, 1.02))
    look = watcher.look(figures_at(1.0, 100))

    assert look.rows_per_batch == 25
    assert round(look.commit_ms, 6) == 2.0


def test_the_line_and_the_panel_show_the_same_figures() -> None:
    watcher = Watcher()
    watcher.scraped(switch_figures(10, 1_000, 10, 1.0))
    look = watcher.look(figures_at(12.0, 34_567))
    console = Console(file=io.StringIO(), width=100, force_terminal=False)

    console.print(draw("Bashgah", look))
    panel = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO given above

    for shown in ("34,560", "3.2", "17.5", "51", "14"):
        assert shown in panel
        assert shown in line(look)


def test_a_switch_without_metrics_is_shown_as_such() -> None:
    look = Watcher().look(figures_at(1.0, 100))
    console = Console(file=io.StringIO(), width=100)

    console.print(draw("Bashgah", look))

    assert "no answer" in console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "rows a batch" not in line(look)
