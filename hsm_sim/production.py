"""What the HSM remembers about production: voucher batches, who receives documents, who releases.

Owns the state and its file: written whole, in one step, before the answer that tells of a change;
sealed with a MAC under a key of the LMK's, so that nobody adds a recipient with an editor. An old
copy of the file put back is not seen here: it is why exports are told to the audit trail.

A batch's PINs are sealed under a key of the batch, derived from the LMK and a random salt that is
here and nowhere else. After the export the salt is gone: whoever kept sealed PINs keeps noise. (He
would need the LMK and an old copy of this file: do not keep copies of it longer than a batch.)

Must not know commands, nor see a clear PIN.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hsm_sim import _documents, _macs
from hsm_sim._documents import Document
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.lmk import KeyBlockLmk

BATCHES_MAX = 10_000
BATCH_COUNT_MAX = 500_000  # 40 MB as a document
RECIPIENTS_MAX = 100
CUSTODIANS_MAX = 100
CUSTODIANS_TO_RELEASE = 2
RSA_BITS_MIN = 2048
SALT_BYTES = 32
SIGNER = b"signer"

Purpose = Literal["vouchers", "mailers"]


class ProductionError(Exception):
    """The file is not ours, or was changed."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of vouchers. `salt` is empty once its PINs are destroyed."""

    label: str  # the product: printed, and part of every digest
    count: Annotated[int, msgspec.Meta(ge=1, le=BATCH_COUNT_MAX)]
    digits: int
    value_minor: int  # of one voucher
    first: int  # serial number of the first, without its check digit
    salt: bytes
    state: Literal["open", "exported", "destroyed"] = "open"
    recipient: str = ""
    sha256: str = ""  # of the file it was exported in

    def __repr__(self) -> str:
        """Show no salt."""
        return f"Batch({self.label}, {self.count}, {self.state})"


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be sent documents of one purpose."""

    purpose: Purpose
    certificate: bytes  # DER


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Recipients by the SHA-256 of their certificates, custodians by name."""

    batches: dict[str, Batch] = {}
    recipients: dict[str, Recipient] = {}
    custodians: dict[str, bytes] = {}  # Ed25519 public keys
    signing_key: bytes = b""  # sealed
    signing_public: bytes = b""  # DER


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The file: the state as it is, and its MAC."""

    mac: bytes
    state: msgspec.Raw


class OpenDocument:
    """The one document that is being written, or was and waits to be fetched."""

    __slots__ = ("batch", "document", "file", "number", "purpose", "recipient", "rows")

    def __init__(self, purpose: Purpose, recipient: str, batch: str = "") -> None:
        self.number = secrets.token_hex(4).upper()
        self.purpose = purpose
        self.recipient = recipient
        self.batch = batch
        self.document = Document()
        self.rows = 0
        self.file = b""  # enveloped


class Production:
    """The state, its file, and the document under way. Belongs to the HSM's thread."""

    def __init__(self, path: Path, lmk: KeyBlockLmk, now_ns: Callable[[], int]) -> None:
        """Read the file, or begin one. Raises ProductionError, OSError."""
        self._path = path
        self._mac_key = lmk.derived(b"production state")
        self._signing_seal = lmk.derived(b"signing key")
        self._lmk = lmk
        self._now_ns = now_ns
        self._batch_keys: dict[str, Key] = {}
        self._open: OpenDocument | None = None
        self.state = self._read()
        if not self.state.signing_key:
            sealed, public = _documents.new_signing_key(self._signing_seal, SIGNER)
            self._change(signing_key=sealed, signing_public=public)

    def __reduce__(self) -> NoReturn:
        """Refuse: what is here does not leave."""
        raise TypeError("production does not leave the HSM")

    # --- batches ---------------------------------------------------------------------------------

    def add_batch(self, name: str, batch: Batch) -> None:
        """Begin a batch. Refused: 15 for a name or serial numbers that were used before."""
        ends = batch.first + batch.count
        used = any(
            batch.first < other.first + other.count and other.first < ends
            for other in self.state.batches.values()
        )
        if used or name in self.state.batches or len(self.state.batches) >= BATCHES_MAX:
            raise Refused(ErrorCode.INPUT_DATA)
        salted = msgspec.structs.replace(batch, salt=secrets.token_bytes(SALT_BYTES))
        self._change(batches={**self.state.batches, name: salted})

    def batch(self, name: str) -> Batch:
        """Give a batch. Refused: 15 when there is none."""
        batch = self.state.batches.get(name)
        if batch is None:
            raise Refused(ErrorCode.INPUT_DATA)
        return batch

    def batch_key(self, name: str) -> Key:
        """Give what a batch's PINs are sealed under. Refused: 29 once they are destroyed."""
        batch = self.batch(name)
        if batch.state != "open":
            raise Refused(ErrorCode.NOT_PERMITTED)
        key = self._batch_keys.get(name)
        if key is None:
            self._batch_keys = {name: self._lmk.derived(b"voucher PINs" + batch.salt)}
            key = self._batch_keys[name]
        return key

    def end_batch(self, name: str, state: Literal["exported", "destroyed"], **told: str) -> None:
        """Destroy a batch's PINs: overwrite what its key is derived from."""
        ended = msgspec.structs.replace(self.batch(name), salt=b"", state=state, **told)
        self._batch_keys.clear()
        self._change(batches={**self.state.batches, name: ended})

    # --- recipients, custodians, signatures ------------------------------------------------------

    def enrol_recipient(self, purpose: Purpose, certificate: bytes) -> str:
        """Let documents go to a certificate; its SHA-256. Refused: 15 for one that will not do."""
        self._check_certificate(certificate)
        name = fingerprint(certificate)
        if name not in self.state.recipients and len(self.state.recipients) >= RECIPIENTS_MAX:
            raise Refused(ErrorCode.NO_USER_STORAGE)
        enrolled = Recipient(purpose=purpose, certificate=certificate)
        self._change(recipients={**self.state.recipients, name: enrolled})
        return name

    def recipient(self, name: str, purpose: Purpose) -> Recipient:
        """Give a recipient. Refused: 29 for another purpose and for strangers, 15 if expired."""
        found = self.state.recipients.get(name)
        if found is None or found.purpose != purpose:
            raise Refused(ErrorCode.NOT_PERMITTED)
        self._check_certificate(found.certificate)
        return found

    def _check_certificate(self, certificate: bytes) -> None:
        """Refuse what is no certificate of an RSA key that is long enough and of today."""
        try:
            parsed = x509.load_der_x509_certificate(certificate)
            key = parsed.public_key()
        except ValueError:
            raise Refused(ErrorCode.INPUT_DATA) from None
        now = datetime.fromtimestamp(self._now_ns() / 1e9, UTC)
        if (
            not isinstance(key, RSAPublicKey)
            or key.key_size < RSA_BITS_MIN
            or not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc
        ):
            raise Refused(ErrorCode.INPUT_DATA)

    def enrol_custodian(self, name: str, public_key: bytes) -> None:
        """Let a person release batches. Refused: 15 for a name that is taken, or no key."""
        known = self.state.custodians
        if name in known or public_key in known.values() or len(known) >= CUSTODIANS_MAX:
            raise Refused(ErrorCode.INPUT_DATA)
        with _refusing(ValueError, ErrorCode.INPUT_DATA):
            Ed25519PublicKey.from_public_bytes(public_key)
        self._change(custodians={**known, name: public_key})

    def check_released(self, act: bytes, tokens: dict[str, bytes]) -> None:
        """Refuse (17) an act that two custodians have not signed, this one and no other."""
        if len(tokens) != CUSTODIANS_TO_RELEASE:
            raise Refused(ErrorCode.NOT_AUTHORISED)
        for name, token in tokens.items():
            with _refusing((KeyError, InvalidSignature), ErrorCode.NOT_AUTHORISED):
                key = Ed25519PublicKey.from_public_bytes(self.state.custodians[name])
                key.verify(token, act)

    def sign(self, data: bytes) -> bytes:
        """Sign what leaves the HSM: ECDSA on P-256 with SHA-256."""
        return _documents.sign(self._signing_seal, SIGNER, self.state.signing_key, data)

    # --- the document under way ------------------------------------------------------------------

    def begin_document(self, purpose: Purpose, recipient: str, batch: str = "") -> OpenDocument:
        """Begin a document; another one that was under way is forgotten."""
        self.recipient(recipient, purpose)
        if self._open is not None:
            self._open.document.forget()
        self._open = OpenDocument(purpose, recipient, batch)
        return self._open

    def document(self, number: str, purpose: Purpose | None = None) -> OpenDocument:
        """Give the document under way; with a purpose, one that may be written. Refused: 15."""
        found = self._open
        if found is None or found.number != number:
            raise Refused(ErrorCode.INPUT_DATA)
        if purpose is not None and (found.file or found.purpose != purpose):
            raise Refused(ErrorCode.INPUT_DATA)
        return found

    def envelope(self, found: OpenDocument) -> bytes:
        """Encrypt a document to its recipient; its signature."""
        certificate = self.recipient(found.recipient, found.purpose).certificate
        found.file = found.document.enveloped(certificate)
        return self.sign(found.file)

    # --- the file --------------------------------------------------------------------------------

    def _read(self) -> State:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return State()
        try:
            sealed = msgspec.json.decode(content, type=_Sealed)
            if not _macs.equal(_macs.cmac(self._mac_key, bytes(sealed.state)), sealed.mac):
                raise ProductionError(f"{self._path}: changed by another, or under another LMK")
            return msgspec.json.decode(sealed.state, type=State)
        except msgspec.MsgspecError as error:
            raise ProductionError(f"{self._path}: {error}") from None

    def _change(self, **fields: object) -> None:
        """Write the changed state, and only then have it."""
        changed = msgspec.structs.replace(self.state, **fields)
        state = msgspec.json.encode(changed)
        sealed = _Sealed(mac=_macs.cmac(self._mac_key, state), state=msgspec.Raw(state))
        _replace(self._path, msgspec.json.encode(sealed))
        self.state = changed


def fingerprint(certificate: bytes) -> str:
    """Give a certificate's SHA-256, as people compare it."""
    return hashlib.sha256(certificate).hexdigest().upper()


def serial_of(number: int) -> str:
    """Give a voucher's serial number as it is printed: with its check digit."""
    digits = f"{number:015}"
    return digits + damm_digit(digits)


def release_act(batch: str, count: int, recipient: str) -> bytes:
    """Give what custodians sign to release a batch: which, how much, to whom."""
    return f"release voucher batch {batch} of {count} to {recipient}".encode("ascii")


def destroy_act(batch: str) -> bytes:
    """Give what custodians sign to destroy a batch's PINs."""
    return f"destroy voucher batch {batch}".encode("ascii")


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step, durable when it returns, readable by its owner."""
    written = path.with_name(path.name + ".new")
    descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(written, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def _refusing(
    errors: type[Exception] | tuple[type[Exception], ...], code: ErrorCode
) -> Iterator[None]:
    """Turn what a library says about bad input into an error code."""
    try:
        yield
    except errors:
        raise Refused(code) from None
