"""Custodians: a person's key, and the token with which two of them release a batch.

Owns the key's file (PKCS #8, under a passphrase: what a custodian has and what he knows) and the
token's. A token is a signature over one act: this batch, so many vouchers, this certificate. It is
no secret, and good for nothing else.
"""

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from bashgah.private_files import read_private, write_private
from hsm_sim.production import release_act
from switch.errors import OperatingError

PASSPHRASE_CHARACTERS_MIN = 12


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A custodian's word for one release."""

    custodian: str
    batch: str
    count: int
    recipient: str
    signature: bytes


def new_custodian(path: Path, passphrase: str) -> bytes:
    """Make a custodian's key in a new file; the public key, 32 bytes. Raises OperatingError."""
    if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
        raise OperatingError(f"a passphrase of at least {PASSPHRASE_CHARACTERS_MIN} characters")
    key = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(passphrase.encode("utf-8"))
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def release(
    path: Path, passphrase: str, custodian: str, *, batch: str, count: int, recipient: str
) -> Token:
    """Sign one release with a custodian's key. Raises OperatingError."""
    try:
        key = load_pem_private_key(read_private(path), passphrase.encode("utf-8"))
    except ValueError:
        raise OperatingError(f"{path}: no custodian's key, or another passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise OperatingError(f"{path}: no custodian's key")
    signature = key.sign(release_act(batch, count, recipient))
    return Token(
        custodian=custodian, batch=batch, count=count, recipient=recipient, signature=signature
    )


def read_token(path: Path) -> Token:
    """Read a token's file. Raises OperatingError, OSError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Token)
    except msgspec.MsgspecError as error:
        raise OperatingError(f"{path}: {error}") from None
