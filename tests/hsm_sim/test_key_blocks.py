"""Key blocks: against published ones, against psec, and against whoever changes a character."""

import json
import warnings
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import key_blocks
from hsm_sim._key_blocks import derive
from hsm_sim._keys import Key
from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.key_blocks import Header, OptionalBlock
from hsm_sim.key_types import TAK, ZPK

with warnings.catch_warnings():
    # psec names TripleDES at its old place, which cryptography moved.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from psec import tr31

VECTORS = json.loads((Path(__file__).parents[1] / "data/hsm.json").read_text())["vectors"]
BLOCKS = [row for row in VECTORS if row["standard"].startswith("TR-31")]
GOOD_BLOCKS = [row for row in BLOCKS if row["checked"]]
# psec uses keys of 16 bytes and TripleDES's old place; both only warn.
psec_warns = pytest.mark.filterwarnings(
    "ignore:.*TripleDES.*:cryptography.utils.CryptographyDeprecationWarning",
    "ignore:.*TripleDES.*:DeprecationWarning",
)
PROTECTION = bytes.fromhex("0123456789ABCDEFFEDCBA98765432101122334455667788")
PROTECTION_AES = bytes(range(32))
HEADER = Header(version="D", usage="P0", algorithm="T", mode="B")
WIRE = key_blocks.wrap(
    Key.of(1, PROTECTION_AES),
    Header(
        version="D",
        usage="P0",
        algorithm="T",
        mode="B",
        optional=(OptionalBlock("KS", "00604B120F9292800000"),),
    ),
    Key.random(0, 16),
)


def protection(version: str) -> bytes:
    return PROTECTION_AES if version == "D" else PROTECTION


def protection_key(version: str, secret: bytes) -> Key:
    return Key.of(1 if version == "D" else 0, secret)


@pytest.mark.parametrize("row", GOOD_BLOCKS, ids=lambda row: row["name"])
def test_published_blocks_open_to_their_keys(row: dict[str, Any]) -> None:
    block = row["inputs"]["block"]

    header, key = key_blocks.unwrap(
        protection_key(block[0], bytes.fromhex(row["inputs"]["kbpk"])), block.encode("ascii")
    )

    assert key.same_as(Key.of(key.algorithm, bytes.fromhex(row["expected"])))
    assert header.version + header.usage == block[0] + block[5:7]


def test_the_block_with_a_wrong_length_in_the_standard_is_refused() -> None:
    (row,) = (row for row in BLOCKS if not row["checked"])

    with pytest.raises(Refused, match="83"):
        key_blocks.unwrap(
            Key.of(0, bytes.fromhex(row["inputs"]["kbpk"])), row["inputs"]["block"].encode("ascii")
        )


@psec_warns
@pytest.mark.parametrize(
    ("version", "letter", "length"),
    [(version, *form) for version in "ABCD" for form in [("D", 8), ("T", 16), ("T", 24)]]
    + [("D", "A", length) for length in (16, 24, 32)],
)
def test_psec_opens_our_blocks_and_we_open_those_of_psec(
    version: str, letter: str, length: int
) -> None:
    secret = bytes(range(1, 1 + length))
    header = Header(
        version=version,
        usage="P0",
        algorithm=letter,
        mode="B",
        key_version="12",
        exportability="S",
        optional=(OptionalBlock("KS", "00604B120F9292800000"), OptionalBlock("KC", "0008D7B4")),
    )
    key = Key.of(key_blocks.ALGORITHMS[letter], secret)
    protecting = protection_key(version, protection(version))

    theirs_header, theirs = tr31.unwrap(
        protection(version), key_blocks.wrap(protecting, header, key).decode("ascii")
    )
    ours_header, ours = key_blocks.unwrap(
        protecting, tr31.wrap(protection(version), theirs_header, secret).encode("ascii")
    )

    assert theirs == secret
    assert ours.same_as(key)
    assert (ours_header.usage, ours_header.mode, ours_header.key_version) == ("P0", "B", "12")
    assert header.optional == ours_header.optional[:2]


@psec_warns
def test_blocks_of_keys_whose_length_psec_hides_open() -> None:
    secret = bytes(range(1, 17))
    header = tr31.Header("D", "P0", "A", "B", "00", "E")

    _, key = key_blocks.unwrap(
        Key.of(1, PROTECTION_AES),
        tr31.wrap(PROTECTION_AES, header, secret, masked_key_len=32).encode("ascii"),
    )

    assert key.same_as(Key.of(1, secret))


def test_a_long_optional_block_keeps_its_text() -> None:
    protecting, key = Key.of(1, PROTECTION_AES), Key.random(1, 16)
    long = OptionalBlock("TS", "7" * 700)
    header = Header(version="D", usage="P0", algorithm="A", mode="B", optional=(long,))

    opened, _ = key_blocks.unwrap(protecting, key_blocks.wrap(protecting, header, key))

    assert opened.optional[0] == long


@pytest.mark.slow
@given(at=st.integers(0, len(WIRE) - 1), character=st.integers(0, 255))
def test_any_changed_character_is_refused(at: int, character: int) -> None:
    changed = WIRE[:at] + bytes([character]) + WIRE[at + 1 :]

    if changed == WIRE:
        key_blocks.unwrap(Key.of(1, PROTECTION_AES), changed)
    else:
        with pytest.raises(Refused):
            key_blocks.unwrap(Key.of(1, PROTECTION_AES), changed)


@pytest.mark.parametrize("version", "ABCD")
def test_every_character_counts_in_every_version(version: str) -> None:
    protecting = protection_key(version, protection(version))
    header = Header(version=version, usage="P0", algorithm="T", mode="B")
    wire = key_blocks.wrap(protecting, header, Key.random(0, 16))

    for at in range(len(wire)):
        changed = bytearray(wire)
        changed[at] = ord("1") if changed[at] == ord("0") else ord("0")
        with pytest.raises(Refused):
            key_blocks.unwrap(protecting, bytes(changed))


@given(wire=st.one_of(st.binary(max_size=200), st.text("ABCD0123456789PK", max_size=140)))
def test_rubbish_is_refused(wire: bytes | str) -> None:
    text = wire if isinstance(wire, bytes) else wire.encode("ascii")

    with pytest.raises(Refused):
        key_blocks.unwrap(Key.of(1, PROTECTION_AES), text)


@given(length=st.integers(0, len(WIRE) - 1))
def test_a_block_that_was_cut_is_refused(length: int) -> None:
    with pytest.raises(Refused):
        key_blocks.unwrap(Key.of(1, PROTECTION_AES), WIRE[:length])


def test_a_forged_block_is_told_before_what_its_header_says() -> None:
    forged = WIRE.replace(b"P0T", b"P0R")

    with pytest.raises(Refused) as caught:
        key_blocks.unwrap(Key.of(1, PROTECTION_AES), forged)

    assert caught.value.code is ErrorCode.KEY_BLOCK_AUTHENTICATION


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": "E"}, ErrorCode.KEY_BLOCK_VERSION),
        ({"version": "B"}, ErrorCode.KEY_BLOCK_VERSION),
        ({"algorithm": "A"}, ErrorCode.KEY_BLOCK_ALGORITHM),
        ({"exportability": "Q"}, ErrorCode.KEY_BLOCK_EXPORTABILITY),
    ],
)
def test_a_header_that_is_wrong_is_not_written(changes: dict[str, str], code: ErrorCode) -> None:
    header = msgspec.structs.replace(HEADER, **changes)

    with pytest.raises(Refused) as caught:
        key_blocks.wrap(Key.of(1, PROTECTION_AES), header, Key.random(0, 16))

    assert caught.value.code is code


def test_a_key_stronger_than_the_one_that_protects_it_is_refused() -> None:
    header = Header(version="B", usage="P0", algorithm="A", mode="B")

    with pytest.raises(Refused, match="27"):
        key_blocks.wrap(Key.of(0, PROTECTION), header, Key.random(1, 16))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"usage": "K0"}, ErrorCode.KEY_BLOCK_USAGE),
        ({"algorithm": "H"}, ErrorCode.KEY_BLOCK_ALGORITHM),
        ({"mode": "X"}, ErrorCode.KEY_BLOCK_MODE),
    ],
)
def test_a_key_for_something_else_is_refused(changes: dict[str, str], code: ErrorCode) -> None:
    header = msgspec.structs.replace(HEADER, **changes)

    with pytest.raises(Refused) as caught:
        key_blocks.check_use(header, ZPK)

    assert caught.value.code is code


def test_an_aes_key_for_macs_says_so() -> None:
    assert key_blocks.usage_of(Key.random(1, 16), TAK) == "M6"
    assert key_blocks.usage_of(Key.random(0, 16), TAK) == "M3"


def test_derived_keys_differ_by_label_and_length() -> None:
    base = Key.of(1, PROTECTION_AES)

    keys = [derive(base, b"one", 32), derive(base, b"two", 32), derive(base, b"one", 16)]

    assert len({key.encrypt_ecb(bytes(16)) for key in keys}) == 3
    assert derive(base, b"one", 32).same_as(keys[0])
