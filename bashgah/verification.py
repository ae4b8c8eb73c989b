"""`bashgah verify` as a process of its own, on a ledger that nobody writes to.

Owns the reading of its result. A process and not a call: it rebuilds every balance in memory, and
what it finds must not depend on anything that this process has seen.
"""

import json
import subprocess
import sys
from pathlib import Path

import trio


async def verify_books(config_path: Path) -> bool:
    """Have the whole journal verified; return whether the books balance. Blocks nobody."""
    command = [sys.executable, "-m", "bashgah", "verify", "--config", str(config_path), "--json"]
    ended = await trio.run_process(
        command,
        capture_stdout=True,
        stdin=subprocess.DEVNULL,
        check=False,
        start_new_session=True,  # Ctrl-C again, while it works, must not look like a wrong book
    )
    return ended.returncode == 0 and _is_good(ended.stdout)


def _is_good(output: bytes) -> bool:
    lines = output.decode().strip().splitlines()
    return bool(lines) and bool(json.loads(lines[-1])["books_balance"])
