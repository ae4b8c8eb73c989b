"""The compiled cursor and its slow twin: whatever is read of whatever bytes, they say the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import fields as compiled
from hsm_sim.errors import ErrorCode, Refused
from tests.model import hsm_fields as slow

COUNTS = st.integers(-1, 40)
WIDTHS = COUNTS.filter(lambda count: count != 0)  # a number of no digits is our own mistake
EVEN = st.integers(0, 20).map(lambda count: 2 * count)
LITERALS = st.sampled_from([b";", b"%", b"12", b"\x19", b"", b"#"])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["peek", "take", "text", "digits", "all_but"]), COUNTS),
    st.tuples(st.just("digits"), COUNTS, st.just(ErrorCode.ACCOUNT)),
    st.tuples(st.sampled_from(["number", "hex_number"]), WIDTHS),
    st.tuples(st.just("hex"), EVEN),
    st.tuples(st.sampled_from(["expect", "accept"]), LITERALS),
    st.tuples(st.just("digits_until"), LITERALS.filter(bool), st.integers(0, 20)),
    st.tuples(st.just("key"), st.sampled_from([16, 32])),
    st.tuples(st.sampled_from(["take_lmk_id", "end", "abandon"])),
)
KEYS = st.sampled_from(
    [
        b"U" + b"0123456789ABCDEF" * 2,
        b"T" + b"0123456789ABCDEF" * 3,
        b"X" + b"0" * 32,
        b"S00016" + b"P" * 11,
        b"R0007BC",
        b"S00",
        b"0123456789abcdef",
        b"FEDCBA9876543210",
    ]
)
TEXTS = st.one_of(
    KEYS,
    st.binary(max_size=40),
    st.text("0123456789ABCDEF;%\x19", max_size=40).map(lambda text: text.encode()),
)


def outcome(cursor: Any, step: tuple[Any, ...]) -> object:
    try:
        result: object = getattr(cursor, step[0])(*step[1:])
    except Refused as refusal:
        result = refusal.code
    return result, cursor.left, cursor.lmk_id, cursor.trailer


@given(st.lists(TEXTS, max_size=5).map(b"".join), st.lists(STEPS, max_size=8))
def test_both_cursors_read_alike(data: bytes, steps: list[tuple[Any, ...]]) -> None:
    fast, model = compiled.Fields(data), slow.Fields(data)
    for step in steps:
        # "peek" of a negative count is nobody's: the twin would slice from the end.
        if step == ("peek", -1):
            continue

        assert outcome(fast, step) == outcome(model, step), step
