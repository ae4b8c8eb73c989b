"""The rules of CONTRIBUTING.md that a machine can check. Each failure names file, line and rule.

Method: every test collects all breaches as `path:line: what`, so that one run shows them all. An
exception is a row in `ALLOWED` with its reason.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests import source_tree
from tests.source_tree import expect_none, in_packages, text, tree, with_suffix
from tests.test_layers import layer

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
README_LINES_MAX = 150

PYTHON = (".py", ".pyi")
CYTHON = (".pyx", ".pxd")
CODE = (*PYTHON, *CYTHON, ".h", ".sql")

# The core decides and does nothing else (layers 0 to 3): each import here has a replacement.
IMPURE_IMPORTS = {
    "asyncio": "the shell waits",
    "asyncpg": "the journal is a port",
    "datetime": "time comes in as now_ns; dates are switch.calendar's",
    "decimal": "amounts are integers of minor units",
    "fractions": "amounts are integers of minor units",
    "logging": "return a fact; the shell logs",
    "os": "the shell knows the machine",
    "prometheus_client": "return a fact; the shell counts",
    "select": "the shell moves bytes",
    "socket": "the shell moves bytes",
    "structlog": "return a fact; the shell logs",
    "subprocess": "the shell knows the machine",
    "threading": "the core is one thread",
    "time": "time comes in as now_ns",
    "trio": "the shell waits",
    "uvloop": "the shell waits",
}
# One thread of the switch runs asyncio, for asyncpg; these files are that thread.
ASYNCIO_FILES = {"switch/ledger/database.py"}
CLOCKS = {"now": "now_ns", "utcnow": "now_ns", "today": "the business date handed in"}
VAGUE_NAME = re.compile(
    r"(Manager|Helper|Utils?|Handler|Processor)$|^(process|handle_data|helpers?|utils?)$"
)
BARE_QUANTITIES = {"amount", "time", "timeout", "size"}
C_TYPE = re.compile(
    r"\*|\b(void|int|bint|char|short|long|float|double|u?int\d+_t|s?size_t|Py_ssize_t|Py_hash_t)\b"
)

# (rule, path): the reason.
ALLOWED: dict[tuple[str, str], str] = {
    ("broad except", "bashgah/cli.py"): "the border to the shell; bugs are raised again",
    ("broad except", "hsm_sim/server.py"): "a handler's bug answers 41; told of and counted",
    ("final", "switch/_fastpath.pyx"): "a gate among several does three things otherwise",
    ("final", "switch/_hsm_stage.pyx"): "a gate is an outbox that asks HSMs, and reads",
    ("final", "switch/_outbox.pyx"): "a gate is an outbox that reads",
    ("final", "switch/_slow_stage.pyx"): "a gate keeps messages for the slow lane, and reads",
    ("broad except", "switch/_pricing.pyx"): "the border to issuers' functions; told and counted",
}


def test_every_module_says_what_it_owns() -> None:
    breaches = [f"{path}: no docstring" for path in with_suffix(*PYTHON) if not _docstring(path)]
    breaches += [
        f"{path}: no docstring" for path in with_suffix(*CYTHON) if not _opens_with_docstring(path)
    ]
    breaches += [
        f"{path}: opens without saying why"
        for path in with_suffix(".sql")
        if not text(path).startswith(("--", "/*"))
    ]

    expect_none(breaches)


def test_files_functions_and_lines_are_short() -> None:
    breaches = []
    for path in with_suffix(*CODE):
        lines = text(path).splitlines()
        if len(lines) > FILE_LINES_MAX:
            breaches.append(f"{path}: {len(lines)} lines, {FILE_LINES_MAX} at most")
        breaches += [
            f"{path}:{number}: {len(line)} columns, {LINE_COLUMNS_MAX} at most"
            for number, line in enumerate(lines, 1)
            if len(line) > LINE_COLUMNS_MAX
        ]
        breaches += [
            f"{path}:{number}: {name} has {count} lines, {FUNCTION_LINES_MAX} at most"
            for name, number, count in _functions(path)
            if count > FUNCTION_LINES_MAX
        ]

    expect_none(breaches)


def test_the_readme_is_short() -> None:
    readmes = [path for path in source_tree.files() if str(path) == "README.md"]

    assert [path for path in readmes if len(text(path).splitlines()) > README_LINES_MAX] == []


def test_nothing_is_left_for_later() -> None:
    # Spelt in two pieces, so that this file passes its own rule.
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")

    expect_none(_matches(later, source_tree.files()))


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    home = re.compile("/" + r"(root|work|Users/\w+|home/\w+|tmp/plan)/")

    expect_none(_matches(home, source_tree.files()))


def test_names_say_what_a_thing_is() -> None:
    breaches = []
    for path in with_suffix(".py"):
        breaches += [f"{path}: {path.stem}"] if VAGUE_NAME.search(path.stem) else []
        breaches += [
            f"{path}:{node.lineno}: {node.name}"
            for node in ast.walk(tree(path))
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and VAGUE_NAME.search(node.name)
        ]

    expect_none(breaches, "the name is not found yet")


def test_quantities_carry_their_unit() -> None:
    breaches = []
    for path in filter(in_packages, with_suffix(".py")):
        if path.parent.as_posix() == "bashgah/commands":
            continue  # there a parameter's name is a person's option: --amount
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.arg) and node.arg in BARE_QUANTITIES:
                breaches.append(f"{path}:{node.lineno}: {node.arg}")
            if (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and node.target.id in BARE_QUANTITIES
            ):
                breaches.append(f"{path}:{node.lineno}: {node.target.id}")

    expect_none(breaches, "amount_minor, elapsed_ns, frame_bytes: say the unit")


def test_the_core_has_no_clock_no_chance_and_no_way_out() -> None:
    breaches = []
    for module in _core_modules():
        for imported in sorted(source_tree.imports(module)):
            reason = IMPURE_IMPORTS.get(imported.split(".")[0])
            if reason:
                breaches.append(f"{module} imports {imported}: {reason}")
    for path in _core_files(".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
                breaches.append(f"{path}:{node.lineno}: async: atomicity is spelled def")
            if isinstance(node, ast.ImportFrom) and node.module == "random":
                breaches += [
                    f"{path}:{node.lineno}: random: take a seeded Random"
                    for alias in node.names
                    if alias.name != "Random"
                ]
            if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
                breaches.append(f"{path}:{node.lineno}: random: take a seeded Random")

    expect_none(breaches)


def test_the_core_counts_in_integers() -> None:
    breaches = []
    for path in _core_files(".py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                breaches.append(f"{path}:{node.lineno}: {node.value}")
            if isinstance(node, ast.Name) and node.id == "float":
                breaches.append(f"{path}:{node.lineno}: float")
    for path in _core_files(*CYTHON):
        breaches += [
            f"{path}:{number}: {line.strip()}"
            for number, line in enumerate(_cython_code(path), 1)
            if re.search(r"\b(float|double)\b", line)
        ]

    expect_none(breaches)


def test_only_the_journals_thread_knows_asyncio() -> None:
    breaches = [
        f"{module} imports {imported}"
        for module, paths in source_tree.modules().items()
        for imported in source_tree.imports(module)
        if imported.split(".")[0] in ("asyncio", "uvloop", "trio_asyncio")
        and in_switch(paths[0])
        and paths[0].as_posix() not in ASYNCIO_FILES
    ]

    expect_none(breaches)


def test_only_sessions_ask_the_wall_clock_for_a_date() -> None:
    breaches = [
        f"{path}:{node.lineno}: {node.func.attr}(): use {CLOCKS[node.func.attr]}"
        for path in _files_up_to(4, ".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value).split(".")[-1] in ("datetime", "date", "jdatetime")
    ]

    expect_none(breaches)


def test_nobody_catches_everything() -> None:
    breaches = []
    for path in filter(in_packages, with_suffix(".py")):
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            if isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
                continue  # cleans up and passes it on
            caught = "" if node.type is None else ast.unparse(node.type)
            if not caught or re.search(r"\b(Base)?Exception\b", caught):
                breaches.append((path, node.lineno))
    broad = re.compile(r"^\s*except\s*(\(?.*\b(Base)?Exception\b.*)?:")
    for path in filter(in_packages, with_suffix(".pyx")):
        lines = enumerate(text(path).splitlines(), 1)
        breaches += [(path, number) for number, line in lines if broad.match(line)]

    wrong = [
        f"{path}:{number}"
        for path, number in breaches
        if ("broad except", path.as_posix()) not in ALLOWED
    ]

    expect_none(wrong, "catch what can happen; everything else is a bug and ends the process")


def test_a_silenced_check_says_why() -> None:
    silenced = re.compile(r"#\s*(type:\s*ignore|noqa)(?P<rest>.*)$")
    breaches = []
    for path in with_suffix(*PYTHON, *CYTHON):
        for number, line in enumerate(text(path).splitlines(), 1):
            found = silenced.search(line)
            if found and not re.match(r"(\[[\w, -]+\]|: [A-Z]+\d+)\s+\W*\w", found["rest"]):
                breaches.append(f"{path}:{number}: {found[0]}")

    expect_none(breaches, "name the check and, behind it, the reason")


def test_packages_hand_out_names_and_hold_no_code() -> None:
    breaches = []
    for path in filter(in_packages, with_suffix(".py")):
        if path.name != "__init__.py":
            continue
        for node in tree(path).body[1:]:
            exported = isinstance(node, (ast.Assign, ast.AnnAssign)) and "__all__" in ast.unparse(
                node
            )
            if not isinstance(node, (ast.Import, ast.ImportFrom)) and not exported:
                breaches.append(f"{path}:{node.lineno}: {ast.unparse(node)[:40]}")

    expect_none(breaches)


def test_every_extension_class_is_final() -> None:
    breaches = []
    for path in with_suffix(".pyx"):
        if ("final", path.as_posix()) in ALLOWED:
            continue
        lines = text(path).splitlines()
        for index, line in enumerate(lines):
            if not re.match(r"\s*cdef class \w+[^;]*:\s*(#.*)?$", line):
                continue
            decorators = lines[max(0, index - 4) : index]
            if not any(re.match(r"\s*@(cython\.)?final\b", above) for above in decorators):
                breaches.append(f"{path}:{index + 1}: {line.strip()}")

    expect_none(breaches, "@cython.final: a method call is then a C call")


def test_no_variable_is_named_after_a_c_type() -> None:
    """`sizeof(signed)` is four bytes, whatever the array of that name holds."""
    named = re.compile(r"\bcdef\b[^(=#]*\b(signed|unsigned)\s*(\[|=|,|$)")
    breaches = [
        f"{path}:{number}: {line.strip()}"
        for path in with_suffix(*CYTHON)
        for number, line in enumerate(text(path).splitlines(), 1)
        if named.search(line)
    ]

    expect_none(breaches, "another name")


def test_every_c_function_states_its_error_contract() -> None:
    breaches = [
        f"{path}:{number}: {header}"
        for path in with_suffix(*CYTHON)
        for number, header in _c_function_headers(path)
        if not re.search(r"\)\s*(noexcept|except)\b", header)
    ]

    expect_none(breaches, "except -1, except? -1, except NULL, or noexcept with a reason")


def test_migrations_are_numbered_and_named() -> None:
    wanted = re.compile(r"\d{4}_[a-z]+(_[a-z0-9]+)+\.sql")
    names = [path.name for path in with_suffix(".sql") if path.parent.name == "sql"]

    expect_none(name for name in names if not wanted.fullmatch(name))
    assert sorted(int(name[:4]) for name in names) == list(range(1, len(names) + 1))


def test_every_decision_is_numbered_once_and_has_its_parts() -> None:
    decisions = [path for path in with_suffix(".md") if path.parent.as_posix() == "docs/decisions"]
    numbers = [path.name[:4] for path in decisions]
    parts = ("Date:", "Status:", "## Context", "## Decision", "## Consequences")

    assert sorted(numbers) == sorted(set(numbers))
    expect_none(
        f"{path}: no {part}" for path in decisions for part in parts if part not in text(path)
    )


def in_switch(path: Path) -> bool:
    return path.parts[0] == "switch"


def _core_modules() -> list[str]:
    return _modules_up_to(3)


def _core_files(*suffixes: str) -> list[Path]:
    return _files_up_to(3, *suffixes)


def _modules_up_to(highest: int) -> list[str]:
    layers = {module: layer(module) for module in source_tree.modules()}
    return [module for module, number in layers.items() if number is not None and number <= highest]


def _files_up_to(highest: int, *suffixes: str) -> list[Path]:
    return [
        path
        for module in _modules_up_to(highest)
        for path in source_tree.modules()[module]
        if path.suffix in suffixes
    ]


def _docstring(path: Path) -> bool:
    return not text(path).strip() or ast.get_docstring(tree(path)) is not None


def _opens_with_docstring(path: Path) -> bool:
    code = [line for line in text(path).splitlines() if line.strip() and line[0] != "#"]
    return bool(code) and code[0].startswith(('"""', 'r"""'))


def _matches(pattern: re.Pattern[str], paths: tuple[Path, ...] | list[Path]) -> Iterator[str]:
    for path in paths:
        for number, line in enumerate(text(path).splitlines(), 1):
            found = pattern.search(line)
            if found:
                yield f"{path}:{number}: {found[0].strip()}"


def _functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, line and length in lines of each function in a Python or Cython file."""
    if path.suffix in PYTHON:
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert node.end_lineno is not None
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1
    elif path.suffix == ".pyx":
        yield from _cython_functions(text(path).splitlines())


def _cython_functions(lines: list[str]) -> Iterator[tuple[str, int, int]]:
    starts = re.compile(
        r"(?P<indent>\s*)(?:async )?(?:def|cdef(?! class)|cpdef)\s[^=]*?(?P<name>\w+)\("
    )
    for index, line in enumerate(lines):
        found = starts.match(line)
        if not found:
            continue
        last, body_begun = index, False
        for number in range(index + 1, len(lines)):
            inner = lines[number]
            if not inner.strip():
                continue
            indent = len(inner) - len(inner.lstrip())
            # Until the body begins, a line at our own indent is the end of the signature.
            signature_end = not body_begun and inner.lstrip().startswith(")")
            if indent <= len(found["indent"]) and not signature_end:
                break
            body_begun = body_begun or not signature_end
            last = number
        yield found["name"], index + 1, last - index + 1


def _cython_code(path: Path) -> list[str]:
    """Return the lines of a Cython file with docstrings and comments blanked out."""
    without_prose = re.sub(
        r'"""(.*?)"""', lambda found: "\n" * found[1].count("\n"), text(path), flags=re.DOTALL
    )
    return [line.split("#")[0] for line in without_prose.splitlines()]


def _c_function_headers(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and header of each `cdef` function that returns a C value.

    One that returns a Python object has NULL for its errors and needs no contract; what is declared
    in `cdef extern` is not ours.
    """
    lines = _cython_code(path)
    extern_indent: int | None = None
    for index, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if extern_indent is not None and line.strip() and indent <= extern_indent:
            extern_indent = None
        if re.match(r"\s*cdef extern\b", line):
            extern_indent = indent
        found = re.match(r"\s*c(?:p?)def (?:inline |public |api )*(?P<type>[^=(]*?)\w+\(", line)
        if extern_indent is not None or not found or not C_TYPE.search(found["type"]):
            continue
        header, depth = "", 0
        for part in lines[index : index + 40]:
            header += f" {part.strip()}"
            depth += part.count("(") - part.count(")")
            if depth == 0 and not part.rstrip().endswith("\\"):
                break
        yield index + 1, header.strip()
