"""`make bench`: the table of what we promise; with names, single groups of it or micro-benchmarks.

    python -m benchmarks                     the whole table, docs/performance.md rendered from it
    python -m benchmarks --only throughput   a group of it
    python -m benchmarks --only iso8583      a micro-benchmark: `cases()` of bench_iso8583.py
    python -m benchmarks --tiny              all of it so small that it only shows that it works

Prints a table and writes a list of rows as JSON (`benchmarks.table` says what they have). What
cannot run (there is no database, say) is named and has a row that says why, the others go on, and
the exit code is 1; so it is when a promise is not met.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from asyncpg import PostgresError

from benchmarks import table
from benchmarks.promises import page
from benchmarks.promises.order import GROUPS, PIECES, Bench, measure
from benchmarks.promises.sizes import FULL, TINY, Sizes
from loadtest.errors import LoadtestError
from switch.errors import OperatingError

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"
JSON_PATH = BUILD / "bench.json"
PARTS_JSON_PATH = BUILD / "bench-parts.json"
SOAK_PATH = BUILD / "soak.json"
CANNOT_RUN = (OperatingError, LoadtestError, PostgresError, OSError)
"""What a machine lacks, or what happened on it; anything else is a mistake of ours."""
PAGE_PATH = HERE.parent / "docs" / "performance.md"


def names() -> list[str]:
    """Give the micro-benchmarks there are, without `bench_`."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def micro_cases(name: str, seconds: float) -> list[table.Row]:
    """Run one micro-benchmark; its rows."""
    module = importlib.import_module(f"benchmarks.bench_{name}")
    rows: list[table.Row] = module.cases(seconds=seconds)
    return rows


def run(
    wanted: list[str],
    seconds: float,
    json_path: Path,
    *,
    sizes: Sizes = FULL,
    page_path: Path | None = None,
) -> int:
    """Measure, print, write and render; the exit code."""
    rows: list[table.Row] = []
    print(table.heading())
    try:
        with closing(Bench(sizes, _say)) as bench:
            for name in wanted:
                print(f"{name}:", flush=True)
                for row in _rows_of(bench, name, seconds):
                    rows.append(row)
                    if "could_not_run" not in row:
                        print(table.line(row), flush=True)
    finally:
        # Minutes of measuring are not lost to a mistake at their end.
        table.write(json_path, rows)
        print(f"\nwritten to {json_path}")
    if page_path is not None:
        page_path.write_text(page.render(rows, page.read_soak(SOAK_PATH)), "utf-8")
        print(f"rendered to {page_path}")
    return _conclude(rows)


def _rows_of(bench: Bench, name: str, seconds: float) -> Iterator[table.Row]:
    try:
        if name in GROUPS:
            found = measure(name, partial(GROUPS[name], bench))
        else:
            bench.close()
            found = measure(name, partial(micro_cases, name, seconds))
    except (*CANNOT_RUN, ExceptionGroup) as error:
        if isinstance(error, ExceptionGroup) and error.split(CANNOT_RUN)[1] is not None:
            raise  # something else is among them: a mistake
        why = "; ".join(f"{type(each).__name__}: {each}" for each in _each(error))
        print(f"  COULD NOT RUN: {why}", flush=True)
        yield {
            **dict.fromkeys(table.COLUMNS),
            "case": name,
            "met": False,
            "group": name,
            "could_not_run": why,
        }
        return
    table.check(found)
    yield from found


def _each(error: Exception) -> Iterator[Exception]:
    """Give what is in a group, however deep; or the error itself."""
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            yield from _each(each)
    else:
        yield error


def _say(line: str) -> None:
    print(f"  … {line}", file=sys.stderr, flush=True)


def _conclude(rows: list[table.Row]) -> int:
    for row in rows:
        if "could_not_run" in row:
            print(f"COULD NOT RUN: {row['case']}: {row['could_not_run']}")
        elif not row["met"]:
            print(f"NOT MET: {row['case'].strip()}")
    return 1 if table.unmet(rows) else 0


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=[*GROUPS, *names()], action="append", metavar="NAME",
                        help="repeatable: %(choices)s")  # fmt: skip
    parser.add_argument("--tiny", action="store_true", help="to see that it works; no page")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a micro-benchmark's case")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--page", type=Path, help="where to render the page")
    arguments = parser.parse_args()
    whole = arguments.only is None and not arguments.tiny
    sys.exit(
        run(
            arguments.only or [*GROUPS, *(name for name in PIECES if name in names())],
            arguments.seconds,
            arguments.json or (JSON_PATH if whole else PARTS_JSON_PATH),
            sizes=TINY if arguments.tiny else FULL,
            page_path=arguments.page or (PAGE_PATH if whole else None),
        )
    )


if __name__ == "__main__":
    main()
