"""Python face of `_macs`: MACs, check values, and a comparison in constant time.

A message that comes in parts: `cbc_state` or `retail_state` over whole blocks of each part but the
last, handing on the state, and the MAC over the last part with the state. ValueError for data that
does not fill its blocks, a key of the wrong kind, an unknown padding.
"""

from hsm_sim._keys import Key

def padded(data: bytes, padding: int, block: int = 8) -> bytes:
    """Pad to whole blocks as ISO 9797-1 says (methods 1 to 3); 0 leaves the data as it is."""

def cbc_mac(key: Key, data: bytes, padding: int, state: bytes | None = None) -> bytes:
    """MAC of ISO 9797-1 algorithm 1, one block long."""

def cbc_state(key: Key, data: bytes, state: bytes | None = None) -> bytes:
    """Move the chain of algorithm 1, and of CMAC, over whole blocks of a longer message."""

def retail_mac(key: Key, data: bytes, padding: int, state: bytes | None = None) -> bytes:
    """MAC of ISO 9797-1 algorithm 3 (ANSI X9.19), 8 bytes."""

def retail_state(key: Key, data: bytes, state: bytes | None = None) -> bytes:
    """Move the chain of algorithm 3 over whole blocks of a longer message."""

def cmac(key: Key, data: bytes, state: bytes | None = None) -> bytes:
    """CMAC of NIST SP 800-38B, one block long; `state` is from `cbc_state`."""

def hmac(key: Key, data: bytes, digest_bytes: int = 32) -> bytes:
    """HMAC of RFC 2104 with SHA-1 (20), SHA-256 (32) or SHA-512 (64)."""

def check_value(key: Key) -> bytes:
    """Give what tells a key without showing it: 8 bytes of TDES, 16 of AES, 32 of HMAC.

    TDES: the encryption of zeros. AES: the CMAC of a block of zeros. HMAC: of nothing, SHA-256.
    """

def equal(one: bytes, other: bytes) -> bool:
    """Compare in constant time; only a difference of length shows."""
