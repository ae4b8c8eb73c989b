"""The command line from outside: a process, its output, its exit code."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bashgah import cli
from switch.errors import OperatingError

ROOT = Path(__file__).parents[2]


def run(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, "-m", "bashgah", *arguments]
    # A wide terminal, so that no line of the help is broken.
    environment = os.environ | {"COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )


@pytest.mark.slow
def test_help_names_every_command() -> None:
    done = run("--help")

    assert done.returncode == 0
    assert [c.name for c in cli.COMMANDS if f"  {c.name} " not in done.stdout] == []


@pytest.mark.slow
def test_help_takes_a_blink() -> None:
    # The best of five: other work on the machine must not fail it, a heavy import must.
    seconds = []
    for _ in range(5):
        began_at = time.perf_counter()
        run("--help")
        seconds.append(time.perf_counter() - began_at)

    assert min(seconds) < 0.4


@pytest.mark.slow
def test_help_imports_no_command() -> None:
    program = (
        "import sys; sys.argv = ['bashgah', '--help']; import bashgah.cli as c; c.run(['--help']);"
        "sys.exit(str([m for m in sys.modules if m.startswith('bashgah.commands.')]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_a_python_without_assertions_is_refused() -> None:
    done = run("--help", options=("-O",))

    assert done.returncode == 2
    assert "-O" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_a_missing_configuration_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run("migrate", "--config", str(tmp_path / "absent.toml"))

    assert done.returncode == 2
    assert done.stderr == f"bashgah: {tmp_path}/absent.toml: No such file or directory\n"


@pytest.mark.slow
def test_a_database_that_is_away_is_one_line_and_exit_code_2() -> None:
    done = run("migrate", "--dsn", "postgresql://nobody@127.0.0.1:1/none")

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (OperatingError("the database is away"), 2, "bashgah: the database is away\n"),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("nursery", [KeyboardInterrupt()]), 130, ""),
        (
            ExceptionGroup("nursery", [OperatingError("one"), OSError(98, "Address in use")]),
            2,
            "bashgah: one\nbashgah: [Errno 98] Address in use\n",
        ),
    ],
)
def test_operating_errors_become_lines(
    error: BaseException,
    code: int,
    stderr: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_with(error, monkeypatch)

    ended_with = cli.run(["up"])

    assert ended_with == code
    assert capsys.readouterr().err == stderr


@pytest.mark.parametrize(
    "bug",
    [KeyError("balance"), ExceptionGroup("nursery", [OperatingError("away"), KeyError("bug")])],
)
def test_a_bug_keeps_its_traceback(bug: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(bug, monkeypatch)

    with pytest.raises(type(bug)):
        cli.run(["up"])


@pytest.mark.slow
@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: cli.Command) -> None:
    done = run(command.name, "--help")

    assert done.returncode == 0, done.stderr
    assert "Usage: bashgah" in done.stdout


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise error

    module = type(sys)("commands_of_this_test")
    module.fail = command  # type: ignore[attr-defined]  # a module made for this test
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = cli.Command("up", f"{module.__name__}:fail", "Fails.")
    monkeypatch.setattr(cli, "COMMANDS", (entry, *cli.COMMANDS[1:]))
