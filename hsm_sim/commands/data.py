"""Commands for data: M0 encrypts, M2 decrypts, GM hashes.

    M0  mode 2N (00 ECB, 01 CBC) | form 1N | form of the result 1N | key type 3H | key |
        [KSN descriptor 3H | KSN 20H or 24H: key type 009] | [IV 16H or 32H: CBC] | length 4H | data
    M1  [IV: CBC, to go on with] | length 4H | data
    M2  as M0
    M3  as M1
    GM  hash 2N | length 5N | data, binary
    GN  hash, binary

    form       0 binary, 1 hexadecimal, 2 text (on the clear side only)
    key type   00A ZEK, 30B TEK, 009 BDK, FFF a ZEK or TEK in a key block
    hash       01 SHA-1, 02 MD5, 05 SHA-224, 06 SHA-256, 07 SHA-384, 08 SHA-512

Data fills whole blocks: padding is the host's. Under a BDK the terminal is the other side: M2 takes
the request's key, M0 the response's (of AES: AES-128). A key block's mode of use binds the way: E
only encrypts, D only decrypts.

Source: ut-codec-payshield messages.json and test/config/test.js; GM: thalessimulatorlibrary.
"""

import hashlib
from collections.abc import Callable

from hsm_sim import _dukpt
from hsm_sim._keys import Key
from hsm_sim.commands.message_fields import (
    BINARY,
    HEX,
    TEXT,
    WRONG_FORMAT,
    WRONG_MODE,
    WireKey,
    narrowed,
    take_data,
    take_key,
    take_ksn,
    take_type,
    written,
)
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import BDK, TEK, ZEK

CIPHERTEXT_FORMS = (BINARY, HEX)
CLEAR_FORMS = (BINARY, HEX, TEXT)
ENCRYPTING = {
    **{kind.code: narrowed(kind, "to encrypt", "BEN") for kind in (ZEK, TEK)},
    BDK.code: BDK,
}
DECRYPTING = {
    **{kind.code: narrowed(kind, "to decrypt", "BDN") for kind in (ZEK, TEK)},
    BDK.code: BDK,
}
HASHES: dict[str, Callable[[bytes], bytes]] = {
    "01": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "02": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "05": lambda data: hashlib.sha224(data).digest(),
    "06": lambda data: hashlib.sha256(data).digest(),
    "07": lambda data: hashlib.sha384(data).digest(),
    "08": lambda data: hashlib.sha512(data).digest(),
}


def encrypt(hsm: Hsm, fields: Fields) -> bytes:
    """M0: encrypt data under a ZEK, a TEK or a key of one transaction."""
    return _through(hsm, fields, encrypts=True)


def decrypt(hsm: Hsm, fields: Fields) -> bytes:
    """M2: decrypt data under a ZEK, a TEK or a key of one transaction."""
    return _through(hsm, fields, encrypts=False)


def hashed(hsm: Hsm, fields: Fields) -> bytes:
    """GM: hash data."""
    make = HASHES.get(fields.digits(2))
    length = fields.number(5)
    if length > fields.left:
        raise Refused(ErrorCode.DATA_LENGTH)
    data = fields.take(length)
    fields.end()
    if make is None:
        raise Refused(ErrorCode.KEY_LENGTH_FLAG)  # 05: here, the hash
    return make(data)


def _through(hsm: Hsm, fields: Fields, *, encrypts: bool) -> bytes:
    mode = fields.digits(2, WRONG_MODE)
    if mode not in ("00", "01"):
        raise Refused(WRONG_MODE)
    forms = (CLEAR_FORMS, CIPHERTEXT_FORMS)
    forms_in, forms_out = forms if encrypts else forms[::-1]
    form_in = _take_form(fields, forms_in, WRONG_FORMAT)
    form_out = _take_form(fields, forms_out, ErrorCode.KEY_TYPE)  # 04: here, the second form
    code, kind = take_type(fields, ENCRYPTING if encrypts else DECRYPTING)
    key = take_key(fields, code, kind, bare=32 if kind is BDK else 16)
    ksn = take_ksn(fields, key) if kind is BDK else b""
    vector = fields.hex(2 * key.block_bytes) if mode == "01" else b""
    data = take_data(fields, form_in)
    fields.end()
    if not data or len(data) % key.block_bytes:
        raise Refused(ErrorCode.MESSAGE_LENGTH)
    opened = _opened(hsm, fields, key, ksn, encrypts=encrypts)
    if mode == "00":
        made = opened.encrypt_ecb(data) if encrypts else opened.decrypt_ecb(data)
        return written(made, form_out)
    made = opened.encrypt_cbc(vector, data) if encrypts else opened.decrypt_cbc(vector, data)
    last = (made if encrypts else data)[-key.block_bytes :]
    return last.hex().upper().encode("ascii") + written(made, form_out)


def _take_form(fields: Fields, forms: tuple[int, ...], code: ErrorCode) -> int:
    form = int(fields.digits(1, code))
    if form not in forms:
        raise Refused(code)
    return form


def _opened(hsm: Hsm, fields: Fields, key: WireKey, ksn: bytes, *, encrypts: bool) -> Key:
    """Open the key, and derive the transaction's where it is a base key."""
    opened = hsm.key(fields, key.wire, key.kind)
    if not ksn:
        return opened
    try:
        if key.is_aes:
            # Usages are the terminal's view: what we encrypt, it decrypts.
            usage = "data decryption" if encrypts else "data encryption"
            return _dukpt.aes_working_key(opened, ksn, usage)
        return _dukpt.tdes_data_key(opened, ksn, encrypts)
    except ValueError as fault:  # a counter that no terminal uses, or a base key of another length
        raise Refused(ErrorCode.INPUT_DATA) from fault


COMMANDS = (
    Command("M0", "encrypt data", encrypt),
    Command("M2", "decrypt data", decrypt),
    Command("GM", "hash data", hashed),
)
