"""DUKPT: every published transaction, both ends of it, and counters that nobody may use."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _dukpt as dukpt
from hsm_sim import _macs as macs
from hsm_sim._keys import Key
from tests.support.hsm_vectors import Vector, named

TDES, AES, HMAC = 0, 1, 2
BDK = Key.of(TDES, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
AES_BDK = Key.of(AES, bytes.fromhex("FEDCBA9876543210F1F1F1F1F1F1F1F1"))
IKID = bytes.fromhex("1234567890123456")
KSN = bytes.fromhex("FFFF9876543210E00000")
USAGE_NAMES = {code: name for name, code in dukpt.USAGES.items()}


def tdes_base(vector: Vector) -> tuple[Key, bytes]:
    return Key.of(TDES, vector.hex("bdk")), vector.hex("ksn")


def tdes_ksn(counter: int) -> bytes:
    return KSN[:7] + ((KSN[7] & 0xE0) << 16 | counter).to_bytes(3, "big")


def aes_ksn(counter: int) -> bytes:
    return IKID + counter.to_bytes(4, "big")


def counters(bits: int, ones_max: int) -> st.SearchStrategy[int]:
    places = st.sets(st.integers(0, bits - 1), min_size=1, max_size=ones_max)
    return places.map(lambda chosen: sum(1 << place for place in chosen))


@named("dukpt-tdes-ipek")
def test_initial_keys_of_tdes_are_the_published_ones(vector: Vector) -> None:
    initial = dukpt.tdes_initial_key(*tdes_base(vector))

    assert initial.same_as(Key.of(TDES, bytes.fromhex(vector.expected)))


@named("dukpt-tdes-txnkey")
def test_transaction_keys_of_tdes_are_the_published_ones(vector: Vector) -> None:
    key = dukpt.tdes_transaction_key(*tdes_base(vector))

    assert key.same_as(Key.of(TDES, bytes.fromhex(vector.expected)))


@named("dukpt-tdes-pin")
def test_pin_blocks_of_tdes_are_the_published_ones(vector: Vector) -> None:
    key = dukpt.tdes_pin_key(*tdes_base(vector))

    assert key.encrypt_ecb(vector.hex("clear_pinblock")).hex().upper() == vector.expected


@named("dukpt-tdes-mac-req")
def test_request_macs_of_tdes_are_the_published_ones(vector: Vector) -> None:
    key = dukpt.tdes_mac_key(*tdes_base(vector))

    made = macs.retail_mac(key, vector.text("data").encode(), 1)

    assert made[: vector.inputs["length"]].hex().upper() == vector.expected


@named("dukpt-tdes-cmac-req")
def test_request_cmacs_of_tdes_are_the_published_ones(vector: Vector) -> None:
    key = dukpt.tdes_mac_key(*tdes_base(vector))

    assert macs.cmac(key, vector.text("data").encode()).hex().upper() == vector.expected


@named("dukpt-tdes-data-req")
def test_data_of_tdes_is_encrypted_as_published(vector: Vector) -> None:
    key = dukpt.tdes_data_key(*tdes_base(vector))

    made = key.encrypt_cbc(bytes(8), macs.padded(vector.text("data").encode(), 1))

    assert made.hex().upper() == vector.expected


@named("dukpt-aes128-ik", "dukpt-aes256-ik")
def test_initial_keys_of_aes_are_the_published_ones(vector: Vector) -> None:
    initial = dukpt.aes_initial_key(Key.of(AES, vector.hex("bdk")), vector.hex("ikid"))

    assert initial.same_as(Key.of(AES, bytes.fromhex(vector.expected)))


@named("dukpt-aes128-txnkey", "dukpt-aes256-txnkey")
def test_transaction_keys_of_aes_are_the_published_ones(vector: Vector) -> None:
    key = dukpt.aes_transaction_key(Key.of(AES, vector.hex("bdk")), vector.hex("ksn"))

    assert key.same_as(Key.of(AES, bytes.fromhex(vector.expected)))


@named("dukpt-aes128-pinkey", "dukpt-aes128-datakey", "dukpt-aes128-mackey")
def test_working_keys_of_aes_are_the_published_ones(vector: Vector) -> None:
    usage = USAGE_NAMES[int(vector.text("key_usage"), 16)]

    key = dukpt.aes_working_key(Key.of(AES, vector.hex("bdk")), vector.hex("ksn"), usage)

    assert key.same_as(Key.of(AES, bytes.fromhex(vector.expected)))


@given(counters(21, 10))
def test_terminal_and_host_derive_the_same_keys_of_tdes(counter: int) -> None:
    ksn = tdes_ksn(counter)
    initial = dukpt.tdes_initial_key(BDK, ksn)

    terminal = [
        dukpt.tdes_transaction_key(initial, ksn, initial=True),
        dukpt.tdes_pin_key(initial, ksn, initial=True),
        dukpt.tdes_mac_key(initial, ksn, initial=True),
        dukpt.tdes_mac_key(initial, ksn, True, initial=True),
        dukpt.tdes_data_key(initial, ksn, initial=True),
        dukpt.tdes_data_key(initial, ksn, True, initial=True),
    ]
    host = [
        dukpt.tdes_transaction_key(BDK, ksn),
        dukpt.tdes_pin_key(BDK, ksn),
        dukpt.tdes_mac_key(BDK, ksn),
        dukpt.tdes_mac_key(BDK, ksn, True),
        dukpt.tdes_data_key(BDK, ksn),
        dukpt.tdes_data_key(BDK, ksn, True),
    ]

    assert all(one.same_as(other) for one, other in zip(terminal, host, strict=True))
    assert len({macs.check_value(key) for key in host}) == len(host)


def test_response_keys_of_tdes_are_variants_of_the_transaction_key() -> None:
    # No vector of ours has these; X9.24-1 says which byte of each half is inverted.
    ksn = tdes_ksn(5)
    base = dukpt.tdes_transaction_key(BDK, ksn)
    mac_variant = base.masked(bytes.fromhex("00000000FF000000") * 2)
    data_variant = base.masked(bytes.fromhex("000000FF00000000") * 2)

    data_key = Key.of(TDES, data_variant.wrapped([data_variant, data_variant]))

    assert dukpt.tdes_mac_key(BDK, ksn, True).same_as(mac_variant)
    assert dukpt.tdes_data_key(BDK, ksn, True).same_as(data_key)


@given(counters(32, 16), st.sampled_from([16, 24, 32]))
def test_terminal_and_host_derive_the_same_keys_of_aes(counter: int, length: int) -> None:
    bdk = Key.of(AES, bytes(range(length)))
    initial = dukpt.aes_initial_key(bdk, IKID)
    ksn = aes_ksn(counter)
    checks = set()

    for usage in dukpt.USAGES:
        host = dukpt.aes_working_key(bdk, ksn, usage, AES, length)
        terminal = dukpt.aes_working_key(initial, ksn, usage, AES, length, initial=True)
        assert host.same_as(terminal)
        checks.add(macs.check_value(host))

    assert len(checks) == len(dukpt.USAGES)


def test_working_keys_of_other_algorithms_come_from_an_aes_base() -> None:
    strong = Key.of(AES, bytes(range(32)))
    ksn = aes_ksn(1)
    kinds = [(TDES, 16), (TDES, 24), (AES, 16), (AES, 24), (AES, 32), (HMAC, 16), (HMAC, 32)]

    keys = [dukpt.aes_working_key(strong, ksn, "mac", *kind) for kind in kinds]

    assert [(key.algorithm, key.length) for key in keys] == kinds
    for kind in ((AES, 24), (AES, 32), (HMAC, 32)):
        with pytest.raises(ValueError, match="stronger"):
            dukpt.aes_working_key(AES_BDK, ksn, "mac", *kind)
    # Three-key TDES is no stronger than AES-128, though it is longer.
    assert dukpt.aes_working_key(AES_BDK, ksn, "pin", TDES, 24).length == 24


@pytest.mark.parametrize("counter", [0b111_1111_1111, 0x1FFFFF, 0b111_1111_1111 << 10])
def test_an_exhausted_counter_of_tdes_is_refused(counter: int) -> None:
    initial = dukpt.tdes_initial_key(BDK, KSN)

    with pytest.raises(ValueError, match="ones"):
        dukpt.tdes_pin_key(BDK, tdes_ksn(counter))
    with pytest.raises(ValueError, match="ones"):
        dukpt.tdes_pin_key(initial, tdes_ksn(counter), initial=True)


@pytest.mark.parametrize("counter", [0x1FFFF, 0xFFFFFFFF, 0xFFFF8001])
def test_an_exhausted_counter_of_aes_is_refused(counter: int) -> None:
    with pytest.raises(ValueError, match="ones"):
        dukpt.aes_working_key(AES_BDK, aes_ksn(counter), "pin")


def test_the_counter_of_an_initial_key_is_no_transactions() -> None:
    with pytest.raises(ValueError, match="initial key"):
        dukpt.tdes_mac_key(BDK, KSN)
    with pytest.raises(ValueError, match="initial key"):
        dukpt.aes_transaction_key(AES_BDK, aes_ksn(0))


def test_the_last_counters_are_still_good() -> None:
    assert dukpt.tdes_pin_key(BDK, tdes_ksn(0x1FF800)).length == 16
    assert dukpt.aes_working_key(AES_BDK, aes_ksn(0xFFFF0000), "pin").length == 16


def test_what_does_not_fit_is_refused() -> None:
    refused: list[Callable[[], object]] = [
        lambda: dukpt.tdes_initial_key(BDK, KSN[1:]),
        lambda: dukpt.tdes_initial_key(AES_BDK, KSN),
        lambda: dukpt.tdes_initial_key(Key.of(TDES, bytes(24)), KSN),
        lambda: dukpt.tdes_pin_key(BDK, tdes_ksn(1) + b"\0"),
        lambda: dukpt.tdes_pin_key(AES_BDK, tdes_ksn(1), initial=True),
        lambda: dukpt.aes_initial_key(AES_BDK, IKID[1:]),
        lambda: dukpt.aes_initial_key(BDK, IKID),
        lambda: dukpt.aes_working_key(AES_BDK, IKID, "pin"),
        lambda: dukpt.aes_working_key(BDK, aes_ksn(1), "pin"),
        lambda: dukpt.aes_working_key(AES_BDK, aes_ksn(1), "everything"),
        lambda: dukpt.aes_working_key(AES_BDK, aes_ksn(1), "pin", AES, 17),
    ]

    for derive in refused:
        with pytest.raises(ValueError):  # noqa: PT011 each says something else
            derive()
