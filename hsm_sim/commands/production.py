"""Commands about production: who receives documents, and how they leave the HSM.

    VO  fetch a document        number 8H | offset 8N                -> length 5N | bytes
    VS  enrol a recipient       V vouchers / M mailers 1A | length 4N | certificate (DER)
                                                                     -> its SHA-256 64H
    VU  the HSM's public key    -                                    -> length 4N | SPKI (DER)

    token   length 2N | custodian | 32H           an act is released by two of them

A family of our own, of which no payShield knows. Enrolment is possible only in the authorised
state. Owns these layouts and what the other families of production have in common.
"""

from hsm_sim.ceremony import CUSTODIANS_MIN
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.fields import Fields
from hsm_sim.hsm import Command, Hsm
from hsm_sim.production import OpenDocument, Production, Purpose
from hsm_sim.releases import TOKEN_BYTES

BATCH_CHARACTERS = 12
PURPOSES: dict[str, Purpose] = {"V": "vouchers", "M": "mailers"}
FETCH_BYTES_MAX = 24_000
FINGERPRINT_CHARACTERS = 64


def production_of(hsm: Hsm) -> Production:
    """Give an HSM's production. Refused: 12 where there is none."""
    if hsm.production is None:
        raise Refused(ErrorCode.NO_USER_STORAGE)
    return hsm.production


def take_batch(fields: Fields) -> str:
    """Take a batch's name: letters and digits."""
    name = fields.text(BATCH_CHARACTERS)
    if not name.isalnum():
        raise Refused(ErrorCode.INPUT_DATA)
    return name


def take_tokens(fields: Fields) -> dict[str, bytes]:
    """Take as many custodians' tokens as an act needs; the same person twice is one."""
    tokens = {}
    for _ in range(CUSTODIANS_MIN):
        name = fields.text(fields.number(2))
        tokens[name] = fields.hex(2 * TOKEN_BYTES)
    return tokens


def take_fingerprint(fields: Fields) -> str:
    """Take a certificate's SHA-256."""
    return fields.hex(FINGERPRINT_CHARACTERS).hex().upper()


def finished(found: OpenDocument, signature: bytes) -> bytes:
    """Tell of an envelope: its length, the signature over it."""
    return f"{len(found.file):08}{len(signature):03}{signature.hex().upper()}".encode("ascii")


def fetch(hsm: Hsm, fields: Fields) -> bytes:
    """VO: a part of an encrypted document. 15 before it is encrypted, or behind its end."""
    number, offset = fields.text(8), fields.number(8)
    fields.end()
    file = production_of(hsm).document(number).file
    part = file[offset : offset + FETCH_BYTES_MAX]
    if not part:
        raise Refused(ErrorCode.INPUT_DATA)
    return f"{len(part):05}".encode("ascii") + part


def enrol_recipient(hsm: Hsm, fields: Fields) -> bytes:
    """VS: a print house; its certificate's SHA-256 is its name from here on."""
    purpose = PURPOSES.get(fields.text(1))
    certificate = fields.take(fields.number(4))
    fields.end()
    if purpose is None:
        raise Refused(ErrorCode.INPUT_DATA)
    return production_of(hsm).enrol_recipient(purpose, certificate).encode("ascii")


def signing_public(hsm: Hsm, fields: Fields) -> bytes:
    """VU: what signatures over documents are checked with."""
    fields.end()
    public = production_of(hsm).state.signing_public
    return f"{len(public):04}".encode("ascii") + public


COMMANDS = (
    Command("VO", "fetch an encrypted document", fetch),
    Command("VS", "enrol a recipient of documents", enrol_recipient, authorised=True),
    Command("VU", "give the public key of signatures", signing_public),
)
