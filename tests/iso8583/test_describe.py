"""What people see: masked, whatever the message, the spec and the place."""

import pickle

import pytest

from switch.iso8583 import DecodeError, Message, decode, describe, encode, named
from switch.iso8583.masking import masked
from tests.iso8583.plain import DEFAULT

BINARY = named("iso1987-binary")
PAN = "6037991234567893"
PURCHASE = Message(
    "0200",
    {
        2: PAN,
        3: "000000",
        4: "000000150000",
        34: PAN,
        35: f"{PAN}D28121010000012300000",
        45: f"B{PAN}^AHMADI/SARA^28121010000012300000",
        52: "0123456789ABCDEF",
        "48.PR": "points",
        "48.CV": "246",
        "48.VP": "5550001112223334",
        "55.5A": PAN,
        "55.57": f"{PAN}D28121010000012300000F",
        "55.70": f"5A08{PAN}",
        "55.9F26": "0011223344556677",
        59: f"card {PAN} of mine",
    },
)
SECRETS = [PAN, "123456789", "2812101", "AHMADI", "0123456789ABCDEF", "246", "5550001112223334"]


def test_describe_lays_out_a_message_with_titles() -> None:
    lines = describe(decode(encode(PURCHASE, BINARY), BINARY)).splitlines()

    assert lines[0] == "0200  iso1987-binary"
    assert lines[1].split() == ["2", "Primary", "account", "number", "(PAN)", "603799******7893"]
    assert lines[3].split() == ["4", "Amount,", "transaction", "000000150000"]
    assert any(line.split() == ["48.PR", "points"] for line in lines)
    assert any(line.split() == ["55.9F26", "0011223344556677"] for line in lines)
    assert any(line.split() == ["55.5A", "603799******7893"] for line in lines)


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_shows_card_data(secret: str) -> None:
    data = encode(PURCHASE, BINARY)
    received = decode(data, BINARY)

    shown = [
        repr(PURCHASE),
        describe(PURCHASE),
        describe(PURCHASE, BINARY),
        repr(received),
        describe(received),
        describe(data, BINARY),
        describe(data[:-1], BINARY),
        repr(Message("0200", {key: received[key] for key in received})),
        describe(Message("0200", {key: received[key] for key in received})),
    ]

    for text in shown:
        assert secret not in text
    assert all("603799******7893" in text for text in shown)


def test_a_plain_spec_that_says_nothing_of_masks_masks_what_is_known() -> None:
    message = Message(
        "0200", {2: PAN, 35: f"{PAN}=2812101", 52: "0123456789ABCDEF", 55: f"5A08{PAN}"}
    )
    received = decode(encode(message, DEFAULT), DEFAULT)

    for text in (repr(received), describe(received)):
        assert PAN not in text
        assert "2812101" not in text
        assert "0123456789ABCDEF" not in text


def test_describe_of_broken_bytes_shows_what_stands_before_the_fault() -> None:
    data = encode(PURCHASE, BINARY)[:40]

    text = describe(data, BINARY)

    assert "Amount, transaction" in text
    assert text.splitlines()[-1].strip().startswith("!  element 34, byte ")


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x02\x0a", b"\x02\x00\x70"])
def test_describe_takes_any_bytes(data: bytes) -> None:
    assert "!  element" in describe(data, BINARY)


def test_describe_needs_a_spec_for_bytes() -> None:
    with pytest.raises(TypeError, match="with a spec"):
        describe(b"0200")


def test_control_characters_do_not_reach_the_terminal() -> None:
    received = decode(encode(Message("0200", {48: "a\x1b[2Jb\n"}), DEFAULT), DEFAULT)

    text = describe(received) + repr(received)

    assert "\x1b" not in text
    assert r"a\x1b[2Jb\n" in text


def test_errors_name_the_byte_and_never_the_data() -> None:
    data = encode(PURCHASE, BINARY)
    for size in range(len(data)):
        with pytest.raises(DecodeError) as caught:
            decode(data[:size], BINARY)
        error = caught.value
        shown = f"{error} {error!r} {vars(error)}"

        assert 0 <= (error.offset or 0) <= size
        assert not any(secret in shown for secret in SECRETS if len(secret) > 3)


def test_errors_travel_between_processes() -> None:
    with pytest.raises(DecodeError) as caught:
        decode(b"\x02\x00\x40", BINARY)
    error = caught.value

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is DecodeError
    assert str(again) == str(error)
    assert (again.element, again.offset, again.reason, again.response_code_hint) == (
        error.element,
        error.offset,
        error.reason,
        error.response_code_hint,
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("6037991234567893", "603799******7893"),
        ("1111111111111", "1111111111111"),  # fails Luhn: no PAN
        ("376037991234567893", "376037********7893"),
        (f"000000150000{'6037991234567893'}2812", f"000000{'*' * 22}2812"),
        ("0" * 42, "0" * 42),
        ("123", "123"),
    ],
)
def test_a_pan_is_masked_where_no_spec_says_that_there_may_be_one(value: str, shown: str) -> None:
    assert masked(value, "none") == shown


def test_too_short_a_pan_is_hidden_altogether() -> None:
    assert masked("60379912", "pan") == "****"
