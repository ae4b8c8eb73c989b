"""`bashgah iso`, run as a person runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bashgah.commands.iso import app
from switch.iso8583.specs import SPECS

PAN = "6037991234567893"
SIGN_ON = "0800802000000080000004000000000000000000015445524D303030310301"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


def test_describe_shows_a_message_by_element() -> None:
    result = run("describe", SIGN_ON)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "0800  iso1987-binary"
    assert "Card acceptor terminal identification           TERM0001" in result.stdout


def test_encode_writes_what_describe_reads() -> None:
    message = {"mti": "0800", "11": "000001", "41": "TERM0001", "70": "301"}

    result = run("encode", json.dumps(message))

    assert (result.exit_code, result.stdout) == (0, SIGN_ON + "\n")


def test_a_message_may_come_by_standard_input_with_spaces_and_lines() -> None:
    spaced = "\n".join(SIGN_ON[at : at + 8] for at in range(0, len(SIGN_ON), 8))

    assert run("describe", "-", stdin=spaced).stdout == run("describe", SIGN_ON).stdout
    assert run("encode", "-", stdin='{"mti": "0800"}').stdout == "08000000000000000000\n"


@pytest.mark.parametrize("framing", ["binary2", "ascii4+inclusive", "bcd2+tpdu", "binary4+tpdu"])
def test_framed_messages_are_written_and_all_of_them_described(framing: str) -> None:
    options = ["--framing", framing]
    tpdu = ["--tpdu", "6000030001"] if "tpdu" in framing else []
    first = run("encode", *options, *tpdu, '{"mti": "0800", "70": "001"}').stdout.strip()
    second = run("encode", *options, *tpdu, '{"mti": "0810", "70": "301"}').stdout.strip()

    described = run("describe", *options, first + second)

    assert described.exit_code == 0
    assert [line[:4] for line in described.stdout.splitlines() if line[:1] == "0"] == [
        "0800",
        "0810",
    ]


def test_a_broken_message_is_shown_up_to_its_fault_and_ends_with_one() -> None:
    result = run("describe", SIGN_ON[:-2])

    assert result.exit_code == 1
    assert "TERM0001" in result.stdout
    assert "!  element 70, byte 29: the data ends before the element does" in result.stdout


def test_what_is_shown_is_masked() -> None:
    coded = run("encode", json.dumps({"mti": "0200", "2": PAN, "52": "0123456789ABCDEF"})).stdout

    shown = run("describe", coded).output + run("describe", coded[:24]).output

    assert PAN not in shown
    assert "0123456789ABCDEF" not in shown
    assert "603799******7893" in shown


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_a_spec_may_come_from_a_file(tmp_path: Path, suffix: str) -> None:
    rows = {
        "t": {"data_enc": "ascii", "len_type": 0, "max_len": 4},
        "p": {"data_enc": "b", "len_type": 0, "max_len": 8},
        "48": {"data_enc": "ascii", "len_enc": "ascii", "len_type": 1, "max_len": 9},
    }
    path = tmp_path / f"mine.{suffix}"
    path.write_text(
        json.dumps(rows)
        if suffix == "json"
        else "\n".join(
            f'["{key}"]\n' + "\n".join(f"{name} = {json.dumps(v)}" for name, v in row.items())
            for key, row in rows.items()
        )
    )

    result = run("encode", "--spec", str(path), '{"mti": "0200", "48": "abc"}')

    assert result.stdout == "303230300000000000010000" + "33616263" + "\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "complaint"),
    [
        (["describe", "02x0"], 2, "digit 3 is not hex"),
        (["describe", "020"], 2, "half a byte"),
        (["describe", "--spec", "nothing", "0200"], 2, "there are iso1987-ascii"),
        (["describe", "--spec", "absent.json", "0200"], 2, "absent.json"),
        (["describe", "--framing", "odd9", "0200"], 2, "--framing"),
        (["describe", "--framing", "bcd2+odd", "0200"], 2, "there are tpdu and inclusive"),
        (["describe", "--framing", "binary2", "0003"], 2, "cut short"),
        (["describe", "--framing", "binary2", "0000"], 2, "frame 1: a message of 0 bytes"),
        (["encode", "{"], 2, "JSON"),
        (["encode", "{}"], 2, "mti"),
        (["encode", '{"mti": "0200", "02": "1"}'], 2, "no element is called '02'"),
        (["encode", '{"mti": "0200", "3": 0}'], 2, "JSON"),
        (["encode", '{"mti": "0200", "3": "x"}'], 1, "element 3"),
        (["encode", "--tpdu", "60", "--framing", "bcd2+tpdu", '{"mti": "0200"}'], 2, "TPDU"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    arguments: list[str], exit_code: int, complaint: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == exit_code
    assert complaint in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_errors_do_not_repeat_what_was_given() -> None:
    for arguments in (["describe", f"{PAN}x"], ["encode", f'{{"mti": "0200", "2": "{PAN}'],
                      ["encode", f'{{"mti": "0200", "2": "{PAN}99999"}}']):  # fmt: skip
        result = run(*arguments)

        assert result.exit_code != 0
        assert PAN not in result.output


@pytest.mark.parametrize("name", SPECS)
def test_every_shipped_spec_can_be_named(name: str) -> None:
    coded = run("encode", "--spec", name, '{"mti": "0800", "41": "TERM0001"}').stdout

    assert "TERM0001" in run("describe", "--spec", name, coded).stdout
