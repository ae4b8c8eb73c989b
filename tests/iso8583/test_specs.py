"""The shipped specs: golden messages, and what all of them promise."""

import pytest

from switch.iso8583 import DecodeError, Message, SpecError, decode, encode, named
from switch.iso8583.specs import SPECS


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"'iso2003'; there are iso1987-ascii, iso1987-binary"):
        named("iso2003")


def test_a_spec_is_compiled_once() -> None:
    assert named("iso1987-binary") is named("iso1987-binary")


PURCHASE = {
    2: "603799123456789",
    3: "000000",
    4: "000000150000",
    22: "051",
    28: "D00000500",
    38: "A1",
    41: "TERM0001",
    48: "PR001x",
    49: "364",
    52: "0123456789ABCDEF",
    55: "82021980",
}
FILLED = {**PURCHASE, 38: "A1    "}


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        (
            "iso1987-ascii",
            b"0200" b"7000041004819200" b"15603799123456789" b"000000" b"000000150000" b"051"
            b"D00000500" b"A1    " b"TERM0001" b"006PR001x" b"364"
            b"\x01\x23\x45\x67\x89\xab\xcd\xef" b"004\x82\x02\x19\x80",
        ),
        (
            "iso1987-binary",
            bytes.fromhex(
                "0200" "7000041004819200" "15" "0603799123456789" "000000" "000000150000" "0051"
                "4400000500"
            )
            + b"A1    " b"TERM0001"
            + bytes.fromhex("0006") + b"PR001x"
            + bytes.fromhex("0364" "0123456789abcdef" "0004" "82021980"),
        ),
        (
            "iso1987-ebcdic",
            "0200".encode("cp500") + bytes.fromhex("7000041004819200")
            + "15603799123456789000000000000150000051D00000500A1    TERM0001".encode("cp500")
            + "006PR001x364".encode("cp500")
            + bytes.fromhex("0123456789abcdef") + "004".encode("cp500") + b"\x82\x02\x19\x80",
        ),
    ],
)  # fmt: skip
def test_a_purchase_has_exactly_these_bytes(name: str, coded: bytes) -> None:
    assert encode(Message("0200", PURCHASE), named(name)) == coded
    assert decode(coded, named(name)) == Message("0200", FILLED)


def test_1993_has_its_own_meanings() -> None:
    spec = named("iso1993-ascii")
    request = Message("1200", {12: "260722143000", 22: "510101511110", 24: "200", 56: "1200" * 2})

    coded = encode(request, spec)

    assert coded == b"120000100500000001002607221430005101015111102000812001200"
    assert decode(coded, spec) == request


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("element", [48, 60, 61, 62, 63])
def test_private_elements_are_tlv_in_every_spec(name: str, element: int) -> None:
    spec = named(name)
    data = encode(Message("0200", {f"{element}.PR": "points", f"{element}.X1": ""}), spec)

    assert decode(data, spec)[element] == "PR006pointsX1000"
    broken = data[:-1] + (b"\xf1" if name == "iso1987-ebcdic" else b"1")
    with pytest.raises(DecodeError, match=f"element {element}, .*sub-elements"):
        decode(broken, spec)


@pytest.mark.parametrize("name", SPECS)
def test_every_element_of_every_spec_has_a_title_and_a_content_class(name: str) -> None:
    for element in named(name).elements.values():
        assert element.desc
        assert element.content is not None


@pytest.mark.parametrize("name", SPECS)
def test_more_sub_elements_than_the_bound_are_refused(name: str) -> None:
    spec = named(name)
    tags = [f"{a}{b}" for a in "ABCDEFGH" for b in "12345678X"]

    fits = Message("0200", {f"48.{tag}": "" for tag in tags[:64]})
    assert decode(encode(fits, spec), spec)[48].startswith("A1000A2000")
    with pytest.raises(ValueError, match="too many"):
        encode(Message("0200", {f"48.{tag}": "" for tag in tags[:65]}), spec)
