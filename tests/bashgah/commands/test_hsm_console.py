"""The console of the HSM, typed at as a person would: a whole life of keys, and what it refuses."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bashgah.commands.hsm_console import console_app
from hsm_sim import custodians as custodian_files
from switch.errors import OperatingError

ANN, BOB = "ann likes long words", "bob likes long words"
COMPONENTS = ("11" * 32, "2F" * 32)


class Console:
    """A console in a directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, typed: tuple[str, ...] = ()) -> Result:
        lines = "".join(f"{line}\n" for line in typed)
        return CliRunner().invoke(console_app, [*arguments, "--home", str(self.home)], input=lines)

    def does(self, *arguments: str, typed: tuple[str, ...] = ()) -> str:
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def refuses(self, *arguments: str, typed: tuple[str, ...] = ()) -> str:
        result = self.run(*arguments, typed=typed)
        assert isinstance(result.exception, OperatingError), result.output
        return str(result.exception)


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(custodian_files, "COST", 2)  # scrypt, but quick
    console = Console(tmp_path / "hsm")
    console.does("custodian", "add", "ann", typed=(ANN, ANN))
    console.does("custodian", "add", "bob", typed=(BOB, BOB))
    return console


BOTH = ("--custodian", "ann", "--custodian", "bob")
FORMING = (ANN, COMPONENTS[0], BOB, COMPONENTS[1])


@pytest.fixture
def ready(console: Console) -> Console:
    console.does("lmk", "form", *BOTH, typed=FORMING)
    return console


def test_a_key_lives_from_its_ceremony_to_another_zone(ready: Console) -> None:
    halves = ("00112233445566778899AABBCCDDEEFF", "0F1E2D3C4B5A69788796A5B4C3D20123")
    formed = ready.does("key", "form", "zone", *BOTH, typed=(ANN, halves[0], BOB, halves[1]))
    made = ready.does("key", "generate", "pins", "--type", "ZPK")
    out = ready.does("key", "export", "pins", "--zmk", "zone")
    block = out.splitlines()[0]
    back = ready.does("key", "import", "again", block, "--zmk", "zone", "--type", "ZPK")

    listed = ready.does("key", "list")

    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["again", "ZPK"],
        ["pins", "ZPK"],
        ["zone", "ZMK"],
    ]
    assert made.splitlines()[-1] == back.splitlines()[-1] == out.splitlines()[-1]
    assert block.startswith("RB")
    assert "check value" in formed
    assert "all as written" in ready.does("audit", "verify")


def test_a_zmk_leaves_only_when_two_have_authorised_it(ready: Console) -> None:
    for name in ("one", "two"):
        ready.does("key", "generate", name, "--type", "ZMK")

    assert "17" in ready.refuses("key", "export", "one", "--zmk", "two")
    assert "2 custodians" in ready.refuses("authorise", "--custodian", "ann", typed=(ANN,))
    assert "twice" in ready.refuses(
        "authorise", "--custodian", "ann", "--custodian", "ann", typed=(ANN, ANN)
    )
    assert "authorised until 2" in ready.does("authorise", *BOTH, typed=(ANN, BOB))
    assert ready.does("key", "export", "one", "--zmk", "two").startswith("RB")
    ready.does("unauthorise")
    assert "17" in ready.refuses("key", "export", "one", "--zmk", "two")


def test_an_lmk_is_formed_once_and_by_two(console: Console) -> None:
    assert "2 custodians" in console.refuses(
        "lmk", "form", "--custodian", "ann", typed=(ANN, COMPONENTS[0])
    )
    assert not (console.home / "hsm.lmk").exists()

    assert "LMK" in console.does("lmk", "form", *BOTH, typed=FORMING)
    assert "never overwritten" in console.refuses("lmk", "form", *BOTH, typed=FORMING)


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (("custodian", "add", "dan"), ("one passphrase", "another one"), "two different"),
        (("custodian", "add", "ann"), (ANN, ANN), "already"),
        (("custodian", "add", "dan"), (), "has ended"),
        (("lmk", "form", *BOTH), (ANN, "no hexadecimal"), "not a component"),
        (("lmk", "form", *BOTH), (BOB, COMPONENTS[0]), "another passphrase"),
        (("key", "generate", "k", "--type", "ZPK"), (), "hsm.lmk"),
        (("key", "list", "extra"), (), ""),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    console: Console, arguments: tuple[str, ...], typed: tuple[str, ...], told: str
) -> None:
    result = console.run(*arguments, typed=typed)

    assert result.exit_code != 0
    if told:
        assert isinstance(result.exception, OperatingError)
        assert told in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("generate", "pins", "--type", "QPK"), "no type"),
        (("generate", "pins", "--type", "ZPK", "--algorithm", "Q1"), "no algorithm"),
        (("generate", "pins", "--type", "ZPK", "--algorithm", "H1"), "error A7"),
        (("generate", "pins", "--type", "ZPK", "--exportability", "Q"), "error AA"),
        (("export", "nobody", "--zmk", "zone"), "no key named"),
        (("export", "zone", "--zmk", "zone", "--scheme", "Q"), "error"),
        (("import", "k", "RUBBISH", "--zmk", "zone", "--type", "ZPK"), "error 83"),
        (("generate", "zone", "--type", "ZPK"), "is there"),
        (("generate", "k", "--type", "ZPK", "--lmk", "variant-test"), "key-block LMK"),
    ],
)
def test_keys_that_cannot_be_are_refused(
    ready: Console, arguments: tuple[str, ...], told: str
) -> None:
    ready.does("key", "generate", "zone", "--type", "ZMK")

    assert told in ready.refuses("key", *arguments)
    assert len(ready.does("key", "list").splitlines()) == 1


def test_a_key_of_another_type_is_not_kept(ready: Console) -> None:
    ready.does("key", "generate", "zone", "--type", "ZMK")
    ready.does("key", "generate", "pins", "--type", "ZPK")
    block = ready.does("key", "export", "pins", "--zmk", "zone").splitlines()[0]

    told = ready.refuses("key", "import", "macs", block, "--zmk", "zone", "--type", "ZAK")

    assert "error A6" in told
    assert "macs" not in ready.does("key", "list")


@pytest.mark.parametrize(("kind", "algorithm"), [("VOUCHER", "H1"), ("TAK", "A1"), ("ZPK", "A3")])
def test_keys_of_every_algorithm_are_made(ready: Console, kind: str, algorithm: str) -> None:
    ready.does("key", "generate", "k", "--type", kind, "--algorithm", algorithm)

    assert f" {kind} " in ready.does("key", "list")


def test_a_component_is_shown_with_its_check_value_and_not_written_down(console: Console) -> None:
    shown = console.does("lmk", "component")

    component = re.search(r"component +([0-9A-F]{64})$", shown, re.MULTILINE)
    assert component is not None
    assert component[1] not in (console.home / "audit.jsonl").read_text().upper()


def test_a_trail_that_was_changed_is_told_with_exit_code_1(ready: Console) -> None:
    path = ready.home / "audit.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))

    result = ready.run("audit", "verify")

    assert result.exit_code == 1
    assert "line 3" in result.output
    assert "nothing more is written" in ready.refuses("key", "generate", "k", "--type", "ZPK")


def test_no_file_and_no_output_shows_a_secret(ready: Console) -> None:
    output = ready.does("key", "generate", "k", "--type", "ZPK")

    for path in ready.home.iterdir():
        if path.name != "hsm.lmk":
            output += path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
    formed = bytes(a ^ b for a, b in zip(*map(bytes.fromhex, COMPONENTS), strict=True)).hex()
    assert [one for one in (ANN, BOB, *COMPONENTS, formed) if one.upper() in output.upper()] == []
    assert json.loads((ready.home / "keys.json").read_text())["k"]["kind"] == "ZPK"
