"""The build says what a machine lacks, before a compiler does in a thousand lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_missing_headers_of_openssl_are_told_with_what_to_install() -> None:
    without_headers = os.environ | {"CC": "cc -nostdinc"}

    built = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=ROOT,
        env=without_headers,
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 1
    assert built.stderr.count("\n") == 1
    assert "install libssl-dev" in built.stderr
