"""Certificates for tests: authorities, the switch's own, terminals' good and bad ones.

Owns files in a directory of the test's. Every key is new; nothing here is worth keeping.
"""

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from switch._tls import Tls

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
HOUR = timedelta(hours=1)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """A CA that signs for one test, and whose own certificate is `pem`."""

    def __init__(self, directory: Path, name: str, *, is_rsa: bool = False) -> None:
        self._directory = directory
        self._is_rsa = is_rsa
        self._key = new_key(is_rsa)
        subject = named(name)
        self._certificate = (
            _builder(subject, subject, self._key, days=1)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = directory / f"{name}.pem"
        self.pem.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        name: str,
        *,
        dns: Sequence[str] = (),
        days: int = 1,
        for_servers: bool = False,
        file_name: str = "",
    ) -> Pair:
        """Sign a certificate for a client or a server; `days` < 0 has expired.

        A server without names is on 127.0.0.1.
        """
        key = new_key(self._is_rsa)
        names: list[x509.GeneralName] = [x509.DNSName(one) for one in dns]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        if for_servers:
            if not dns:
                names.append(x509.IPAddress(IPv4Address("127.0.0.1")))
            usage = ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(named(name), self._certificate.subject, key, days=days).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        stem = file_name or name
        pair = Pair(
            certificate=self._directory / f"{stem}.crt", key=self._directory / f"{stem}.key"
        )
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair


class Site:
    """A switch's certificate, the authority of its clients, and one client that may come."""

    def __init__(self, directory: Path, *, is_rsa: bool = False) -> None:
        self.authority = Authority(directory, "authority", is_rsa=is_rsa)
        self.switch = self.authority.issue("switch", for_servers=True)
        self.terminal = self.authority.issue("terminal")

    def tls(self, *names: str) -> Tls:
        """Give what a listener needs."""
        return Tls(
            str(self.switch.certificate), str(self.switch.key), str(self.authority.pem), names
        )

    def context(self, shown: Pair | None, *, only: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Give a client's context that shows a certificate, or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.pem)
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        if only is not None:
            context.minimum_version = context.maximum_version = only
        return context


def new_key(is_rsa: bool) -> PrivateKey:
    """Make a key: P-256, or RSA of 2048 bits."""
    if is_rsa:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def named(name: str) -> x509.Name:
    """Give a subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    first, last = (now - HOUR, now + timedelta(days=days))
    if days < 0:
        first, last = now + timedelta(days=days), now - HOUR
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
    )
