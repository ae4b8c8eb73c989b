"""Keys under both kinds of LMK: they open as what they are, and as nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import lmk as lmks
from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.key_blocks import Header
from hsm_sim.key_types import BDK, CVK, KEY_TYPES, TAK, ZMK, ZPK, KeyType
from hsm_sim.lmk import KeyBlockLmk, VariantLmk

DATA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/hsm.json").read_text())
VARIANT = VariantLmk.published_test_set()
KEY_BLOCK = KeyBlockLmk.published_test_key()
TDES_TYPES = [kind for kind in KEY_TYPES if "T" in kind.algorithms]
SEALED = KEY_BLOCK.seal(Key.random(0, 16), ZPK, "S")


def test_the_test_set_is_the_published_one() -> None:
    published = DATA["test_lmk_variant"]

    assert published["pairs"] == lmks.PUBLISHED_TEST_SET
    assert [f"{value:02X}" for value in lmks.VARIANTS] == published["variants"]
    assert lmks.SCHEME_VARIANTS["U"].hex(" ").upper().split() == published["scheme_U"]
    assert lmks.SCHEME_VARIANTS["T"].hex(" ").upper().split() == published["scheme_T"]


@pytest.mark.parametrize(
    ("wire", "kind", "check"),
    [
        (b"U93CB819F8FEE4F78BF9C4CDD84750DB1", ZMK, "B70AD25C94548822"),
        (b"U8E3D3E2FD5919657F05A1AA90D32A014", BDK, "08D7B4"),
        (b"BAB32D775A38E4AB", ZPK, "73936E441E46819D"),
    ],
)
def test_published_keys_have_their_check_values(wire: bytes, kind: KeyType, check: str) -> None:
    key = VARIANT.open(wire, kind)

    assert key.encrypt_ecb(bytes(8)).hex().upper().startswith(check)


@pytest.mark.parametrize("kind", TDES_TYPES, ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("scheme", "length", "characters"),
    [("Z", 8, 16), ("Z", 16, 32), ("U", 16, 33), ("X", 16, 33), ("T", 24, 49), ("Y", 24, 49)],
)
def test_keys_come_back_in_every_scheme(
    kind: KeyType, scheme: str, length: int, characters: int
) -> None:
    key = Key.random(0, length)

    wire = VARIANT.seal(key, kind, scheme)

    assert len(wire) == characters
    assert VARIANT.open(wire, kind).same_as(key)


def test_schemes_and_types_give_different_cryptograms() -> None:
    key = Key.random(0, 16)

    sealed = {VARIANT.seal(key, kind, scheme)[-32:] for kind in (ZPK, CVK, TAK) for scheme in "UX"}

    assert len(sealed) == 6


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"U93CB819F8FEE4F78BF9C4CDD84750DB2", ErrorCode.SOURCE_KEY_PARITY),
        (b"U93CB819F8FEE4F78BF9C4CDD84750D", ErrorCode.KEY_LENGTH),
        (b"93CB819F8FEE4F78BF", ErrorCode.KEY_LENGTH),
        (b"U93cb819F8FEE4F78BF9C4CDD84750DB1", ErrorCode.INPUT_DATA),
        (SEALED, ErrorCode.KEY_SCHEME),
        (b"", ErrorCode.KEY_LENGTH),
    ],
)
def test_what_is_no_key_under_variants_is_refused(wire: bytes, code: ErrorCode) -> None:
    with pytest.raises(Refused) as caught:
        VARIANT.open(wire, ZMK)

    assert caught.value.code is code


@pytest.mark.parametrize(
    ("key", "scheme", "code"),
    [
        (Key.random(0, 16), "T", ErrorCode.KEY_SCHEME),
        (Key.random(0, 24), "U", ErrorCode.KEY_SCHEME),
        (Key.random(0, 16), "S", ErrorCode.KEY_SCHEME),
        (Key.random(1, 16), "U", ErrorCode.KEY_SCHEME),
        (Key.of(0, bytes(16)), "U", ErrorCode.DESTINATION_KEY_PARITY),
    ],
)
def test_keys_that_do_not_fit_variants_are_not_sealed(
    key: Key, scheme: str, code: ErrorCode
) -> None:
    with pytest.raises(Refused) as caught:
        VARIANT.seal(key, ZPK, scheme)

    assert caught.value.code is code


@pytest.mark.parametrize("kind", KEY_TYPES, ids=lambda kind: kind.name)
def test_a_block_opens_as_what_it_is_and_as_nothing_else(kind: KeyType) -> None:
    key = Key.random(2 if kind.algorithms == "H" else 0, 16)
    wire = KEY_BLOCK.seal(key, kind, "S")

    assert KEY_BLOCK.open(wire, kind).same_as(key)
    for other in KEY_TYPES:
        if kind.usages[0] not in other.usages:
            with pytest.raises(Refused) as caught:
                KEY_BLOCK.open(wire, other)
            assert caught.value.code is ErrorCode.KEY_BLOCK_USAGE


def test_a_key_for_another_mode_is_refused() -> None:
    header = Header(version="D", usage="P0", algorithm="T", mode="X")
    wire = KEY_BLOCK.seal_block(Key.random(0, 16), header)

    with pytest.raises(Refused, match="A8"):
        KEY_BLOCK.open(wire, ZPK)


@given(at=st.integers(0, len(SEALED) - 1), character=st.integers(0, 255))
def test_any_changed_character_of_a_sealed_key_is_refused(at: int, character: int) -> None:
    changed = SEALED[:at] + bytes([character]) + SEALED[at + 1 :]

    if changed != SEALED:
        with pytest.raises(Refused):
            KEY_BLOCK.open(changed, ZPK)


def test_another_lmk_opens_nothing() -> None:
    other = KeyBlockLmk(Key.random(1, 32))

    with pytest.raises(Refused, match="A4"):
        other.open(SEALED, ZPK)


def test_only_blocks_are_keys_under_a_key_block_lmk() -> None:
    for wire in (b"U93CB819F8FEE4F78BF9C4CDD84750DB1", b"R" + SEALED[1:], b""):
        with pytest.raises(Refused, match="26"):
            KEY_BLOCK.open(wire, ZPK)
    with pytest.raises(Refused, match="26"):
        KEY_BLOCK.seal(Key.random(0, 16), ZPK, "U")


def test_each_lmk_has_its_check_value_and_its_own_key_for_pins() -> None:
    other = KeyBlockLmk(Key.random(1, 32))

    assert len({KEY_BLOCK.check_value, other.check_value, VARIANT.check_value}) == 3
    assert VARIANT.pin_key is None
    assert KEY_BLOCK.pin_key is not None
    assert other.pin_key is not None
    assert not KEY_BLOCK.pin_key.same_as(other.pin_key)


def test_an_lmk_is_a_whole_aes_key() -> None:
    for key in (Key.random(1, 16), Key.random(0, 24), Key.random(2, 32)):
        with pytest.raises(ValueError, match="AES key"):
            KeyBlockLmk(key)
