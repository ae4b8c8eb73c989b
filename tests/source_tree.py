"""The source tree as data, for the tests that read it: files, modules, imports.

A file counts when git tracks it or would; in a tree without git, when it is not built or hidden.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("acquirers", "bashgah", "hsm_sim", "issuers", "loadtest", "switch")
MODULE_SUFFIXES = (".py", ".pyx", ".pxd")
BUILT_PARTS = {"build", "var", "__pycache__"}

# `from a.b import c, d`, `from a.b cimport (`, `import a.b as c`, `cimport a.b`
CYTHON_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<source>[\w.]+)[ \t]+c?import[ \t]+(?P<names>\([^)]*\)|[^\n#]*)"
    r"|c?import[ \t]+(?P<plain>[\w.]+))",
    re.MULTILINE,
)


@cache
def files() -> tuple[Path, ...]:
    """Return every source file, relative to the root, sorted."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    return tuple(sorted(path for path in names if (ROOT / path).is_file() and not _is_built(path)))


@cache
def text(path: Path) -> str:
    """Return a source file's text, or "" when it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a `.py` or `.pyi` file."""
    return ast.parse(text(path), filename=str(path))


def with_suffix(*suffixes: str) -> list[Path]:
    """Return the files whose name ends in one of `suffixes`."""
    return [path for path in files() if path.suffix in suffixes]


def in_packages(path: Path) -> bool:
    """Return whether `path` belongs to what is installed, not to tests, benchmarks or tools."""
    return path.parts[0] in PACKAGES


def module_name(path: Path) -> str:
    """Return the dotted name of the module in `path`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, tuple[Path, ...]]:
    """Return each of our modules with its files (a `.pyx` and its `.pxd` are one module)."""
    found: dict[str, tuple[Path, ...]] = {}
    for path in with_suffix(*MODULE_SUFFIXES):
        if in_packages(path):
            name = module_name(path)
            found[name] = (*found.get(name, ()), path)
    return found


def imports(module: str) -> set[str]:
    """Return the modules that `module` imports: ours by their full name, others as written."""
    found = set()
    for path in modules()[module]:
        found |= set(_python_imports(path) if path.suffix == ".py" else _cython_imports(path))
    return found - {module}


def expect_none(breaches: Iterable[str], advice: str = "") -> None:
    """Fail the test with every breach on a line of its own, and what to do about them."""
    lines = list(breaches)
    if lines:
        pytest.fail("\n".join([advice, *lines] if advice else lines), pytrace=False)


def _python_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield _resolve(node.module, alias.name)


def _cython_imports(path: Path) -> Iterator[str]:
    for found in CYTHON_IMPORT.finditer(text(path)):
        if found["plain"]:
            yield found["plain"]
            continue
        for name in found["names"].strip("()").split(","):
            if name.strip():
                yield _resolve(found["source"], name.split()[0])


def _resolve(source: str, name: str) -> str:
    inner = f"{source}.{name}"
    return inner if inner in modules() else source


def _is_built(path: Path) -> bool:
    hidden = any(part.startswith(".") and part not in (".ci", ".gitignore") for part in path.parts)
    return hidden or bool(BUILT_PARTS & set(path.parts)) or "egg-info" in str(path)
