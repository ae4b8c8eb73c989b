"""Files that people write: what ships can be read, and a mistake is named with its path."""

import re
from pathlib import Path
from typing import Any

import pytest

from loadtest.arrival import constant
from loadtest.errors import LoadtestError
from loadtest.run import RunPlan, compile_plan
from loadtest.spec_file import load_spec
from loadtest.target import TARGETS, load_target
from loadtest.workload import load_workload, workload_names
from switch.iso8583 import Message, decode, encode

SHIPPED = {
    "shop-day",
    "gift-season",
    "salary-day",
    "points-rush",
    "flood",
    "hostile",
    "purchase",
    "all-products",
}

OURS = (TARGETS / "bashgah-binary.toml").read_text()
WORKLOAD = """
name = "mine"
[[scenario]]
name = "purchase"
weight = 1
step = [{ kind = "purchase" }, { kind = "reversal", after = "timeout" }]
"""
SPEC = """
digits = "packed"
[elements]
2 = "n..19 Primary account number"
4 = "n12"
37 = "an12"
48 = "ans...999"
55 = { data_enc = "b", len_enc = "b", len_type = 2, max_len = 255 }
"""


def plan(**given: Any) -> RunPlan:
    return RunPlan(
        **{"target": "bashgah-binary", "workload": "purchase", "arrival": constant(1), **given}
    )


def written(folder: Path, name: str, text: str, *changes: tuple[str, str]) -> str:
    """Write a file with changes in it; give its path."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text)
    return str(path)


def test_all_that_ships_fits_together() -> None:
    assert set(workload_names()) == SHIPPED
    for target in ("bashgah-binary", "bashgah-ascii"):
        for workload in SHIPPED:
            compile_plan(plan(target=target, workload=workload))
    compile_plan(plan(target="echo"))
    compile_plan(plan(target="example-host"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weight = 1", "weight = 0", "$.scenario[0].weight"),
        ("weight = 1", 'weight = "much"', "$.scenario[0].weight"),
        ("weight = 1", "weigth = 1", "weigth"),
        ('after = "timeout"', 'after = "noon"', "$.scenario[0].step[1].after"),
        ('kind = "purchase" }', "repeat = true }", "$.scenario[0].step[0].repeat"),
        ('after = "timeout"', "original = 2", "$.scenario[0].step[1].original"),
        ('after = "timeout"', "part = [0, 10]", "$.scenario[0].step[1].part"),
        ('name = "purchase"', 'name = "p"\ngarbage = "body"', "one that is not garbage"),
        ('name = "purchase"', 'name = "p"\namount_minor = [5, 1]', "$.scenario[0].amount_minor"),
        ('name = "mine"', 'name = "mine"\ncard_exponent = -1', "exponents"),
        ('kind = "purchase"', 'kind = "gift"', "no kind 'gift'"),
        ('name = "purchase"', 'name = "p"\ncards = "gold"', "no cards 'gold'"),
        ('name = "mine"', "name = mine", "Invalid value"),
    ],
)
def test_a_mistake_in_a_workload_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, "mine.toml", WORKLOAD, (old, new))

    with pytest.raises(LoadtestError, match=re.escape(message)):
        compile_plan(plan(workload=path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("port = 8583", "prot = 8583", "prot"),
        ('length = "binary2"', 'length = "binary3"', "$.framing.length"),
        ('tpdu = "6000010000"', 'tpdu = "60"', "$.framing.tpdu"),
        ("first = 9000000, count = 100", "first = 9999999, count = 100", "$.cards.unknown"),
        ('prefix = "93640011", first = 4', 'prefix = "x", first = 4', "$.cards.blocked"),
        ("first = 3, count = 1,", "first = 3, count = 1, digits = 19,", "all groups"),
        ('pattern = "T%07d"', 'pattern = "T"', "$.terminals"),
        ('"BOOKS0000000001"', '"BOOKS"', "$.terminals"),
        ('time_zone = "Asia/Tehran"', 'time_zone = "Asia/Rome"', "$.time_zone"),
        ('37 = "{rrn}"', '37 = "{number}"', "no placeholder {number}"),
        ('37 = "{rrn}", ', "", "element 37 is a key"),
        ('3 = "000000"', '3 = "00000"', "$.kinds.purchase"),
        ('spec = "iso1987-binary"', 'spec = "iso2087"', "iso2087"),
        ('currency = "364"', "", "the target has no currency"),
    ],
)
def test_a_mistake_in_a_target_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = written(tmp_path, "host.toml", OURS, (old, new))

    with pytest.raises(LoadtestError, match=re.escape(message)) as caught:
        compile_plan(plan(target=path))

    assert "9364001100" not in str(caught.value)


@pytest.mark.parametrize("name", ["nobody", "nobody.toml"])
def test_a_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(LoadtestError, match="nobody"):
        load_target(name)
    with pytest.raises(LoadtestError, match="nobody"):
        load_workload(name)
    with pytest.raises(LoadtestError, match="nobody"):
        load_spec(name)


def test_a_spec_file_is_a_dialect(tmp_path: Path) -> None:
    written(tmp_path, "mine.toml", SPEC)
    message = Message("0200")
    message.update({"2": "9364001100000016", "4": "000000000100", "37": "A" * 12, "55": "9F02"})

    spec = load_spec("mine.toml", tmp_path)
    body = encode(message, spec)

    assert spec.name == "mine"
    assert body[:2] == b"\x02\x00"
    assert body[-4:] == b"\x00\x02\x9f\x02"
    assert dict(decode(body, spec).items()) == dict(message.items())


def test_a_spec_may_extend_another(tmp_path: Path) -> None:
    text = 'extends = "iso1987-ascii"\n[elements]\n48 = "ans..99 shorter here"\n'
    written(tmp_path, "other.toml", text)

    spec = load_spec("other.toml", tmp_path)

    assert spec.elements[48].max_len == 99
    assert spec.elements[4].desc == load_spec("iso1987-ascii").elements[4].desc


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"n12"', '"m12"', "element 4: 'm12'"),
        ("max_len = 255", "max_len = 0", "max_len"),
        ('digits = "packed"', 'digits = "octal"', "$.digits"),
        ('37 = "an12"', '337 = "an12"', "337"),
    ],
)
def test_a_mistake_in_a_spec_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    written(tmp_path, "mine.toml", SPEC, (old, new))

    with pytest.raises(LoadtestError, match=re.escape(message)):
        load_spec("mine.toml", tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"connections": 30_000}, "connections"), ({"window": 0}, "window")],
)
def test_a_plan_beyond_all_bounds_is_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(LoadtestError, match=message):
        compile_plan(plan(**changes))
