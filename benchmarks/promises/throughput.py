"""Rates: pipelined links, terminals, very many terminals, and pgbench on the same PostgreSQL.

Owns the order of the rounds: what is compared with each other takes turns, seconds apart, so that a
busy neighbour disturbs both. Must not know how the stand was made.
"""

import statistics
from collections.abc import Callable

import msgspec

from benchmarks.promises import pgbench
from benchmarks.promises.measured import Measured, expect_whole_path
from benchmarks.promises.pgbench import Setting
from benchmarks.promises.sizes import Sizes
from benchmarks.promises.stand import Shape, Stand
from benchmarks.table import Row, row
from loadtest.baseline import running_echo
from loadtest.result import RunResult

PER_SECOND = "messages/s"
LINKS_WANTED = 80_000.0
LINKS_DREAM = 150_000.0

Say = Callable[[str], None]


class Rounds(msgspec.Struct, kw_only=True):
    """The figures of all rounds."""

    links: list[RunResult] = []
    terminals: list[RunResult] = []
    many_terminals: list[RunResult] = []
    echo_links: list[float] = []
    echo_terminals: list[float] = []
    pgbench: list[float] = []
    pgbench_setting: Setting | None = None


def links_of(sizes: Sizes) -> Shape:
    """Give the shape of pipelined links."""
    return Shape(connections=sizes.links, window=sizes.window)


def find_limit(stand: Stand, sizes: Sizes) -> float:
    """Give what the links hold, in messages a second, where only that is needed."""
    return links_alone(stand, sizes).per_second


def links_alone(stand: Stand, sizes: Sizes) -> Measured:
    """Run the links at full load, round after round."""
    shape = links_of(sizes)
    results = [
        stand.run(shape, sizes.seconds, warmup_seconds=sizes.warmup_seconds).result
        for _ in range(sizes.rounds)
    ]
    return Measured(results=tuple(results))


def cases(stand: Stand, sizes: Sizes, say: Say) -> list[Row]:
    """Measure all four; the first row's value is the limit."""
    cluster = stand.site.cluster
    assert cluster is not None, "a stand embeds its database"
    accounts = expect_whole_path(stand, links_of(sizes), sizes.warmup_seconds)
    pgbench.make_tables(cluster, sizes.pgbench_scales)
    rounds = Rounds(
        pgbench_setting=pgbench.find_best(
            cluster, sizes.pgbench_scales, sizes.pgbench_clients, sizes.pgbench_try_seconds
        )
    )
    for number in range(sizes.rounds):
        say(f"round {number + 1} of {sizes.rounds}")
        _run_round(stand, sizes, rounds)
    pgbench.drop_tables(cluster, sizes.pgbench_scales)
    return _rows(rounds, sizes, accounts)


def _run_round(stand: Stand, sizes: Sizes, rounds: Rounds) -> None:
    links = links_of(sizes)
    terminals = Shape(connections=sizes.terminals)
    many = Shape(connections=sizes.many_terminals)

    def run(shape: Shape) -> RunResult:
        return stand.run(shape, sizes.seconds, warmup_seconds=sizes.warmup_seconds).result

    with running_echo() as echo:

        def run_echo(shape: Shape) -> float:
            run = stand.run_echo(echo.address, shape, sizes.beside_seconds)
            return run.result.answered_per_second

        rounds.echo_links.append(run_echo(links))
        rounds.links.append(run(links))
        assert stand.site.cluster is not None, "a stand embeds its database"
        assert rounds.pgbench_setting is not None, "it was searched for"
        rounds.pgbench.append(
            pgbench.per_second(stand.site.cluster, rounds.pgbench_setting, sizes.pgbench_seconds)
        )
        rounds.echo_terminals.append(run_echo(terminals))
        rounds.terminals.append(run(terminals))
        rounds.many_terminals.append(run(many))


def _rows(rounds: Rounds, sizes: Sizes, accounts: int) -> list[Row]:
    links = Measured(results=tuple(rounds.links))
    terminals = Measured(results=tuple(rounds.terminals))
    many = Measured(results=tuple(rounds.many_terminals))
    echo_links = statistics.median(rounds.echo_links)
    assert rounds.pgbench_setting is not None, "it was searched for"
    return [
        row(
            f"durable authorisations, {sizes.links} links x {sizes.window}",
            links.per_second,
            PER_SECOND,
            baseline=LINKS_WANTED,
            at_least=1.0,
            right=links.right,
            dream=round(LINKS_DREAM / LINKS_WANTED, 3),
            baseline_is="what is wanted",
            beside=f"C echo server, same load: {echo_links:,.0f}/s; the ledger agreed with an "
            f"independent model of it in {accounts:,} accounts before",
            **links.facts,
        ),
        row(
            f"{sizes.terminals:,} terminals, one outstanding each",
            terminals.per_second,
            PER_SECOND,
            baseline=statistics.median(rounds.echo_terminals),
            at_least=0.6,
            right=terminals.right,
            dream=0.8,
            baseline_is="C echo server, same load",
            **terminals.facts,
        ),
        row(
            f"{sizes.many_terminals:,} terminals, one outstanding each",
            many.per_second,
            PER_SECOND,
            baseline=terminals.per_second,
            at_least=0.8,
            right=many.right,
            dream=1.0,
            baseline_is=f"{sizes.terminals:,} terminals",
            **many.facts,
        ),
        row(
            f"against a ledger in plain SQL, {sizes.links} x {sizes.window}",
            links.per_second,
            PER_SECOND,
            baseline=statistics.median(rounds.pgbench),
            at_least=12.0,
            right=links.right,
            dream=25.0,
            baseline_is=f"{rounds.pgbench_setting.text}, same PostgreSQL",
            rounds_baseline=[round(value) for value in rounds.pgbench],
        ),
    ]
