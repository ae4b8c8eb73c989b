"""Custodians: the people who hold components, and what shows that it is they.

Owns their file: a name, and scrypt of a passphrase. What two of them may do together is
`hsm_sim.ceremony`'s.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any

import msgspec

from hsm_sim.errors import Unusable
from hsm_sim.private_files import NOT_JSON, read_private, write_private

PASSPHRASE_CHARACTERS_MIN = 12
NAME_CHARACTERS_MAX = 40
# 32 MB and about 0.1 s a guess (OWASP's cheapest advice for scrypt is 2^17, 8, 1 or as 2^15, 8, 3).
COST, BLOCK, PARALLEL = 1 << 15, 8, 3
MEMORY_BYTES_MAX = 64 << 20
SALT_BYTES = DIGEST_BYTES = 32


class Custodian(msgspec.Struct, frozen=True, kw_only=True):
    """One custodian, as in the file."""

    salt: bytes
    digest: bytes

    def __repr__(self) -> str:
        """Show nothing to guess by."""
        return "Custodian(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Custodians:
    """Who is a custodian. Reads the file at each question: another process may have added one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> tuple[str, ...]:
        """Name them all."""
        return tuple(sorted(self._read()))

    def add(self, name: str, passphrase: str) -> None:
        """Add one. Raises Unusable for a name that is taken and a passphrase that is short."""
        if not name.isprintable() or not 0 < len(name.strip()) == len(name) <= NAME_CHARACTERS_MAX:
            raise Unusable(f"a custodian's name has 1 to {NAME_CHARACTERS_MAX} characters")
        if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
            raise Unusable(f"a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters")
        custodians = self._read()
        if name in custodians:
            raise Unusable(f"{name} is a custodian already")
        salt = secrets.token_bytes(SALT_BYTES)
        custodians[name] = Custodian(salt=salt, digest=_digest(passphrase, salt))
        write_private(self._path, msgspec.json.encode(custodians))

    def knows(self, name: str, passphrase: str) -> bool:
        """Say whether it is they. Takes as long for a name that nobody has."""
        custodian = self._read().get(name)
        salt = b"" if custodian is None else custodian.salt
        wanted = bytes(DIGEST_BYTES) if custodian is None else custodian.digest
        same = hmac.compare_digest(_digest(passphrase, salt), wanted)
        return same and custodian is not None

    def _read(self) -> dict[str, Custodian]:
        content = read_private(self._path)
        if content is None:
            return {}
        try:
            return msgspec.json.decode(content, type=dict[str, Custodian])
        except NOT_JSON:
            raise Unusable(f"{self._path}: not a file of custodians") from None


def _digest(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(),
        salt=salt,
        n=COST,
        r=BLOCK,
        p=PARALLEL,
        maxmem=MEMORY_BYTES_MAX,
        dklen=DIGEST_BYTES,
    )
