"""The four commands, from arguments to output and files, with hosts whose limit is known."""

from pathlib import Path

import msgspec
import pytest
import typer
from msgspec import structs
from typer.testing import CliRunner, Result

from bashgah.commands.loadtest_reports import LoadOptions, register
from loadtest.compare import Comparison
from loadtest.limit import RunAtRate, read_limit
from loadtest.result import Faults, RunResult, write_result
from loadtest.sweep import read_sweep
from tests.support.load_results import Host

LIMIT = ("limit", "theirs.toml", "--seconds", "6", "--resolution", "10")


class Commands:
    """The sub-app on a host, and the options that the host was asked with."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.options: list[LoadOptions] = []
        self.app = typer.Typer(rich_markup_mode=None)  # as the command line's own
        register(self.app, self._rate_runner)

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(self.app, [str(argument) for argument in arguments])

    def _rate_runner(self, options: LoadOptions) -> RunAtRate:
        self.options.append(options)
        return self.host.run


@pytest.fixture
def commands() -> Commands:
    return Commands(Host(8_000, noise=0.02))


def write_run(path: Path, run: RunResult) -> str:
    write_result(path, run)
    return str(path)


@pytest.mark.slow
def test_limit_prints_and_writes_what_it_found(commands: Commands, tmp_path: Path) -> None:
    done = commands(
        *LIMIT, "--json", str(tmp_path / "a/limit.json"), "--html", str(tmp_path / "limit.html")
    )

    found = read_limit(tmp_path / "a/limit.json")
    assert done.exit_code == 0, done.output
    assert f"limit: {found.limit_per_second:,.0f}/s (p99 <= 50 ms" in done.stdout
    assert done.stderr.count("\n") == len(found.probes)
    assert "failed: p99" in done.stderr
    assert "The limit" in (tmp_path / "limit.html").read_text("utf-8")


def test_options_reach_the_runner(commands: Commands) -> None:
    commands(
        *LIMIT, "--max", "1000", "--address", "h:1",
        "--workload", "flood", "--seed", "9", "--connections", "16", "--window", "256",
        "--warmup-seconds", "0", "--reply-seconds", "3", "--watch", "switch=1",
        "--metrics", "http://h/0", "--metrics", "http://h/1",
    )  # fmt: skip

    assert commands.options == [
        LoadOptions(
            target="theirs.toml",
            address="h:1",
            workload="flood",
            seed=9,
            connections=16,
            window=256,
            warmup_seconds=0,
            reply_seconds=3,
            watch=["switch=1"],
            metrics_url=["http://h/0", "http://h/1"],
        )
    ]


def test_limit_answers_no_where_nothing_holds() -> None:
    done = Commands(Host(9_000, faults=Faults(double_reply=1)))(*LIMIT)

    assert done.exit_code == 1
    assert "no rate held p99 <= 50 ms; the lowest failed: faults: 1 double reply" in done.stdout


def test_limit_refuses_rates_in_disorder(commands: Commands) -> None:
    assert commands(*LIMIT, "--first", "100", "--max", "10").exit_code == 2
    assert commands(*LIMIT, "--first", "0").exit_code == 2
    assert commands("limit", "theirs.toml", "--resolution", "0").exit_code == 2


@pytest.mark.slow
def test_sweep_draws_around_a_found_limit(commands: Commands, tmp_path: Path) -> None:
    limit, curve, page = (str(tmp_path / name) for name in ("l.json", "s.json", "s.html"))
    commands(*LIMIT, "--json", limit)

    done = commands(
        "sweep",
        "theirs.toml",
        "--limit-file",
        limit,
        "--seconds",
        "2",
        "--json",
        curve,
        "--html",
        page,
    )

    assert done.exit_code == 0, done.output
    assert "of the best" in done.stdout
    written = read_sweep(Path(curve))
    assert written.limit_per_second == read_limit(Path(limit)).limit_per_second
    assert done.stderr.count("goodput") == len(written.points)
    assert "Saturation" in Path(page).read_text("utf-8")


def test_sweep_needs_a_limit(commands: Commands) -> None:
    done = commands("sweep", "theirs.toml")

    assert done.exit_code == 2
    assert "--limit" in done.stderr


def test_report_writes_a_page_in_either_language(commands: Commands, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.json", commands.host.run(4_000, 5))

    english = commands("report", run, "--html", str(tmp_path / "en/run.html"))
    persian = commands("report", run, "--html", str(tmp_path / "fa.html"), "--lang", "fa")

    assert (english.exit_code, persian.exit_code) == (0, 0)
    assert '<html lang="en" dir="ltr">' in (tmp_path / "en/run.html").read_text("utf-8")
    assert '<html lang="fa" dir="rtl">' in (tmp_path / "fa.html").read_text("utf-8")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 99}'])
def test_a_file_that_is_no_result_is_refused(
    commands: Commands, tmp_path: Path, content: str
) -> None:
    (tmp_path / "run.json").write_text(content)

    done = commands("report", str(tmp_path / "run.json"), "--html", str(tmp_path / "run.html"))
    absent = commands("report", str(tmp_path / "none.json"), "--html", str(tmp_path / "run.html"))

    assert (done.exit_code, absent.exit_code) == (2, 2)
    assert "run.json" in done.stderr
    assert not (tmp_path / "run.html").exists()


@pytest.mark.slow
def test_compare_says_which_is_faster(tmp_path: Path) -> None:
    commands = Commands(Host(1))
    slow = write_run(tmp_path / "slow.json", Host(6_000).run(5_000, 15))
    fast = write_run(tmp_path / "fast.json", Host(9_000).run(5_000, 15))

    faster, slower = commands("compare", slow, fast), commands("compare", fast, slow)

    assert (faster.exit_code, slower.exit_code) == (0, 1)
    assert "B is faster" in faster.stdout
    assert "B is slower" in slower.stdout
    assert "fewer than 3 runs" in faster.stdout


@pytest.mark.slow
def test_compare_takes_folders_and_gives_json(tmp_path: Path) -> None:
    commands = Commands(Host(1))
    for number in range(3):
        write_run(tmp_path / f"a/{number}.json", Host(6_000, seed=number).run(5_000, 6))
        wrong = structs.replace(Host(9_000, seed=number).run(5_000, 6), faults=Faults(wrong_echo=1))
        write_run(tmp_path / f"b/{number}.json", wrong)

    done = commands("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json")
    said = commands("compare", str(tmp_path / "a"), str(tmp_path / "b"))

    found = msgspec.json.decode(done.stdout, type=Comparison)
    assert found.answer == "faster"
    assert found.samples == "the means of 3 and 3 runs"
    assert "B: 3 faults: its speed is worth nothing" in said.stdout


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    done = Commands(Host(1))("compare", str(tmp_path), str(tmp_path))

    assert done.exit_code == 2
    assert "no result in this folder" in done.stderr
