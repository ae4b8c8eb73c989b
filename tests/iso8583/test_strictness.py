"""What pyiso8583 takes and we refuse, one test each; docs/iso8583.md lists them for people.

Each test shows both: pyiso8583 4.0.1 accepts the bytes (or fails in a way of its own), ours names
the element. When pyiso8583 becomes stricter, its half of the test says so.
"""

import iso8583
import iso8583.specs
import pytest

from switch.iso8583 import DecodeError, EncodeError, Message, Spec, decode, encode
from switch.response_codes import ResponseCode
from tests.iso8583.plain import DEFAULT, DEFAULT_ASCII, packed, spec_of, text

THEIRS = iso8583.specs.default
THEIRS_ASCII = iso8583.specs.default_ascii


def refused(data: bytes, spec: Spec = DEFAULT_ASCII) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(data, spec)
    return caught.value


@pytest.mark.parametrize("length", [b"1_0", b"+10", b" 10", b"10 ", b"\n10"])
def test_a_length_is_digits_only(length: bytes) -> None:
    data = b"0200" + b"0000000000010000" + length + b"0123456789"

    assert iso8583.decode(data, THEIRS_ASCII)[0]["48"] == "0123456789"
    error = refused(data)

    assert (error.element, error.offset) == ("48", 20)


def test_a_length_is_not_negative() -> None:
    assert refused(b"0200" + b"4000000000000000" + b"-9" + b"012345678").element == "2"


def test_digits_of_other_scripts_are_no_length() -> None:
    # In code page 864 B0 to B9 are ARABIC-INDIC DIGITS, which Python's int() takes.
    elements = {"48": text(99, 2, len_enc="cp864")}
    data = b"0200" + bytes.fromhex("0000000000010000") + b"\xb0\xb1" + b"x"

    assert iso8583.decode(data, {**THEIRS, **elements})[0]["48"] == "x"
    assert refused(data, spec_of(elements)).element == "48"


def test_digits_of_other_scripts_are_no_number() -> None:
    spec = spec_of({"3": text(2, data_enc="cp864", content="n")})

    assert refused(b"0200" + bytes.fromhex("2000000000000000") + b"\xb0\xb1", spec).element == "3"


def test_ebcdic_digits_are_no_ascii_digits() -> None:
    data = bytes.fromhex("F0F2F0F0") + b"0000000000000000"

    assert refused(data).element == "t"


def test_ascii_digits_are_no_ebcdic_digits() -> None:
    spec = spec_of({"3": text(6, data_enc="cp500", content="n")})

    assert refused(b"0200" + bytes.fromhex("2000000000000000") + b"000000", spec).element == "3"


def test_a_bitmap_has_no_spaces() -> None:
    data = b"0200" + b"40000000000000  " + b"041234"

    assert iso8583.decode(data, THEIRS_ASCII)[0]["2"] == "1234"
    assert refused(data).element == "p"


def test_a_bitmap_of_spaces_is_none() -> None:
    data = b"0800" + b" " * 16

    assert iso8583.decode(data, THEIRS_ASCII)[0]["t"] == "0800"
    assert refused(data).element == "p"


def test_a_bitmap_in_lower_case_is_refused_because_it_would_be_written_otherwise() -> None:
    data = b"0200" + b"0000a00000000000" + b"1234" + b"051"

    assert iso8583.decode(data, THEIRS_ASCII)[0]["19"] == "051"
    error = refused(data)

    assert (error.element, error.offset) == ("p", 8)


@pytest.mark.parametrize("message_type", [b"ZZZZ", b"02 0", b"\xf0200"])
def test_a_message_type_is_four_digits(message_type: bytes) -> None:
    error = refused(message_type + b"0000000000000000")

    assert error.element == "t"
    assert error.response_code_hint in (
        ResponseCode.INVALID_TRANSACTION,
        ResponseCode.FORMAT_ERROR,
    )


def test_pyiso8583_takes_letters_as_a_message_type() -> None:
    assert iso8583.decode(b"ZZZZ" + b"0" * 16, THEIRS_ASCII)[0]["t"] == "ZZZZ"


def test_a_pan_is_digits_even_if_a_plain_spec_does_not_say_so() -> None:
    data = b"0200" + b"4000000000000000" + b"09" + b"ABCDEFGHI"

    assert iso8583.decode(data, THEIRS_ASCII)[0]["2"] == "ABCDEFGHI"
    assert refused(data).element == "2"


def test_an_element_beyond_the_spec_is_an_error_of_the_message() -> None:
    data = b"0200" + bytes.fromhex("8000000000000000" * 3) + b"x"

    with pytest.raises(KeyError):
        iso8583.decode(data, THEIRS)
    assert refused(data, DEFAULT).element == "129"


def test_an_element_that_the_spec_lacks_is_an_error_of_the_message() -> None:
    theirs = {key: row for key, row in THEIRS.items() if key != "3"}
    data = b"0200" + bytes.fromhex("2000000000000000") + b"000000"

    with pytest.raises(KeyError):
        iso8583.decode(data, theirs)
    assert refused(data, spec_of({"2": text(19, 2)})).element == "3"


def test_a_secondary_bitmap_that_nothing_needs_is_refused() -> None:
    data = b"0800" + bytes.fromhex("8000000000000000" + "0000000000000000")

    assert "1" in iso8583.decode(data, THEIRS)[0]
    assert refused(data, DEFAULT).element == "1"


def test_a_tertiary_bitmap_that_nothing_needs_is_refused() -> None:
    spec = spec_of({"130": text(1)})
    data = b"0800" + bytes.fromhex("8000000000000000" + "8000000000000000" + "00" * 8)

    assert refused(data, spec).element == "65"


def test_what_follows_the_last_element_is_refused() -> None:
    data = b"0200" + b"4000000000000000" + b"041234" + b"0"

    error = refused(data)

    assert (error.element, error.offset) == ("2", 26)


def test_a_length_above_the_maximum_is_refused() -> None:
    assert refused(b"0200" + b"4000000000000000" + b"20" + b"1" * 20).element == "2"


@pytest.mark.parametrize("padding", ["F1234567", "11234567"])
def test_an_odd_count_is_padded_as_the_spec_says(padding: str) -> None:
    spec = spec_of({"3": packed(7, left_pad="0", content="n")})
    start = b"0200" + bytes.fromhex("2000000000000000")

    assert decode(start + bytes.fromhex("01234567"), spec)["3"] == "1234567"
    assert refused(start + bytes.fromhex(padding), spec).element == "3"


def test_with_both_pads_the_left_one_counts_in_both_directions() -> None:
    row = packed(7, left_pad="0", right_pad="F")
    data = b"0200" + bytes.fromhex("2000000000000000") + bytes.fromhex("1234567F")

    # pyiso8583 takes off the right pad and would write the left one: other bytes.
    their_decoded = iso8583.decode(data, {**THEIRS, "3": row})[0]
    assert iso8583.encode(their_decoded, {**THEIRS, "3": row})[0] != data
    assert refused(data, spec_of({"3": row})).element == "3"


def test_text_that_is_counted_in_nibbles_has_an_even_count() -> None:
    row = text(20, 2, len_count="nibbles")
    data = b"0200" + bytes.fromhex("2000000000000000") + b"03" + b"ab"

    assert iso8583.decode(data, {**THEIRS, "3": row})[0]["3"] == "ab"
    assert refused(data, spec_of({"3": row})).element == "3"


@pytest.mark.parametrize("key", ["02", "0", "1", "t", "193", "-2", " 2", "٢", "2.", ""])
def test_a_key_that_names_no_element_is_refused_when_it_is_set(key: str) -> None:
    with pytest.raises(KeyError):
        Message("0200", {key: "x"})


def test_lower_case_hex_is_not_written() -> None:
    with pytest.raises(EncodeError, match="element 64"):
        encode(Message("0200", {64: "00112233445566ff"}), DEFAULT)
