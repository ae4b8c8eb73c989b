"""The form of a benchmark's result: one row for each case, and how rows are shown and kept.

Owns the form. Knows no benchmark.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

Row = dict[str, Any]

COLUMNS = ("case", "value", "unit", "baseline", "ratio", "at_least", "met")
"""What every row has, in this order; more may follow. `baseline` is what `value` is compared with,
in the same unit; `ratio` is how many times better than that `value` is (less is better for a time);
`at_least` is the least ratio that we promise. All three are None where nothing is compared. Where a
promise is a figure of its own, that figure is the baseline, and `at_least` is 1."""

RATIO_MAX = 1_000.0  # of a value that is nearly nothing, where less is better
WIDTHS = (52, 12, 12, 12, 8, 8)


def row(
    case: str,
    value: float,
    unit: str,
    *,
    baseline: float | None = None,
    at_least: float | None = None,
    better: Literal["more", "less"] = "more",
    right: bool = True,
    **more: Any,
) -> Row:
    """Give a row. `right`: whether what was measured was right; what is wrong is never met."""
    ratio = None
    if baseline is not None and better == "more":
        ratio = value / baseline if baseline else RATIO_MAX
    elif baseline is not None:
        ratio = min(RATIO_MAX, baseline / value) if value > 0 else RATIO_MAX
    met = right and (at_least is None or (ratio is not None and ratio >= at_least))
    return {
        "case": case,
        "value": tidy(value),
        "unit": unit,
        "baseline": None if baseline is None else tidy(baseline),
        "ratio": None if ratio is None else round(ratio, 3),
        "at_least": at_least,
        "met": met,
        **more,
    }


def tidy(value: float) -> float:
    """Round to four digits that mean something."""
    return round(value) if abs(value) >= 1_000 else float(f"{value:.4g}")


def heading() -> str:
    """Give the first line."""
    return _line("case", "value", "unit", "baseline", "ratio", "promised")


def line(row: Row) -> str:
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


def write(path: Path, rows: list[Row]) -> None:
    """Write rows as JSON, for whoever compares two runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")


def unmet(rows: Iterable[Row]) -> list[str]:
    """Name the cases that did not reach what we promise."""
    return [row["case"].strip() for row in rows if not row["met"]]


def check(rows: Iterable[Row]) -> None:
    """Assert that rows have every column, and these first."""
    for row in rows:
        assert tuple(row)[: len(COLUMNS)] == COLUMNS, f"{row.get('case')}: {', '.join(row)}"


def _line(*cells: str) -> str:
    first, rest = cells[0], cells[1:]
    return f"{first:{WIDTHS[0]}}" + "".join(
        f" {cell:>{width}}" for cell, width in zip(rest, WIDTHS[1:], strict=True)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"
