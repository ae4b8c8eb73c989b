"""Recipes for keys: whole host commands, check values, key blocks, DUKPT keys.

Owns the commands of each. Keys that leave an HSM only wrapped are opened with the LMK and compared
as `Key` objects, in constant time; what is returned of them is "same key" then.
"""

from hsm_sim import _dukpt, key_blocks
from hsm_sim._keys import Key
from hsm_sim.errors import Refused
from hsm_sim.key_types import TMK, ZMK
from hsm_sim.selftest import AES, TDES, Compared, Lmks, Recipe, Unfit, Vector, aes, answer, tdes

SAME_KEY, OTHER_KEY = "same key", "another key"
REFUSED = "refused"
SHOWS_NO_KEY = "no command shows a derived key"


def same(key: Key, vector: Vector, *, mended: bool = False) -> str:
    """Say whether a key is the vector's. `mended`: of a TDES key the parity does not count."""
    wanted = Key.of(key.algorithm, bytes.fromhex(vector.expected))
    if mended and key.algorithm == TDES:
        key, wanted = key.with_odd_parity(), wanted.with_odd_parity()
    return SAME_KEY if key.same_as(wanted) else OTHER_KEY


# --- commands that were published whole -----------------------------------------------------------


def host_command(vector: Vector, lmks: Lmks) -> Recipe:
    """Send it as it was published, under the variant LMK."""
    code, fields = vector.inputs["command"], vector.inputs["request_fields"]
    response = yield (code + fields).encode("ascii") + lmks.suffix(lmks.variant)
    if not vector.checked:
        # As printed its account does not fit its PIN block, which its simulator did not see.
        return Compared(response[2:].decode("ascii"), "20")
    return Compared(response[2:].decode("ascii"), vector.expected)


# --- keys -----------------------------------------------------------------------------------------


def check_of_key(vector: Vector, lmks: Lmks) -> Recipe:
    """BU of the key, as a TMK."""
    algorithm = AES if vector.inputs.get("algorithm") == "A" else TDES
    response = yield _check_command(lmks, vector.inputs["key"], algorithm)
    got = answer(response).decode("ascii")[: len(vector.expected)]
    return Compared(got, vector.expected)


def one_block(vector: Vector, lmks: Lmks) -> Recipe:
    """BU of the key: of TDES the whole check value is a block of zeros, encrypted."""
    assert not any(bytes.fromhex(vector.inputs["data"]))
    response = yield _check_command(lmks, vector.inputs["key"], TDES)
    return Compared(answer(response).decode("ascii"), vector.expected)


def _check_command(lmks: Lmks, text: str, algorithm: int) -> bytes:
    key = Key.of(algorithm, bytes.fromhex(text))
    if algorithm == AES:
        wire = lmks.sealed(lmks.block, key, TMK)
        return b"BUFFF" + wire + b";FFF;000" + lmks.suffix(lmks.block)
    wire = lmks.sealed(lmks.variant, key, TMK)
    flag = {8: b"0", 16: b"1", 24: b"2"}[key.length]
    return b"BU02" + flag + wire + b";000" + lmks.suffix(lmks.variant)


def key_block(vector: Vector, lmks: Lmks) -> Recipe:
    """A6 of the block under its protection key as a ZMK; the key that comes in is compared.

    A block that the standard prints with a wrong length must be refused. One whose use no command
    imports is opened here.
    """
    block = vector.inputs["block"].encode("ascii")
    text = vector.inputs["kbpk"]
    protection = (aes if block[:1] == b"D" else tdes)(text)
    zmk = lmks.sealed(lmks.block, protection, ZMK)
    response = yield b"A6FFF" + zmk + b"R" + block + b"S" + lmks.suffix(lmks.block)
    if not vector.checked:
        return Compared("taken" if response[2:4] in (b"00", b"01") else REFUSED, REFUSED)
    if response[2:4] in (b"00", b"01"):
        wire = response[4 : 5 + int(response[6:10])]
        _, key = lmks.block.open_block(wire)
        return Compared(same(key, vector, mended=True), SAME_KEY)
    try:
        header, key = key_blocks.unwrap(protection, block)
    except Refused as refusal:
        raise Unfit(f"A6 {response[2:4].decode('ascii')}, unwrap {refusal}") from None
    why = f"A6 refuses usage {header.usage} ({response[2:4].decode('ascii')})"
    return Compared(same(key, vector), SAME_KEY, why)


# --- DUKPT ----------------------------------------------------------------------------------------


def dukpt_key(vector: Vector, lmks: Lmks) -> Recipe:
    """Derive a key of TDES or AES; none of them leaves an HSM."""
    yield from ()
    inputs = vector.inputs
    is_aes = vector.name.startswith("dukpt-aes")
    base = (aes if is_aes else tdes)(inputs["bdk"])
    family = vector.name.split("-")[2]
    if not is_aes:
        derive = _dukpt.tdes_initial_key if family == "ipek" else _dukpt.tdes_transaction_key
        key = derive(base, bytes.fromhex(inputs["ksn"]))
    elif family == "ik":
        key = _dukpt.aes_initial_key(base, bytes.fromhex(inputs["ikid"]))
    elif family == "txnkey":
        key = _dukpt.aes_transaction_key(base, bytes.fromhex(inputs["ksn"]))
    else:
        usages = {number: name for name, number in _dukpt.USAGES.items()}
        usage = usages[int(inputs["key_usage"], 16)]
        length = len(vector.expected) // 2
        key = _dukpt.aes_working_key(base, bytes.fromhex(inputs["ksn"]), usage, AES, length)
    return Compared(same(key, vector), SAME_KEY, SHOWS_NO_KEY)
