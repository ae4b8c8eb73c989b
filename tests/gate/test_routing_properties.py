"""The routing header of a forwarded message: what is written is read, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch._routing import pack, unpack

U8, U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
ROUTES = st.fixed_dictionaries(
    {
        "kind": U8,
        "listener": U8,
        "has_tpdu": U8,
        "tpdu": st.binary(min_size=5, max_size=5),
        "response_code": st.binary(min_size=2, max_size=2),
        "peer_port": U16,
        "peer_address": U32,
        "place": st.integers(-(1 << 31), (1 << 31) - 1),
        "generation": U32,
        "received_us": st.integers(-(1 << 63), (1 << 63) - 1),
        "tag": U64,
    }
)


@given(ROUTES)
def test_a_header_is_read_as_it_was_written(route: dict[str, int]) -> None:
    header = pack(**route)  # type: ignore[arg-type]  # fixed_dictionaries does not type its values

    assert len(header) == 41
    assert unpack(header) == route


@given(st.binary(max_size=60))
def test_what_is_no_header_is_refused(data: bytes) -> None:
    if len(data) == 41 and data[0] == 0xB5:
        data = data[1:]

    with pytest.raises(ValueError, match="not a routing header"):
        unpack(data)
