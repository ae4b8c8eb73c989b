"""Card verification values: the published ones, and psec's."""

import warnings

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim._cvv import cvv
from hsm_sim._keys import Key
from tests.support.hsm_vectors import Vector, named

with warnings.catch_warnings():
    # Imports of psec only name where TripleDES was; it is still there.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from psec.cvv import generate_cvv

CVK = Key.of(0, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))


def digits(count_min: int, count_max: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count_min, max_size=count_max)


@named("cvv-")
def test_values_are_the_published_ones(vector: Vector) -> None:
    key = Key.of(0, vector.hex("cvk"))

    made = cvv(key, vector.text("pan"), vector.text("expiry"), vector.text("service_code"))

    assert made == vector.expected


# psec uses keys of 16 bytes and TripleDES's old place; both only warn.
@pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning"
)
@given(st.binary(min_size=16, max_size=16), digits(12, 19), digits(4, 4), digits(3, 3))
def test_values_are_those_of_psec(secret: bytes, pan: str, expiry: str, service: str) -> None:
    assert cvv(Key.of(0, secret), pan, expiry, service) == generate_cvv(
        secret, pan, expiry, service
    )


@given(digits(12, 19), digits(4, 4), digits(3, 3))
def test_the_whole_value_begins_with_the_short_one(pan: str, expiry: str, service: str) -> None:
    whole = cvv(CVK, pan, expiry, service, 16)

    assert len(whole) == 16
    assert whole.isdigit()
    assert cvv(CVK, pan, expiry, service) == whole[:3]


@pytest.mark.parametrize(
    ("pan", "expiry", "service", "length"),
    [
        ("4123456789012345 ", "8701", "101", 3),
        ("41234567890123451234", "8701", "101", 3),
        ("4123456789012345", "870", "101", 3),
        ("4123456789012345", "8701", "1x1", 3),
        ("4123456789012345", "8701", "101", 17),
        ("4123456789012345", "8701", "101", 0),
    ],
)
def test_what_is_no_card_data_is_refused(pan: str, expiry: str, service: str, length: int) -> None:
    with pytest.raises(ValueError, match="card data"):
        cvv(CVK, pan, expiry, service, length)


def test_a_key_of_another_length_is_refused() -> None:
    for other in (Key.of(0, bytes(8)), Key.of(0, bytes(24)), Key.of(1, bytes(16))):
        with pytest.raises(ValueError, match="16 bytes"):
            cvv(other, "4123456789012345", "8701", "101")
