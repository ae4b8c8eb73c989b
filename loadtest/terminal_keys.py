"""The keys that all terminals of a target share: of PIN blocks and of MACs.

Owns the reading of their files. Must not know what is sealed with them.
"""

from pathlib import Path

from hsm_sim._keys import Key
from loadtest.errors import LoadtestError

TDES = 0
KEY_BYTES_ALLOWED = (16, 24)


def read_key(key_file: str, folder: Path) -> Key:
    """Read a TDES key: 32 or 48 hexadecimal digits. Raises `LoadtestError`."""
    path = folder / key_file
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise LoadtestError(f"key {path}: {error.strerror}") from None
    except ValueError:
        secret = b""  # its text is not to be told
    if len(secret) not in KEY_BYTES_ALLOWED:
        raise LoadtestError(f"key {path}: not 32 or 48 hexadecimal digits")
    return Key.of(TDES, secret)
