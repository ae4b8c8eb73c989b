"""docs/security.md: every test that it names exists, and every check of the list is spoken of."""

import ast
import re
from pathlib import Path

from tests import source_tree
from tests.source_tree import ROOT, tree

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CHECKS = 25


def names_in(path: Path) -> set[str]:
    """Give the names of a file's functions; of a file that is not there, none."""
    if path not in source_tree.files():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree(path)) if isinstance(node, functions)}


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not name.startswith("test_") or name not in names_in(Path(path))
    ]

    assert missing == []
    assert len(named) > 2 * CHECKS


def test_every_check_has_a_row_with_a_test() -> None:
    promised = PAGE.split("## What is promised")[1].split("## What is not promised")[0]
    rows = re.findall(r"^\| (\d+) \|(.*)$", promised, re.MULTILINE)

    assert {int(number) for number, _ in rows} == set(range(1, CHECKS + 1))
    assert [number for number, row in rows if "::test_" not in row] == []


def test_the_page_is_found_from_the_readme() -> None:
    readme = next(path for path in source_tree.files() if str(path) == "README.md")

    assert "docs/security.md" in source_tree.text(readme)
    assert "No certification" in PAGE
