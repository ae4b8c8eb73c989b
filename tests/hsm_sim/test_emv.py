"""Chip cards: published cryptograms, and pyemv, which derives the same keys."""

import warnings
from collections.abc import Callable

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _emv as emv
from hsm_sim._keys import Key
from tests.support.hsm_vectors import Vector, named

with warnings.catch_warnings():
    # Imports of pyemv only name where TripleDES was; it is still there.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from pyemv import ac, kd
    from pyemv import cvv as pyemv_cvv
    from pyemv import mac as pyemv_mac

TDES = 0
# pyemv uses keys of 16 bytes and TripleDES's old place; both only warn.
pyemv_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning"
)
secrets = st.binary(min_size=16, max_size=16)
blocks = st.binary(min_size=8, max_size=8)
fours = st.binary(min_size=4, max_size=4)
counters = st.binary(min_size=2, max_size=2)
pans = st.text("0123456789", min_size=12, max_size=19)
sequences = st.text("0123456789", min_size=2, max_size=2)


def key(secret: bytes) -> Key:
    return Key.of(TDES, secret)


@named("emv-arqc")
def test_cryptograms_are_the_published_ones(vector: Vector) -> None:
    account = emv.account_block(vector.text("pan"), vector.text("psn"))
    card = emv.card_key(key(vector.hex("imk_ac")), account)

    made = emv.cryptogram(emv.session_key(card, vector.hex("r")), vector.hex("data"))

    assert made.hex().upper() == vector.expected


@named("emv-arpc")
def test_answers_are_the_published_ones(vector: Vector) -> None:
    made = emv.arpc_1(key(vector.hex("icc_mk_ac")), vector.hex("arqc"), vector.hex("arc"))

    assert made.hex().upper() == vector.expected


@pyemv_warns
@given(secrets, pans, sequences)
def test_card_keys_are_those_of_pyemv(secret: bytes, pan: str, sequence: str) -> None:
    of_a = emv.card_key(key(secret), emv.account_block(pan, sequence))
    of_b = emv.card_key(key(secret), emv.account_block(pan, sequence, option_b=True))

    assert of_a.same_as(key(kd.derive_icc_mk_a(secret, pan, sequence)))
    assert of_b.same_as(key(kd.derive_icc_mk_b(secret, pan, sequence)))


@pyemv_warns
@given(secrets, blocks, counters, fours)
def test_session_keys_are_those_of_pyemv(
    secret: bytes, diversifier: bytes, atc: bytes, unpredictable: bytes
) -> None:
    card = key(secret)

    common = emv.session_key(card, diversifier)
    by_counter = emv.cryptogram_key(card, atc)
    mchip = emv.mchip_key(card, atc, unpredictable)
    script = emv.visa_script_key(card, atc)

    assert common.same_as(key(kd.derive_common_sk(secret, diversifier)))
    assert by_counter.same_as(key(kd.derive_common_sk(secret, atc + bytes(6))))
    assert mchip.same_as(key(kd.derive_common_sk(secret, atc + bytes(2) + unpredictable)))
    assert script.same_as(key(kd.derive_visa_sm_sk(secret, atc)))


@pyemv_warns
@given(secrets, st.binary(min_size=1, max_size=80))
def test_cryptograms_are_those_of_pyemv(secret: bytes, data: bytes) -> None:
    zeros, whole = ac.PaddingType.VISA, ac.PaddingType.EMV

    assert emv.cryptogram(key(secret), data) == ac.generate_ac(secret, data, whole)
    assert emv.cryptogram(key(secret), data, 1) == ac.generate_ac(secret, data, zeros)
    assert emv.cryptogram(key(secret), data) == pyemv_mac.mac_iso9797_3(
        secret[:8], secret[8:], data, 2
    )


@pyemv_warns
@given(secrets, blocks, counters, fours, st.binary(max_size=8))
def test_answers_are_those_of_pyemv(
    secret: bytes, arqc: bytes, code: bytes, update: bytes, more: bytes
) -> None:
    assert emv.arpc_1(key(secret), arqc, code) == ac.generate_arpc_1(secret, arqc, code)
    assert emv.arpc_2(key(secret), arqc, update, more) == ac.generate_arpc_2(
        secret, arqc, update, more
    )


@pyemv_warns
@given(secrets, st.binary(min_size=10, max_size=40), counters, fours)
def test_dynamic_codes_are_those_of_pyemv(
    secret: bytes, track: bytes, atc: bytes, unpredictable: bytes
) -> None:
    made = emv.cvc3(key(secret), track, unpredictable, atc)

    assert made == pyemv_cvv.generate_cvc3(secret, track, atc, unpredictable).zfill(5)


def test_what_does_not_fit_is_refused() -> None:
    pair = key(bytes(range(16)))
    refused: list[Callable[[], object]] = [
        lambda: emv.account_block("", "00"),
        lambda: emv.account_block("1" * 20, "00"),
        lambda: emv.account_block("4123456789012345", "0"),
        lambda: emv.account_block("41234567890123٤5", "00"),
        lambda: emv.card_key(key(bytes(24)), bytes(8)),
        lambda: emv.card_key(Key.of(1, bytes(16)), bytes(8)),
        lambda: emv.card_key(pair, bytes(7)),
        lambda: emv.session_key(pair, bytes(9)),
        lambda: emv.cryptogram_key(pair, bytes(3)),
        lambda: emv.mchip_key(pair, bytes(2), bytes(3)),
        lambda: emv.visa_script_key(pair, bytes(1)),
        lambda: emv.arpc_1(pair, bytes(8), bytes(4)),
        lambda: emv.arpc_2(pair, bytes(8), bytes(4), bytes(9)),
        lambda: emv.cvc3(pair, bytes(19), bytes(4), bytes(1)),
    ]

    for compute in refused:
        with pytest.raises(ValueError):  # noqa: PT011 each says something else
            compute()
