"""A message as a mapping."""

import pytest

from switch.iso8583 import EncodeError, Message, decode, encode, named
from tests.iso8583.plain import spec_of, text

BINARY = named("iso1987-binary")


def decoded(**parts: str) -> Message:
    elements: dict[int | str, str] = {2: "6037991234567893", 3: "000000"}
    elements |= {"48.PR": "points", "48.AB": ""}
    elements.update(parts.items())
    return decode(encode(Message("0200", elements), BINARY), BINARY)


def test_elements_are_read_by_number_as_int_or_str() -> None:
    message = decoded()

    assert message.mti == "0200"
    assert message[3] == message["3"] == "000000"
    assert 3 in message
    assert "3" in message
    assert 4 not in message
    assert message.get(4) is None
    with pytest.raises(KeyError):
        message[4]


def test_iteration_is_in_element_order_whatever_the_order_of_setting() -> None:
    message = Message("0200", {"41": "T", 3: "000000"})
    message[11] = "123456"

    assert list(message) == ["3", "11", "41"]
    assert len(message) == 3


def test_private_and_chip_sub_elements_are_read_by_path() -> None:
    message = decoded(**{"55.9F26": "0011223344556677", "55.82": "1980"})

    assert message[48] == "PR006pointsAB000"
    assert message["48.PR"] == "points"
    assert message["48.AB"] == ""
    assert message["55.9F26"] == "0011223344556677"
    assert message[55] == "9F2608001122334455667782021980"
    assert "48.XX" not in message
    assert "55.5A" not in message
    assert "3.1" not in message


def test_fixed_parts_are_read_by_position() -> None:
    original = "0200" + "123456" + "0722143000" + "00000581672" + "00000000000"
    message = decode(encode(Message("0400", {90: original}), BINARY), BINARY)

    parts = [message[f"90.{i}"] for i in range(1, 6)]

    assert parts == ["0200", "123456", "0722143000", "00000581672", "00000000000"]


def test_setting_a_sub_element_of_a_decoded_message_changes_the_element() -> None:
    message = decoded()

    message["48.PR"] = "money"
    message["48.NW"] = "1"
    message["90.2"] = "123456"
    del message["48.AB"]

    assert message[48] == "PR005moneyNW0011"
    assert message[90] == "0000123456" + "0" * 32
    assert decode(encode(message, BINARY), BINARY) == message


def test_deleting_the_last_sub_element_deletes_the_element() -> None:
    message = decoded()

    del message["48.PR"]
    del message["48.AB"]

    assert 48 not in message
    with pytest.raises(KeyError):
        del message["48.PR"]
    with pytest.raises(KeyError):
        del message[48]


def test_a_message_without_a_spec_keeps_sub_elements_until_it_is_encoded() -> None:
    message = Message("0200", {"48.PR": "points", 3: "000000", "48.AB": "x"})

    assert list(message) == ["3", "48.PR", "48.AB"]
    assert message["48.PR"] == "points"
    assert 48 not in message
    assert decode(encode(message, BINARY), BINARY)[48] == "PR006pointsAB001x"


def test_setting_an_element_as_a_whole_replaces_its_sub_elements() -> None:
    message = Message("0200", {"48.PR": "points"})

    message[48] = "AB001x"

    assert list(message) == ["48"]
    with pytest.raises(KeyError, match="nothing says how it is made"):
        message["48.PR"] = "y"


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("48.PRO", "x", "a tag has 2 characters"),
        ("48.PR", "x" * 1000, "fewer than 1000"),
        ("55.9F26", "0G", "are hex"),
        ("90.1", "020", "part 1 has 3 characters, not 4"),
        ("90.9", "0200", "there is no part '9'"),
        ("90.1", "0200", "part 2 is missing"),
        ("3.1", "0", "the element has no sub-elements"),
        ("190.1", "0", "not in the spec"),
    ],
)
def test_sub_elements_that_make_no_element_are_refused_when_encoded(
    path: str, value: str, complaint: str
) -> None:
    with pytest.raises(EncodeError, match=complaint) as caught:
        encode(Message("0200", {path: value}), BINARY)

    assert caught.value.element == path.partition(".")[0]


@pytest.mark.parametrize("value", [1, b"1", None])
def test_a_value_is_str(value: object) -> None:
    with pytest.raises(TypeError, match="takes str"):
        Message("0200", {3: value})  # type: ignore[dict-item]  # the point of the test


@pytest.mark.parametrize("mti", ["", "020", "02000", "02O0", "٠٢٠٠"])
def test_a_message_type_is_four_digits_when_encoded(mti: str) -> None:
    with pytest.raises(EncodeError, match="element t"):
        encode(Message(mti), BINARY)


def test_a_header_is_given_exactly_if_the_spec_has_one() -> None:
    with_header = spec_of({"2": text(9, 2)})

    with pytest.raises(EncodeError, match="element h"):
        encode(Message("0200", header="ISO"), with_header)


@pytest.mark.parametrize(
    ("elements", "element"),
    [
        ({3: "00000"}, "3"),
        ({3: "0000000"}, "3"),
        ({3: "00000A"}, "3"),
        ({3: "00000٠"}, "3"),
        ({41: "ترمینال"}, "41"),
        ({35: "12=34"}, "35"),
        ({52: "00"}, "52"),
        ({52: "0123456789abcdef"}, "52"),
        ({48: "PR00"}, "48"),
        ({48: "PR001xPR001y"}, "48"),
        ({55: "9F26080011"}, "55"),
        ({55: "8202198082021980"}, "55"),
        ({28: "X00000500"}, "28"),
        ({65: "1"}, "65"),
        ({129: "1"}, "129"),
    ],
)
def test_what_the_spec_does_not_allow_is_refused_when_encoded(
    elements: dict[int, str], element: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(Message("0200", elements), BINARY)

    assert caught.value.element == element
    assert caught.value.offset is None
    assert caught.value.response_code_hint == "30"


def test_an_issuer_script_may_come_twice_and_the_first_is_read() -> None:
    scripts = "72068603842400117203860101"
    message = decode(encode(Message("0210", {55: scripts}), BINARY), BINARY)

    assert message["55.72"] == "860384240011"
    message["55.91"] = "00"
    assert message[55] == scripts + "910100"


def test_padding_between_data_objects_is_kept_as_it_came() -> None:
    message = decode(encode(Message("0210", {55: "00820219800000"}), BINARY), BINARY)

    assert message["55.82"] == "1980"
    assert message[55] == "00820219800000"


def test_messages_are_equal_by_content() -> None:
    assert decoded() == decoded()
    assert decoded() != decoded(**{"48.PR": "money"})
    assert Message("0200") != Message("0210")
    assert Message("0200") != {}


def test_decode_takes_any_bytes_like_object() -> None:
    data = encode(decoded(), BINARY)

    assert decode(bytearray(data), BINARY) == decode(memoryview(data), BINARY) == decoded()


@pytest.mark.parametrize("data", [5, "0200", None])
def test_decode_takes_nothing_else(data: object) -> None:
    with pytest.raises(TypeError):
        decode(data, BINARY)  # type: ignore[arg-type]  # the point of the test


def test_a_message_larger_than_the_first_buffer_is_encoded_as_well() -> None:
    message = Message("0200", dict.fromkeys((46, 47, 56, 57), "x" * 999))

    data = encode(message, BINARY)

    assert len(data) == 2 + 8 + 4 * (2 + 999)
    assert decode(data, BINARY) == message
