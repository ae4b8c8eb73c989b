"""An HSM with both published LMKs, for tests that hand it commands in process."""

from collections.abc import Iterable

from hsm_sim import key_blocks
from hsm_sim._keys import Key
from hsm_sim.hsm import Command, Hsm, Lmk
from hsm_sim.key_blocks import Header
from hsm_sim.key_types import KeyType
from hsm_sim.lmk import KeyBlockLmk, VariantLmk

VARIANT = VariantLmk.published_test_set()
BLOCK = KeyBlockLmk.published_test_key()


def hsm_with(commands: Iterable[Command]) -> Hsm:
    """Make an HSM: LMK 00 is the variant one, 01 that of key blocks."""
    lmks: dict[int, Lmk] = {0: VARIANT, 1: BLOCK}
    return Hsm(lmks, {command.code: command for command in commands})


def sealed(key: Key, kind: KeyType, mode: str | None = None, usage: str | None = None) -> bytes:
    """Seal a key in a block under LMK 01, with another mode of use or usage than its kind's."""
    header = Header(
        version="D",
        usage=usage or key_blocks.usage_of(key, kind),
        algorithm=key_blocks.letter(key),
        mode=mode or kind.modes[0],
    )
    return BLOCK.seal_block(key, header)


def on_wire(data: bytes) -> bytes:
    """Write bytes in hexadecimal."""
    return data.hex().upper().encode("ascii")
