"""Specs: what compiles, and what is refused with the element and the key in the error."""

import pickle
from typing import Any

import iso8583.specs
import pytest

from switch.iso8583 import EncodeError, Message, SpecError, compile_spec, decode, encode
from tests.iso8583.plain import packed, spec_of, text


@pytest.mark.parametrize("plain", [iso8583.specs.default, iso8583.specs.default_ascii])
def test_a_plain_pyiso8583_spec_compiles_as_it_is(plain: dict[str, Any]) -> None:
    spec = compile_spec(plain)

    # 128 without the indicators 1 and 65.
    assert sorted(spec.elements) == [n for n in range(2, 129) if n != 65]


TLV = {"kind": "tlv"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({**text(6), "colour": "red"}, "colour"),
        ({"len_type": 0, "max_len": 6}, "data_enc"),
        ({**text(6), "max_len": "6"}, "max_len"),
        (text(0), "max_len is 1 to"),
        (text(6, 7), "len_type is 0"),
        ({**text(6), "data_enc": "utf-8"}, "'utf-8' is not one byte a character"),
        ({**text(6, 2), "len_enc": "utf-16"}, "'utf-16' is not one byte a character"),
        ({**text(6), "data_enc": "nothing"}, "no codec 'nothing'"),
        (text(6, content="q"), "content"),
        (text(6, min_len=1), "min_len is for elements of variable length"),
        (text(6, 2, min_len=7), "min_len is beyond max_len"),
        (packed(3), "an odd count of digits needs left_pad or right_pad"),
        (packed(3, left_pad="G"), "left_pad is one hex digit"),
        (packed(3, right_pad="00"), "right_pad is one hex digit"),
        (packed(4, content="ans"), "content ans is for text"),
        (packed(8, content="x+n"), "an odd count of digits"),
        (packed(9, len_count="bytes", content="x+n"), "a packed x.n counts nibbles"),
        (text(5, len_count="nibbles"), "never half a byte"),
        (text(6, 2, left_fill="0"), "left_fill is one printable character, for a fixed element"),
        (text(6, right_fill="  "), "right_fill is one printable character"),
        (text(6, right_fill=" ", left_fill="0"), "exclude each other"),
        (packed(6, nested=TLV), "nested tlv needs text"),
        (text(6, 3, nested={"kind": "ber-tlv"}), "nested ber-tlv needs data_enc b"),
        (text(6, 3, nested={"kind": "tlv", "tag_len": 0}), "tag_len 1 to 8"),
        (text(6, nested={"kind": "parts", "parts": {"1": 5}}), "6 characters in all"),
        (text(6, 2, nested={"kind": "parts", "parts": {"1": 6}}), "cover a fixed element"),
    ],
)
def test_a_row_that_can_not_be_meant_is_refused_with_its_key(
    row: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SpecError, match=f"element 48: .*{complaint}"):
        spec_of({"48": row})


@pytest.mark.parametrize("key", ["0", "193", "02", "x", "-1"])
def test_a_row_of_no_element_is_refused(key: str) -> None:
    with pytest.raises(SpecError, match=f"no such element '{key}'"):
        spec_of({key: text(6)})


@pytest.mark.parametrize("missing", ["t", "p"])
def test_message_type_and_bitmap_are_needed(missing: str) -> None:
    spec = {"t": text(4), "p": text(16), "2": text(6)}
    del spec[missing]

    with pytest.raises(SpecError, match=f"element {missing} is missing"):
        compile_spec(spec)


def test_a_spec_has_a_bound_on_its_codecs() -> None:
    codecs = ["cp037", "cp500", "cp1140", "cp1250", "cp1251", "cp1252", "cp1256"]
    elements = {str(n): {**text(6), "data_enc": codec} for n, codec in enumerate(codecs, 2)}

    with pytest.raises(SpecError, match="one more than the 7 of a spec"):
        spec_of(elements)


def test_a_header_stands_before_the_message_type() -> None:
    spec = compile_spec({"h": text(9, 2), "t": text(4), "p": {**text(8), "data_enc": "b"}})
    message = Message("0800", header="ISO12")

    data = encode(message, spec)

    assert data == b"05ISO120800" + bytes(8)
    assert decode(data, spec) == message


def test_three_bitmaps_carry_elements_up_to_192() -> None:
    spec = spec_of({"2": text(19, 2), "66": text(1), "192": text(3, 1), "129": text(1)})
    message = Message("0200", {2: "1234", 66: "5", 129: "6", 192: "789"})

    data = encode(message, spec)

    assert data[4:28].hex() == "c000000000000000c0000000000000008000000000000001"
    assert decode(data, spec) == message


def test_a_third_bitmap_needs_no_element_of_the_second() -> None:
    spec = spec_of({"192": text(3)})

    data = encode(Message("0200", {192: "789"}), spec)

    assert data[4:28].hex() == "800000000000000080000000000000000000000000000001"
    assert decode(data, spec)["192"] == "789"


def test_a_fixed_bitmap_of_128_bits_has_no_indicators() -> None:
    spec = spec_of({"2": text(2), "65": text(1), "128": text(1)}, bits=128)

    short = encode(Message("0200", {2: "12"}), spec)
    long = encode(Message("0200", {2: "12", 65: "3", 128: "4"}), spec)

    assert short[4:20].hex() == "40000000000000000000000000000000"
    assert long[4:20].hex() == "40000000000000008000000000000001"
    assert decode(short, spec) == Message("0200", {2: "12"})
    assert decode(long, spec) == Message("0200", {2: "12", 65: "3", 128: "4"})


def test_a_fixed_bitmap_of_128_bits_announces_nothing_beyond() -> None:
    with pytest.raises(SpecError, match="a bitmap of 128 bits can't announce it"):
        spec_of({"129": text(1)}, bits=128)
    with pytest.raises(SpecError, match="bits is 64 or 128"):
        spec_of({"2": text(1)}, bits=96)


@pytest.mark.parametrize(
    ("row", "value", "coded"),
    [
        (text(9, content="x+n"), "D00000500", b"D00000500".hex()),
        (packed(9, content="x+n"), "C00000500", "4300000500"),
        (packed(8, content="x+n", left_pad="0"), "C0000500", "4300000500"),
        (packed(9, content="x+n", sign_enc="cp500"), "D00000500", "c400000500"),
        (packed(19, 1, content="n", left_pad="0"), "123", "030123"),
        (packed(37, 1, content="z", right_pad="F"), "12D45", "0512d45f"),
        (packed(99, 1, content="b", right_pad="0"), "ABC", "03abc0"),
        (packed(12, 1, len_enc="b", content="n", left_pad="0"), "12345678901", "0b012345678901"),
        (packed(6, len_count="bytes", content="n"), "000000012345", "000000012345"),
        (packed(6, 1, len_count="bytes", content="n"), "1234", "021234"),
        (packed(6, 2, len_count="bytes"), "AB", "0001ab"),
        (text(6, 1, len_enc="b", data_enc="cp500"), "A1", "02c1f1"),
        (text(6, 2, len_enc="cp500", data_enc="cp1256"), "باش", "f0f3c8c7d4"),
        (text(8, len_count="nibbles"), "abcd", b"abcd".hex()),
        (text(8, 2, len_count="nibbles"), "abc", b"06abc".hex()),
        (text(8, 2), "", b"00".hex()),
        (text(8, right_fill=" ", content="ans"), "abcdefgh", b"abcdefgh".hex()),
        (text(4, content="b"), "0AF9", b"0AF9".hex()),
    ],
)
def test_an_element_lies_in_its_bytes_as_its_row_says(
    row: dict[str, Any], value: str, coded: str
) -> None:
    spec = spec_of({"48": row})
    message = Message("0200", {48: value})

    data = encode(message, spec)

    assert data[12:].hex() == coded
    assert decode(data, spec) == message


@pytest.mark.parametrize(
    ("row", "short", "filled"),
    [
        (text(6, right_fill=" "), "abc", "abc   "),
        (text(6, left_fill="0", content="n"), "42", "000042"),
        (packed(5, left_fill="0", left_pad="0", content="n"), "42", "00042"),
        (packed(9, left_fill="0", content="x+n"), "D00000042", "D00000042"),
        (packed(3, len_count="bytes", right_fill="0"), "AB", "AB0000"),
    ],
)
def test_a_short_value_of_a_fixed_element_is_filled_as_its_row_says(
    row: dict[str, Any], short: str, filled: str
) -> None:
    spec = spec_of({"48": row})

    assert decode(encode(Message("0200", {48: short}), spec), spec)[48] == filled


def test_a_length_that_its_prefix_has_no_room_for_is_not_written() -> None:
    spec = spec_of({"48": text(99, 1)})

    assert encode(Message("0200", {48: "x" * 9}), spec).endswith(b"9xxxxxxxxx")
    with pytest.raises(EncodeError, match="element 48: the length"):
        encode(Message("0200", {48: "x" * 10}), spec)


def test_text_beyond_ascii_is_counted_in_nibbles_like_any_other() -> None:
    spec = spec_of({"48": text(8, 2, data_enc="latin-1", len_count="nibbles")})
    message = Message("0200", {48: "né"})

    assert encode(message, spec).endswith(b"04n\xe9")
    assert decode(encode(message, spec), spec) == message


def test_a_compiled_spec_says_that_it_is_not_picklable() -> None:
    with pytest.raises(TypeError, match="compile it where it is used"):
        pickle.dumps(spec_of({"2": text(2)}))
