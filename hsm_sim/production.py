"""What the HSM remembers about production: voucher batches, who receives documents, who releases.

Owns the state and its file: written whole, in one step, before the answer that tells of a change;
with a MAC under a key of the LMK's, so that nobody adds a recipient with an editor. An old copy of
the file put back is not seen here: it is why whatever counts is a line of the audit trail first.

A batch's PINs are sealed under a key of the batch, derived from the LMK and a random salt that is
here and nowhere else. After the export the salt is gone: whoever kept sealed PINs keeps noise. (He
would need the LMK and an old copy of this file: do not keep copies of it longer than a batch.)

Must not know commands, nor see a clear PIN.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hsm_sim import _documents, _macs
from hsm_sim._documents import Document
from hsm_sim._keys import Key
from hsm_sim.audit import TRAIL_FILE, AuditTrail
from hsm_sim.check_digits import damm_digit
from hsm_sim.custodians import Custodians
from hsm_sim.errors import ErrorCode, Refused, Unusable
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.private_files import read_private, write_private
from hsm_sim.releases import Releases

BATCHES_MAX = 10_000
BATCH_COUNT_MAX = 500_000  # 40 MB as a document
RECIPIENTS_MAX = 100
RSA_BITS_MIN = 2048
SALT_BYTES = 32
SIGNER = b"signer"
STATE_FILE, CUSTODIANS_FILE = "production.json", "custodians.json"

Purpose = Literal["vouchers", "mailers"]


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

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("label", self.label), ("count", self.count), ("state", self.state)]


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be sent documents of one purpose."""

    purpose: Purpose
    certificate: bytes  # DER


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Recipients by the SHA-256 of their certificates."""

    batches: dict[str, Batch] = {}
    recipients: dict[str, Recipient] = {}
    signing_key: bytes = b""  # sealed
    signing_public: bytes = b""  # DER


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The file: the state as it is, and its MAC."""

    mac: bytes
    state: msgspec.Raw


class OpenDocument:
    """The one document that is being written, or was and waits to be fetched."""

    __slots__ = ("about", "document", "file", "number", "purpose", "recipient", "rows", "who")

    def __init__(
        self, purpose: Purpose, recipient: str, about: str, who: Sequence[str] = ()
    ) -> None:
        self.number = secrets.token_hex(4).upper()
        self.purpose = purpose
        self.recipient = recipient
        self.about = about  # a batch's name
        self.who = tuple(who)  # whoever released it
        self.document = Document()
        self.rows = 0
        self.file = b""  # enveloped, once it may be fetched


class Production:
    """The state, its file, and the document under way. Belongs to the HSM's thread."""

    def __init__(self, home: Path, lmk: KeyBlockLmk, now_ns: Callable[[], int]) -> None:
        """Read the file in the HSM's directory, or begin one. Raises Unusable."""
        self._path = home / STATE_FILE
        self._trail = AuditTrail(home / TRAIL_FILE, now_ns)
        self._releases = releases_at(home, lmk, now_ns)
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
        self.tell((), f"begin voucher batch {name}", "begun", count=str(batch.count))
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

    def end_batch(
        self,
        name: str,
        state: Literal["exported", "destroyed"],
        who: Sequence[str],
        **told: str,
    ) -> None:
        """Destroy a batch's PINs: forget what its key is derived from."""
        self.tell(who, f"end voucher batch {name}", state, **told)
        ended = msgspec.structs.replace(self.batch(name), salt=b"", state=state, **told)
        self._batch_keys.clear()
        self._change(batches={**self.state.batches, name: ended})

    # --- recipients, releases, signatures -------------------------------------------------------

    def enrol_recipient(self, purpose: Purpose, certificate: bytes) -> str:
        """Let documents go to a certificate; its SHA-256. Refused: 15 for one that will not do."""
        self._check_certificate(certificate)
        name = fingerprint(certificate)
        if name not in self.state.recipients and len(self.state.recipients) >= RECIPIENTS_MAX:
            raise Refused(ErrorCode.NO_USER_STORAGE)
        self.tell((), f"enrol recipient {name}", "enrolled", purpose=purpose)
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

    def check_released(self, act: str, tokens: dict[str, bytes]) -> None:
        """Refuse (17) an act to which two custodians have not agreed."""
        self._releases.check(act, tokens)

    def tell(self, who: Sequence[str], what: str, result: str, **details: str) -> None:
        """Write a line of the audit trail."""
        self._trail.add(who, what, result, details)

    def sign(self, data: bytes) -> bytes:
        """Sign what leaves the HSM: ECDSA on P-256 with SHA-256."""
        return _documents.sign(self._signing_seal, SIGNER, self.state.signing_key, data)

    # --- the document under way ------------------------------------------------------------------

    def begin_document(
        self, purpose: Purpose, recipient: str, about: str, who: Sequence[str] = ()
    ) -> OpenDocument:
        """Begin a document; another one that was under way is forgotten."""
        self.recipient(recipient, purpose)
        if self._open is not None:
            self._open.document.forget()
        self._open = OpenDocument(purpose, recipient, about, who)
        return self._open

    def document(self, number: str, purpose: Purpose | None = None) -> OpenDocument:
        """Give the document under way; with a purpose, one that may be written. Refused: 15."""
        found = self._open
        if found is None or found.number != number:
            raise Refused(ErrorCode.INPUT_DATA)
        if purpose is not None and (found.file or found.purpose != purpose):
            raise Refused(ErrorCode.INPUT_DATA)
        return found

    def envelope(self, found: OpenDocument) -> tuple[bytes, bytes]:
        """Encrypt a document to its recipient: the file, its signature.

        The document is over, whatever happens now; the file can be fetched after `publish`.
        """
        certificate = self.recipient(found.recipient, found.purpose).certificate
        self._open = None
        file = found.document.enveloped(certificate)
        return file, self.sign(file)

    def publish(self, found: OpenDocument, file: bytes) -> None:
        """Let a file be fetched, now that its going is told and written down."""
        found.file = file
        self._open = found

    # --- the file --------------------------------------------------------------------------------

    def _read(self) -> State:
        content = read_private(self._path)
        if content is None:
            return State()
        try:
            sealed = msgspec.json.decode(content, type=_Sealed)
            if not _macs.equal(_macs.cmac(self._mac_key, bytes(sealed.state)), sealed.mac):
                raise Unusable(f"{self._path}: changed by another, or under another LMK")
            return msgspec.json.decode(sealed.state, type=State)
        except msgspec.MsgspecError as error:
            raise Unusable(f"{self._path}: {error}") from None

    def _change(self, **fields: object) -> None:
        """Write the changed state, and only then have it."""
        changed = msgspec.structs.replace(self.state, **fields)
        state = msgspec.json.encode(changed)
        sealed = _Sealed(mac=_macs.cmac(self._mac_key, state), state=msgspec.Raw(state))
        write_private(self._path, msgspec.json.encode(sealed))
        self.state = changed


def fingerprint(certificate: bytes) -> str:
    """Give a certificate's SHA-256, as people compare it."""
    return hashlib.sha256(certificate).hexdigest().upper()


def serial_of(number: int) -> str:
    """Give a voucher's serial number as it is printed: with its check digit."""
    digits = f"{number:015}"
    return digits + damm_digit(digits)


def releases_at(home: Path, lmk: KeyBlockLmk, now_ns: Callable[[], int]) -> Releases:
    """Give the release tokens of the HSM whose directory this is: for its server, its console."""
    trail = AuditTrail(home / TRAIL_FILE, now_ns)
    return Releases(lmk, Custodians(home / CUSTODIANS_FILE), trail)
