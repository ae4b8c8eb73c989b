"""The search of `test_a_day` finds: a search that finds nothing proves nothing by itself."""

import secrets

import pytest

from bashgah.demo import with_check_digit
from hsm_sim._keys import Key
from tests.support.secret_search import clear, finds, of_bytes, of_digits, of_key

PAN = with_check_digit("936400731948256")
TRACK2 = f"{PAN}D30121011440295"
KEY = Key.random(0, 16)
BLOCK = bytes.fromhex("0412AC89ABCDEF67")
SECRETS = {
    "PAN": of_digits(PAN),
    "track 2": of_digits(TRACK2),
    "PIN": of_digits("730264918553"),
    "PIN block": of_bytes(BLOCK),
    **{f"key {part}": forms for part, forms in of_key(KEY).items()},
}


@pytest.mark.parametrize(
    ("secret", "form"), [(secret, form) for secret, forms in SECRETS.items() for form in forms]
)
def test_a_secret_is_found_in_every_form(secret: str, form: str) -> None:
    planted = SECRETS[secret][form]
    around = secrets.token_bytes(1_000)

    assert f"{secret} as {form}" in finds(around + planted + around, SECRETS)
    assert finds(around + planted[:-1] + around[::-1], {secret: {form: planted}}) == []


@pytest.mark.parametrize(
    ("what", "output"),
    [
        ("a line of a log", f'{{"card":"{PAN}"}}'.encode()),
        ("ASCII track 2", f"35={TRACK2.replace('D', '=')}".encode()),
        ("track 2 in BCD, F behind", bytes.fromhex(TRACK2 + "F" * (len(TRACK2) % 2))),
        ("BCD from the second nibble", bytes.fromhex("0" + PAN + "1")),
        ("a column of bytes", b"17\t\\\\x" + b"00" + bytes.fromhex(PAN).hex().encode() + b"\t5"),
        ("a column of text bytes", b"\\\\x" + PAN.encode().hex().encode()),
        ("a number of 64 bits", int(PAN).to_bytes(8, "little")),
        ("half a key", clear(KEY)[8:]),
        ("a key in lower-case hex", clear(KEY).hex().encode()),
        ("a PIN block in a log", BLOCK.hex().upper().encode()),
    ],
)
def test_a_secret_is_found_as_programs_write_it(what: str, output: bytes) -> None:
    assert finds(b"\0" * 200 + output + b"\0" * 200, SECRETS), what


def test_a_masked_card_is_no_find() -> None:
    assert finds(f"{PAN[:6]}******{PAN[-4:]}".encode(), SECRETS) == []
