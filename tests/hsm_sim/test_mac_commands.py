"""M6, M8, MS, GW: published MACs, messages in parts, and keys that are for something else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _dukpt as dukpt
from hsm_sim import _macs as macs
from hsm_sim._keys import Key
from hsm_sim.commands.macs import COMMANDS
from hsm_sim.key_types import BDK, TAK, ZAK, ZPK, KeyType
from tests.support.hsm_commands import VARIANT, hsm_with, on_wire, sealed
from tests.support.hsm_vectors import Vector, named

TDES, AES = 0, 1
HSM = hsm_with(COMMANDS)
DOUBLE = Key.of(TDES, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
SINGLE = Key.of(TDES, bytes.fromhex("0123456789ABCDEF"))
STRONG = Key.of(AES, bytes(range(32)))
TAK_WIRE = VARIANT.seal(DOUBLE, TAK, "U")
BDK_WIRE = VARIANT.seal(DOUBLE, BDK, "U")
CMAC_WIRE = sealed(STRONG, TAK)
KSN = b"FFFF9876543210E00001"
DATA = b"4012345678909D987"
# Of thalessimulatorlibrary's M6, whose layout has an IV in mode 0 and a length before the MAC.
PUBLISHED_WIRE = b"U19D25F349FD03CC3556BB05F65283CA1"
PUBLISHED_DATA = b"72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2"
ALGORITHMS = [(b"1", TAK_WIRE, b"%00"), (b"3", TAK_WIRE, b"%00"), (b"6", None, b"%01")]


def sized(data: bytes) -> bytes:
    return b"%04X" % len(data) + data


@named("thales-MS")
def test_a_published_long_message_has_its_state(vector: Vector) -> None:
    response = HSM.execute(b"MS" + vector.text("request_fields").encode())

    assert response == b"MT" + vector.expected.encode()


def test_a_published_message_has_its_mac() -> None:
    message = b"01032003" + PUBLISHED_WIRE + sized(PUBLISHED_DATA)

    assert HSM.execute(b"M6" + message) == b"M7005F1448EE"
    assert HSM.execute(b"M8" + message + b"5F1448EE") == b"M900"
    assert HSM.execute(b"M8" + message + b"5F1448EF") == b"M901"


@named("dukpt-tdes-mac-req")
def test_published_macs_are_made_and_verified_under_dukpt(vector: Vector) -> None:
    wire = VARIANT.seal(Key.of(TDES, vector.hex("bdk")), BDK, "U")
    ksn, data = vector.text("ksn").encode(), sized(vector.text("data").encode())
    mac = vector.expected.encode()

    assert HSM.execute(b"GW31" + wire + b"605" + ksn + data) == b"GX00" + mac
    assert HSM.execute(b"GW01" + wire + b"605" + ksn + mac + data) == b"GX00"
    assert HSM.execute(b"GW01" + wire + b"605" + ksn + b"00000000" + data) == b"GX01"


@named("dukpt-tdes-cmac-req")
def test_published_cmacs_are_made_under_dukpt(vector: Vector) -> None:
    wire = VARIANT.seal(Key.of(TDES, vector.hex("bdk")), BDK, "U")
    request = wire + b"605" + vector.text("ksn").encode() + sized(vector.text("data").encode())

    assert HSM.execute(b"GW46" + request) == b"GX00" + vector.expected.encode()


def test_responses_have_other_keys_than_requests_under_dukpt() -> None:
    ksn = bytes.fromhex(KSN.decode())
    expected = macs.retail_mac(dukpt.tdes_mac_key(DOUBLE, ksn, True), DATA, 1)

    response = HSM.execute(b"GW42" + BDK_WIRE + b"605" + KSN + sized(DATA))

    assert response == b"GX00" + on_wire(expected)


@pytest.mark.parametrize(
    ("method", "usage"), [(b"6", "mac generation"), (b"7", "mac verification")]
)
def test_aes_dukpt_makes_cmacs(method: bytes, usage: str) -> None:
    bdk = Key.of(AES, bytes(range(16)))
    ksn = "123456789012345600000001"
    wire = sealed(bdk, BDK, "X")
    expected = on_wire(macs.cmac(dukpt.aes_working_key(bdk, bytes.fromhex(ksn), usage), DATA)[:8])
    request = method + wire + b"000" + ksn.encode()

    assert HSM.execute(b"GW4" + request + sized(DATA) + b"%01") == b"GX00" + expected
    assert HSM.execute(b"GW1" + request + expected + sized(DATA) + b"%01") == b"GX00"


@pytest.mark.parametrize(
    ("ksn", "code"),
    [
        (b"FFFF9876543210E00000", b"15"),
        (b"FFFF9876543210FFFFFF", b"15"),
        (b"FFFF9876543210E0000G", b"15"),
        (b"FFFF9876543210E0000", b"80"),
    ],
)
def test_a_counter_that_no_terminal_uses_is_refused(ksn: bytes, code: bytes) -> None:
    assert HSM.execute(b"GW41" + BDK_WIRE + b"605" + ksn + sized(DATA)) == b"GX" + code


@given(st.data(), st.binary(min_size=1, max_size=80), st.sampled_from([b"1", b"3"]))
def test_a_message_in_parts_has_the_mac_of_the_whole(
    data: st.DataObject, text: bytes, algorithm: bytes
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, (len(text) - 1) // 8)), max_size=3)))
    parts = [text[8 * a : 8 * b] for a, b in zip([0, *cuts], [*cuts, 99], strict=True)]
    parts = [part for part in parts if part]
    head = b"01" + algorithm + b"1003" + TAK_WIRE
    whole = HSM.execute(b"M60" + head + sized(text))

    state = b""
    for place, part in enumerate(parts):
        mode = b"1" if place == 0 else b"3" if place == len(parts) - 1 else b"2"
        if len(parts) == 1:
            mode = b"0"
        response = HSM.execute(b"M6" + mode + head + state + sized(part))
        assert response[:4] == b"M700"
        state = response[4:]
    checked = HSM.execute(b"M80" + head + sized(text) + whole[4:])

    assert b"M700" + state == whole
    assert checked == b"M900"


def test_verifying_goes_on_with_a_message_in_parts() -> None:
    head = b"01" + b"32003" + TAK_WIRE
    mac = on_wire(macs.retail_mac(DOUBLE, bytes(24), 2))

    first = HSM.execute(b"M81" + head + sized(bytes(16)))
    last = HSM.execute(b"M83" + head + first[4:] + sized(bytes(8)) + mac)
    # Padding method 2 makes a block of nothing, so that a last part may be empty.
    all_but_padding = HSM.execute(b"M81" + head + sized(bytes(24)))
    empty = HSM.execute(b"M83" + head + all_but_padding[4:] + b"0000" + mac)

    assert (last, empty) == (b"M900", b"M900")


@pytest.mark.parametrize("form", [b"0", b"1", b"2"])
def test_data_comes_in_three_forms(form: bytes) -> None:
    data = b"text, that may end in %01 \x19 or ; as well" if form == b"0" else b"Some plain text"
    sent = on_wire(data) if form == b"1" else data
    expected = on_wire(macs.retail_mac(DOUBLE, data, 1))

    response = HSM.execute(b"M60" + form + b"131003" + TAK_WIRE + sized(sent) + b"%00\x19trailer")

    assert response == b"M700" + expected + b"\x19trailer"


def test_cmacs_are_made_with_keys_for_cmacs() -> None:
    triple = Key.random(TDES, 24)
    wire = sealed(triple, ZAK, usage="M6")
    short = on_wire(macs.cmac(STRONG, DATA)[:8])

    aes = HSM.execute(b"M602250FFF" + CMAC_WIRE + sized(DATA) + b"%01")
    checked = HSM.execute(b"M802150FFF" + CMAC_WIRE + sized(DATA) + short + b"%01")
    tdes = HSM.execute(b"M602160008" + wire + sized(DATA) + b"%01")

    assert aes == b"M700" + on_wire(macs.cmac(STRONG, DATA))
    assert checked == b"M900"
    assert tdes == b"M700" + on_wire(macs.cmac(triple, DATA))


def test_a_cmac_goes_on_with_a_message_in_parts() -> None:
    head = b"0250FFF" + CMAC_WIRE

    first = HSM.execute(b"M61" + head + sized(bytes(32)) + b"%01")
    last = HSM.execute(b"M63" + head + first[4:] + sized(bytes(16)) + b"%01")

    assert last == b"M700" + on_wire(macs.cmac(STRONG, bytes(48)))


@pytest.mark.parametrize(
    ("key", "kind", "usage", "mode", "algorithm", "code"),
    [
        (DOUBLE, TAK, "M3", "C", b"31", b"00"),
        (DOUBLE, TAK, "M1", "G", b"11", b"00"),
        (DOUBLE, TAK, "M3", "V", b"31", b"A8"),
        (DOUBLE, TAK, "M3", "C", b"11", b"A6"),
        (DOUBLE, TAK, "M1", "C", b"31", b"A6"),
        (DOUBLE, TAK, "M3", "C", b"60", b"A6"),
        (DOUBLE, ZPK, "P0", "B", b"31", b"A6"),
        (STRONG, TAK, "M6", "C", b"31", b"04"),
        (STRONG, TAK, "M6", "C", b"60", b"04"),
        (DOUBLE, TAK, "M6", "C", b"50", b"04"),
    ],
)
def test_a_key_block_says_what_its_key_makes(
    key: Key, kind: KeyType, usage: str, mode: str, algorithm: bytes, code: bytes
) -> None:
    wire = sealed(key, kind, mode, usage)

    response = HSM.execute(b"M600" + b"1" + algorithm + b"FFF" + wire + sized(bytes(16)) + b"%01")

    assert response[:4] == b"M7" + code


def test_a_key_that_only_verifies_is_not_found_when_one_generates() -> None:
    wire = sealed(DOUBLE, TAK, "V")
    mac = on_wire(macs.retail_mac(DOUBLE, bytes(8), 1))
    message = b"00131FFF" + wire + sized(bytes(8))

    verified = HSM.execute(b"M8" + message + mac + b"%01")
    generated = HSM.execute(b"M6" + message + b"%01")

    assert (verified, generated) == (b"M900", b"M7A8")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (b"40131003" + TAK_WIRE + b"0008" + bytes(8), b"02"),
        (b"03131003" + TAK_WIRE + b"0008" + bytes(8), b"03"),
        (b"00331003" + TAK_WIRE + b"0008" + bytes(8), b"15"),
        (b"00231003" + TAK_WIRE + b"0008" + bytes(8), b"15"),
        (b"00121003" + TAK_WIRE + b"0008" + bytes(8), b"04"),
        (b"00133003" + TAK_WIRE + b"0008" + bytes(8), b"09"),
        (b"00161003" + TAK_WIRE + b"0008" + bytes(8), b"09"),
        (b"00131001" + TAK_WIRE + b"0008" + bytes(8), b"05"),
        (b"00131FFF" + TAK_WIRE + b"0008" + bytes(8), b"05"),
        (b"00131008" + TAK_WIRE + b"0008" + bytes(8), b"10"),
        (b"00131003" + TAK_WIRE + b"0009" + bytes(8), b"80"),
        (b"00131003" + TAK_WIRE + b"0007" + bytes(8), b"15"),
        (b"00131003" + TAK_WIRE + b"0000", b"80"),
        (b"00130003" + TAK_WIRE + b"0007" + bytes(7), b"80"),
        (b"10131003" + TAK_WIRE + b"0007" + bytes(7), b"80"),
        (b"30131003" + TAK_WIRE + bytes.fromhex("30" * 16) + b"0000", b"80"),
        (b"01131003" + TAK_WIRE + b"0003ABC", b"80"),
        (b"01131003" + TAK_WIRE + b"0002xy", b"15"),
        (b"20131003" + TAK_WIRE + b"0008" + bytes(8), b"15"),
        (b"00131003" + VARIANT.seal(SINGLE, TAK, "Z") + b"0008" + bytes(8), b"27"),
        (b"", b"15"),
    ],
)
def test_a_wrong_field_is_refused(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"M6" + fields) == b"M7" + code


@pytest.mark.parametrize(
    ("key", "flags", "expected"),
    [
        (SINGLE, b"0000", macs.cbc_mac(SINGLE, DATA, 1)),
        (DOUBLE, b"0010", macs.retail_mac(DOUBLE, DATA, 1)),
    ],
)
def test_long_messages_take_single_and_double_keys(key: Key, flags: bytes, expected: bytes) -> None:
    wire = VARIANT.seal(key, TAK, "Z" if key is SINGLE else "U")
    start = b"MS" + flags + wire

    assert HSM.execute(start + sized(DATA)) == b"MT00" + on_wire(expected)


def test_long_messages_go_on() -> None:
    wire = VARIANT.seal(DOUBLE, ZAK, "U")
    expected = macs.retail_mac(DOUBLE, bytes(40), 1)

    first = HSM.execute(b"MS1110" + wire + sized(bytes(16)))
    middle = HSM.execute(b"MS2110" + wire + first[4:] + sized(bytes(16)))
    last = HSM.execute(b"MS3110" + wire + middle[4:] + sized(bytes(8)))

    assert last == b"MT00" + on_wire(expected)


def test_the_length_of_a_key_is_as_its_flag_says() -> None:
    wire = VARIANT.seal(DOUBLE, TAK, "U")

    assert HSM.execute(b"MS0000" + wire + sized(DATA)) == b"MT27"
