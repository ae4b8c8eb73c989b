"""Recipes for PINs: blocks of every format, DUKPT, PVV, IBM 3624.

Owns the commands of each. A clear block comes out of no command, so blocks are made and opened here
with the keys of the vectors, or with one that everybody knows: what goes through the HSM between is
what is shown.
"""

from hsm_sim._keys import Key
from hsm_sim.key_types import BDK, PVK, ZPK
from hsm_sim.selftest import Compared, Lmks, Recipe, Step, Vector, aes, answer, tdes

KNOWN_KEY = "0123456789ABCDEFFEDCBA9876543210"
KNOWN_AES_KEY = "00112233445566778899AABBCCDDEEFF"
KNOWN_PAN = "4111111111111111"
CODES = {0: b"01", 1: b"05", 3: b"47", 4: b"48"}
TDES_DESCRIPTOR, AES_DESCRIPTOR = b"605", b"880"
BLOCK = slice(2, 18)  # of a response: PIN length 2N, block, format
AES_BLOCK = slice(2, 34)
WITH_WARNING = (b"00", b"02")  # 02: a pair where IBM 3624 wants a single key


def account12(pan: str) -> bytes:
    """Give the 12 rightmost digits without the check digit."""
    return pan[-13:-1].encode("ascii")


def whole(pan: str) -> bytes:
    """Give a PAN as commands of ISO-4 take it."""
    return pan.encode("ascii") + b";"


def iso_0_block(pin: str, pan: str) -> bytes:
    """Make a clear block of format 0."""
    digits = bytes.fromhex(f"0{len(pin):X}{pin}".ljust(16, "F"))
    return exclusive_or(digits, bytes.fromhex("0000" + pan[-13:-1]))


def iso_1_block(pin: str) -> bytes:
    """Make a clear block of format 1, which no account is in."""
    return bytes.fromhex(f"1{len(pin):X}{pin}".ljust(16, "5"))


def exclusive_or(one: bytes, other: bytes) -> bytes:
    """Give one XOR the other."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def hex_of(data: bytes) -> bytes:
    """Write bytes for the wire."""
    return data.hex().upper().encode("ascii")


def _zpks(lmks: Lmks, block_lmk: bool) -> tuple[Key, bytes, bytes]:
    """Give the known ZPK, on the wire, and what names its LMK."""
    lmk = lmks.block if block_lmk else lmks.variant
    key = tdes(KNOWN_KEY)
    return key, lmks.sealed(lmk, key, ZPK), lmks.suffix(lmk)


# --- blocks ---------------------------------------------------------------------------------------


def iso_0(vector: Vector, lmks: Lmks) -> Recipe:
    """CC from a block of format 1 into format 0."""
    pin, pan = vector.inputs["pin"], vector.inputs["pan"]
    clear = yield from _translated(lmks, iso_1_block(pin), 1, 0, pan)
    return Compared(clear.hex().upper(), vector.expected)


def iso_1(vector: Vector, lmks: Lmks) -> Recipe:
    """CC of the block into its own format: control, length and PIN stay, the rest is random."""
    shown = 2 + len(vector.inputs["pin"])
    clear = yield from _translated(lmks, bytes.fromhex(vector.expected), 1, 1, KNOWN_PAN)
    return Compared(clear.hex().upper()[:shown], vector.expected[:shown])


def iso_3(vector: Vector, lmks: Lmks) -> Recipe:
    """CC from format 0 into format 3, whose filling is random: control, length and PIN."""
    pin, pan = vector.inputs["pin"], vector.inputs["pan"]
    clear = yield from _translated(lmks, iso_0_block(pin, pan), 0, 3, pan)
    field = exclusive_or(clear, bytes.fromhex("0000" + pan[-13:-1])).hex().upper()
    filling = field[2 + len(pin) :]
    if field[:2] != f"3{len(pin):X}" or not set(filling) <= set("ABCDEF"):
        return Compared("another format", vector.expected)
    return Compared(field[2 : 2 + len(pin)], vector.expected)


def iso_4_decoded(vector: Vector, lmks: Lmks) -> Recipe:
    """CC of a block of format 4 into format 0, under a known key."""
    pan = vector.inputs["pan"]
    source = lmks.sealed(lmks.block, aes(vector.inputs["key"]), ZPK)
    known, target, suffix = _zpks(lmks, block_lmk=True)
    block = vector.inputs["pinblock"].encode("ascii")
    response = yield b"CC" + source + target + b"12" + block + b"4801" + whole(pan) + suffix
    clear = known.decrypt_ecb(bytes.fromhex(answer(response)[BLOCK].decode("ascii")))
    return Compared(_pin_of_iso_0(clear, pan), vector.expected)


def iso_4_pin_field(vector: Vector, lmks: Lmks) -> Recipe:
    """CC from format 0 into format 4, opened here as far as its first field."""
    clear = iso_0_block(vector.inputs["pin"], KNOWN_PAN)
    known, source, suffix = _zpks(lmks, block_lmk=True)
    key = aes(KNOWN_AES_KEY)
    target = lmks.sealed(lmks.block, key, ZPK)
    fields = hex_of(known.encrypt_ecb(clear)) + b"0148" + whole(KNOWN_PAN)
    response = yield b"CC" + source + target + b"12" + fields + suffix
    block = bytes.fromhex(answer(response)[AES_BLOCK].decode("ascii"))
    field = key.decrypt_ecb(exclusive_or(key.decrypt_ecb(block), _pan_field(KNOWN_PAN)))
    return Compared(field[:8].hex().upper(), vector.expected[:16])


def iso_4_pan_field(vector: Vector, lmks: Lmks) -> Recipe:
    """CC of a block made with the published field: with another field it would not open."""
    pin, pan = "1234", vector.inputs["pan"]
    key = aes(KNOWN_AES_KEY)
    pin_field = bytes.fromhex(f"44{pin}AAAAAAAAAA0123456789ABCDEF")
    mixed = exclusive_or(key.encrypt_ecb(pin_field), bytes.fromhex(vector.expected))
    known, target, suffix = _zpks(lmks, block_lmk=True)
    source = lmks.sealed(lmks.block, key, ZPK)
    fields = hex_of(key.encrypt_ecb(mixed)) + b"4801" + whole(pan)
    response = yield b"CC" + source + target + b"12" + fields + suffix
    clear = known.decrypt_ecb(bytes.fromhex(answer(response)[BLOCK].decode("ascii")))
    return Compared(_pin_of_iso_0(clear, pan), pin)


def _translated(lmks: Lmks, clear: bytes, source: int, target: int, pan: str) -> Step:
    """Send a clear block through CC, encrypted; give the clear block that comes out."""
    known, zpk, suffix = _zpks(lmks, block_lmk=False)
    formats = CODES[source] + CODES[target]
    fields = hex_of(known.encrypt_ecb(clear)) + formats + account12(pan)
    response = yield b"CC" + zpk + zpk + b"12" + fields + suffix
    return known.decrypt_ecb(bytes.fromhex(answer(response)[BLOCK].decode("ascii")))


def _pan_field(pan: str) -> bytes:
    return bytes.fromhex(f"{max(0, len(pan) - 12)}{pan.rjust(12, '0')}".ljust(32, "0"))


def _pin_of_iso_0(clear: bytes, pan: str) -> str:
    field = exclusive_or(clear, bytes.fromhex("0000" + pan[-13:-1])).hex().upper()
    return field[2 : 2 + int(field[1], 16)]


# --- DUKPT ----------------------------------------------------------------------------------------


def tdes_dukpt(vector: Vector, lmks: Lmks) -> Recipe:
    """G0 of the terminal's block under a known key."""
    inputs = vector.inputs
    bdk = lmks.sealed(lmks.variant, tdes(inputs["bdk"]), BDK)
    known, zpk, suffix = _zpks(lmks, block_lmk=False)
    serial = TDES_DESCRIPTOR + inputs["ksn"].encode("ascii")
    block = vector.expected.encode("ascii")
    response = (
        yield b"G0" + bdk + zpk + serial + block + b"0101" + account12(inputs["pan"]) + suffix
    )
    clear = known.decrypt_ecb(bytes.fromhex(answer(response)[BLOCK].decode("ascii")))
    return Compared(clear.hex().upper(), inputs["clear_pinblock"])


def aes_dukpt(vector: Vector, lmks: Lmks) -> Recipe:
    """G0 of the terminal's block, of format 4, into format 0 under a known key."""
    inputs = vector.inputs
    bdk = lmks.sealed(lmks.block, aes(inputs["bdk"]), BDK)
    known, zpk, suffix = _zpks(lmks, block_lmk=True)
    serial = AES_DESCRIPTOR + inputs["ksn"].encode("ascii")
    block = vector.expected.encode("ascii")
    response = yield b"G0" + bdk + zpk + serial + block + b"4801" + whole(inputs["pan"]) + suffix
    clear = known.decrypt_ecb(bytes.fromhex(answer(response)[BLOCK].decode("ascii")))
    wanted = iso_0_block(inputs["pin"], inputs["pan"])
    return Compared(clear.hex().upper(), wanted.hex().upper())


# --- what PINs are verified by --------------------------------------------------------------------


def pvv(vector: Vector, lmks: Lmks) -> Recipe:
    """DG: under the published variant LMK a PIN is `0` and its digits."""
    inputs = vector.inputs
    key = lmks.sealed(lmks.variant, tdes(inputs["pvk"]), PVK)
    rest = f"0{inputs['pin']}{inputs['account12']}{inputs['pvki']}".encode("ascii")
    response = yield b"DG" + key + rest + lmks.suffix(lmks.variant)
    return Compared(answer(response).decode("ascii"), vector.expected)


def ibm_pin(vector: Vector, lmks: Lmks) -> Recipe:
    """EE: the PIN of an offset."""
    inputs = vector.inputs
    offset = inputs["offset"]
    key = lmks.sealed(lmks.variant, tdes(inputs["pvk"]), PVK)
    fields = f"{offset.ljust(12, 'F')}{len(offset):02}".encode("ascii") + _validated_by(vector)
    response = yield b"EE" + key + fields + lmks.suffix(lmks.variant)
    return Compared(answer(response, WITH_WARNING).decode("ascii"), "0" + vector.expected)


def ibm_offset(vector: Vector, lmks: Lmks) -> Recipe:
    """DE: the offset of a PIN."""
    pin = vector.inputs["pin"]
    key = lmks.sealed(lmks.variant, tdes(vector.inputs["pvk"]), PVK)
    fields = f"0{pin}{len(pin):02}".encode("ascii") + _validated_by(vector)
    response = yield b"DE" + key + fields + lmks.suffix(lmks.variant)
    got = answer(response, WITH_WARNING).decode("ascii").rstrip("F")
    return Compared(got, vector.expected)


def _validated_by(vector: Vector) -> bytes:
    """Give account, table and validation data, five digits of which come from the account."""
    data = vector.inputs["validation_data"]
    start = next(at for at in range(12) if data[at : at + 5].isdecimal())
    account = data[start : start + 5].rjust(12, "0")
    masked = data[:start] + "N" + data[start + 5 :]
    return f"{account}{vector.inputs['decimalisation']}{masked}".encode("ascii")
