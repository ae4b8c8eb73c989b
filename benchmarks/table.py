"""The form of a benchmark's result: one row for each case, and how rows are shown and kept.

Owns the form. Knows no benchmark.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

COLUMNS = ("case", "value", "unit", "baseline", "ratio", "at_least", "met")
"""What every row has. `baseline` is what `value` is compared with, in the same unit; `ratio` is how
much better; `at_least` the ratio that we promise. All three are None where nothing is compared."""

WIDTHS = (48, 14, 12, 14, 8, 8)


def heading() -> str:
    """Give the first line."""
    return _line("case", "value", "unit", "baseline", "ratio", "promised")


def line(row: dict[str, Any]) -> str:
    """Give a row as a line."""
    promised = row["at_least"]
    verdict = "" if promised is None else "  met" if row["met"] else "  NOT MET"
    return (
        _line(
            row["case"],
            _number(row["value"]),
            row["unit"],
            _number(row["baseline"]),
            "" if row["ratio"] is None else f"{row['ratio']:.2f}x",
            "" if promised is None else f"{promised}x",
        )
        + verdict
    )


def write(path: Path, results: dict[str, Any]) -> None:
    """Write results as JSON, for whoever compares two runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


def unmet(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Name the cases that did not reach what we promise."""
    return [row["case"].strip() for row in rows if not row["met"]]


def check(rows: Iterable[dict[str, Any]]) -> None:
    """Assert that rows have every column."""
    for row in rows:
        missing = [column for column in COLUMNS if column not in row]
        assert not missing, f"{row.get('case')}: no {', '.join(missing)}"


def _line(*cells: str) -> str:
    first, rest = cells[0], cells[1:]
    return f"{first:{WIDTHS[0]}}" + "".join(
        f" {cell:>{width}}" for cell, width in zip(rest, WIDTHS[1:], strict=True)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"
