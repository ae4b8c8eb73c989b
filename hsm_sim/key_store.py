"""Sealed keys under names: what the console makes and lists.

Owns their file. A key in it is as on the wire, under the LMK whose check value is beside it;
without that LMK it is worth nothing.
"""

from pathlib import Path

import msgspec

from hsm_sim.errors import Unusable
from hsm_sim.private_files import NOT_JSON, read_private, write_private

NAME_CHARACTERS_MAX = 40


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed key."""

    kind: str
    sealed: str
    check_value: str
    lmk: str  # check value of the LMK it is under
    made_at_ns: int


class KeyStore:
    """Keys by name. Reads the file at each question: another process may have added one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keys(self) -> dict[str, StoredKey]:
        """Give all keys, by name."""
        content = read_private(self._path)
        if content is None:
            return {}
        try:
            found = msgspec.json.decode(content, type=dict[str, StoredKey])
        except NOT_JSON:
            raise Unusable(f"{self._path}: not a file of keys") from None
        return dict(sorted(found.items()))

    def get(self, name: str) -> StoredKey:
        """Give a key. Raises Unusable when there is none of that name."""
        key = self.keys().get(name)
        if key is None:
            raise Unusable(f"no key named {name}")
        return key

    def add(self, name: str, key: StoredKey) -> None:
        """Keep a key. Raises Unusable for a name that is taken: keys are not overwritten."""
        self.check_free(name)
        write_private(self._path, msgspec.json.encode(self.keys() | {name: key}))

    def check_free(self, name: str) -> None:
        """Refuse a name that is taken, or none, before a key is made for it."""
        if not name.isprintable() or not 0 < len(name.strip()) == len(name) <= NAME_CHARACTERS_MAX:
            raise Unusable(f"a key's name has 1 to {NAME_CHARACTERS_MAX} characters")
        if name in self.keys():
            raise Unusable(f"a key named {name} is there")
