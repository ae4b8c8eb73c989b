"""The demo's HSM as a process of its own, ready when it takes a connection.

Owns one `python -m bashgah hsm serve` under the published test LMK, on the loopback address.
"""

import socket
from functools import partial
from pathlib import Path

from bashgah.child_program import ChildProgram
from hsm_sim.lmk_files import TEST

PROBE_SECONDS_MAX = 1.0


class HsmProcess(ChildProgram):
    """An HSM whose keys everybody knows. Its console's files are in `home`."""

    def __init__(self, address: tuple[str, int], home: Path, log_path: Path) -> None:
        host, port = address
        super().__init__(
            "the HSM",
            ["hsm", "serve", "--listen", f"{host}:{port}", "--lmk", TEST, "--home", str(home)],
            log_path,
            partial(_answers, address),
        )


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=PROBE_SECONDS_MAX).close()
    except OSError:
        return False
    return True
