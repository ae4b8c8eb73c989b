"""The live view of a run, with a terminal and without one."""

import io

from rich.console import Console

from loadtest.live import LiveView, line, sparkline, sum_of_counts
from loadtest.result import Counts
from tests.support.load_results import Host


def test_without_a_terminal_each_interval_is_a_line() -> None:
    intervals = Host(10_000).run(4_000, 3).intervals
    written = io.StringIO()

    with LiveView(Console(file=written, width=200), "run", 3) as view:
        for interval in intervals:
            view(interval)

    assert written.getvalue().splitlines() == [line(interval) for interval in intervals]
    assert "due 4,000/s" in line(intervals[0])


def test_the_panel_shows_the_last_second_and_the_sums() -> None:
    intervals = Host(10_000).run(4_000, 3).intervals
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    view = LiveView(console, "shop-day", 3)
    for interval in intervals:
        view(interval)

    with console.capture() as captured:
        console.print(view.panel())

    assert "4,000 answered/s" in captured.get()
    assert f"{sum(one.counts.approved for one in intervals):,}" in captured.get()
    assert f"p99 {intervals[-1].latency.p99_ms:,.1f} ms" in captured.get()
    assert "3 of 3 s" in captured.get()


def test_a_terminal_is_redrawn_and_left_clean() -> None:
    written = io.StringIO()
    console = Console(file=written, width=100, height=30, force_terminal=True)

    with LiveView(console, "shop-day") as view:
        for interval in Host(10_000).run(4_000, 2).intervals:
            view(interval)

    assert "answered/s" in written.getvalue()
    assert written.getvalue().rstrip().endswith("\x1b[2K")  # transient: erased at the end


def test_trouble_is_said_in_the_line() -> None:
    late = Host(100, unavailable_above=50).run(90, 1).intervals[0]

    assert "unavailable 40" in line(late)


def test_a_sparkline_goes_from_nothing_to_the_highest() -> None:
    assert sparkline([0, 50, 100]) == "▁▅█"
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([]) == ""


def test_counts_are_added_field_by_field() -> None:
    one = Counts(due=1, sent=2, answered=3)

    assert sum_of_counts(one, one) == Counts(due=2, sent=4, answered=6)
