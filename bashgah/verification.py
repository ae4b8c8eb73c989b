"""`bashgah verify` as a process of its own, on a ledger that nobody writes to.

Owns the reading of its result. A process and not a call: it rebuilds every balance in memory, and
what it finds must not depend on anything that this process has seen.
"""

import json
import subprocess
import sys
from pathlib import Path

import trio


async def first_difference(config_path: Path) -> str | None:
    """Have the whole journal verified; return what is wrong with the books, None if nothing is."""
    command = [sys.executable, "-m", "bashgah", "verify", "--config", str(config_path), "--json"]
    ended = await trio.run_process(
        command,
        capture_stdout=True,
        stdin=subprocess.DEVNULL,
        check=False,
        start_new_session=True,  # Ctrl-C again, while it works, must not look like a wrong book
    )
    if ended.returncode not in (0, 1):
        return f"bashgah verify ended with code {ended.returncode}"
    report = json.loads(ended.stdout)
    if report["books_balance"] and ended.returncode == 0:
        return None
    return str(report["first_difference"])
