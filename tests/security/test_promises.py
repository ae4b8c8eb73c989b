"""docs/security.md: every test that it names exists, and every check of the list is spoken of."""

import ast
import re

from tests import source_tree
from tests.source_tree import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
CHECKS = 25


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    missing = []
    for path, name in named:
        place = ROOT / path
        tests = set()
        if place.exists():
            tree = ast.parse(place.read_text("utf-8"))
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            tests = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
        if name not in tests or not name.startswith("test_"):
            missing.append(f"{path}::{name}")

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
