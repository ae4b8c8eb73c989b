"""FF1: NIST's samples, a slow and readable model of the standard, and the bounds of its domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _ff1 as ff1
from hsm_sim._keys import Key
from tests.support.hsm_vectors import Vector, named

AES = 1
KEY = Key.of(AES, bytes(range(16)))


def numeral(text: str, radix: int) -> int:
    return int(text, radix)


def numeral_string(number: int, length: int, radix: int) -> str:
    text = ""
    for _ in range(length):
        number, digit = divmod(number, radix)
        text = ff1.ALPHABET[digit] + text
    return text


def model(key: Key, tweak: bytes, text: str, radix: int) -> str:
    """Algorithm 7 of SP 800-38G, in its own words."""
    n, t = len(text), len(tweak)
    u = n // 2
    v = n - u
    a, b = text[:u], text[u:]
    b_bytes = ((radix**v - 1).bit_length() + 7) // 8
    d = 4 * -(-b_bytes // 4) + 4
    p = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, u % 256])
    p += n.to_bytes(4, "big") + t.to_bytes(4, "big")
    for i in range(10):
        q = tweak + bytes((-t - b_bytes - 1) % 16) + bytes([i])
        q += numeral(b, radix).to_bytes(b_bytes, "big")
        r = key.encrypt_cbc(bytes(16), p + q)[-16:]
        m = u if i % 2 == 0 else v
        c = (numeral(a, radix) + int.from_bytes(r[:d], "big")) % radix**m
        a, b = b, numeral_string(c, m, radix)
    return a + b


@st.composite
def domains(draw: st.DrawFn) -> tuple[int, str]:
    """A radix and a text that is neither too short nor too long in it."""
    radix = draw(st.integers(2, 36))
    length_min = next(n for n in range(2, 99) if radix**n >= 1_000_000)
    length_max = next(n for n in range(128, 0, -1) if radix ** (n - n // 2) < 2**64)
    letters = ff1.ALPHABET[:radix]
    return radix, draw(st.text(letters, min_size=length_min, max_size=length_max))


@named("ff1-")
def test_ciphertexts_are_the_published_ones(vector: Vector) -> None:
    key = Key.of(AES, vector.hex("key"))
    tweak, radix = vector.hex("tweak"), vector.inputs["radix"]

    assert ff1.encrypt(key, tweak, vector.text("plaintext"), radix) == vector.expected
    assert ff1.decrypt(key, tweak, vector.expected, radix) == vector.text("plaintext")


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64), domains())
def test_it_does_what_the_standard_says(
    secret: bytes, tweak: bytes, domain: tuple[int, str]
) -> None:
    radix, text = domain
    key = Key.of(AES, secret)

    made = ff1.encrypt(key, tweak, text, radix)

    assert made == model(key, tweak, text, radix)
    assert ff1.decrypt(key, tweak, made, radix) == text


def test_the_largest_numbers_come_back() -> None:
    for radix, length in ((10, 38), (36, 24), (2, 126)):
        text = ff1.ALPHABET[radix - 1] * length

        made = ff1.encrypt(KEY, b"", text, radix)

        assert made == model(KEY, b"", text, radix)
        assert ff1.decrypt(KEY, b"", made, radix) == text


@given(st.text("0123456789", min_size=12, max_size=19), st.binary(max_size=8))
def test_another_tweak_gives_another_text(text: str, tweak: bytes) -> None:
    assert ff1.encrypt(KEY, tweak, text) != ff1.encrypt(KEY, tweak + b"\x01", text)


@pytest.mark.parametrize(
    ("text", "radix"),
    [
        ("12345", 10),
        ("", 10),
        ("1" * 39, 10),
        ("1" * 129, 2),
        ("z" * 25, 36),
        ("12345678a", 10),
        ("ABCDEFGH", 36),
        ("12345678٣", 10),
        ("0101010101010101010101", 1),
        ("12345678", 37),
    ],
)
def test_a_text_outside_the_domain_is_refused(text: str, radix: int) -> None:
    for way in (ff1.encrypt, ff1.decrypt):
        with pytest.raises(ValueError):  # noqa: PT011 each says something else
            way(KEY, b"", text, radix)


def test_only_aes_and_short_tweaks_are_taken() -> None:
    with pytest.raises(ValueError, match="AES"):
        ff1.encrypt(Key.of(0, bytes(16)), b"", "123456")
    with pytest.raises(ValueError, match="tweak"):
        ff1.encrypt(KEY, bytes(65), "123456")
