"""Recipes for messages and cards: MACs, data, FF1, CVV, cryptograms, check digits.

Owns the commands of each.
"""

import hashlib

from hsm_sim import _emv, check_digits
from hsm_sim._keys import Key
from hsm_sim._macs import cmac
from hsm_sim.key_blocks import Header, letter
from hsm_sim.key_types import BDK, CVK, HMAC_KEY, MK_AC, TAK, ZEK
from hsm_sim.selftest import AES, HMAC, TDES, Compared, Lmks, Recipe, Vector, aes, answer, tdes

DESCRIPTOR = b"605"
HMAC_KEY_BYTES_MIN, HMAC_BLOCK_BYTES = 16, 64


# --- MACs -----------------------------------------------------------------------------------------


def retail_mac(vector: Vector, lmks: Lmks) -> Recipe:
    """M6, algorithm 3, of binary data."""
    inputs = vector.inputs
    key = lmks.sealed(lmks.variant, tdes(inputs["k1"] + inputs["k2"]), TAK)
    data = inputs["data"].encode("ascii")
    way = b"0013%d003" % inputs["padding"]
    response = yield b"M6" + way + key + b"%04X" % len(data) + data + lmks.suffix(lmks.variant)
    return Compared(answer(response).decode("ascii"), vector.expected)


def cmac_of(vector: Vector, lmks: Lmks) -> Recipe:
    """M6, algorithm 5 of AES or 6 of TDES, of hexadecimal data."""
    inputs = vector.inputs
    algorithm = AES if vector.name.startswith("cmac-aes") else TDES
    key = Key.of(algorithm, bytes.fromhex(inputs["key"]))
    data = inputs["data"].encode("ascii")
    if not data:
        got = cmac(key, b"").hex().upper()
        return Compared(got, vector.expected, "M6 takes no message of nothing")
    if algorithm == AES:
        header = Header(version="D", usage="M6", algorithm=letter(key), mode="C")
        way, wire = b"01250FFF", lmks.block.seal_block(key, header)
        suffix = lmks.suffix(lmks.block)
    else:
        way, wire = b"01160003", lmks.sealed(lmks.variant, key, TAK)
        suffix = lmks.suffix(lmks.variant)
    response = yield b"M6" + way + wire + b"%04X" % len(data) + data + suffix
    return Compared(answer(response).decode("ascii"), vector.expected)


def hmac_of(vector: Vector, lmks: Lmks) -> Recipe:
    """ZE with SHA-256. A short key is filled with zeros and a long one is hashed, as HMAC does."""
    secret = bytes.fromhex(vector.inputs["key"])
    if len(secret) > HMAC_BLOCK_BYTES:
        secret = hashlib.sha256(secret).digest()
    key = Key.of(HMAC, secret.ljust(HMAC_KEY_BYTES_MIN, b"\0"))
    data = vector.inputs["data"].encode("ascii")
    wire = lmks.sealed(lmks.block, key, HMAC_KEY)
    response = yield b"ZE06" + wire + b"%05d" % len(data) + data + lmks.suffix(lmks.block)
    return Compared(answer(response).decode("ascii"), vector.expected)


def dukpt_mac(vector: Vector, lmks: Lmks) -> Recipe:
    """GW: generate, with the request's key or the response's; MACs of 4 or 8 bytes."""
    _, _, family, side = vector.name.split("-")[:4]
    method = {"mac-req": b"1", "mac-resp": b"2", "cmac-req": b"6", "cmac-resp": b"7"}
    mode = b"3" if len(vector.expected) == 8 else b"4"
    bdk = lmks.sealed(lmks.variant, tdes(vector.inputs["bdk"]), BDK)
    serial = DESCRIPTOR + vector.inputs["ksn"].encode("ascii")
    data = vector.inputs["data"].encode("ascii")
    way = mode + method[f"{family}-{side}"]
    counted = b"%04X" % len(data) + data
    response = yield b"GW" + way + bdk + serial + counted + lmks.suffix(lmks.variant)
    return Compared(answer(response).decode("ascii"), vector.expected)


# --- data -----------------------------------------------------------------------------------------


def dukpt_data(vector: Vector, lmks: Lmks) -> Recipe:
    """M2 of what a terminal sent, M0 of what it is answered: CBC from zeros."""
    inputs = vector.inputs
    clear = inputs["data"].encode("ascii").hex().upper().ljust(len(vector.expected), "0")
    is_request = vector.name.split("-")[3] == "req"
    code, data = (b"M2", vector.expected) if is_request else (b"M0", clear)
    bdk = lmks.sealed(lmks.variant, tdes(inputs["bdk"]), BDK)
    serial = DESCRIPTOR + inputs["ksn"].encode("ascii")
    counted = b"0" * 16 + b"%04X" % len(data) + data.encode("ascii")
    response = yield code + b"0111009" + bdk + serial + counted + lmks.suffix(lmks.variant)
    got = answer(response)[20:].decode("ascii")  # behind the vector and the length
    return Compared(got, clear if is_request else vector.expected)


def ff1(vector: Vector, lmks: Lmks) -> Recipe:
    """ZA, and ZC back."""
    inputs = vector.inputs
    tweak, text = inputs["tweak"], inputs["plaintext"]
    key = lmks.sealed(lmks.block, aes(inputs["key"]), ZEK)
    way = b"00A" + key + f"{inputs['radix']:02}{len(tweak) // 2:02}{tweak}{len(text):03}".encode()
    response = yield b"ZA" + way + text.encode("ascii") + lmks.suffix(lmks.block)
    made = answer(response)
    response = yield b"ZC" + way + made + lmks.suffix(lmks.block)
    if answer(response).decode("ascii") != text:
        return Compared("not decrypted to what it was", vector.expected)
    return Compared(made.decode("ascii"), vector.expected)


# --- cards ----------------------------------------------------------------------------------------


def cvv(vector: Vector, lmks: Lmks) -> Recipe:
    """CW."""
    inputs = vector.inputs
    key = lmks.sealed(lmks.variant, tdes(inputs["cvk"]), CVK)
    card = f"{inputs['pan']};{inputs['expiry']}{inputs['service_code']}".encode("ascii")
    response = yield b"CW" + key + card + lmks.suffix(lmks.variant)
    return Compared(answer(response).decode("ascii"), vector.expected)


def cryptogram(vector: Vector, lmks: Lmks) -> Recipe:
    """KW where the diversifier is a transaction counter; commands have no other."""
    inputs = vector.inputs
    master, diversifier = tdes(inputs["imk_ac"]), bytes.fromhex(inputs["r"])
    account = _emv.account_block(inputs["pan"], inputs["psn"])
    data = bytes.fromhex(inputs["data"])
    if any(diversifier[2:]):
        session = _emv.session_key(_emv.card_key(master, account), diversifier)
        got = _emv.cryptogram(session, data).hex().upper()
        return Compared(got, vector.expected, "KW diversifies by a counter of 2 bytes only")
    wire = lmks.sealed(lmks.variant, master, MK_AC)
    told = account + diversifier[:2] + b"%02X" % len(data) + data + b";"
    arqc = bytes.fromhex(vector.expected)
    response = yield b"KW02" + wire + told + arqc + lmks.suffix(lmks.variant)
    return Compared(response[2:4].decode("ascii"), "00")


def arpc_of_card_key(vector: Vector, lmks: Lmks) -> Recipe:
    """The response to a cryptogram, by a card's key: commands take the issuer's."""
    yield from ()
    inputs = vector.inputs
    key = tdes(inputs["icc_mk_ac"])
    got = _emv.arpc_1(key, bytes.fromhex(inputs["arqc"]), bytes.fromhex(inputs["arc"]))
    why = "commands take the issuer's key, not a card's"
    return Compared(got.hex().upper(), vector.expected, why)


# --- check digits ---------------------------------------------------------------------------------

NO_COMMAND = "no command gives a check digit"


def luhn(vector: Vector, lmks: Lmks) -> Recipe:
    """The digit to append."""
    yield from ()
    return Compared(check_digits.luhn_digit(vector.inputs["digits"]), vector.expected, NO_COMMAND)


def damm(vector: Vector, lmks: Lmks) -> Recipe:
    """The digit to append."""
    yield from ()
    return Compared(check_digits.damm_digit(vector.inputs["digits"]), vector.expected, NO_COMMAND)
