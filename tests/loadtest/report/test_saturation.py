"""The saturation curve's plots and the search's table."""

from msgspec import structs

from loadtest.limit import LimitResult, Outcome, Search, Target, find_limit
from loadtest.report import Language
from loadtest.report.saturation import curve_plots, limit_sentence, probes_table
from loadtest.report.writer import Writer
from loadtest.result import Faults, RunResult
from loadtest.sweep import sweep
from tests.support.load_results import Host

ENGLISH = Writer(Language.ENGLISH)
QUICK = Search(ascent_seconds=1, bisection_seconds=2, confirmation_seconds=3, resolution=0.2)


def found(host: Host, search: Search = QUICK) -> LimitResult:
    return find_limit(host.run, Target(p99_ms=50.0), search)


def test_follow_ups_are_offered_but_are_no_arrivals() -> None:
    host = Host(10_000)

    def run_with_reversals(rate: float, seconds: float) -> RunResult:
        run = host.run(rate, seconds)
        due = run.counts.due * 5 // 4  # each fourth arrival is reversed
        return structs.replace(run, counts=structs.replace(run.counts, due=due))

    curve = sweep(run_with_reversals, 8_000, seconds=2, shares=(0.5, 1.0))
    goodput, latency = curve_plots(curve, ENGLISH, 50.0)

    ideal, good = goodput.series
    assert list(ideal.points) == [(0, 0), (4_000, 5_000), (8_000, 10_000)]
    assert [x for x, _ in good.points] == [4_000, 8_000]
    assert [(mark.at, mark.vertical) for mark in goodput.marks] == [(8_000, True)]
    assert [(mark.at, mark.vertical) for mark in latency.marks] == [(8_000, True), (50, False)]


def test_a_curve_without_points_has_no_plot() -> None:
    curve = sweep(Host(10).run, 8_000, seconds=1, shares=())

    assert curve_plots(curve, ENGLISH, None) == []


def test_every_end_of_a_search_has_its_sentence() -> None:
    holding = found(Host(3_000))
    above = found(Host(9e9), structs.replace(QUICK, rate_max=2_000.0))
    never = found(Host(3_000, faults=Faults(double_reply=1)))
    unconfirmed = structs.replace(never, outcome=Outcome.NOT_CONFIRMED)

    assert f"{holding.limit_per_second:,.0f}</b> arrivals/s held p99" in limit_sentence(
        holding, ENGLISH
    )
    assert "the highest rate asked for" in limit_sentence(above, ENGLISH)
    assert limit_sentence(never, ENGLISH) == "No rate held the target."
    assert "none for the full time" in limit_sentence(unconfirmed, ENGLISH)


def test_the_table_says_of_each_probe_how_it_went() -> None:
    result = found(Host(3_000))

    table = probes_table(result, ENGLISH)

    assert table.count("<tr>") == 1 + len(result.probes)
    assert table.count("✗") == sum(not probe.held for probe in result.probes)
    assert "is above 50 ms" in table
