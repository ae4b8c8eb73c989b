"""Python face of `_documents`: a document in, its envelope and signature out."""

from typing import final

from hsm_sim._keys import Key

@final
class Document:
    """A text that holds PINs; overwritten in memory when it is enveloped or forgotten."""

    def __len__(self) -> int:
        """Bytes written."""

    def write(self, text: bytes) -> None:
        """Write at the end. ValueError when the document gets too long."""

    def write_mac(self, key: Key) -> None:
        """Write the CMAC of all before it, as 32 hexadecimal digits; of an AES key."""

    def enveloped(self, certificate: bytes) -> bytes:
        """Give the document as CMS EnvelopedData (DER) for a certificate (DER), and forget it.

        AES-256-CBC, RSA key transport. Refused: 15 for a certificate that cannot be used.
        """

    def forget(self) -> None:
        """Overwrite the document."""

def new_signing_key(sealing_key: Key, bound: bytes) -> tuple[bytes, bytes]:
    """Make a key pair on P-256: the sealed private key, the public key (DER)."""

def sign(sealing_key: Key, bound: bytes, sealed: bytes, data: bytes) -> bytes:
    """Sign data: ECDSA with SHA-256 (DER). Refused: 14 for a key that was not sealed so."""
