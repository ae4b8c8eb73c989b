"""Frames are the same however the stream is cut."""

import pytest

from hsm_sim.framing import FRAME_BYTES_MAX, Frame, FrameReader, framed

STREAM = framed(b"HEAD", b"NC") + framed(b"0002", b"B20003abc") + framed(b"\x00\x19%;", b"NO00")
WANTED = [Frame(b"HEAD", b"NC"), Frame(b"0002", b"B20003abc"), Frame(b"\x00\x19%;", b"NO00")]


def test_a_frame_is_what_a_payshield_is_sent() -> None:
    # Source: README of mszeu/PayShieldPressureTest, a capture.
    assert framed(b"HEAD", b"NC") == bytes.fromhex("0006 48454144 4e43")


def test_the_frames_of_one_read_come_together() -> None:
    assert FrameReader(4).receive(STREAM) == (WANTED, False)


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_frames_do_not_depend_on_where_the_stream_is_cut(cut: int) -> None:
    reader = FrameReader(4)

    first, first_lost = reader.receive(STREAM[:cut])
    second, second_lost = reader.receive(STREAM[cut:])

    assert first + second == WANTED
    assert not first_lost
    assert not second_lost
    assert reader.unfinished_bytes == 0


def test_frames_come_out_of_single_bytes() -> None:
    reader = FrameReader(4)

    found = [frame for byte in STREAM for frame in reader.receive(bytes([byte]))[0]]

    assert found == WANTED


@pytest.mark.parametrize("header_bytes", [0, 1, 4, 12, 255])
def test_the_header_has_the_length_that_was_agreed(header_bytes: int) -> None:
    header = bytes(range(header_bytes))

    found, lost = FrameReader(header_bytes).receive(framed(header, b"NC"))

    assert found == [Frame(header, b"NC")]
    assert not lost


@pytest.mark.parametrize("length", [0, 1, 5, FRAME_BYTES_MAX + 1, 0xFFFF])
def test_a_length_that_cannot_be_ends_the_stream_behind_the_frames_before_it(length: int) -> None:
    reader = FrameReader(4)

    found, lost = reader.receive(STREAM + length.to_bytes(2, "big") + b"x" * 10)

    assert found == WANTED
    assert lost
    assert reader.unfinished_bytes == 0


def test_the_longest_frame_is_taken() -> None:
    message = b"B2" + b"x" * (FRAME_BYTES_MAX - 6)

    assert FrameReader(4).receive(framed(b"HEAD", message)) == ([Frame(b"HEAD", message)], False)


def test_a_response_longer_than_the_length_can_say_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="65536 bytes"):
        framed(b"HEAD", b"x" * (0xFFFF - 3))
