"""KQ, KW, PM: published exchanges, and pyemv as the card and as another issuer."""

import warnings
from collections.abc import Iterator

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import _emv
from hsm_sim._keys import Key
from hsm_sim.commands.emv import COMMANDS
from hsm_sim.key_types import MK_AC, MK_SMI
from tests.support.hsm_commands import VARIANT, hsm_with, sealed

with warnings.catch_warnings():
    # Imports of pyemv only name where TripleDES was; it is still there.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from pyemv import ac, kd

# pyemv uses keys of 16 bytes and TripleDES's old place; both only warn.
pyemv_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning"
)
HSM = hsm_with(COMMANDS)
SECRET = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
KEY = Key.of(0, SECRET)
WIRE = VARIANT.seal(KEY, MK_AC, "U")
PAN, SEQUENCE = "5413330089010012", "01"
ACCOUNT = _emv.account_block(PAN, SEQUENCE)
datas = st.binary(min_size=1, max_size=255)
counters = st.binary(min_size=2, max_size=2)
fours = st.binary(min_size=4, max_size=4)
# Of thalessimulatorlibrary's HostCommandTests: a published MK-CVC3, and three tracks. There the HSM
# puts zeros where its card has unpredictable number, counter and code; with us the host does.
CVC3_WIRE = b"U1E6F5623CAEF7F791373A1F01A506A28"
TRACKS = [
    ("5413123556784804", "5413123556784804D09061019000990000000F", "00005", "XX255"),
    ("5413123556784803", "5413123556784803D09061019000990000000F", "00005", "XX333"),
    ("5413123556784801", "5413123556784801D09061019000990000000F", "00028", "XX225"),
]


@pytest.fixture
def authorised() -> Iterator[None]:
    HSM.authorised = True
    yield
    HSM.authorised = False


def sized(data: bytes) -> bytes:
    return b"%02X" % len(data) + data + b";"


def cvc3_request(track: tuple[str, str, str, str], given: str) -> bytes:
    pan, data, atc, _ = track
    packed = bytes.fromhex(data)
    head = b"12" + CVC3_WIRE + b"A" + pan.encode() + b";00" + b"%03d" % len(packed)
    return b"PM" + head + packed + b"00000772" + atc.encode() + given.encode()


@pytest.mark.parametrize("track", TRACKS, ids=lambda track: track[0])
def test_published_dynamic_codes_are_verified(track: tuple[str, str, str, str]) -> None:
    assert HSM.execute(cvc3_request(track, track[3])) == b"PN00"
    assert HSM.execute(cvc3_request(track, "XX000")) == b"PN01"


@pytest.mark.usefixtures("authorised")
def test_the_right_dynamic_code_is_told_in_the_authorised_state() -> None:
    assert HSM.execute(cvc3_request(TRACKS[2], "XX000")) == b"PN01225"


@pyemv_warns
@given(datas, counters, fours, counters)
def test_kq_answers_vis_and_mchip(
    data: bytes, atc: bytes, unpredictable: bytes, code: bytes
) -> None:
    card = kd.derive_icc_mk_a(SECRET, PAN, SEQUENCE)
    session = kd.derive_common_sk(card, atc + bytes(2) + unpredictable)
    vis = ac.generate_ac(card, data, ac.PaddingType.VISA)
    mchip = ac.generate_ac(session, data, ac.PaddingType.EMV)
    middle = WIRE + ACCOUNT + atc + unpredictable

    for scheme, arqc in ((b"0", vis), (b"1", mchip)):
        answer = ac.generate_arpc_1(card, arqc, code)
        changed = bytes([arqc[0] ^ 1]) + arqc[1:]
        asked = scheme + middle + sized(data)
        assert HSM.execute(b"KQ0" + asked + arqc) == b"KR00"
        assert HSM.execute(b"KQ1" + asked + arqc + code) == b"KR00" + answer
        assert HSM.execute(b"KQ2" + scheme + middle + arqc + code) == b"KR00" + answer
        assert HSM.execute(b"KQ1" + asked + changed + code) == b"KR01"


@pyemv_warns
@given(datas, counters, counters, fours, st.binary(max_size=8))
def test_kw_answers_with_both_methods(
    data: bytes, atc: bytes, code: bytes, update: bytes, more: bytes
) -> None:
    session = kd.derive_common_sk(kd.derive_icc_mk_a(SECRET, PAN, SEQUENCE), atc + bytes(6))
    arqc = ac.generate_ac(session, data, ac.PaddingType.EMV)
    middle = b"2" + WIRE + ACCOUNT + atc
    one, two = (
        ac.generate_arpc_1(session, arqc, code),
        ac.generate_arpc_2(session, arqc, update, more),
    )
    extra = update + b"%d" % len(more) + more

    assert HSM.execute(b"KW0" + middle + sized(data) + arqc) == b"KX00"
    assert HSM.execute(b"KW1" + middle + sized(data) + arqc + code) == b"KX00" + one
    assert HSM.execute(b"KW2" + middle + arqc + code) == b"KX00" + one
    assert HSM.execute(b"KW3" + middle + sized(data) + arqc + extra) == b"KX00" + two
    assert HSM.execute(b"KW4" + middle + arqc + extra) == b"KX00" + two


@pyemv_warns
@pytest.mark.parametrize("pan", ["5413330089010012", "54133300890100123", "5413330089010012345"])
def test_kw_takes_longer_numbers_by_option_b(pan: str) -> None:
    session = kd.derive_common_sk(kd.derive_icc_mk_b(SECRET, pan, SEQUENCE), b"\0\1" + bytes(6))
    arqc = ac.generate_ac(session, b"data", ac.PaddingType.EMV)
    digits = pan + SEQUENCE
    packed = bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
    card = b"%02d" % len(packed) + packed + b";"

    assert HSM.execute(b"KW03" + WIRE + card + b"\0\1" + sized(b"data") + arqc) == b"KX00"


@pytest.mark.usefixtures("authorised")
def test_the_right_cryptogram_is_told_in_the_authorised_state() -> None:
    right = _emv.cryptogram(_emv.card_key(KEY, ACCOUNT), b"data", 1)

    response = HSM.execute(b"KQ00" + WIRE + ACCOUNT + bytes(6) + sized(b"data") + bytes(8))

    assert response == b"KR01" + right


def test_binary_data_may_hold_every_delimiter() -> None:
    data = b";%01\x19;"
    arqc = _emv.cryptogram(_emv.card_key(KEY, ACCOUNT), data, 1)

    response = HSM.execute(
        b"KQ00" + WIRE + ACCOUNT + bytes(6) + sized(data) + arqc + b"%00\x19;%00"
    )

    assert response == b"KR00\x19;%00"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"KQ30" + WIRE, b"04"),
        (b"KQ02" + WIRE, b"05"),
        (b"KW50" + WIRE, b"04"),
        (b"KW01" + WIRE, b"05"),
        (b"KQ00" + WIRE + ACCOUNT + bytes(6) + b"00;" + bytes(8), b"81"),
        (b"KQ00" + WIRE + ACCOUNT + bytes(6) + b"40data;" + bytes(8), b"80"),
        (b"KQ00" + WIRE + ACCOUNT + bytes(6) + b"04data." + bytes(8), b"15"),
        (b"KQ00" + WIRE + ACCOUNT + bytes(6) + b"04data;" + bytes(7), b"15"),
        (b"KQ00" + WIRE + ACCOUNT + bytes(6) + b"04data;" + bytes(9), b"15"),
        (b"KQ00" + VARIANT.seal(KEY, MK_SMI, "U") + ACCOUNT + bytes(6) + b"04data;", b"15"),
        (b"KW42" + WIRE + ACCOUNT + bytes(14) + b"9" + bytes(9), b"15"),
        (b"KW03" + WIRE + b"02" + b"\x0a\xbc;" + bytes(2) + b"04data;" + bytes(8), b"15"),
        (b"KW03" + WIRE + b"01" + b"\x01;" + bytes(2) + b"04data;" + bytes(8), b"15"),
        (cvc3_request(TRACKS[0], "XXXXX"), b"15"),
        (cvc3_request(TRACKS[0], "X2X55"), b"15"),
        (cvc3_request(("", *TRACKS[0][1:]), "XX255"), b"15"),
        (cvc3_request((*TRACKS[0][:2], "65536", ""), "XX255"), b"15"),
        (b"PM22", b"15"),
    ],
)
def test_a_wrong_field_is_refused(request_: bytes, code: bytes) -> None:
    assert HSM.execute(request_)[2:] == code


def test_a_key_of_another_use_or_length_is_refused() -> None:
    rest = ACCOUNT + bytes(6) + sized(b"data") + bytes(8)

    assert HSM.execute(b"KQ00" + VARIANT.seal(KEY, MK_SMI, "U") + rest) == b"KR10"
    assert HSM.execute(b"KQ00" + sealed(KEY, MK_SMI) + rest + b"%01") == b"KRA6"
    assert HSM.execute(b"KQ00" + sealed(Key.random(1, 16), MK_AC) + rest + b"%01") == b"KR27"
