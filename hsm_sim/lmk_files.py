"""Where LMKs come from: a file that a ceremony made, or one of the published ones.

Owns the file's form and who may use which LMK. The key goes from the file to C memory and back
without becoming a Python object.

    bashgah-lmk 1 <check value, 16H> LF | 32 bytes of key
"""

import os
from pathlib import Path

from hsm_sim._keys import Key
from hsm_sim.errors import Unusable
from hsm_sim.lmk import AES, LMK_BYTES, KeyBlockLmk, VariantLmk
from hsm_sim.private_files import create_private, open_private, sync_directory

VARIANT_TEST = "variant-test"
TEST = "test"
MAGIC = b"bashgah-lmk 1 "
HEAD_BYTES = len(MAGIC) + 16 + 1


def load_lmk(name: str, *, production: bool = False) -> VariantLmk | KeyBlockLmk:
    """Give a published LMK by its name, or one from a file.

    Raises Unusable: for a file that is not ours alone, and in production for an LMK that everybody
    knows, in a file, too.
    """
    lmk: VariantLmk | KeyBlockLmk
    if name == VARIANT_TEST:
        lmk = VariantLmk.published_test_set()
    elif name == TEST:
        lmk = KeyBlockLmk.published_test_key()
    else:
        lmk = read_lmk(Path(name))
    known = (VariantLmk.published_test_set(), KeyBlockLmk.published_test_key())
    if production and lmk.check_value in [one.check_value for one in known]:
        raise Unusable(f"{name}: everybody knows this LMK; not in production")
    return lmk


def read_lmk(path: Path) -> KeyBlockLmk:
    """Read an LMK's file."""
    descriptor = open_private(path)
    try:
        head = os.read(descriptor, HEAD_BYTES)
        if not head.startswith(MAGIC) or head[-1:] != b"\n":
            raise Unusable(f"{path}: not the file of an LMK")
        lmk = KeyBlockLmk(Key.read_from(descriptor, AES, LMK_BYTES))
        if os.read(descriptor, 1):
            raise Unusable(f"{path}: longer than the file of an LMK")
    except EOFError:
        raise Unusable(f"{path}: ends early") from None
    finally:
        os.close(descriptor)
    if head[len(MAGIC) : -1] != lmk.check_value.encode("ascii"):
        raise Unusable(f"{path}: the key is not the one whose check value it tells")
    return lmk


def write_lmk(path: Path, key: Key) -> KeyBlockLmk:
    """Write a new LMK's file. Raises Unusable when there is one: an LMK is never overwritten."""
    lmk = KeyBlockLmk(key)
    descriptor = create_private(path)
    try:
        os.write(descriptor, MAGIC + lmk.check_value.encode("ascii") + b"\n")
        key.write_to(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)
    return lmk
