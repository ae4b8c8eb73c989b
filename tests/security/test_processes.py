"""The processes that hold keys: no core files, no key that everybody knows in production."""

import subprocess
import sys
from pathlib import Path

import pytest

from bashgah.demo import with_check_digit
from tests.source_tree import ROOT
from tests.support.secure_site import running_secure_site

PIN = "730264918553"


def core_limit(pid: int) -> list[str]:
    """Give the soft and the hard limit of a process's core files."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max core file size")).split()[4:6]


def processes_naming(text: str) -> dict[int, str]:
    """Give pid and command line of each running process that names `text`."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if text in line:
            found[int(path.parent.name)] = line
    return found


@pytest.mark.slow
async def test_neither_the_switch_nor_the_hsm_leaves_a_core_file() -> None:
    async with running_secure_site([(with_check_digit("936400731948256"), PIN)]) as here:
        running = processes_naming(str(here.site.data_dir))
        hsm = [pid for pid, line in running.items() if "hsm serve" in line]
        switch = [pid for pid, line in running.items() if "bashgah switch" in line]
        limits = {pid: core_limit(pid) for pid in hsm + switch}

    assert len(hsm) == 1
    assert switch, "one, or two with the shim that ends it with its parent"
    assert [limits[pid] for pid in hsm] == [["0", "0"]]
    assert ["0", "0"] in [limits[pid] for pid in switch]


@pytest.mark.slow
@pytest.mark.parametrize("lmk", ["test", "variant-test"])
def test_an_hsm_in_production_does_not_start_with_a_key_that_everybody_knows(lmk: str) -> None:
    command = [sys.executable, "-m", "bashgah", "hsm", "serve", "--listen", "127.0.0.1:0"]
    ended = subprocess.run(
        [*command, "--lmk", lmk, "--environment", "production"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert "everybody knows this LMK" in ended.stderr
    assert "hsm_ready" not in ended.stdout + ended.stderr
