"""The terminal's side of TLS: whom it trusts, and what it shows of itself.

Owns reading three PEM files. Must not know sockets: `acquirers.terminal.client` greets with it.
"""

import ssl
from pathlib import Path

from switch.errors import OperatingError


def terminal_tls(ca: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Give a context that trusts `ca` alone and shows a certificate. Raises OperatingError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(ca)
    except OSError as error:
        raise OperatingError(f"{ca}: {_told(error)}") from error
    for path in (certificate, key):
        if not path.is_file():
            raise OperatingError(f"{path}: not a file")
    try:
        # An encrypted key is refused: OpenSSL would ask for its password at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise OperatingError(f"{certificate}, {key}: {_told(error)}") from error
    return context


def _told(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not PEM, or not of each other ({error.reason or 'unreadable'})"
    return error.strerror or str(error)
