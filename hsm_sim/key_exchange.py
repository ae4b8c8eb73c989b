"""Keys under a ZMK: how they leave for another zone, and how they come in.

Owns the forms there are (the schemes of a TDES ZMK, key blocks) and what exportability allows.
Knows no command and no LMK.

A key block of exportability E may leave in a key block only, S in any form, N not at all
(X9.143: E is "in a form meeting X9.24", which the older schemes are not).
"""

from typing import NamedTuple

import msgspec

from hsm_sim import key_blocks
from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.key_blocks import Header
from hsm_sim.lmk import scheme_masks, split_wire, to_wire

TDES = 0
# Letters before a key block: R is a TR-31 block; S is what a payShield calls its own.
BLOCK_LETTERS = "RS"
# What may be asked of a key on its way out: no more than it has.
FREEDOM = {"N": 0, "E": 1, "S": 2}


class Imported(NamedTuple):
    """A key from another zone."""

    key: Key
    header: Header | None  # what its key block said
    mended: bool  # its parity was wrong


def export(zmk: Key, key: Key, header: Header, scheme: str) -> bytes:
    """Encrypt a key under a ZMK. Refused: 26 for the scheme, 27 for a ZMK that is too weak."""
    if scheme in BLOCK_LETTERS:
        version = "B" if zmk.algorithm == TDES else "D"
        block = msgspec.structs.replace(header, version=version)
        return scheme.encode("ascii") + key_blocks.wrap(zmk, block, key)
    if key.algorithm != TDES:
        raise Refused(ErrorCode.KEY_SCHEME)
    if key.length > zmk.length:
        raise Refused(ErrorCode.KEY_LENGTH)
    return to_wire(scheme, key.wrapped(_wrapping_keys(zmk, scheme, key.length // 8)))


def import_key(zmk: Key, wire: bytes) -> Imported:
    """Open a key under a ZMK; its parity is mended, a shorter key in disguise is refused (75)."""
    header = None
    if wire[:1].decode("latin-1") in BLOCK_LETTERS:
        header, key = key_blocks.unwrap(zmk, wire[1:])
    else:
        scheme, cryptogram = split_wire(wire)
        key = Key.under(_wrapping_keys(zmk, scheme, len(cryptogram) // 8), cryptogram)
    # In a block the authenticator says that a key is right; elsewhere only parity could.
    mended = header is None and not key.has_odd_parity()
    if not key.has_odd_parity():
        key = key.with_odd_parity()
    if key.repeats():
        raise Refused(ErrorCode.SINGLE_KEY_IN_DISGUISE)
    return Imported(key, header, mended)


def check_exportable(exportability: str, scheme: str, wanted: str | None = None) -> str:
    """Give the exportability a key has after its export. Refused: AA when it may not leave so."""
    if exportability == "N" or (exportability == "E" and scheme not in BLOCK_LETTERS):
        raise Refused(ErrorCode.KEY_BLOCK_EXPORTABILITY)
    if wanted is None:
        return exportability
    if FREEDOM.get(wanted, 9) > FREEDOM[exportability]:
        raise Refused(ErrorCode.KEY_BLOCK_EXPORTABILITY)
    return wanted


def _wrapping_keys(zmk: Key, scheme: str, blocks: int) -> list[Key]:
    """Give the ZMK with each block's variant: of its second part, as under an LMK."""
    if zmk.algorithm != TDES:
        raise Refused(ErrorCode.KEY_SCHEME)
    masks = scheme_masks(scheme, blocks)
    if zmk.length == 8:
        if any(map(any, masks)):
            raise Refused(ErrorCode.KEY_SCHEME)
        return [zmk] * blocks
    return [zmk.masked(mask.ljust(zmk.length, b"\0")) for mask in masks]
