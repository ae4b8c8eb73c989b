"""Who receives documents of the HSM: a print house, a personaliser; each with a certificate."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

BITS = 2048


class Recipient:
    """A recipient with its private key."""

    def __init__(self, name: str, *, bits: int = BITS, days: int = 30) -> None:
        """Make the certificate; of negative `days` it has expired."""
        self.key = rsa.generate_private_key(65537, bits)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .sign(self.key, hashes.SHA256())
        )
        self.der = self.certificate.public_bytes(Encoding.DER)

    def decrypted(self, envelope: bytes) -> bytes:
        """Open what was enveloped for this recipient."""
        return pkcs7.pkcs7_decrypt_der(envelope, self.certificate, self.key, [])
