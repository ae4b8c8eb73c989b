"""Frames: every kind of length, cut anywhere, and lengths that can't be."""

import itertools
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.errors import ProtocolError
from switch.iso8583 import NEED_DATA, Frame, FrameReader, Framing, FramingError, reply_tpdu

LENGTHS: tuple[Literal["binary2", "ascii4", "bcd2", "binary4"], ...] = (
    "binary2",
    "ascii4",
    "bcd2",
    "binary4",
)
ALL = [
    Framing(length=length, tpdu=tpdu, length_includes_itself=inclusive)
    for length, tpdu, inclusive in itertools.product(LENGTHS, (False, True), (False, True))
]
TPDU = bytes.fromhex("6000030001")


def frames_of(reader: FrameReader) -> list[Frame]:
    found = []
    while (frame := reader.next_frame()) is not NEED_DATA:
        found.append(frame)
    return found


@pytest.mark.parametrize(
    ("framing", "framed"),
    [
        (Framing(), "0003616263"),
        (Framing(length="ascii4"), "30303033616263"),
        (Framing(length="bcd2"), "0003616263"),
        (Framing(length="binary4"), "00030000616263"),
        (Framing(length_includes_itself=True), "0005616263"),
        (Framing(length="ascii4", length_includes_itself=True), "30303037616263"),
        (Framing(length="binary4", length_includes_itself=True), "00070000616263"),
        (Framing(tpdu=True), "00086000030001616263"),
        (Framing(length="bcd2", tpdu=True, length_includes_itself=True), "00106000030001616263"),
    ],
)
def test_a_message_is_framed_as_the_link_says(framing: Framing, framed: str) -> None:
    assert framing.frame(b"abc", TPDU if framing.tpdu else b"").hex() == framed


@pytest.mark.parametrize("framing", ALL)
def test_frames_cut_at_every_byte_are_the_same_frames(framing: Framing) -> None:
    tpdu = TPDU if framing.tpdu else b""
    stream = framing.frame(b"first", tpdu) + framing.frame(b"second!", tpdu)
    expected = [Frame(tpdu, b"first"), Frame(tpdu, b"second!")]

    for cut in range(len(stream) + 1):
        reader = FrameReader(framing)
        reader.receive_data(stream[:cut])
        before = frames_of(reader)
        reader.receive_data(stream[cut:])

        assert before + frames_of(reader) == expected
        assert reader.unfinished_bytes == 0


@pytest.mark.slow
@given(
    st.sampled_from(ALL),
    st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_frames_in_pieces_of_any_size_are_the_same_frames(
    framing: Framing, bodies: list[bytes], sizes: list[int]
) -> None:
    tpdu = TPDU if framing.tpdu else b""
    stream = b"".join(framing.frame(body, tpdu) for body in bodies)
    reader = FrameReader(framing)
    found = []

    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(stream):
            break
        reader.receive_data(stream[at : at + size])
        found += frames_of(reader)
        at += size

    assert found == [Frame(tpdu, body) for body in bodies]


@pytest.mark.parametrize(
    ("framing", "stream"),
    [
        (Framing(), "0000"),
        (Framing(), "0041"),
        (Framing(length="ascii4"), "30303061"),
        (Framing(length="ascii4"), "2b303031"),
        (Framing(length="ascii4"), "20202031"),
        (Framing(length="ascii4"), "30303635"),
        (Framing(length="bcd2"), "000a"),
        (Framing(length="bcd2"), "0065"),
        (Framing(length="binary4"), "00030001"),
        (Framing(length_includes_itself=True), "0002"),
        (Framing(length_includes_itself=True), "0001"),
        (Framing(length="ascii4", length_includes_itself=True), "30303034"),
        (Framing(tpdu=True), "0005"),
        (Framing(tpdu=True), "0046"),
        (Framing(tpdu=True), "000861"),
    ],
)
def test_what_can_not_be_a_frame_is_refused_before_its_body_comes(
    framing: Framing, stream: str
) -> None:
    reader = FrameReader(framing, frame_bytes_max=64)
    reader.receive_data(bytes.fromhex(stream))

    with pytest.raises(FramingError) as caught:
        reader.next_frame()

    assert isinstance(caught.value, ProtocolError)


def test_a_stream_that_lost_its_framing_stays_lost() -> None:
    reader = FrameReader(Framing())
    reader.receive_data(b"\0\0")
    with pytest.raises(FramingError):
        reader.next_frame()

    reader.receive_data(Framing().frame(b"abc"))

    with pytest.raises(FramingError):
        reader.next_frame()


@pytest.mark.parametrize("framing", ALL)
def test_the_largest_body_is_taken_and_one_byte_more_is_not(framing: Framing) -> None:
    tpdu = TPDU if framing.tpdu else b""
    reader = FrameReader(framing, frame_bytes_max=64)

    reader.receive_data(framing.frame(b"x" * 64, tpdu) + framing.frame(b"x" * 65, tpdu))

    assert reader.next_frame() == Frame(tpdu, b"x" * 64)
    with pytest.raises(FramingError, match="a message of 65 bytes; 1 to 64 are allowed"):
        reader.next_frame()


@pytest.mark.parametrize(
    ("framing", "body", "tpdu"),
    [
        (Framing(), b"", b""),
        (Framing(), b"x" * 65536, b""),
        (Framing(length="ascii4"), b"x" * 10000, b""),
        (Framing(length="bcd2", length_includes_itself=True), b"x" * 9998, b""),
        (Framing(), b"x", TPDU),
        (Framing(tpdu=True), b"x", b""),
        (Framing(tpdu=True), b"x", TPDU[:4]),
    ],
)
def test_what_the_link_can_not_carry_is_not_framed(
    framing: Framing, body: bytes, tpdu: bytes
) -> None:
    with pytest.raises(ValueError, match=r"framed|TPDU"):
        framing.frame(body, tpdu)


def test_an_answer_goes_back_where_its_request_came_from() -> None:
    assert reply_tpdu(bytes.fromhex("60 1122 3344")).hex() == "6033441122"
    assert reply_tpdu(b"") == b""
