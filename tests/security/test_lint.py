"""Rules about secrets that a machine can check by reading the source.

Method: as in `tests/test_tidy.py`; an exception is a row in `ALLOWED` with its reason. Cython files
are read as lines, Python files as syntax trees.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import pytest

from tests import source_tree
from tests.source_tree import expect_none, in_packages, text, tree, with_suffix

SECRET = re.compile(
    r"(^|_)(mac|macs|pvv|pvvs|cvv|cvv2|icvv|cvc3|pin|pins|digest|digests|cryptogram|arqc|arpc|hmac"
    r"|authenticator|passphrase|secret|secrets|icc_master_key|clear_key|token_mac)$"
)
WATCHED = ("acquirers", "bashgah", "hsm_sim", "switch")
MAKES_SECRETS = ("hsm_sim/", "bashgah/card_production/", "bashgah/vouchers/", "acquirers/terminal/")
FOREIGN_CIPHERS = {"Crypto", "Cryptodome", "ff3", "pyDes", "des", "pyaes"}
FOREIGN_PACKAGES = {"pycryptodome", "pycryptodomex", "ff3", "pydes", "pyaes", "pycrypto"}
WRITES_OBJECTS = {"pickle", "cPickle", "dill", "shelve", "marshal", "cloudpickle"}
COMPARED_IN_CYTHON = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*)(?:\[[^\]]*\])?\s*(==|!=)\s*(\S+)")
COMPARED_TO_IN_CYTHON = re.compile(r"(==|!=)\s*([A-Za-z_][\w.]*)")

# (rule, path, what is compared): the reason.
ALLOWED: dict[tuple[str, str, str], str] = {
    ("compared", "bashgah/commands/hsm_console.py", "passphrase"): "one person typed both",
    ("compared", "bashgah/vouchers/batches.py", "digest"): "of one batch, made a moment ago",
    ("compared", "hsm_sim/_keys.pyx", "secret"): "a byte with its own parity",
}


def secret_name(node: ast.expr) -> str | None:
    """Give the name of what an expression compares, if it sounds like a secret."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name if SECRET.search(name) else None
        case ast.Call(func=func):
            return secret_name(func)
        case ast.Subscript(value=value):
            return secret_name(value)
    return None


def harmless(node: ast.expr) -> bool:
    """Tell whether it is a constant that no secret is: nothing, empty, a number, an option."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return all(map(harmless, node.elts))
    return isinstance(node, ast.Constant)


def compared_in_python(source: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of each secret that a comparison may end early on."""
    for node in ast.walk(source):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        for (left, right), operator in zip(pairwise(sides), node.ops, strict=True):
            if not isinstance(operator, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
                continue
            if harmless(left) or harmless(right):
                continue
            names = [secret_name(left), secret_name(right)]
            yield from ((node.lineno, name) for name in names if name is not None)


def compared_in_cython(source: str) -> Iterator[tuple[int, str]]:
    """Yield the same of a Cython file: a name at either side of == or !=, numbers apart."""
    without_prose = re.sub(
        r'"""(.*?)"""', lambda found: "\n" * found[1].count("\n"), source, flags=re.DOTALL
    )
    for number, line in enumerate(without_prose.splitlines(), 1):
        code = line.split("#")[0]
        for found in COMPARED_IN_CYTHON.finditer(code):
            name, other = found[1].rpartition(".")[2], found[3]
            if SECRET.search(name) and not re.match(r"(NULL|None|-?\d|b?['\"]|[A-Z_]+\b)", other):
                yield number, name
        for found in COMPARED_TO_IN_CYTHON.finditer(code):
            name = found[2].rpartition(".")[2]
            if SECRET.search(name):
                yield number, name


def imported(source: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def imports_of(path: Path) -> list[tuple[int, str]]:
    if path.suffix != ".pyx":
        return list(imported(tree(path)))
    lines = text(path).splitlines()
    pattern = re.compile(r"\s*(?:from|c?import)\s+(\w+)")
    return [
        (number, found[1]) for number, line in enumerate(lines, 1) if (found := pattern.match(line))
    ]


def test_secrets_are_compared_in_constant_time() -> None:
    breaches, allowed = [], set()
    for path in with_suffix(".py", ".pyx"):
        if path.parts[0] not in WATCHED:
            continue
        found = (
            compared_in_python(tree(path))
            if path.suffix == ".py"
            else compared_in_cython(text(path))
        )
        for line, name in found:
            row = ("compared", path.as_posix(), name)
            allowed.add(row)
            if row not in ALLOWED:
                breaches.append(f"{path}:{line}: {name}")

    expect_none(breaches, "hmac.compare_digest, _macs.equal, Key.same_as or CRYPTO_memcmp")
    assert set(ALLOWED) <= allowed, "an exception that nothing needs"


def test_what_makes_secrets_takes_no_guessable_numbers() -> None:
    expect_none(
        (
            f"{path}:{line}: {name}"
            for path in with_suffix(".py", ".pyx")
            if path.as_posix().startswith(MAKES_SECRETS)
            for line, name in imports_of(path)
            if name == "random"
        ),
        "only `secrets`, RAND_bytes and RAND_priv_bytes",
    )


def test_nothing_is_pickled() -> None:
    expect_none(
        f"{path}:{line}: {name}"
        for path in filter(in_packages, with_suffix(".py", ".pyx"))
        for line, name in imports_of(path)
        if name in WRITES_OBJECTS
    )


def test_ciphers_are_those_of_openssl() -> None:
    expect_none(
        f"{path}:{line}: {name}"
        for path in with_suffix(".py", ".pyx")
        for line, name in imports_of(path)
        if name in FOREIGN_CIPHERS
    )
    project = tomllib.loads((source_tree.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    names = {re.split(r"[^\w-]", one, maxsplit=1)[0].lower() for one in wanted}
    assert names & FOREIGN_PACKAGES == set()
    assert "cryptography" in names, "names were read"


@pytest.mark.parametrize(
    "line",
    [
        "if mac == told: pass",
        "ok = card.pvv != made_pvv",
        "ok = digest in known",
        "ok = hmac(key, data) == told",
        "ok = self.icc_master_key == other",
        "ok = told[4:] == cryptogram",
    ],
)
def test_the_rule_finds_a_comparison(line: str) -> None:
    assert list(compared_in_python(ast.parse(line)))
    assert list(compared_in_cython(line)) or " in " in line or "(" in line


@pytest.mark.parametrize(
    "line", ["if mac is None: pass", "if pin == '': pass", "if digest != 0: pass", "x = pan == y"]
)
def test_the_rule_lets_the_harmless_pass(line: str) -> None:
    assert list(compared_in_python(ast.parse(line))) == []
    assert list(compared_in_cython(line)) == []
