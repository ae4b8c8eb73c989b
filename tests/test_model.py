"""The plain model is a witness: it runs without a line of what it is held equal to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODEL = sorted(f"tests.model.{path.stem}" for path in (ROOT / "tests/model").glob("[!_]*.py"))
# What says which modules of this project are loaded once a module is, and which are compiled.
LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
named = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print(json.dumps({name: path for name, path in named.items() if path.startswith(sys.argv[2])}))
"""


def loaded_with(module: str) -> dict[str, str]:
    """Give the project's modules that importing one loads, with their files."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, module, str(ROOT)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return {name: path for name, path in found.items() if "site-packages" not in path}


@pytest.mark.slow
@pytest.mark.parametrize("module", MODEL)
def test_the_model_loads_nothing_compiled_and_no_plan(module: str) -> None:
    loaded = loaded_with(module)

    assert module in loaded
    assert [name for name, path in loaded.items() if not path.endswith(".py")] == []
    assert not {"switch.plan", "switch.plan_sales", "switch.plan_cards", "switch.machine"} & {
        *loaded
    }


@pytest.mark.slow
def test_what_is_compiled_would_be_seen() -> None:
    assert not loaded_with("switch._core")["switch._core"].endswith(".py")
