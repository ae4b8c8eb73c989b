"""The switch as a process of its own, ready when it says so.

Owns one `python -m bashgah switch`. Must not know what it serves.
"""

import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from bashgah.child_program import ChildProgram

PROBE_SECONDS_MAX = 1.0


class SwitchProcess(ChildProgram):
    """A switch that can be started again after it was stopped or killed."""

    def __init__(self, config_path: Path, base_url: str, log_path: Path) -> None:
        """`base_url` is where the configuration has `/readyz`; `log_path` is appended to."""
        super().__init__(
            "the switch",
            ["switch", "--config", str(config_path)],
            log_path,
            partial(_is_ready, f"{base_url}/readyz"),
        )


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS_MAX) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False  # not listening yet, or 503 with a reason
