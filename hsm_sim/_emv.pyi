"""Python face of `_emv`: keys and cryptograms of chip cards. Wrong lengths are ValueError."""

from hsm_sim._keys import Key

def account_block(pan: str, sequence: str, option_b: bool = False) -> bytes:
    """Give the 8 bytes that a card's keys are derived from; option B hashes longer numbers."""

def card_key(master: Key, account: bytes) -> Key:
    """Derive a card's key from the issuer's, by the bytes of `account_block`."""

def session_key(card: Key, diversifier: bytes) -> Key:
    """Derive a common session key by 8 bytes: for scripts, the cryptogram before them."""

def cryptogram_key(card: Key, atc: bytes) -> Key:
    """Derive the session key of a cryptogram, by the transaction counter (EMV CSK)."""

def mchip_key(card: Key, atc: bytes, unpredictable: bytes) -> Key:
    """Derive the session key of a cryptogram of M/Chip, by counter and unpredictable number."""

def visa_script_key(card: Key, atc: bytes) -> Key:
    """Derive the session key of a script of VIS."""

def cryptogram(key: Key, data: bytes, padding: int = 2) -> bytes:
    """Give the application cryptogram, or the MAC of a script: 8 bytes."""

def arpc_1(key: Key, arqc: bytes, response_code: bytes) -> bytes:
    """Answer a cryptogram with an authorisation response code: 8 bytes (method 1)."""

def arpc_2(key: Key, arqc: bytes, status_update: bytes, proprietary: bytes = b"") -> bytes:
    """Answer a cryptogram with a card status update and up to 8 bytes more: 4 bytes (method 2)."""

def cvc3(key: Key, track: bytes, unpredictable: bytes, atc: bytes) -> str:
    """Give the dynamic code of a contactless card's magnetic-stripe mode: 5 digits."""
