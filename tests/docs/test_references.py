"""What the documents say about the tree holds: decisions that are named exist, one number each, and
the compiled modules cimport each other in the order that the architecture gives.
"""

import re
from collections import Counter

from tests import source_tree

DOCS = source_tree.ROOT / "docs"
NAMED = re.compile(r"decisions/(\d{4})|\bdecisions? (\d{4})\b|\[(00\d\d)\]\(")
CIMPORT = re.compile(r"^from (switch[\w.]*) cimport", re.MULTILINE)


def numbers() -> list[str]:
    return [path.name[:4] for path in sorted((DOCS / "decisions").glob("*.md"))]


def test_decisions_have_a_number_each() -> None:
    assert [number for number, count in Counter(numbers()).items() if count > 1] == []


def test_decisions_that_are_named_exist() -> None:
    known = set(numbers())
    unknown = [
        f"{path}: {number}"
        for path in source_tree.files()
        for found in NAMED.findall(source_tree.text(path))
        for number in found
        if number and number not in known
    ]

    assert unknown == []


def test_the_path_cimports_in_the_order_of_the_architecture() -> None:
    text = (DOCS / "ARCHITECTURE.md").read_text("utf-8")
    told = re.search(r"cimport each other in this order:(.*?);", text, re.DOTALL)
    assert told is not None
    order = ["switch." + name.replace("/", ".") for name in re.findall(r"`([^`]+)`", told[1])]
    place = {module: at for at, module in enumerate(order)}
    wrong = [
        f"{module} cimports {needed}"
        for module in order
        for path in source_tree.ROOT.glob(module.replace(".", "/") + ".p[xy][xd]")
        for needed in CIMPORT.findall(path.read_text("utf-8"))
        if place.get(needed, -1) > place[module]
    ]

    assert wrong == []
    assert len(order) > 30
