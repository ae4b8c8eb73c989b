"""Published vectors, and how each is shown by an HSM: commands to send, answers to compare.

Owns the running of a vector, without a socket: a recipe is a generator that yields commands and is
sent their responses; it ends with what came out and what should have. Keys of a vector are clear
ones; they are sealed here, with the published LMKs, whose numbers on the HSM the caller found out.
What no command can show says why (`Compared.in_process`) and is computed here, by the same code.

Must not know how commands travel. Which vector has which recipe is `hsm_sim.selftest_recipes`.
"""

import json
from collections.abc import Callable, Generator, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from hsm_sim._keys import Key
from hsm_sim.hsm import Lmk
from hsm_sim.key_types import KeyType
from hsm_sim.lmk import KeyBlockLmk, VariantLmk

TDES, AES, HMAC = range(3)


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """One published fact. `checked`: recomputed by its collectors; else the recipe says what is."""

    name: str
    standard: str
    inputs: dict[str, Any]
    expected: str
    source: str
    checked: bool
    method: str


class Compared(msgspec.Struct, frozen=True):
    """How a vector ended. `in_process`: why no command showed it."""

    got: str
    wanted: str
    in_process: str = ""

    @property
    def right(self) -> bool:
        """Whether it is as published."""
        return self.got == self.wanted


Recipe = Generator[bytes, bytes, Compared]
Step = Generator[bytes, bytes, bytes]  # a part of a recipe, which ends with bytes


class Unfit(Exception):
    """The HSM answered an error where the recipe needs a result."""


class Lmks:
    """The published LMKs, each with its number on the HSM under test."""

    def __init__(self, variant_number: int, block_number: int) -> None:
        self.variant = VariantLmk.published_test_set()
        self.block = KeyBlockLmk.published_test_key()
        self._numbers: dict[Lmk, int] = {self.variant: variant_number, self.block: block_number}

    def suffix(self, lmk: Lmk) -> bytes:
        """Give what names the LMK at the end of a command; nothing for the default one."""
        number = self._numbers[lmk]
        return b"%%%02d" % number if number else b""

    def sealed(self, lmk: Lmk, key: Key, kind: KeyType) -> bytes:
        """Seal a key for the wire; a TDES key's parity is mended, which changes no result."""
        scheme = "S" if lmk is self.block else {8: "Z", 16: "U", 24: "T"}[key.length]
        return lmk.seal(key.with_odd_parity() if key.algorithm == TDES else key, kind, scheme)


def tdes(text: str) -> Key:
    """Make a TDES key of hex."""
    return Key.of(TDES, bytes.fromhex(text))


def aes(text: str) -> Key:
    """Make an AES key of hex."""
    return Key.of(AES, bytes.fromhex(text))


def answer(response: bytes, success: Sequence[bytes] = (b"00",)) -> bytes:
    """Give the fields of a response that is a success, and Unfit otherwise."""
    if response[2:4] not in success:
        raise Unfit(response[:4].decode("latin-1"))
    return response[4:]


def published() -> Sequence[Vector]:
    """Read the vectors that ship with the package."""
    text = files("hsm_sim").joinpath("vectors.json").read_bytes()
    return msgspec.convert(json.loads(text)["vectors"], list[Vector])


RecipeOf = Callable[[Vector, Lmks], Recipe]
