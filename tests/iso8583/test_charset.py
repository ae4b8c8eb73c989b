"""Codecs as tables of 256 entries."""

from encodings import aliases

import pytest

from switch.iso8583 import SpecError
from switch.iso8583.charset import CONTENT_BITS, NOT_ASCII, PACKED, charset_tables

MULTI_BYTE = [
    "utf-8", "utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig", "gb18030", "shift_jis",
    "big5", "euc_kr", "iso2022_jp", "hz", "punycode", "idna", "unicode_escape",
    "raw_unicode_escape", "base64", "hex", "rot13", "zlib", "undefined",
]  # fmt: skip


@pytest.mark.parametrize("codec", MULTI_BYTE)
def test_a_codec_that_is_not_one_byte_a_character_is_refused_by_name(codec: str) -> None:
    with pytest.raises(SpecError, match=f"'{codec}' is not one byte a character"):
        charset_tables(codec)


def test_a_codec_that_python_lacks_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match="no codec 'klingon'"):
        charset_tables("klingon")


@pytest.mark.slow
def test_every_allowed_byte_of_every_codec_of_python_goes_there_and_back() -> None:
    codecs_seen = 0
    for codec in sorted(set(aliases.aliases.values())):
        try:
            tables = charset_tables(codec)
        except SpecError:
            continue
        codecs_seen += 1
        for byte in range(256):
            if tables.refused[byte] & CONTENT_BITS["any"]:
                continue
            character = chr(tables.code_points[byte])
            assert bytes([byte]).decode(codec) == character
            assert character.encode(codec) == bytes([byte])
            if character.isascii():
                assert tables.to_ascii[byte] == ord(character)
                assert tables.from_ascii[ord(character)] == byte
            else:
                assert tables.to_ascii[byte] == NOT_ASCII
    assert codecs_seen > 50


@pytest.mark.parametrize(
    ("content", "allowed"),
    [
        ("n", "0123456789"),
        ("a", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        ("an", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        ("anp", " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
        ("ans", "".join(map(chr, range(32, 127)))),
        ("z", "0123456789:;<=>?D"),
        ("b", "0123456789ABCDEF"),
        ("any", "".join(map(chr, range(256)))),
    ],
)
@pytest.mark.parametrize("codec", ["latin-1", "cp500"])
def test_a_content_class_has_exactly_these_characters(
    content: str, allowed: str, codec: str
) -> None:
    tables = charset_tables(codec)

    taken = {
        chr(tables.code_points[byte])
        for byte in range(256)
        if not tables.refused[byte] & CONTENT_BITS[content]
    }

    assert taken == set(allowed)


def test_packed_digits_are_two_nibbles_up_to_nine_and_other_nibbles_are_for_z_and_b() -> None:
    refused = charset_tables(PACKED).refused

    digits = {byte for byte in range(256) if not refused[byte] & CONTENT_BITS["n"]}

    assert digits == {16 * tens + ones for tens in range(10) for ones in range(10)}
    assert not any(byte & (CONTENT_BITS["z"] | CONTENT_BITS["b"]) for byte in refused)
    assert all(byte & CONTENT_BITS["ans"] for byte in refused)
