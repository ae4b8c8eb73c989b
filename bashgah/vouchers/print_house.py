"""Reading an export as its print house does: who signed it, is it whole, which vouchers.

Owns the checks, in the order in which they must come: nothing is decrypted before the signature
holds. This is where PINs are in clear, on the print house's machine; the switch never runs it.
"""

import hmac
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import load_der_public_key, pkcs7

from switch.errors import OperatingError

MAGIC = ["BASHGAH-VOUCHERS", "1"]


class Voucher(NamedTuple):
    """What is printed."""

    serial: str
    pin: str
    product: str

    def __repr__(self) -> str:
        """Show no PIN."""
        return f"Voucher({self.serial})"


class Printable(NamedTuple):
    """A batch to print."""

    batch: str
    value_minor: int
    value_minor_all: int
    vouchers: list[Voucher]


def is_signed(envelope: bytes, signature: bytes, public_key: bytes) -> bool:
    """Say whether the HSM whose public key (DER) this is signed an envelope."""
    try:
        key = load_der_public_key(public_key)
        if not isinstance(key, EllipticCurvePublicKey):
            return False
        key.verify(signature, envelope, ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def opened(
    envelope: bytes, certificate: x509.Certificate, key: RSAPrivateKey, mac_key: bytes
) -> Printable:
    """Decrypt an envelope whose signature holds. Raises OperatingError when it is not whole."""
    try:
        text = pkcs7.pkcs7_decrypt_der(envelope, certificate, key, [])
    except ValueError:
        raise OperatingError("no envelope of this recipient's, or damaged") from None
    body, _, told = text.rstrip(b"\n").rpartition(b",")
    mac = CMAC(AES(mac_key))
    mac.update(body + b",")
    if not hmac.compare_digest(mac.finalize().hex().upper().encode("ascii"), told):
        raise OperatingError("the MAC is wrong: the file was changed, or another MAC key")
    header, *lines, trailer = body.decode("ascii").splitlines()
    parts = header.split(",")
    if parts[:2] != MAGIC or trailer != f"END,{len(lines)}" or parts[3] != str(len(lines)):
        raise OperatingError("the file is not whole: it does not have as many lines as it says")
    vouchers = [Voucher(*line.split(",")) for line in lines]
    if [vouchers[0].serial, vouchers[-1].serial] != parts[6:8]:
        raise OperatingError("the file is not whole: it begins or ends with another voucher")
    return Printable(parts[2], int(parts[4]), int(parts[5]), vouchers)
