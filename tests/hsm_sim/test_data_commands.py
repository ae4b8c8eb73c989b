"""M0, M2, GM, and our own ZA, ZC, ZE: data in and out, and keys that are for one way only."""

import hashlib
import hmac as standard_hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _dukpt as dukpt
from hsm_sim import _ff1 as ff1
from hsm_sim._keys import Key
from hsm_sim.commands import data as data_commands
from hsm_sim.commands import extras
from hsm_sim.key_types import BDK, HMAC_KEY, TEK, VOUCHER, ZEK, ZPK
from tests.support.hsm_commands import VARIANT, hsm_with, on_wire, sealed
from tests.support.hsm_vectors import Vector, named

TDES, AES, HMAC = 0, 1, 2
HSM = hsm_with((*data_commands.COMMANDS, *extras.COMMANDS))
DOUBLE = Key.of(TDES, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
STRONG = Key.of(AES, bytes(range(32)))
DIGEST_SECRET = bytes(range(32))
ZEK_WIRE = VARIANT.seal(DOUBLE, ZEK, "U")
STRONG_WIRE = sealed(STRONG, ZEK)
HMAC_WIRE = sealed(Key.of(HMAC, DIGEST_SECRET), HMAC_KEY)
FOX = b"The quick brown fox jumps over the lazy dog"


def sized(data: bytes) -> bytes:
    return b"%04X" % len(data) + data


def text_request(key: Key, tweak: bytes, text: str, radix: int = 10) -> bytes:
    middle = b"%02d%02d" % (radix, len(tweak)) + on_wire(tweak) + b"%03d" % len(text)
    return b"FFF" + sealed(key, ZEK) + middle + text.encode() + b"%01"


@given(st.binary(min_size=8, max_size=64).map(lambda data: data[: len(data) // 8 * 8]))
def test_data_comes_back_in_every_form(data: bytes) -> None:
    for form, sent in ((b"0", data), (b"1", on_wire(data))):
        encrypted = HSM.execute(b"M000" + form + b"100A" + ZEK_WIRE + sized(sent))
        clear = HSM.execute(b"M2001" + form + b"00A" + ZEK_WIRE + encrypted[4:])

        assert encrypted == b"M100" + sized(on_wire(DOUBLE.encrypt_ecb(data)))
        assert clear == b"M300" + sized(sent)


def test_text_is_for_the_clear_side_only() -> None:
    encrypted = HSM.execute(b"M00020" + b"00A" + ZEK_WIRE + sized(b"16 letters each."))

    clear = HSM.execute(b"M20002" + b"00A" + ZEK_WIRE + encrypted[4:])

    assert clear == b"M300" + sized(b"16 letters each.")
    assert HSM.execute(b"M00002" + b"00A" + ZEK_WIRE + sized(bytes(8))) == b"M104"
    assert HSM.execute(b"M20020" + b"00A" + ZEK_WIRE + sized(bytes(8))) == b"M303"


def test_a_chain_goes_on_where_it_ended() -> None:
    whole = STRONG.encrypt_cbc(bytes(16), bytes(64))
    head = b"0000FFF" + STRONG_WIRE
    back = b"M20100FFF" + STRONG_WIRE

    first = HSM.execute(b"M001" + head[2:] + b"00" * 16 + sized(bytes(32)) + b"%01")
    second = HSM.execute(b"M001" + head[2:] + first[4:36] + sized(bytes(32)) + b"%01")
    back_first = HSM.execute(back + b"00" * 16 + sized(whole[:32]) + b"%01")
    back_second = HSM.execute(back + back_first[4:36] + sized(whole[32:]) + b"%01")

    assert first[40:] + second[40:] == whole
    assert back_first[4:36] == on_wire(whole[16:32])
    assert back_first[40:] + back_second[40:] == bytes(64)


@named("dukpt-tdes-data-req")
def test_published_requests_are_decrypted_under_dukpt(vector: Vector) -> None:
    wire = VARIANT.seal(Key.of(TDES, vector.hex("bdk")), BDK, "U")
    data = vector.text("data").encode()
    clear = data + bytes(-len(data) % 8)
    request = b"009" + wire + b"605" + vector.text("ksn").encode() + b"0" * 16

    response = HSM.execute(b"M20110" + request + sized(vector.expected.encode()))

    assert response == b"M300" + vector.expected[-16:].encode() + sized(clear)


def test_responses_are_encrypted_under_dukpt() -> None:
    ksn, aes_ksn = "FFFF9876543210E00001", "123456789012345600000001"
    wire = VARIANT.seal(DOUBLE, BDK, "U")
    response_key = dukpt.tdes_data_key(DOUBLE, bytes.fromhex(ksn), True)
    aes_key = dukpt.aes_working_key(STRONG, bytes.fromhex(aes_ksn), "data decryption")
    aes_head = b"M000" + b"00FFF"

    tdes = HSM.execute(b"M00000" + b"009" + wire + b"605" + ksn.encode() + sized(bytes(16)))
    aes = HSM.execute(
        b"M00000009" + sealed(STRONG, BDK) + b"000" + aes_ksn.encode() + sized(bytes(16)) + b"%01"
    )

    assert tdes == b"M100" + sized(response_key.encrypt_ecb(bytes(16)))
    assert aes == b"M100" + sized(aes_key.encrypt_ecb(bytes(16)))
    assert HSM.execute(aes_head + sealed(STRONG, BDK) + sized(bytes(16)) + b"%01") == b"M1A6"


@pytest.mark.parametrize(
    ("mode", "encrypts", "decrypts"),
    [("B", b"00", b"00"), ("E", b"00", b"A8"), ("D", b"A8", b"00")],
)
def test_a_key_block_says_which_way(mode: str, encrypts: bytes, decrypts: bytes) -> None:
    rest = b"000FFF" + sealed(STRONG, ZEK, mode) + sized(bytes(16)) + b"%01"

    assert HSM.execute(b"M00" + rest)[:4] == b"M1" + encrypts
    assert HSM.execute(b"M20" + rest)[:4] == b"M3" + decrypts


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (b"020000A" + ZEK_WIRE + sized(bytes(8)), b"02"),
        (b"003000A" + ZEK_WIRE + sized(bytes(8)), b"03"),
        (b"000200A" + ZEK_WIRE + sized(bytes(8)), b"04"),
        (b"0000001" + ZEK_WIRE + sized(bytes(8)), b"05"),
        (b"0000FFF" + ZEK_WIRE + sized(bytes(8)), b"05"),
        (b"000000A" + ZEK_WIRE + sized(bytes(9)), b"06"),
        (b"000000A" + ZEK_WIRE + b"0000", b"06"),
        (b"000000A" + ZEK_WIRE + b"0010" + bytes(8), b"80"),
        (b"000030B" + ZEK_WIRE + sized(bytes(8)), b"10"),
        (b"000000A" + VARIANT.seal(DOUBLE, ZPK, "U") + sized(bytes(8)), b"10"),
        (b"0000FFF" + sealed(DOUBLE, ZPK) + sized(bytes(8)) + b"%01", b"A6"),
        (b"0000009" + VARIANT.seal(DOUBLE, BDK, "U") + b"605" + b"0" * 20 + sized(bytes(8)), b"15"),
    ],
)
def test_a_wrong_field_is_refused(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"M0" + fields) == b"M1" + code


def test_a_tek_is_no_zek() -> None:
    wire = VARIANT.seal(DOUBLE, TEK, "U")

    assert HSM.execute(b"M0000030B" + wire + sized(bytes(8)))[:4] == b"M100"
    assert HSM.execute(b"M0000000A" + wire + sized(bytes(8))) == b"M110"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (b"01", "sha1"),
        (b"02", "md5"),
        (b"05", "sha224"),
        (b"06", "sha256"),
        (b"07", "sha384"),
        (b"08", "sha512"),
    ],
)
def test_data_is_hashed(code: bytes, name: str) -> None:
    response = HSM.execute(b"GM" + code + b"00043" + FOX)

    assert response == b"GN00" + hashlib.new(name, FOX).digest()


@pytest.mark.parametrize(
    ("fields", "code"),
    [(b"0300003abc", b"05"), (b"0100004abc", b"80"), (b"0100002abc", b"15"), (b"01", b"15")],
)
def test_a_wrong_hash_is_refused(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"GM" + fields) == b"GN" + code


@named("ff1-")
def test_published_texts_keep_their_form(vector: Vector) -> None:
    key = Key.of(AES, vector.hex("key"))
    radix, tweak = vector.inputs["radix"], vector.hex("tweak")
    clear = text_request(key, tweak, vector.text("plaintext"), radix)
    hidden = text_request(key, tweak, vector.expected, radix)

    assert HSM.execute(b"ZA" + clear) == b"ZB00" + vector.expected.encode()
    assert HSM.execute(b"ZC" + hidden) == b"ZD00" + vector.text("plaintext").encode()


@given(st.text("0123456789", min_size=6, max_size=38), st.binary(max_size=16))
def test_texts_come_back(text: str, tweak: bytes) -> None:
    made = HSM.execute(b"ZA" + text_request(STRONG, tweak, text))

    assert made == b"ZB00" + ff1.encrypt(STRONG, tweak, text).encode()
    assert HSM.execute(b"ZC" + text_request(STRONG, tweak, made[4:].decode())) == (
        b"ZD00" + text.encode()
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (text_request(STRONG, b"", "12345"), b"15"),
        (text_request(STRONG, b"", "12345a"), b"15"),
        (text_request(STRONG, b"", "123456", 37), b"15"),
        (text_request(STRONG, bytes(65), "123456"), b"15"),
        (text_request(DOUBLE, b"", "123456"), b"A7"),
        (b"00A" + ZEK_WIRE + b"1000006123456", b"A7"),
        (b"009" + ZEK_WIRE + b"1000006123456", b"05"),
        (b"FFF" + sealed(STRONG, ZEK, "D") + b"1000006123456%01", b"A8"),
        (b"FFF" + sealed(STRONG, ZPK) + b"1000006123456%01", b"A6"),
    ],
)
def test_what_keeps_no_form_is_refused(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"ZA" + fields) == b"ZB" + code


@pytest.mark.parametrize(("code", "name"), [(b"01", "sha1"), (b"06", "sha256"), (b"08", "sha512")])
def test_hmacs_are_made(code: bytes, name: str) -> None:
    response = HSM.execute(b"ZE" + code + HMAC_WIRE + b"00043" + FOX + b"%01")

    assert response == b"ZF00" + on_wire(standard_hmac.digest(DIGEST_SECRET, FOX, name))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (b"02" + HMAC_WIRE + b"00003abc%01", b"05"),
        (b"06" + HMAC_WIRE + b"00009abc%01", b"80"),
        (b"06" + ZEK_WIRE + b"00003abc", b"26"),
        (b"06" + STRONG_WIRE + b"00003abc%01", b"A6"),
        (b"06" + sealed(Key.of(HMAC, DIGEST_SECRET), VOUCHER) + b"00003abc%01", b"A6"),
        (b"06" + sealed(Key.of(HMAC, DIGEST_SECRET), HMAC_KEY, "V") + b"00003abc%01", b"A8"),
    ],
)
def test_only_hmac_keys_that_generate_make_hmacs(fields: bytes, code: bytes) -> None:
    assert HSM.execute(b"ZE" + fields) == b"ZF" + code
