"""The C face that the fast lane uses: read, write, copy, walk."""

import pytest

from switch.iso8583 import Message, decode, encode, named
from switch.iso8583._probe import FAULTS, answer_times, read, tlvs, write
from switch.iso8583.errors import FAULT_MTI, FAULT_REASONS
from switch.iso8583.specs import SPECS

BINARY = named("iso1987-binary")
ASCII = named("iso1987-ascii")
PAN = "6037991234567893"
ELEMENTS = {
    2: PAN, 3: "000000", 4: "000000150000", 11: "123456", 22: "051", 28: "D00000500",
    35: f"{PAN}D2812", 37: "620414123456", 41: "TERM0001", 48: "PR003abc",
    52: "0123456789ABCDEF", 90: "0200" + "1" * 38,
}  # fmt: skip


@pytest.mark.parametrize("name", ["iso1987-ascii", "iso1987-binary", "iso1987-ebcdic"])
def test_elements_are_read_as_ascii_text_and_as_numbers(name: str) -> None:
    spec = named(name)

    found = read(encode(Message("0200", ELEMENTS), spec), spec)

    assert found[0] == ("0200", 200, 4)
    assert {number: text for number, (text, _, _) in found.items() if number} == ELEMENTS
    assert found[2][1] == int(PAN)
    assert found[4][1] == 150000
    assert found[22] == ("051", 51, 3)
    assert found[28][1] is None, "a sign is no digit"
    assert found[52] == ("0123456789ABCDEF", None, 8), "binary is counted in bytes"
    assert found[90][1] is None, "more digits than a number has"


def test_what_does_not_fit_the_room_is_not_read() -> None:
    data = encode(Message("0200", {2: PAN}), BINARY)

    assert read(data, BINARY, 15)[2][0] is None
    assert read(data, BINARY, 16)[2][0] == PAN


def test_what_the_writer_writes_is_what_encode_gives() -> None:
    answer = write(
        BINARY,
        b"0210",
        [(3, 0), (4, 150000), (38, "A1"), (39, "00"), (52, bytes(8)), (54, "x"), (90, "0" * 42)],
    )

    expected = Message(
        "0210",
        {3: "000000", 4: "000000150000", 38: "A1", 39: "00", 52: "00" * 8, 54: "x", 90: "0" * 42},
    )
    assert answer == encode(expected, BINARY)


def test_an_element_is_copied_byte_for_byte_into_whichever_bitmap() -> None:
    request = encode(Message("0200", ELEMENTS), BINARY)

    for number, value in ELEMENTS.items():
        answer = write(BINARY, b"0210", [(number, (request,))])
        assert isinstance(answer, bytes)
        assert decode(answer, BINARY) == Message("0210", {number: value})


def test_an_answer_echoes_and_adds() -> None:
    request = encode(Message("0200", ELEMENTS), BINARY)

    answer = decode(answer_times(request, BINARY, 2), BINARY)

    assert answer == Message("0210", {**{n: ELEMENTS[n] for n in (2, 3, 4, 11, 37, 41)}, 39: "00"})


@pytest.mark.parametrize(
    ("steps", "fault", "element"),
    [
        ([(4, 10**12)], "length", 4),
        ([(52, 1)], "length", 52),
        ([(2, 1)], "length", 2),
        ([(28, 1)], "length", 28),
        ([(90, 1)], "length", 90),
        ([(39, "000")], "length", 39),
        ([(39, "0")], "length", 39),
        ([(3, "00000x")], "content", 3),
        ([(41, "\x80")], "content", 41),
        ([(41, "\n")], "content", 41),
        ([(3, b"\0\0\0")], "content", 3),
        ([(52, b"short")], "length", 52),
        ([(48, "PR")], "nested", 48),
        ([(4, 1), (3, 1)], "order", 3),
        ([(4, 1), (4, 1)], "order", 4),
        ([(65, "1")], "unknown element", 65),
        ([(1, "1")], "unknown element", 1),
        ([(193, "1")], "unknown element", 193),
        ([(-1, "1")], "unknown element", -1),
        ([(39, "x"), (41, "fine")], "length", 39),
        ([(5, (b"\x02\x00" + bytes(8),))], "unknown element", 5),
    ],
)
def test_the_first_refusal_of_the_writer_is_what_the_end_says(
    steps: list[tuple[int, int | str | bytes | tuple[bytes]]], fault: str, element: int
) -> None:
    assert write(BINARY, b"0210", steps) == (FAULTS[fault], element)


def test_a_message_type_that_is_no_number_is_refused() -> None:
    assert write(BINARY, b"02x0", []) == (FAULTS["mti"], 0)
    assert write(ASCII, b"02x0", []) == (FAULTS["mti"], 0)


@pytest.mark.parametrize("name", SPECS)
def test_the_writer_never_goes_beyond_its_room(name: str) -> None:
    spec = named(name)
    steps: list[tuple[int, int | str | bytes | tuple[bytes]]] = [
        (2, PAN), (3, 0), (41, "T"), (52, bytes(8)), (128, bytes(8))
    ]  # fmt: skip
    whole = write(spec, b"0200", steps)
    assert isinstance(whole, bytes)

    assert write(spec, b"0200", steps, len(whole)) == whole
    for room_bytes in range(len(whole)):
        refusal = write(spec, b"0200", steps, room_bytes)
        assert isinstance(refusal, tuple)
        assert refusal[0] == FAULTS["space"]


@pytest.mark.parametrize(
    ("text", "found", "is_whole"),
    [
        (b"", [], True),
        (b"PR003abcX1000", [(b"PR", b"abc"), (b"X1", b"")], True),
        (b"PR003ab", [], False),
        (b"PR003abcX", [(b"PR", b"abc")], False),
        (b"PR00xabc", [], False),
        (b"P-003abc", [], False),
        (b"PR-01abc", [], False),
    ],
)
def test_private_tlv_is_walked_to_its_end_or_to_its_fault(
    text: bytes, found: list[tuple[bytes, bytes]], is_whole: bool
) -> None:
    assert tlvs(text) == (found, is_whole)


def test_every_fault_has_its_words() -> None:
    assert sorted(FAULTS.values()) == list(range(len(FAULT_REASONS)))
    assert FAULTS["mti"] == FAULT_MTI
