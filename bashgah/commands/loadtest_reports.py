"""`bashgah loadtest limit`, `sweep`, `report` and `compare`: what is made of runs.

Owns the options of these four and how their answers are printed. Must not know how a run is made:
`register` is handed one function that turns `LoadOptions` into something that runs a rate.

Exit codes: 0 done, 1 the answer is no (no rate held; B is slower than A), 2 the arguments or a file
make no sense.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bashgah.commands.loadtest_options import (
    Address,
    Connections,
    HtmlFile,
    JsonFile,
    Lang,
    MetricsUrls,
    ReplySeconds,
    Seed,
    TargetName,
    WarmupSeconds,
    Watched,
    Window,
    WorkloadName,
)
from loadtest.compare import Answer, Comparison, Difference, compare
from loadtest.limit import (
    LimitResult,
    Outcome,
    Phase,
    Probe,
    RunAtRate,
    Search,
    Target,
    find_limit,
    read_limit,
)
from loadtest.report import Language, render
from loadtest.result import RunResult, read_result
from loadtest.sweep import Point, SweepResult, read_sweep, sweep

NO_EXIT_CODE = 1
ASCENT_SECONDS, BISECTION_SECONDS = 3.0, 8.0  # or the confirmation's, if that is shorter
COLUMNS_MIN = 100  # where the output is no terminal, a table may be this wide
Content = TypeVar("Content")


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `limit` and `sweep` are told about the load itself; the rate is theirs."""

    target: str
    address: str
    workload: str
    seed: int
    connections: int
    window: int
    warmup_seconds: float
    reply_seconds: float
    watch: list[str] | None
    metrics_url: list[str] | None


RateRunner = Callable[[LoadOptions], RunAtRate]

Target99 = Annotated[float, typer.Option("--p99-ms", min=0.001, help="What p99 must not exceed.")]
AnsweredShare = Annotated[
    float,
    typer.Option("--answered", min=0, max=100, help="Per cent that must be answered in time."),
]


def register(app: typer.Typer, rate_runner: RateRunner) -> None:
    """Put the four commands on the sub-app; `rate_runner` is how a rate is run."""
    _register_limit(app, rate_runner)
    _register_sweep(app, rate_runner)
    app.command("report")(report_command)
    app.command("compare")(compare_command)


def _register_limit(app: typer.Typer, rate_runner: RateRunner) -> None:
    @app.command("limit")
    def limit_command(
        target: TargetName,
        p99_ms: Target99 = 50.0,
        answered: AnsweredShare = 99.9,
        address: Address = "",
        workload: WorkloadName = "purchase",
        seed: Seed = 1,
        connections: Connections = 1_000,
        window: Window = 1,
        warmup_seconds: WarmupSeconds = 1.0,
        reply_seconds: ReplySeconds = 10.0,
        watch: Watched = None,
        metrics_url: MetricsUrls = None,
        seconds: Annotated[float, typer.Option(min=1, help="How long the limit must hold.")] = 60.0,
        first: Annotated[float, typer.Option(help="The rate to begin with, a second.")] = 1_000.0,
        maximum: Annotated[float, typer.Option("--max", help="The highest to try.")] = 1_000_000.0,
        resolution: Annotated[float, typer.Option(help="Per cent between two rates.")] = 3.0,
        json_file: JsonFile = None,
        html_file: HtmlFile = None,
        lang: Lang = Language.ENGLISH,
    ) -> None:
        """Search the highest rate at which p99 stays below a target, for a time.

        Ascends in short runs, halves the distance in longer ones, confirms at full length, and then
        doubts the answer once from above.

        Example: bashgah loadtest limit bashgah-binary --p99-ms 50 --seconds 60 --html limit.html
        """
        if not 0 < first <= maximum:
            raise typer.BadParameter("--first must be above 0 and at most --max")
        if not 0.1 <= resolution <= 50:
            raise typer.BadParameter("--resolution must be from 0.1 to 50 per cent")
        options = LoadOptions(
            target=target,
            address=address,
            workload=workload,
            seed=seed,
            connections=connections,
            window=window,
            warmup_seconds=warmup_seconds,
            reply_seconds=reply_seconds,
            watch=watch,
            metrics_url=metrics_url,
        )
        found, confirmed = _search(
            rate_runner(options),
            Target(p99_ms=p99_ms, answered_share=answered / 100),
            Search(
                rate_first=first,
                rate_min=min(first, 1.0),
                rate_max=maximum,
                ascent_seconds=min(ASCENT_SECONDS, seconds),
                bisection_seconds=min(BISECTION_SECONDS, seconds),
                confirmation_seconds=seconds,
                resolution=resolution / 100,
            ),
        )
        _write_json(json_file, found)
        if html_file is not None and confirmed is not None:
            _write(html_file, render(confirmed, limit=found, language=lang))
        typer.echo(limit_text(found))
        if not found.limit_per_second:
            raise typer.Exit(NO_EXIT_CODE)


def _register_sweep(app: typer.Typer, rate_runner: RateRunner) -> None:
    @app.command("sweep")
    def sweep_command(
        target: TargetName,
        limit_per_second: Annotated[
            float, typer.Option("--limit", help="The limit, a second; --limit-file instead.")
        ] = 0.0,
        limit_file: Annotated[
            Path | None, typer.Option(help="What `limit --json` wrote.", exists=True)
        ] = None,
        address: Address = "",
        workload: WorkloadName = "purchase",
        seed: Seed = 1,
        connections: Connections = 1_000,
        window: Window = 1,
        warmup_seconds: WarmupSeconds = 1.0,
        reply_seconds: ReplySeconds = 10.0,
        watch: Watched = None,
        metrics_url: MetricsUrls = None,
        seconds: Annotated[float, typer.Option(min=1, help="Seconds at each rate.")] = 10.0,
        json_file: JsonFile = None,
        html_file: HtmlFile = None,
        lang: Lang = Language.ENGLISH,
    ) -> None:
        """Draw the saturation curve: rates from a tenth to one and a half of a limit.

        Example: bashgah loadtest sweep bashgah-binary --limit-file limit.json --html sweep.html
        """
        found = _read(limit_file, read_limit) if limit_file is not None else None
        around = limit_per_second or (found.limit_per_second if found is not None else 0.0)
        if around <= 0:
            raise typer.BadParameter("a curve is drawn around a limit: --limit or --limit-file")
        options = LoadOptions(
            target=target,
            address=address,
            workload=workload,
            seed=seed,
            connections=connections,
            window=window,
            warmup_seconds=warmup_seconds,
            reply_seconds=reply_seconds,
            watch=watch,
            metrics_url=metrics_url,
        )
        curve = sweep(rate_runner(options), around, seconds=seconds, on_point=_say_point)
        _write_json(json_file, curve)
        if html_file is not None:
            at_limit = _at_limit(curve)
            _write(html_file, render(at_limit, curve=curve, limit=found, language=lang))
        share = curve.goodput_share_above
        typer.echo(f"goodput at {curve.points[-1].rate:,.0f}/s: {share:.1%} of the best")


def report_command(
    result: Annotated[Path, typer.Argument(help="What a run wrote with --json.")],
    html: Annotated[Path, typer.Option("--html", help="Write the report here.")],
    sweep_file: Annotated[
        Path | None, typer.Option("--sweep", help="What `sweep --json` wrote.")
    ] = None,
    limit_file: Annotated[
        Path | None, typer.Option("--limit", help="What `limit --json` wrote.")
    ] = None,
    lang: Lang = Language.ENGLISH,
) -> None:
    """Make one HTML file of a run's result; reading it needs no network.

    Example: bashgah loadtest report run.json --html run.html --lang fa
    """
    page = render(
        _read(result, read_result),
        curve=_read(sweep_file, read_sweep) if sweep_file is not None else None,
        limit=_read(limit_file, read_limit) if limit_file is not None else None,
        language=lang,
    )
    _write(html, page)


def compare_command(
    before: Annotated[Path, typer.Argument(metavar="A", help="A result, or a folder of results.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The same, of what is compared.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
) -> None:
    """Say whether B is faster than A, slower, or neither as far as these runs can show.

    With three results or more in each folder, what changes from run to run is known too.
    Exit code 1 when B is slower.

    Examples: bashgah loadtest compare before.json after.json
              bashgah loadtest compare runs/before runs/after --json
    """
    found = compare(_results(before), _results(after))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    else:
        width = None if sys.stdout.isatty() else COLUMNS_MIN
        _print_comparison(found, Console(file=sys.stdout, width=width))
    if found.answer is Answer.SLOWER:
        raise typer.Exit(NO_EXIT_CODE)


def limit_text(found: LimitResult) -> str:
    """Say in one line what a search found."""
    target = found.target
    if found.outcome is Outcome.NEVER_HELD:
        return f"no rate held p99 <= {target.p99_ms:g} ms; the lowest failed: {_last_why(found)}"
    if found.outcome is Outcome.NOT_CONFIRMED:
        return f"no rate held for {found.search.confirmation_seconds:g} s: {_last_why(found)}"
    above = ", the highest asked for" if found.outcome is Outcome.ABOVE_MAXIMUM else ""
    return (
        f"limit: {found.limit_per_second:,.0f}/s{above} (p99 <= {target.p99_ms:g} ms,"
        f" {target.answered_share:.2%} answered, for {found.search.confirmation_seconds:g} s)"
    )


def probe_text(probe: Probe) -> str:
    """Say in one line how a probe went."""
    verdict = "held" if probe.held else f"failed: {'; '.join(probe.failures)}"
    return (
        f"{probe.phase:<12} {probe.rate:>9,.0f}/s for {probe.seconds:g} s:"
        f" p50 {probe.latency.p50_ms:,.1f} ms, p99 {probe.latency.p99_ms:,.1f} ms, {verdict}"
    )


def _search(run: RunAtRate, target: Target, plan: Search) -> tuple[LimitResult, RunResult | None]:
    """The search, and the result of the run that confirmed the highest rate."""
    last: list[RunResult] = []
    confirmed: dict[float, RunResult] = {}

    def run_and_keep(rate: float, seconds: float) -> RunResult:
        last[:] = [run(rate, seconds)]
        return last[0]

    def on_probe(probe: Probe) -> None:
        typer.echo(probe_text(probe), err=True)
        if probe.phase is Phase.CONFIRMATION and probe.held:
            confirmed[probe.rate] = last[0]

    found = find_limit(run_and_keep, target, plan, on_probe)
    return found, confirmed.get(found.limit_per_second)


def _say_point(point: Point) -> None:
    typer.echo(
        f"{point.rate:>9,.0f}/s: goodput {point.goodput_per_second:,.0f}/s,"
        f" p50 {point.latency.p50_ms:,.1f} ms, p99 {point.latency.p99_ms:,.1f} ms",
        err=True,
    )


def _at_limit(curve: SweepResult) -> RunResult:
    pairs = zip(curve.points, curve.results, strict=True)
    return min(pairs, key=lambda pair: abs(pair[0].rate - curve.limit_per_second))[1]


def _last_why(found: LimitResult) -> str:
    return "; ".join(found.probes[-1].failures)


def _print_comparison(found: Comparison, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for head in ("A", "B", "change", "95 % interval", "B above A"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in found.differences:
        table.add_row(*_comparison_row(one))
    console.print(f"B is {found.answer}" if found.answer in _SPEEDS else f"{found.answer}")
    for text in found.faulty:
        console.print(f"[red]{text}: its speed is worth nothing[/red]", highlight=False)
    console.print(table)
    console.print(f"samples: {found.samples}", style="dim", highlight=False)
    for text in found.cautions:
        console.print(f"caution: {text}", style="yellow", highlight=False, markup=False)


_SPEEDS = (Answer.FASTER, Answer.SLOWER, Answer.MIXED)


def _comparison_row(one: Difference) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.before:,.6g} {one.unit}",
        f"{one.after:,.6g} {one.unit}",
        f"{one.change:+.1%}",
        f"{one.change_low * 100:+.1f} … {one.change_high:+.1%}",
        f"{one.superiority:.0%}",
        "" if one.answer in (Answer.NO_DIFFERENCE, Answer.TOO_SHORT) else str(one.answer),
    )


def _results(path: Path) -> list[RunResult]:
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise typer.BadParameter(f"{path}: no result in this folder (*.json)")
    return [_read(file, read_result) for file in files]


def _read(path: Path, reader: Callable[[Path], Content]) -> Content:
    try:
        return reader(path)
    except (OSError, msgspec.DecodeError) as error:
        raise typer.BadParameter(f"{path}: {error}") from None


def _write_json(path: Path | None, content: Any) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")


def _write(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, "utf-8")
    typer.echo(f"report: {path}")
