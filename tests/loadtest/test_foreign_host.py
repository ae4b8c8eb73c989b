"""Goal: a stranger can put load on a host that this project has never met.

Method: the host of `tests/support/foreign_host.py`, and three files about it in
`tests/data/foreign` that were written from its interface and docs/loadtest.md alone; then the
command, as a stranger types it. A healthy host is clean; each mistake is counted as what it is.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from loadtest.result import RunResult, read_result
from tests.support.foreign_host import ForeignHost, Mistake, serving

FILES = Path(__file__).parent.parent / "data" / "foreign"
COMMAND = (sys.executable, "-m", "bashgah", "loadtest")


async def run_load(mistake: Mistake, json_path: Path) -> tuple[int, str, RunResult]:
    """Put a thousand messages on the host; give exit code, what was printed, and the result."""
    async with serving(ForeignHost(mistake)) as port:
        options = {
            "--address": f"127.0.0.1:{port}",
            "--workload": str(FILES / "workload.toml"),
            "--arrival": "poisson 1000",
            "--connections": "8",
            "--window": "16",
            "--seconds": "1",
            "--reply-seconds": "1",
            "--json": str(json_path),
        }
        arguments = [word for option in options.items() for word in option]
        run = partial(
            subprocess.run,
            [*COMMAND, "run", str(FILES / "target.toml"), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        done = await trio.to_thread.run_sync(run)
    return done.returncode, done.stdout + done.stderr, read_result(json_path)


@pytest.mark.slow
async def test_a_strange_host_can_be_loaded_and_is_clean(tmp_path: Path) -> None:
    code, printed, result = await run_load(Mistake.NONE, tmp_path / "result.json")

    assert code == 0, printed
    assert "faults: none" in printed
    assert result.good
    assert result.counts.answered == result.counts.sent > 800
    assert set(result.declines) == {"61", "14"}
    assert set(result.kinds) == {"purchase", "reversal"}
    assert result.counts.repeated > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mistake", "faults"),
    [
        (Mistake.OTHER_AMOUNT, {"wrong_echo"}),
        (Mistake.OTHER_TERMINAL, {"cross_talk", "missing_reply"}),
        (Mistake.SILENCE, {"missing_reply"}),
        (Mistake.TWO_REPLIES, {"double_reply"}),
        (Mistake.APPROVES_ALL, {"unexpected"}),
    ],
)
async def test_a_strange_host_that_is_wrong_fails(
    mistake: Mistake, faults: set[str], tmp_path: Path
) -> None:
    code, printed, result = await run_load(mistake, tmp_path / "result.json")

    assert code == 1, printed
    found = {name for name in result.faults.__struct_fields__ if getattr(result.faults, name)}
    assert found == faults
    assert not result.good


def test_the_files_say_what_the_host_expects() -> None:
    done = subprocess.run(
        [*COMMAND, "check", str(FILES / "target.toml")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "606060******" in done.stdout
    assert "KIOSK001" in done.stdout
    assert "60606000" not in done.stdout
