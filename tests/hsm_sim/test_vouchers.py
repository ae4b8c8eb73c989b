"""Voucher PINs: how they are drawn, sealed, digested, and what is refused.

A PIN is looked at where it may be: in a document, decrypted with its recipient's key.
"""

import hashlib
import hmac
import pickle
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _vouchers
from hsm_sim._documents import Document, new_signing_key, sign
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit
from hsm_sim.errors import ErrorCode, Refused
from tests.support.recipients import Recipient

TDES, AES, HMAC = range(3)
SECRET = bytes(range(32))
DIGEST_KEY = Key.of(HMAC, SECRET)
SEALING_KEY = Key.random(AES, 32)
LABEL = b"CHARGE-50"
BOUND = b"batch 7, voucher 1"
VECTORS = {TDES: bytes(8), AES: bytes(16)}
PRINT_HOUSE = Recipient("Print house")


def generated(digits: int = 16) -> tuple[bytes, bytes]:
    return _vouchers.generate(DIGEST_KEY, SEALING_KEY, LABEL, BOUND, digits)


def with_check_digit(digits: str) -> str:
    return digits + damm_digit(digits)


def opened(sealed: list[bytes]) -> list[str]:
    """Let the print house read PINs: nobody else can."""
    document = Document()
    for pin in sealed:
        _vouchers.write_pin(document, SEALING_KEY, BOUND, pin, b"", b"\n")
    return PRINT_HOUSE.decrypted(document.enveloped(PRINT_HOUSE.der)).decode("ascii").split()


def encrypted(pin: str, key: Key) -> bytes:
    """Encrypt a PIN as a terminal does."""
    block = 16 if key.algorithm == AES else 8
    padded = pin.encode("ascii") + b"\x80"
    return key.encrypt_cbc(
        VECTORS[key.algorithm], padded.ljust(-(-len(padded) // block) * block, b"\0")
    )


@given(st.text("0123456789", min_size=11, max_size=19), st.data())
def test_a_wrong_digit_and_a_swap_of_neighbours_are_caught(
    digits: str, data: st.DataObject
) -> None:
    pin = with_check_digit(digits)
    at = data.draw(st.integers(0, len(pin) - 2))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != pin[at]]))
    swapped = pin[:at] + pin[at + 1] + pin[at] + pin[at + 2 :]

    for slip in {pin[:at] + other + pin[at + 1 :], swapped} - {pin}:
        with pytest.raises(Refused, match=ErrorCode.PIN_BLOCK):
            _vouchers.digest(DIGEST_KEY, LABEL, slip.encode("ascii"))


@pytest.mark.parametrize("digits", range(12, 21))
def test_a_pin_has_its_digits_and_the_digest_of_its_label(digits: int) -> None:
    digest, sealed = generated(digits)

    (pin,) = opened([sealed])
    assert (len(pin), pin) == (digits, with_check_digit(pin[:-1]))
    text = bytes([len(LABEL)]) + LABEL + pin.encode("ascii")
    assert digest == hmac.digest(SECRET, text, hashlib.sha256)
    assert digest == _vouchers.digest(DIGEST_KEY, LABEL, pin.encode("ascii"))
    assert digest != _vouchers.digest(DIGEST_KEY, b"CHARGE-51", pin.encode("ascii"))


@pytest.mark.parametrize("digits", [0, 11, 21, 10**9])
def test_no_pin_of_another_length_is_made(digits: int) -> None:
    with pytest.raises(Refused, match=ErrorCode.PIN_LENGTH):
        generated(digits)


@pytest.mark.parametrize("key", [Key.random(TDES, 16), Key.random(TDES, 24), Key.random(AES, 16)])
@pytest.mark.parametrize("digits", range(12, 21))
def test_an_encrypted_pin_has_the_digest_of_the_clear_one(key: Key, digits: int) -> None:
    pin = with_check_digit("7" * (digits - 1))
    vector = VECTORS[key.algorithm]

    digest = _vouchers.digest_encrypted(DIGEST_KEY, LABEL, key, vector, encrypted(pin, key))

    assert digest == _vouchers.digest(DIGEST_KEY, LABEL, pin.encode("ascii"))


@pytest.mark.parametrize("cut", [slice(0, 15), slice(0, 0), slice(0, 33), slice(0, 48)])
def test_a_cryptogram_that_fills_no_blocks_is_refused(cut: slice) -> None:
    key = Key.random(AES, 16)
    cryptogram = (encrypted(with_check_digit("1" * 15), key) * 3)[cut]

    with pytest.raises(Refused, match=ErrorCode.INPUT_DATA):
        _vouchers.digest_encrypted(DIGEST_KEY, LABEL, key, bytes(16), cryptogram)


def test_wrong_padding_and_wrong_digits_are_the_same_refusal() -> None:
    key = Key.random(AES, 16)
    good = with_check_digit("1" * 14)
    forms = [good.encode().ljust(16, b"\0"), bytes(16), b"A" * 15 + b"\x80", b"\x80" * 16]
    slip = encrypted(good[:-1] + str((int(good[-1]) + 1) % 10), key)

    for cryptogram in [slip, *(key.encrypt_cbc(bytes(16), form) for form in forms)]:
        with pytest.raises(Refused, match=ErrorCode.PIN_BLOCK):
            _vouchers.digest_encrypted(DIGEST_KEY, LABEL, key, bytes(16), cryptogram)


def test_a_sealed_pin_opens_only_for_what_it_belongs_to() -> None:
    digest, sealed = generated()
    attempts: list[tuple[Key, bytes, bytes]] = [
        (SEALING_KEY, b"batch 7, voucher 2", sealed),
        (Key.random(AES, 32), BOUND, sealed),
        (SEALING_KEY, BOUND, sealed[:-1]),
        (SEALING_KEY, BOUND, b""),
        *((SEALING_KEY, BOUND, changed) for changed in one_bit_changed(sealed)),
    ]

    for key, bound, tried in attempts:
        with pytest.raises(Refused, match=ErrorCode.PIN_UNDER_LMK):
            _vouchers.digest_sealed(DIGEST_KEY, LABEL, key, bound, tried)
    assert _vouchers.digest_sealed(DIGEST_KEY, LABEL, SEALING_KEY, BOUND, sealed) == digest


def one_bit_changed(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_the_same_pin_sealed_twice_looks_different() -> None:
    sealed = [generated()[1] for _ in range(1000)]

    assert len({it[:12] for it in sealed}) == len({it[12:] for it in sealed}) == 1000


@pytest.mark.slow
def test_the_digits_are_uniform_at_every_place() -> None:
    pins = opened([generated()[1] for _ in range(40_000)])

    for place in range(16):
        counts = Counter(pin[place] for pin in pins)
        expected = len(pins) / 10
        chi_square = sum((counts[digit] - expected) ** 2 / expected for digit in "0123456789")
        # Nine degrees of freedom: beyond 45 once in a million.
        assert chi_square < 45, f"place {place}"


@pytest.mark.slow
def test_a_million_pins_of_twenty_digits_are_all_different() -> None:
    # 10^19 PINs: two of a million are equal once in 20 million runs.
    digests = {generated(20)[0] for _ in range(1_000_000)}

    assert len(digests) == 1_000_000


def test_a_document_is_forgotten_once_it_is_enveloped() -> None:
    document = Document()
    document.write(b"123456789" * 1000)

    envelope = document.enveloped(PRINT_HOUSE.der)

    assert len(document) == 0
    assert PRINT_HOUSE.decrypted(envelope) == b"123456789" * 1000
    assert b"123456789" not in envelope


@pytest.mark.parametrize("certificate", [b"", b"rubbish", PRINT_HOUSE.der[:-1]])
def test_no_envelope_without_a_certificate(certificate: bytes) -> None:
    document = Document()
    document.write(b"123456789")

    with pytest.raises(Refused, match=ErrorCode.INPUT_DATA):
        document.enveloped(certificate)
    assert len(document) == 0


def test_a_document_does_not_leave_as_an_object() -> None:
    with pytest.raises(TypeError, match="enveloped"):
        pickle.dumps(Document())


def test_a_signing_key_opens_only_where_it_was_sealed() -> None:
    sealed, _ = new_signing_key(SEALING_KEY, b"signer")

    for key, bound in [(Key.random(AES, 32), b"signer"), (SEALING_KEY, b"another")]:
        with pytest.raises(Refused, match=ErrorCode.PIN_UNDER_LMK):
            sign(key, bound, sealed, b"data")
