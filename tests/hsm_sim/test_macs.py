"""MACs, CMAC, HMAC and check values: published vectors, and two libraries that know them, too."""

import hmac as standard_hmac
import warnings
from collections.abc import Callable
from itertools import pairwise

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers.algorithms import AES as STANDARD_AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _macs as macs
from hsm_sim._keys import Key
from tests.support.hsm_vectors import Vector, named

with warnings.catch_warnings():
    # Imports of psec only name where TripleDES was; it is still there.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from psec import mac as psec_mac

TDES, AES, HMAC = 0, 1, 2
# psec uses keys of 16 bytes and TripleDES's old place; both only warn.
psec_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning"
)
halves = st.binary(min_size=8, max_size=8)
pairs = st.binary(min_size=16, max_size=16)
texts = st.binary(max_size=100)
ALGORITHMS = [macs.cbc_mac, macs.retail_mac]


@named("iso9797-alg3")
def test_retail_macs_are_the_published_ones(vector: Vector) -> None:
    key = Key.of(TDES, vector.hex("k1") + vector.hex("k2"))
    padding = vector.inputs["padding"]

    made = macs.retail_mac(key, vector.text("data").encode(), padding)

    assert made.hex().upper() == vector.expected


@named("cmac-")
def test_cmacs_are_the_published_ones(vector: Vector) -> None:
    key = Key.of(TDES if "tdes" in vector.name else AES, vector.hex("key"))

    assert macs.cmac(key, vector.hex("data")).hex().upper() == vector.expected


@named("hmac-")
def test_hmacs_are_the_published_ones(vector: Vector) -> None:
    # HMAC fills a short key with zeros, so a longer one with zeros is the same key.
    key = Key.of(HMAC, vector.hex("key").ljust(16, b"\0"))

    assert macs.hmac(key, vector.text("data").encode()).hex().upper() == vector.expected


@named("kcv-", "des-zero", "tdes-zero")
def test_check_values_are_the_published_ones(vector: Vector) -> None:
    key = Key.of(AES if vector.inputs.get("algorithm") == "A" else TDES, vector.hex("key"))

    assert macs.check_value(key).hex().upper().startswith(vector.expected)


def test_check_values_have_the_length_of_what_makes_them() -> None:
    values = [macs.check_value(Key.of(kind, bytes(range(16)))) for kind in (TDES, AES, HMAC)]

    assert [len(value) for value in values] == [8, 16, 32]
    assert values[2] == standard_hmac.digest(bytes(range(16)), b"", "sha256")


@psec_warns
@given(halves, halves, texts, st.sampled_from([1, 2, 3]))
def test_macs_are_those_of_psec(one: bytes, other: bytes, text: bytes, padding: int) -> None:
    key = Key.of(TDES, one + other)

    assert macs.retail_mac(key, text, padding) == psec_mac.generate_retail_mac(
        one, other, text, padding
    )
    assert macs.cbc_mac(key, text, padding) == psec_mac.generate_cbc_mac(
        one + other, text, padding, algorithm=psec_mac.Algorithm.DES
    )


@psec_warns
@given(st.binary(min_size=16, max_size=16), texts, st.sampled_from([1, 2, 3]))
def test_cbc_macs_of_aes_are_those_of_psec(secret: bytes, text: bytes, padding: int) -> None:
    assert macs.cbc_mac(Key.of(AES, secret), text, padding) == psec_mac.generate_cbc_mac(
        secret, text, padding, algorithm=psec_mac.Algorithm.AES
    )


@given(st.binary(min_size=24, max_size=24), texts)
def test_cmacs_are_those_of_a_library(secret: bytes, text: bytes) -> None:
    for algorithm, standard in ((TDES, TripleDES), (AES, STANDARD_AES)):
        expected = CMAC(standard(secret))
        expected.update(text)

        assert macs.cmac(Key.of(algorithm, secret), text) == expected.finalize()


@given(st.binary(min_size=16, max_size=32), texts)
def test_hmacs_are_those_of_the_standard_library(secret: bytes, text: bytes) -> None:
    key = Key.of(HMAC, secret)

    for digest, length in (("sha1", 20), ("sha256", 32), ("sha512", 64)):
        assert macs.hmac(key, text, length) == standard_hmac.digest(secret, text, digest)


@given(pairs, texts, st.data())
def test_a_message_in_parts_has_the_mac_of_the_whole(
    secret: bytes, text: bytes, data: st.DataObject
) -> None:
    key = Key.of(TDES, secret)
    # The last part is not empty: padding and CMAC's subkeys are for what ends a message.
    places = st.lists(st.integers(0, max(0, len(text) - 1) // 8), max_size=3)
    cuts = [0, *sorted(data.draw(places))]
    parts = [text[8 * start : 8 * end] for start, end in pairwise(cuts)]
    last = text[8 * cuts[-1] :]
    chain = retail_chain = None
    for part in parts:
        chain = macs.cbc_state(key, part, chain)
        retail_chain = macs.retail_state(key, part, retail_chain)

    assert macs.cbc_mac(key, last, 1, chain) == macs.cbc_mac(key, text, 1)
    assert macs.cmac(key, last, chain) == macs.cmac(key, text)
    assert macs.retail_mac(key, last, 2, retail_chain) == macs.retail_mac(key, text, 2)


@given(pairs, st.binary(min_size=1, max_size=60), st.integers(0, 479))
def test_a_changed_bit_changes_every_mac(secret: bytes, text: bytes, place: int) -> None:
    place %= 8 * len(text)
    changed = bytearray(text)
    changed[place // 8] ^= 1 << place % 8
    key, aes, digest = (Key.of(kind, secret) for kind in (TDES, AES, HMAC))

    assert macs.retail_mac(key, text, 2) != macs.retail_mac(key, bytes(changed), 2)
    assert macs.cmac(aes, text) != macs.cmac(aes, bytes(changed))
    assert macs.hmac(digest, text) != macs.hmac(digest, bytes(changed))


@given(texts, texts)
def test_equal_says_what_comparing_says(one: bytes, other: bytes) -> None:
    assert macs.equal(one, other) == (one == other)
    assert macs.equal(one, bytes(one))


def test_what_does_not_fit_is_refused() -> None:
    pair, aes, digest = (Key.of(kind, bytes(range(16))) for kind in (TDES, AES, HMAC))
    refused: list[Callable[[], object]] = [
        lambda: macs.retail_mac(aes, bytes(16), 1),
        lambda: macs.retail_mac(Key.of(TDES, bytes(8)), bytes(8), 1),
        lambda: macs.retail_state(Key.of(TDES, bytes(8)), bytes(8)),
        lambda: macs.retail_mac(pair, bytes(7), 0),
        lambda: macs.retail_mac(pair, b"", 0),
        lambda: macs.cbc_mac(pair, b"", 0),
        lambda: macs.cbc_mac(pair, bytes(9), 0),
        lambda: macs.cbc_mac(pair, bytes(8), 4),
        lambda: macs.cbc_state(aes, bytes(8)),
        lambda: macs.cmac(pair, bytes(8), bytes(16)),
        lambda: macs.cmac(digest, bytes(8)),
        lambda: macs.hmac(pair, bytes(8)),
        lambda: macs.hmac(digest, bytes(8), 16),
    ]

    for compute in refused:
        with pytest.raises(ValueError):  # noqa: PT011 each says something else
            compute()
