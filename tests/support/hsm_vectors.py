"""The published vectors of tests/data/hsm.json, by the beginning of their names.

Owns no judgement: a test says what it computes. Some names are there twice; each gets its test.
"""

import json
from pathlib import Path
from typing import Any

import pytest

_DATA = json.loads((Path(__file__).parents[1] / "data" / "hsm.json").read_text(encoding="utf-8"))


class Vector:
    """One vector: its inputs, and what must come out."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.name: str = row["name"]
        self.inputs: dict[str, Any] = row["inputs"]
        self.expected: str = row["expected"]

    def __repr__(self) -> str:
        return self.name

    def text(self, name: str) -> str:
        """Give an input as it is."""
        return str(self.inputs[name])

    def hex(self, name: str) -> bytes:
        """Give an input that is written in hexadecimal."""
        return bytes.fromhex(self.text(name))


def named(*prefixes: str) -> pytest.MarkDecorator:
    """Run a test once for each vector whose name begins so; there must be some."""
    found = [Vector(row) for row in _DATA["vectors"] if row["name"].startswith(prefixes)]
    assert found, f"no vector is named {prefixes}"
    return pytest.mark.parametrize("vector", found, ids=repr)
