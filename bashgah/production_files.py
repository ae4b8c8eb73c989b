"""Files of production: keys and certificates that come in; new files, never written over.

Owns how they are read and written, for their owner only. What is in them is encrypted, or no
secret, by whoever writes it; modes are a second wall.
"""

import os
from pathlib import Path

from cryptography import x509

from hsm_sim.errors import Unusable
from hsm_sim.private_files import create_private, open_private
from switch.errors import OperatingError


def write_new(path: Path, content: bytes) -> None:
    """Write a new file, mode 0600, durable when it returns. Raises OperatingError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = create_private(path)
    except Unusable as error:
        raise OperatingError(str(error)) from None
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> bytes:
    """Read a file that only its owner may. Raises OperatingError, also when others could."""
    try:
        descriptor = open_private(path)
    except Unusable as error:
        raise OperatingError(str(error)) from None
    with open(descriptor, "rb") as file:
        return file.read()


def read_key(path: Path) -> str:
    """Read a key under the HSM's LMK, which is no secret. Raises OperatingError, OSError."""
    text = path.read_text("ascii").strip()
    if not text.startswith("S"):
        raise OperatingError(f"{path}: no sealed key (S and a key block)")
    return text


def read_certificate(path: Path) -> x509.Certificate:
    """Read a certificate, PEM. Raises OperatingError, OSError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise OperatingError(f"{path}: no certificate in PEM") from None
