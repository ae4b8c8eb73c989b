"""The codec beside its readable witness, pyiso8583, on random specs and messages.

Whatever both take, they take alike. Whatever only pyiso8583 takes is on the list of intended
differences in docs/iso8583.md, and for bytes that list comes to three sentences:
pyiso8583 itself would write other bytes, or the message type or the PAN is not digits.
We never take what pyiso8583 refuses.
"""

import copy

import iso8583
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from switch.iso8583 import (
    DecodeError,
    EncodeError,
    Message,
    Spec,
    compile_spec,
    decode,
    describe,
    encode,
    named,
)
from switch.iso8583.specs import SPECS
from tests.iso8583.random_specs import SpecDict, messages_of, mutations_of, specs

DIGITS = frozenset("0123456789")


def their_decode(data: bytes, spec: SpecDict) -> dict[str, str] | None:
    try:
        decoded, _ = iso8583.decode(data, spec)
    except (iso8583.DecodeError, KeyError):
        # KeyError: a bit for an element that the spec lacks.
        return None
    return dict(decoded)


def their_encode(decoded: dict[str, str], spec: SpecDict) -> bytes | None:
    try:
        return bytes(iso8583.encode(dict(decoded), spec)[0])
    except iso8583.EncodeError:
        return None


def our_decode(data: bytes, spec: Spec) -> Message | None:
    try:
        return decode(data, spec)
    except DecodeError:
        return None


def as_pyiso8583(message: Message) -> dict[str, str]:
    header = {} if message.header is None else {"h": message.header}
    return {"t": message.mti, **header, **{str(key): message[key] for key in message}}


def elements_of(decoded: dict[str, str]) -> dict[str, str]:
    """Without the bitmaps, which follow from the rest."""
    return {key: value for key, value in decoded.items() if key not in ("p", "1")}


def is_intended_difference(data: bytes, theirs: dict[str, str], spec: SpecDict) -> bool:
    """Whether docs/iso8583.md says that we refuse these bytes, which pyiso8583 takes."""
    return (
        their_encode(theirs, spec) != data
        or not DIGITS.issuperset(theirs["t"])
        or not DIGITS.issuperset(theirs.get("2", ""))
    )


def message_of(decoded: dict[str, str]) -> Message:
    elements = {int(key): value for key, value in decoded.items() if key not in "ht"}
    return Message(decoded["t"], elements, header=decoded.get("h"))


@given(st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_both_write_the_same_bytes_or_both_refuse(data: st.DataObject) -> None:
    plain = data.draw(specs())
    decoded = data.draw(messages_of(plain))

    theirs = their_encode(copy.deepcopy(decoded), plain)
    try:
        ours = encode(message_of(decoded), compile_spec(plain))
    except EncodeError:
        ours = None

    assert ours == theirs


@given(st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_both_read_the_same_elements_of_whole_messages(data: st.DataObject) -> None:
    plain = data.draw(specs())
    decoded = data.draw(messages_of(plain))
    coded = their_encode(decoded, plain)
    assume(coded is not None)
    assert coded is not None
    spec = compile_spec(plain)

    message = decode(coded, spec)

    assert as_pyiso8583(message) == elements_of(decoded)
    assert encode(message, spec) == coded


@given(st.data())
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_of_broken_messages_we_take_what_pyiso8583_takes_but_for_the_listed_differences(
    data: st.DataObject,
) -> None:
    plain = data.draw(specs())
    coded = their_encode(data.draw(messages_of(plain)), plain)
    assume(coded is not None)
    assert coded is not None
    broken = data.draw(mutations_of(coded))
    spec = compile_spec(plain)

    theirs = their_decode(broken, plain)
    ours = our_decode(broken, spec)

    if ours is not None:
        assert theirs is not None, "we take what pyiso8583 refuses"
        assert as_pyiso8583(ours) == elements_of(theirs)
        assert encode(ours, spec) == broken
    elif theirs is not None:
        assert is_intended_difference(broken, theirs, plain)


PURCHASE = {
    2: "6037991234567893",
    3: "000000",
    4: "000000150000",
    11: "123456",
    35: "6037991234567893D2812",
    37: "620414123456",
    41: "TERM0001",
    42: "MERCHANT0000001",
    "48.PR": "points",
    "48.AB": "",
    52: "0123456789ABCDEF",
    "55.9F26": "0011223344556677",
    "55.82": "1980",
    "55.5A": "6037991234567893",
    64: "0011223344556677",
    90: "0200" + "0" * 38,
    102: "123",
}


@pytest.mark.parametrize("name", SPECS)
@given(st.data())
@settings(max_examples=100, deadline=None)
@pytest.mark.slow
def test_whatever_a_shipped_spec_takes_it_writes_again_byte_for_byte(
    name: str, data: st.DataObject
) -> None:
    spec = named(name)
    purchase = {
        key: value for key, value in PURCHASE.items() if name != "iso1993-ascii" or key != 90
    }
    whole = encode(Message("0200", purchase), spec)
    broken = data.draw(mutations_of(whole))

    ours = our_decode(broken, spec)

    if ours is not None:
        assert encode(ours, spec) == broken
    assert "6037991234567893" not in describe(broken, spec)


@given(st.binary(max_size=300), st.sampled_from(sorted(SPECS)))
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_noise_is_refused_or_written_again(noise: bytes, name: str) -> None:
    spec = named(name)

    ours = our_decode(noise, spec)

    assert ours is None or encode(ours, spec) == noise
