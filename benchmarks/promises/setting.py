"""On what a figure was measured: the machine and the versions of everything that was in play.

Owns the list. Knows no figure.
"""

import subprocess
from functools import cache
from importlib.metadata import version

from bashgah.postgres.binaries import find_bin_dir
from loadtest.machine import machine

PACKAGES = ("trio", "asyncpg", "uvloop", "cython")


@cache
def setting() -> dict[str, str]:
    """Give it, by name."""
    return {
        **machine(),
        "postgresql": _said(str(find_bin_dir() / "postgres"), "--version").rpartition(" ")[2],
        **{name: version(name) for name in PACKAGES},
        "compiler": _said("cc", "--version").partition("\n")[0],
    }


def _said(*command: str) -> str:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return ran.stdout.strip()
