"""PVV and IBM 3624: against published values, against psec, and against weak tables."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _pin_checks as checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin
from hsm_sim.errors import ErrorCode, Refused

with warnings.catch_warnings():
    # psec names TripleDES at its old place, which cryptography moved.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from psec import pin as psec_pin

psec_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning",
    "ignore:.*TripleDES.*:DeprecationWarning",
)
VECTORS = json.loads((Path(__file__).parents[1] / "data/hsm.json").read_text())["vectors"]
PVVS = [row for row in VECTORS if row["standard"] == "Visa PVV"]
IBM = [row for row in VECTORS if row["standard"] == "IBM 3624"]
TABLE = b"0123456789012345"
VALIDATION = bytes.fromhex("4012345678901234")
PAIR = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
SINGLE, DOUBLE, TRIPLE = (Key.of(0, (PAIR + PAIR)[8 : 8 + size]) for size in (8, 16, 24))

pins = st.text("0123456789", min_size=4, max_size=12).map(str.encode)
accounts = st.text("0123456789", min_size=12, max_size=12).map(str.encode)


def refused_code(table: bytes) -> ErrorCode:
    with pytest.raises(Refused) as refused:
        checks.check_decimalisation_table(table)
    return refused.value.code


@pytest.mark.parametrize("row", PVVS, ids=lambda row: row["name"])
def test_published_pvvs_are_ours(row: dict[str, Any]) -> None:
    given_ = row["inputs"]
    pvk = Key.of(0, bytes.fromhex(given_["pvk"]))
    account, index = given_["account12"].encode(), int(given_["pvki"])

    made = checks.pvv(pvk, Pin.of(given_["pin"].encode()), account, index)

    assert made == row["expected"].encode()
    assert checks.pvv_matches(pvk, Pin.of(given_["pin"].encode()), account, index, made)


@pytest.mark.slow
@psec_warns
@given(pins, accounts, st.integers(0, 9), st.binary(min_size=16, max_size=16))
def test_psec_computes_the_same_pvv(pin: bytes, account: bytes, index: int, pvk: bytes) -> None:
    theirs = psec_pin.generate_visa_pvv(pvk, str(index), pin[:4].decode(), account.decode() + "0")

    assert checks.pvv(Key.of(0, pvk), Pin.of(pin), account, index) == theirs.encode()
    assert checks.pvv(Key.of(0, pvk), Pin.of(pin), account + b"0", index) == theirs.encode()


@given(pins, accounts, st.integers(0, 3), st.integers(1, 9))
def test_a_pvv_with_another_digit_does_not_match(
    pin: bytes, account: bytes, place: int, change: int
) -> None:
    pvv = bytearray(checks.pvv(DOUBLE, Pin.of(pin), account, 1))
    pvv[place] = ord("0") + (pvv[place] - ord("0") + change) % 10

    assert not checks.pvv_matches(DOUBLE, Pin.of(pin), account, 1, bytes(pvv))


@pytest.mark.parametrize("pvk", [SINGLE, TRIPLE, Key.random(1, 16)])
def test_a_pvv_takes_a_pair(pvk: Key) -> None:
    with pytest.raises(Refused) as refused:
        checks.pvv(pvk, Pin.of(b"1234"), b"550000025321", 1)
    assert refused.value.code is ErrorCode.KEY_LENGTH


@pytest.mark.parametrize("row", IBM, ids=lambda row: row["name"])
def test_published_ibm_pins_are_ours(row: dict[str, Any]) -> None:
    given_ = row["inputs"]
    pvk = Key.of(0, bytes.fromhex(given_["pvk"]))
    validation, table = bytes.fromhex(given_["validation_data"]), given_["decimalisation"].encode()

    pin = checks.ibm_pin(pvk, given_["offset"].encode(), validation, table)

    assert pin.revealed() == row["expected"].encode()
    checks.check_decimalisation_table(table)


@pytest.mark.slow
@psec_warns
@given(pins, st.text("0123456789", min_size=16, max_size=16), st.permutations("0123456789012345"))
def test_psec_computes_the_same_offset(pin: bytes, data: str, table: list[str]) -> None:
    theirs = psec_pin.generate_ibm3624_offset(PAIR, "".join(table), pin.decode(), data, 0, 16, "F")

    validation, ours = bytes.fromhex(data), "".join(table).encode()
    pvk = Key.of(0, PAIR)

    assert checks.ibm_offset(pvk, Pin.of(pin), validation, ours) == theirs.encode()


@given(pins, st.binary(min_size=8, max_size=8), st.sampled_from([SINGLE, DOUBLE, TRIPLE]))
def test_an_offset_leads_back_to_its_pin_and_to_no_other(
    pin: bytes, validation: bytes, pvk: Key
) -> None:
    offset = checks.ibm_offset(pvk, Pin.of(pin), validation, TABLE)

    assert len(offset) == len(pin)
    assert checks.ibm_pin(pvk, offset, validation, TABLE).revealed() == pin
    assert checks.ibm_matches(pvk, Pin.of(pin), offset, validation, TABLE)
    other = bytes([pin[0] ^ 1]) + pin[1:]
    assert not checks.ibm_matches(pvk, Pin.of(other), offset, validation, TABLE)
    other = pin[:-1] + bytes([pin[-1] ^ 1])
    assert not checks.ibm_matches(pvk, Pin.of(other), offset, validation, TABLE)
    if len(pin) > 4:
        assert not checks.ibm_matches(pvk, Pin.of(pin[:-1]), offset, validation, TABLE)


@pytest.mark.parametrize("offset", [b"", b"000", b"0000000000000", b"00F0"])
def test_an_offset_of_another_form_is_15(offset: bytes) -> None:
    with pytest.raises(Refused) as refused:
        checks.ibm_pin(SINGLE, offset, VALIDATION, TABLE)
    assert refused.value.code is ErrorCode.INPUT_DATA


@pytest.mark.parametrize("table", [b"0123456789ABCDEF", b"012345678901234", b"01234567890123456"])
def test_ibm_takes_sixteen_digits_as_a_table(table: bytes) -> None:
    with pytest.raises(Refused) as refused:
        checks.ibm_pin(SINGLE, b"0000", VALIDATION, table)
    assert refused.value.code is ErrorCode.DECIMALISATION_TABLE
    assert refused_code(table) is ErrorCode.DECIMALISATION_TABLE


@pytest.mark.parametrize(
    "table", [b"0123456789012345", b"1234567890123456", b"0123456789123456", b"0000111122334567"]
)
def test_published_tables_and_just_strong_ones_pass(table: bytes) -> None:
    checks.check_decimalisation_table(table)


@pytest.mark.parametrize(
    "table",
    [
        b"0000000000000000",
        b"0000000000000001",
        b"0011223344556600",  # seven different digits
        b"0000012345678912",  # one of them five times
    ],
)
def test_weak_tables_are_25(table: bytes) -> None:
    assert refused_code(table) is ErrorCode.DECIMALISATION_TABLE
