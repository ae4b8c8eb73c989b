"""The TLS of the HSM's door: nobody enters without a certificate of the CA that we were told.

Owns what is accepted: TLS 1.2 and 1.3, only suites that authenticate what they encrypt. Files are
read once; must not know connections.
"""

import ssl
from pathlib import Path

# Of TLS 1.2; those of 1.3 are all of this kind.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(certificate: Path, key: Path, client_ca: Path) -> ssl.SSLContext:
    """Make the server's side; OSError or ssl.SSLError (an OSError, too) for files that do not fit.

    Clients are known by the CA alone: who is given a certificate by it may send commands.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client_ca)
    context.load_cert_chain(certificate, key)
    return context
