"""`bashgah loadtest` as a person types it."""

from pathlib import Path

import msgspec
import pytest

from bashgah.cli import run
from loadtest.baseline import running_echo
from loadtest.result import read_result


@pytest.mark.slow
def test_a_run_prints_its_verdict_and_writes_its_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "result.json"
    with running_echo() as echo:
        options = ["--address", echo.address, "-a", "constant 500", "--seconds", "1", "-n", "3"]
        options += ["--seed", "9", "--json", str(path), "--no-records"]
        options += ["--begin-at", "2026-11-22T09:30:00+00:00"]
        code = run(["loadtest", "run", "echo", *options])

    assert code == 0
    assert "500 of 500 answered" in capsys.readouterr().out
    result = read_result(path)
    assert (result.setting.seed, result.setting.connections) == (9, 3)


@pytest.mark.slow
def test_a_report_goes_into_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "1.html"
    with running_echo() as echo:
        options = ["--address", echo.address, "--seconds", "0.2", "--html", str(path)]
        assert run(["loadtest", "run", "echo", *options]) == 0

    assert "</html>" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--begin-at", "yesterday"), ("--watch", "switch"), ("--watch", "switch=4194305")],
)
def test_a_wrong_option_is_named(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["loadtest", "run", "echo", "--address", "127.0.0.1:1", option, value]) == 2

    assert option in capsys.readouterr().err


def test_check_shows_each_kind_masked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["loadtest", "check", "bashgah-binary"]) == 0

    shown = capsys.readouterr().out
    assert "reversal_advice, with a PIN" in shown
    assert "936400******" in shown
    assert "93640011" not in shown


def test_a_wrong_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "host.toml"
    path.write_text("name = 5\n")

    assert run(["loadtest", "check", str(path)]) == 2
    assert "$.name" in capsys.readouterr().err


def test_workloads_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["loadtest", "workloads"]) == 0

    assert "shop-day" in capsys.readouterr().out


@pytest.mark.slow
def test_the_ceiling_is_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["loadtest", "ceiling", "--seconds", "0.3", "--json"]) == 0

    assert len(msgspec.json.decode(capsys.readouterr().out)) == 2
