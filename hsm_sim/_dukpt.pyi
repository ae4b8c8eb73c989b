"""Python face of `_dukpt`: keys of one transaction, as `Key` objects.

`base` is the base derivation key, or with `initial=True` the initial key, as a terminal has it.
ValueError: a serial number of another length, counter 0, a counter with more ones than a terminal
may use (10 of TDES, 16 of AES), a base key of another kind.
"""

from hsm_sim._keys import Key

USAGES: dict[str, int]

def tdes_initial_key(bdk: Key, ksn: bytes) -> Key:
    """Derive the key that a terminal is loaded with; the serial number's counter is ignored."""

def tdes_transaction_key(base: Key, ksn: bytes, *, initial: bool = False) -> Key:
    """Derive the key that a transaction's other keys are variants of."""

def tdes_pin_key(base: Key, ksn: bytes, *, initial: bool = False) -> Key:
    """Derive the key of a transaction's PIN block."""

def tdes_mac_key(base: Key, ksn: bytes, response: bool = False, *, initial: bool = False) -> Key:
    """Derive the MAC key of a request, or of its response."""

def tdes_data_key(base: Key, ksn: bytes, response: bool = False, *, initial: bool = False) -> Key:
    """Derive the data key of a request, or of its response: the variant, encrypted by itself."""

def aes_initial_key(bdk: Key, ikid: bytes) -> Key:
    """Derive the key that a terminal is loaded with, by the 8 bytes of its identifier."""

def aes_transaction_key(base: Key, ksn: bytes, *, initial: bool = False) -> Key:
    """Derive the key that a transaction's working keys are derived from."""

def aes_working_key(
    base: Key,
    ksn: bytes,
    usage: str,
    algorithm: int = 1,
    length: int = 16,
    *,
    initial: bool = False,
) -> Key:
    """Derive a transaction's key for one use (`USAGES`), never stronger than the base key.

    "mac generation" is what the terminal generates with, whoever asks: the same bytes verify.
    """
