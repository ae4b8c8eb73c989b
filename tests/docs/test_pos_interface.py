"""The interface document's hex examples, byte for byte: through the codec, and to a real switch."""

from pathlib import Path

import pytest

from acquirers.pos import PROFILES
from acquirers.terminal.exchange import reply_type
from acquirers.terminal.wire import wire_of
from bashgah import demo_keys
from switch.iso8583 import DecodeError, decode, encode, reply_tpdu
from switch.reasons import RESPONSE_CODES, Reason
from switch.response_codes import ResponseCode
from tests.docs.examples import DOCUMENT, Example, read_examples, unframed, with_examples
from tests.docs.rehearsal import Rehearsal
from tests.golden.demo_switch import DemoSwitch
from tests.golden.line import connected

TEXT = DOCUMENT.read_text("utf-8")
EXAMPLES = read_examples(TEXT)
CODES = TEXT.split("\n## 10 Response codes\n")[1].split("\n## 11 ")[0]
UNREADABLE = {"format-error"}
"""Examples whose request is broken on purpose."""


def named(example: Example) -> str:
    return example.name


def test_the_document_has_examples_of_every_operation_and_both_profiles() -> None:
    names = {example.name for example in EXAMPLES}

    assert {example.profile for example in EXAMPLES} == set(PROFILES)
    assert names >= {
        "purchase-binary", "purchase-ascii", "repeat", "mixed", "points", "load", "balance",
        "refund", "preauthorisation", "completion", "reversal", "partial-reversal", "decline",
        "partial", "duplicate", "format-error", "sign-on", "echo", "cut-over",
        "pin-right", "pin-wrong", "chip", "mac", "mac-echo",
        "voucher-sale", "redeem", "redeem-refused",
        "activation", "withdrawal", "renewal", "register-item", "item", "claim",
        "instalments", "debt", "repayment", "settlement", "settlement-declined",
        "instalments-rebate", "debt-rebate", "settlement-rebate",
    }  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_example_is_what_the_codec_reads_and_writes(example: Example) -> None:
    wire = wire_of(example.profile)
    request = unframed(example.request, wire)
    reply = unframed(example.reply, wire)

    assert reply.tpdu == reply_tpdu(request.tpdu)
    assert encode(decode(reply.body, wire.spec), wire.spec) == reply.body
    if example.name in UNREADABLE:
        with pytest.raises(DecodeError):
            decode(request.body, wire.spec)
        return
    message = decode(request.body, wire.spec)
    assert encode(message, wire.spec) == request.body
    assert decode(reply.body, wire.spec).mti == reply_type(message.mti)


def test_the_descriptions_beside_the_examples_are_the_codecs_own() -> None:
    assert with_examples(TEXT, EXAMPLES) == TEXT


@pytest.mark.slow
def test_a_real_switch_answers_the_examples_as_documented(demo_switch: DemoSwitch) -> None:
    rehearsal = Rehearsal()

    for example in EXAMPLES:
        with connected(demo_switch.port[example.profile], wire_of(example.profile)) as line:
            played = rehearsal.play(example, line)

        assert played.hex(" ") == example.reply.hex(" "), example.name


@pytest.mark.parametrize("code", list(ResponseCode), ids=lambda code: code.value)
def test_every_response_code_stands_in_the_table(code: ResponseCode) -> None:
    assert f"\n| {code.value} | " in CODES


@pytest.mark.parametrize(
    "reason",
    [reason for reason in Reason if reason is not Reason.NONE],
    ids=lambda reason: reason.name.lower(),
)
def test_every_reason_stands_beside_its_response_code(reason: Reason) -> None:
    name = reason.name.lower()
    code = RESPONSE_CODES[reason]
    assert f"`{name}`" in TEXT
    if code is not ResponseCode.APPROVED:
        (row,) = [line for line in CODES.splitlines() if line.startswith(f"| {code.value} | ")]
        assert f"`{name}`" in row


def test_the_demos_keys_are_told() -> None:
    for key in (
        demo_keys.MASTER_KEY,
        demo_keys.PIN_KEY,
        demo_keys.MAC_KEY,
        demo_keys.DATA_KEY,
    ):
        assert f"`{key}`" in TEXT


def test_links_inside_the_document_lead_somewhere() -> None:
    headings = {
        "".join(
            letter for letter in line[3:].lower() if letter.isalnum() or letter in " -"
        ).replace(" ", "-")
        for line in TEXT.splitlines()
        if line.startswith("## ")
    }
    links = {part.split(")")[0] for part in TEXT.split("](#")[1:]}

    assert links
    assert links <= headings


def test_files_that_the_document_names_are_there() -> None:
    root = Path(DOCUMENT).parents[1]

    for name in ("acquirers/terminal", "acquirers/terminal/texts.py", "docs/GLOSSARY.md"):
        assert (root / name).exists()
        assert name.removeprefix("docs/") in TEXT
