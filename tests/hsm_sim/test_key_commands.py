"""Commands about keys: the published ones under variants, ours under key blocks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim import key_blocks
from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from hsm_sim.commands import keys, zone_keys
from hsm_sim.hsm import Hsm
from hsm_sim.key_blocks import Header
from hsm_sim.key_types import BDK, CVK, HMAC_KEY, PVK, TMK, TPK, VOUCHER, ZEK, ZMK, ZPK, KeyType
from hsm_sim.lmk import KeyBlockLmk, VariantLmk

DATA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/hsm.json").read_text())
COMMANDS = {row.code: row for row in keys.COMMANDS + zone_keys.COMMANDS}
PUBLISHED = [
    (row["inputs"]["command"] + row["inputs"]["request_fields"], row["expected"])
    for row in DATA["vectors"]
    if row["standard"].startswith("Thales") and row["inputs"]["command"] in COMMANDS
]
# More of the same source's, each recomputed here: ThalesCore.Tests/HostCommandTests.vb.
PUBLISHED += [
    (
        "GCU1457FF6ADF6250C66C368416B4C9D383BAB32D775A38E4AB",
        "002B930A07119F93A873936E441E46819D",
    ),
    ("FC4ED06495741C280C35ED0C0EA7F7D0FA;ZZ1", "000406FBB23A5214DF0035BB"),
    (
        "FCU1457FF6ADF6250C66C368416B4C9D383XF7D53991678347EFB3026882F724E6EE;XU1",
        "00U8463435FC4B4DAA0C49025272C29B12C070753",
    ),
    (
        "FEU1457FF6ADF6250C66C368416B4C9D383U8463435FC4B4DAA0C49025272C29B12C;XX1",
        "00XF7D53991678347EFB3026882F724E6EE070753",
    ),
    ("A80024ED06495741C280C0406FBB23A5214DFZ", "0035ED0C0EA7F7D0FA0035BB"),
    ("BU0200406FBB23A5214DF", "000035BBE340A4B763"),
    (
        "A6001U71979DEB8587E2734F1E99D5DCAEF9ACU482C4E722BB0CF1845E1E5BD16310119U",
        "00U0E07CDC0161A0DE3B5AA44DF227EC9DEABDEBC",
    ),
    (
        "FK14ED06495741C280CXFF85E926874B18C660410136CE46BD48;ZU0",
        "00U9564EC9D49DE4E59BE82FE34B5CB17864BF61EA8437E3EDA",
    ),
]
VARIANT = VariantLmk.published_test_set()
BLOCKS = KeyBlockLmk.published_test_key()
ZMK_KEY, ZMK_AES = Key.random(0, 16), Key.random(1, 32)
ZMK_VARIANT = VARIANT.seal(ZMK_KEY, ZMK, "U").decode("ascii")
ZMK_BLOCK = BLOCKS.seal(ZMK_KEY, ZMK, "S").decode("ascii")
ZMK_AES_BLOCK = BLOCKS.seal(ZMK_AES, ZMK, "S").decode("ascii")


def hsm(lmk: VariantLmk | KeyBlockLmk, *, authorised: bool = False) -> Hsm:
    made = Hsm({0: lmk}, COMMANDS)
    made.authorised = authorised
    return made


def run(command: str, lmk: VariantLmk | KeyBlockLmk, *, authorised: bool = False) -> str:
    """Run a command and give its response behind the reply's code."""
    response = hsm(lmk, authorised=authorised).execute(command.encode("ascii"))
    assert response[:1].decode("ascii") == command[0]
    return response[2:].decode("ascii")


def check(key: Key, characters: int = 6) -> str:
    return check_value(key).hex().upper()[:characters]


def block_length(text: str) -> int:
    return 1 + int(text[2:6])


@pytest.mark.parametrize(("command", "response"), PUBLISHED, ids=lambda text: text[:24])
def test_published_commands_have_their_published_responses(command: str, response: str) -> None:
    assert run(command, VARIANT) == response


@pytest.mark.parametrize(
    ("scheme", "characters", "kind"),
    [("U", 33, TMK), ("X", 33, TMK), ("T", 49, TMK), ("Z", 16, TMK), ("Z", 32, CVK)],
)
def test_a_key_is_made_as_long_as_its_scheme(scheme: str, characters: int, kind: KeyType) -> None:
    response = run(f"A00{kind.code}{scheme}", VARIANT)

    wire, value = response[2:-6], response[-6:]
    assert response[:2] == "00"
    assert len(wire) == characters
    assert check(VARIANT.open(wire.encode("ascii"), kind)) == value


@pytest.mark.parametrize("flag", [";0", "0", ""])
def test_a_key_is_made_and_given_under_a_zmk(flag: str) -> None:
    made = run(f"A01001U{flag}{ZMK_VARIANT}X", VARIANT)
    sealed, under, value = made[2:35], made[35:68], made[68:]

    assert run(f"A6001{ZMK_VARIANT}{under}U", VARIANT) == f"00{sealed}{value}"
    assert run(f"A8001{ZMK_VARIANT}{sealed}X", VARIANT) == f"00{under}{value}"


def test_a_key_is_given_under_a_tmk() -> None:
    tmk = Key.random(0, 16)
    wire = VARIANT.seal(tmk, TMK, "U").decode("ascii")

    made = run(f"A01002U;1{wire}X", VARIANT)

    assert check(Key.under([tmk, tmk], bytes.fromhex(made[36:68]))) == made[68:]


def test_a_bare_zmk_of_either_length_is_understood() -> None:
    single, double = Key.random(0, 8), Key.random(0, 16)
    for zmk in (single, double):
        wire = VARIANT.seal(zmk, ZMK, "Z").decode("ascii")
        made = run(f"A01001Z{wire}Z", VARIANT)
        sealed, under, value = made[2:18], made[18:34], made[34:]

        assert run(f"A8001{wire}{sealed}Z", VARIANT) == f"00{under}{value}"
        assert run(f"FA{wire}{under};ZZ1", VARIANT) == f"00{sealed}{value}"


def test_an_imported_key_of_wrong_parity_is_mended_with_a_warning() -> None:
    key = Key.random(0, 16)
    bent = key.masked(b"\1" + bytes(15)).wrapped([ZMK_KEY, ZMK_KEY]).hex().upper()

    response = run(f"A6001{ZMK_VARIANT}X{bent}U", VARIANT)

    assert response[:2] == "01"
    assert VARIANT.open(response[2:35].encode("ascii"), ZPK).same_as(key)


def test_a_single_key_in_disguise_is_not_imported() -> None:
    single = bytes.fromhex("0123456789ABCDEF")
    under = Key.of(0, single * 2).wrapped([ZMK_KEY, ZMK_KEY]).hex().upper()

    assert run(f"A6001{ZMK_VARIANT}X{under}U", VARIANT) == "75"
    assert run(f"FA{ZMK_VARIANT}X{under};XU1", VARIANT) == "75"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("A02001U", "15"),
        ("A0099XU", "04"),
        ("A00999U", "04"),
        ("A00001Q", "26"),
        ("A00001S", "26"),
        ("A00FFFU", "15"),
        ("A01001U;2" + ZMK_VARIANT + "X", "15"),
        ("A00001U;", "15"),
        ("A6001" + ZMK_VARIANT + "XAA", "15"),
        ("A8001U93CB819F8FEE4F78BF9C4CDD84750DB2U1EF828AA8F6B80EB83E19FBC373F3A85X", "10"),
        ("A8002" + ZMK_VARIANT + "U1EF828AA8F6B80EB83E19FBC373F3A85X", "10"),
        ("A8FFF" + ZMK_VARIANT + "U1EF828AA8F6B80EB83E19FBC373F3A85X", "28"),
        ("BU010U1EF828AA8F6B80EB83E19FBC373F3A85", "05"),
        ("BU991U1EF828AA8F6B80EB83E19FBC373F3A85", "04"),
        ("BUFF1U1EF828AA8F6B80EB83E19FBC373F3A85", "15"),
        ("BU011U1EF828AA8F6B80EB83E19FBC373F3A85;002", "15"),
        ("FK2" + ZMK_VARIANT, "15"),
    ],
)
def test_what_does_not_fit_is_refused(command: str, code: str) -> None:
    assert run(command, VARIANT) == code


def test_the_type_of_a_check_value_is_chosen() -> None:
    key = "U1EF828AA8F6B80EB83E19FBC373F3A85"

    assert run(f"BU011{key};001", VARIANT) == "006F1E3F"
    assert run(f"BUFF1{key};001;001", VARIANT) == "006F1E3F"
    assert run(f"BUFF1{key};001", VARIANT) == "006F1E3F74F826B7EB"


def test_a_zmk_crosses_only_in_the_authorised_state() -> None:
    other = VARIANT.seal(Key.random(0, 16), ZMK, "U").decode("ascii")

    assert run("A00000U", VARIANT)[:2] == "00"
    for command in (f"A8000{ZMK_VARIANT}{other}X", f"A01000U;0{ZMK_VARIANT}X"):
        assert run(command, VARIANT) == "17"
        assert run(command, VARIANT, authorised=True)[:2] == "00"


@pytest.mark.parametrize(
    ("command", "outer", "kind", "scheme", "values"),
    [
        ("IA", ZMK, ZPK, "U", 6),
        ("HC", TMK, TPK, "U", 0),
        ("FI0", ZMK, ZEK, "U", 6),
    ],
)
def test_old_commands_make_keys_under_two(
    command: str, outer: KeyType, kind: KeyType, scheme: str, values: int
) -> None:
    outer_key = Key.random(0, 16)
    wire = VARIANT.seal(outer_key, outer, "U").decode("ascii")

    made = run(f"{command}{wire};XU1", VARIANT)

    key = VARIANT.open(made[35:68].encode("ascii"), kind)
    assert Key.under([outer_key, outer_key], bytes.fromhex(made[3:35])).same_as(key)
    assert made[68:] == check(key)[:values]


def test_old_commands_without_options_make_single_keys() -> None:
    made = run(f"IA{ZMK_VARIANT}", VARIANT)

    key = VARIANT.open(made[18:34].encode("ascii"), ZPK)
    assert (len(made), made[34:]) == (50, check(key, 16))


def test_a_bdk_is_made_and_crosses() -> None:
    made = run("BI;0U1", VARIANT)
    bdk, value = made[2:35], made[35:]

    out = run(f"DY{ZMK_VARIANT}{bdk};U01", VARIANT)

    assert check(VARIANT.open(bdk.encode("ascii"), BDK)) == value
    assert run(f"DW{ZMK_VARIANT}{out[2:35]};0U1", VARIANT) == f"00{bdk}{value}"


# --- key blocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "length", "kind"),
    [
        ("P0T2B00E00", 16, ZPK),
        ("P0A3B00E00", 32, ZPK),
        ("V2T2C00N00", 16, PVK),
        ("M7H1C00N00", 32, HMAC_KEY),
        ("90H1C00N00", 32, VOUCHER),
    ],
)
def test_a_block_is_made_as_the_options_say(options: str, length: int, kind: KeyType) -> None:
    made = run(f"A00FFFS%00#{options}", BLOCKS)

    wire = made[2 : 2 + block_length(made[2:])]
    key = BLOCKS.open(wire.encode("ascii"), kind)
    assert key.length == length
    assert wire[6:8] + wire[9] == options[:2] + options[4]
    assert made[2 + len(wire) :] == check(key)
    assert run(f"BUFFF{wire};FFF;001", BLOCKS) == "00" + check(key)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("Q0T2B00E00", "A6"),
        ("P0H1B00E00", "A7"),
        ("P0T2X00E00", "A8"),
        ("P0T2B00Q00", "AA"),
        ("P0Q9B00E00", "A7"),
        ("P0T2B00E01KS03", "83"),
        ("P0T2B00E", "15"),
    ],
)
def test_options_that_no_key_can_have_are_refused(options: str, code: str) -> None:
    assert run(f"A00FFFS#{options}", BLOCKS) == code


def test_optional_blocks_are_kept() -> None:
    made = run("A00FFFS#B0T2X00E01KS1800604B120F9292800000", BLOCKS)

    header = key_blocks.parse(made[3:-6].encode("ascii")).header
    assert header.optional[0] == ("KS", "00604B120F9292800000")


@pytest.mark.parametrize("zmk", [ZMK_BLOCK, ZMK_AES_BLOCK])
def test_a_key_crosses_in_a_block_and_keeps_its_use(zmk: str) -> None:
    made = run(f"A01FFFS0{zmk}R%00#V2T2C12E00", BLOCKS)
    sealed = made[2 : 2 + block_length(made[2:])]
    under = made[2 + len(sealed) : -6]

    imported = run(f"A6FFF{zmk}{under}S", BLOCKS)
    again = run(f"A8FFF{zmk}{sealed}R", BLOCKS)

    key = BLOCKS.open(sealed.encode("ascii"), PVK)
    assert under[:2] == ("RB" if zmk is ZMK_BLOCK else "RD")
    assert BLOCKS.open(imported[2:-6].encode("ascii"), PVK).same_as(key)
    assert imported[7:12] + imported[-6:] == sealed[5:10] + check(key)
    assert (again[:2], again[-6:]) == ("00", check(key))
    assert run(f"A6001{zmk}{under}S", BLOCKS) == "A6"


@pytest.mark.parametrize(
    ("exportability", "scheme", "asked", "code"),
    [
        ("N", "R", "", "AA"),
        ("E", "R", "", "00"),
        ("E", "X", "", "AA"),
        ("S", "X", "", "00"),
        ("S", "R", "&N", "00"),
        ("E", "R", "&S", "AA"),
        ("E", "R", "&Q", "AA"),
    ],
)
def test_a_key_leaves_only_as_its_exportability_says(
    exportability: str, scheme: str, asked: str, code: str
) -> None:
    key = BLOCKS.seal(Key.random(0, 16), ZPK, "S", exportability).decode("ascii")

    response = run(f"A8FFF{ZMK_BLOCK}{key}{scheme}%00{asked}", BLOCKS)

    assert response[:2] == code
    if asked == "&N":
        assert response[2 + 12] == "N"


@pytest.mark.parametrize(("mode", "out", "into"), [("E", "00", "A8"), ("D", "A8", "00")])
def test_a_zmk_may_be_for_one_direction_only(mode: str, out: str, into: str) -> None:
    header = Header(version="D", usage="K0", algorithm="T", mode=mode)
    zmk = BLOCKS.seal_block(ZMK_KEY, header).decode("ascii")
    key = BLOCKS.seal(Key.random(0, 16), ZPK, "S").decode("ascii")
    under = run(f"A8FFF{ZMK_BLOCK}{key}R", BLOCKS)[2:-6]

    assert run(f"A8FFF{zmk}{key}R", BLOCKS)[:2] == out
    assert run(f"A6FFF{zmk}{under}S", BLOCKS)[:2] == into


def test_an_older_form_comes_in_with_the_options_that_a_block_would_say() -> None:
    key = Key.random(0, 16)
    under = key.wrapped([ZMK_KEY, ZMK_KEY]).hex().upper()

    response = run(f"A6FFF{ZMK_BLOCK}X{under}S#V2C00N00", BLOCKS)

    assert response[:2] == "00"
    assert BLOCKS.open(response[2:-6].encode("ascii"), PVK).same_as(key)
    assert run(f"A6FFF{ZMK_BLOCK}X{under}S", BLOCKS) == "15"


def test_options_do_not_change_what_a_block_says() -> None:
    key = BLOCKS.seal(Key.random(0, 16), ZPK, "S").decode("ascii")
    under = run(f"A8FFF{ZMK_BLOCK}{key}R", BLOCKS)[2:-6]

    assert run(f"A6FFF{ZMK_BLOCK}{under}S#V2C00N00", BLOCKS) == "15"


def test_an_aes_key_does_not_cross_under_a_tdes_key() -> None:
    assert run(f"A01FFFS0{ZMK_BLOCK}R#P0A1B00E00", BLOCKS) == "27"
    assert run(f"A01FFFS0{ZMK_AES_BLOCK}R#P0A1B00E00", BLOCKS)[:2] == "00"
    assert run(f"A01FFFS0{ZMK_AES_BLOCK}X#P0T2B00S00", BLOCKS) == "26"


def test_old_commands_speak_in_blocks_under_a_key_block_lmk() -> None:
    made = run(f"IA{ZMK_BLOCK}", BLOCKS)
    under = made[2 : 2 + block_length(made[2:])]
    sealed = made[2 + len(under) : -16]

    imported = run(f"FA{ZMK_BLOCK}{under}", BLOCKS)

    key = BLOCKS.open(sealed.encode("ascii"), ZPK)
    assert (under[0], made[-16:]) == ("R", check(key, 16))
    assert BLOCKS.open(imported[2:-16].encode("ascii"), ZPK).same_as(key)
    assert run(f"GC{ZMK_BLOCK}{sealed}", BLOCKS)[-16:] == check(key, 16)


def test_zmks_cross_in_blocks_only_in_the_authorised_state() -> None:
    command = f"A01FFFS0{ZMK_BLOCK}R%00#K0T2B00E00"

    assert run(command, BLOCKS) == "17"
    assert run(command, BLOCKS, authorised=True)[:2] == "00"


def test_an_lmk_that_is_not_there_is_refused() -> None:
    assert run("A00001U%07", VARIANT) == "13"


def test_a_trailer_comes_back() -> None:
    assert hsm(VARIANT).execute(b"A00001U\x19end")[-4:] == b"\x19end"


FRAMES = [command for command, _ in PUBLISHED] + [
    f"A01FFFS0{ZMK_BLOCK}R%00#V2T2C12E00&N",
    f"A01001U;0{ZMK_VARIANT}X",
    f"A6FFF{ZMK_BLOCK}X{'0123456789ABCDEF' * 2}S#V2C00N01KS0812",
    f"A8FFF{ZMK_AES_BLOCK}{ZMK_BLOCK}R%00&N\x19end",
    f"BUFFF{ZMK_BLOCK};FFF;001",
    f"IA{ZMK_BLOCK};RS1#P0A1B00E00",
    "BI;0U1",
]


@given(
    frame=st.sampled_from(FRAMES),
    cut=st.integers(0, 400),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    variant=st.booleans(),
)
def test_every_frame_gets_an_answer(
    frame: str, cut: int, changes: list[tuple[int, int]], variant: bool
) -> None:
    message = bytearray(frame.encode("ascii"))
    for at, value in changes:
        message[2 + at % (len(message) - 2)] = value
    message = message[: max(2, len(message) - cut // 8)]

    response = hsm(VARIANT if variant else BLOCKS, authorised=True).execute(bytes(message))

    assert response[2:4].isalnum()
