"""Commands of our own, which no payShield has: FF1, and HMAC.

    ZA  key type 3H | key | radix 2N | tweak length 2N | tweak, hex | length 3N | text
    ZB  text, encrypted: as long, of the same characters
    ZC  as ZA
    ZD  text, decrypted
    ZE  hash 2N (01 SHA-1, 06 SHA-256, 08 SHA-512) | key | length 5N | data, binary
    ZF  HMAC, hex

    key type   00A ZEK, 30B TEK, FFF either: FF1 takes AES, so a key block
    radix      of the alphabet 0-9a-z: 10 is digits

Tweak length counts bytes. FF1 refuses what has fewer than a million texts, which could be tried
out. An HMAC key is a key block of its own usage: the key that hides vouchers' PINs is none, or
whoever has ZE could try PINs against their digests.
"""

from hsm_sim import _ff1
from hsm_sim._macs import hmac
from hsm_sim.commands.data import DECRYPTING, ENCRYPTING
from hsm_sim.commands.message_fields import narrowed, take_key, take_type
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.key_types import HMAC_KEY, TEK, ZEK, KeyType

ENCRYPTING_TEXT = {code: ENCRYPTING[code] for code in (ZEK.code, TEK.code)}
DECRYPTING_TEXT = {code: DECRYPTING[code] for code in (ZEK.code, TEK.code)}
GENERATING = narrowed(HMAC_KEY, "to generate", "CGN")
DIGEST_BYTES = {"01": 20, "06": 32, "08": 64}


def encrypt_text(hsm: Hsm, fields: Fields) -> bytes:
    """ZA: encrypt a text and keep its form."""
    return _through(hsm, fields, ENCRYPTING_TEXT, encrypts=True)


def decrypt_text(hsm: Hsm, fields: Fields) -> bytes:
    """ZC: decrypt a text that ZA made."""
    return _through(hsm, fields, DECRYPTING_TEXT, encrypts=False)


def generate_hmac(hsm: Hsm, fields: Fields) -> bytes:
    """ZE: make an HMAC."""
    digest_bytes = DIGEST_BYTES.get(fields.digits(2))
    wire = fields.key()
    length = fields.number(5)
    if length > fields.left:
        raise Refused(ErrorCode.DATA_LENGTH)
    data = fields.take(length)
    fields.end()
    if digest_bytes is None:
        raise Refused(ErrorCode.KEY_LENGTH_FLAG)  # 05: here, the hash
    if wire[:1] != b"S":
        raise Refused(ErrorCode.KEY_SCHEME)
    key = hsm.key(fields, wire, GENERATING)
    return hmac(key, data, digest_bytes).hex().upper().encode("ascii")


def _through(hsm: Hsm, fields: Fields, kinds: dict[str, KeyType], *, encrypts: bool) -> bytes:
    code, kind = take_type(fields, kinds)
    key = take_key(fields, code, kind)
    radix = fields.number(2)
    tweak = fields.hex(2 * fields.number(2))
    text = fields.text(fields.number(3))
    fields.end()
    if not key.is_aes:
        raise Refused(ErrorCode.KEY_BLOCK_ALGORITHM)
    opened = hsm.key(fields, key.wire, key.kind)
    try:
        made = (_ff1.encrypt if encrypts else _ff1.decrypt)(opened, tweak, text, radix)
    except ValueError as fault:  # outside the domain
        raise Refused(ErrorCode.INPUT_DATA) from fault
    return made.encode("ascii")


COMMANDS = (
    Command("ZA", "encrypt a text, keeping its form (FF1)", encrypt_text),
    Command("ZC", "decrypt a text, keeping its form (FF1)", decrypt_text),
    Command("ZE", "generate an HMAC", generate_hmac),
)
