"""BER-TLV: what is composed is read back; whatever else comes is objects or a TlvError."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards import tlv

PRIMITIVE_TAGS = st.sampled_from([0x50, 0x57, 0x5A, 0x82, 0x94, 0x5F24, 0x9F26, 0x9F10, 0xDF8101])


@given(st.dictionaries(PRIMITIVE_TAGS, st.binary(max_size=300)))
def test_composed_objects_are_read_back(values: dict[int, bytes]) -> None:
    template = tlv.compose(0x70, tlv.compose(0xBF0C, tlv.compose_all(values)))

    assert tlv.leaves(template) == values
    assert list(tlv.objects(tlv.compose_all(values))) == list(values.items())


@given(st.binary(max_size=600))
def test_any_bytes_are_objects_or_an_error(data: bytes) -> None:
    for read in (tlv.leaves, tlv.wanted, lambda found: list(tlv.objects(found))):
        with contextlib.suppress(tlv.TlvError):
            read(data)


@given(st.dictionaries(PRIMITIVE_TAGS, st.binary(max_size=40), min_size=1), st.data())
def test_what_is_cut_off_is_an_error_or_a_part(
    values: dict[int, bytes], data: st.DataObject
) -> None:
    whole = tlv.compose_all(values)
    cut = whole[: data.draw(st.integers(0, len(whole)))]

    try:
        found = tlv.leaves(cut)
    except tlv.TlvError:
        return

    assert list(found.items()) == list(values.items())[: len(found)]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("9F", "does not end"),
        ("9F8182830100", "does not end"),
        ("5A", "length is missing"),
        ("5A05AABB", "longer than what is left"),
        ("5A80", "is none"),
        ("5A8300000101", "is none"),
        ("5A8201", "is none"),
        ("5A01115A0111", "twice"),
        ("700C700A70087006700470027000", "nested"),
    ],
)
def test_what_is_no_tlv_is_refused_by_name(data: str, complaint: str) -> None:
    with pytest.raises(tlv.TlvError, match=complaint):
        tlv.leaves(bytes.fromhex(data))


def test_zeros_between_objects_are_padding() -> None:
    assert tlv.leaves(bytes.fromhex("00005A011100008200")) == {0x5A: b"\x11", 0x82: b""}


def test_a_list_of_wanted_objects_is_tags_and_lengths() -> None:
    assert tlv.wanted(bytes.fromhex("9F37049F0206")) == [(0x9F37, 4), (0x9F02, 6)]
