"""Every benchmark in one run: `python -m benchmarks [--seconds N] [--only NAME] [--json PATH]`.

Collects `cases()` of each `bench_*.py`, prints one table and writes build/bench.json. A benchmark
that cannot run (there is no database, say) is named, the others go on, and the exit code is 1; so
it is when a promise is not met.
"""

import argparse
import importlib
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import table
from switch.errors import OperatingError

HERE = Path(__file__).parent
JSON_PATH = HERE.parent / "build" / "bench.json"


def names() -> list[str]:
    """Give the benchmarks there are, without `bench_`."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def measure(name: str, seconds: float) -> list[dict[str, Any]]:
    """Run one benchmark; its rows."""
    module = importlib.import_module(f"benchmarks.bench_{name}")
    rows: list[dict[str, Any]] = module.cases(seconds=seconds)
    table.check(rows)
    return rows


def run(wanted: list[str], seconds: float, json_path: Path) -> int:
    """Measure, print and write; the exit code."""
    results: dict[str, list[dict[str, Any]]] = {}
    failures: dict[str, str] = {}
    print(table.heading())
    for name in wanted:
        print(f"{name}:", flush=True)
        try:
            results[name] = measure(name, seconds)
        except (OperatingError, OSError) as error:
            failures[name] = f"{type(error).__name__}: {error}"
            print(f"  COULD NOT RUN: {failures[name]}", flush=True)
            continue
        for row in results[name]:
            print(table.line(row), flush=True)
    machine = {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "python": sys.version.split()[0],
    }
    table.write(
        json_path,
        {"at_s": int(time.time()), **machine, "results": results, "could_not_run": failures},
    )
    return _conclude(results, failures, json_path)


def _conclude(
    results: dict[str, list[dict[str, Any]]], failures: dict[str, str], json_path: Path
) -> int:
    unmet = [case for rows in results.values() for case in table.unmet(rows)]
    print(f"\nwritten to {json_path}")
    for case in unmet:
        print(f"NOT MET: {case}")
    for name, why in failures.items():
        print(f"COULD NOT RUN: {name}: {why}")
    return 1 if unmet or failures else 0


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="about so long for each case")
    parser.add_argument("--only", choices=names(), action="append", help="this one (repeatable)")
    parser.add_argument("--json", type=Path, default=JSON_PATH, help="where to write the results")
    arguments = parser.parse_args()
    sys.exit(run(arguments.only or names(), arguments.seconds, arguments.json))


if __name__ == "__main__":
    main()
