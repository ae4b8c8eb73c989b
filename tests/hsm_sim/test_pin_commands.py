"""The commands with PINs: against published ones, and each with what it must refuse.

Most tests run under both LMKs: a desk makes keys, seals PINs into blocks, and says a command.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, open_block, seal_block
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import BDK, PVK, TPK, ZPK, KeyType
from hsm_sim.pin_policy import PinPolicy
from hsm_sim.pin_watch import PinLimits
from tests.support.hsm import BLOCK, VARIANT, published_hsm

VECTORS = json.loads((Path(__file__).parents[1] / "data/hsm.json").read_text())["vectors"]
COMMANDS = published_hsm().commands
PUBLISHED = [
    row
    for row in VECTORS
    if row["name"].startswith("thales-") and row["inputs"]["command"] in COMMANDS and row["checked"]
]
PIN_FAMILY = "BA BC BE BK CA CC CI CK CM CU DA DC DE DG DU EA EC EE FW G0 GO GQ JA JC JE JG NG"
ACCOUNT = "550000025321"
PAN = "4115500000253217"  # whose twelve digits those are
TABLE, VALIDATION = "0123456789012345", "5500000253N1"
CODES = {"01": "ISO-0", "03": "Diebold", "05": "ISO-1", "47": "ISO-3", "48": "ISO-4"}


class Desk:
    """Somebody at an HSM, with keys of their own."""

    def __init__(self, lmk_id: int, hsm: Hsm | None = None) -> None:
        self.hsm = hsm or published_hsm()
        self.lmk_id = lmk_id
        self.lmk = self.hsm.lmks[lmk_id]

    def say(self, command: str) -> str:
        """Run a command; the reply without its code."""
        reply = self.hsm.execute(f"{command}%{self.lmk_id:02d}".encode("ascii")).decode("ascii")
        assert reply[0] == command[0]
        return reply[2:]

    def wire(self, key: Key, kind: KeyType) -> str:
        scheme = "S" if self.lmk_id == BLOCK else {8: "Z", 16: "U", 24: "T"}[key.length]
        return self.lmk.seal(key, kind, scheme).decode("ascii")

    def new(self, kind: KeyType, length: int = 16, algorithm: int = 0) -> tuple[Key, str]:
        key = Key.random(algorithm, length)
        return key, self.wire(key, kind)

    def known_pvk(self) -> str:
        """Give the published pair: under a random one, one wrong PIN in 10,000 has the same PVV."""
        return self.wire(Key.of(0, bytes.fromhex("C8199237EA5857BC40EF9DA2B5E96BBF")), PVK)


@pytest.fixture(params=[VARIANT, BLOCK], ids=["variant", "key block"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(request.param)


@pytest.fixture
def block_desk() -> Desk:
    return Desk(BLOCK)


def block(key: Key, pin: str, code: str = "01", account: str = ACCOUNT) -> str:
    sealed = seal_block(key, Pin.of(pin.encode()), FORMATS[CODES[code]], account.encode())
    return sealed.hex().upper()


def shown(key: Key, text: str, code: str = "01", account: str = ACCOUNT) -> str:
    pin = open_block(key, bytes.fromhex(text), FORMATS[CODES[code]], account.encode())
    return pin.revealed().decode()


def ibm_fields(check_length: str = "04", table: str = TABLE, validation: str = VALIDATION) -> str:
    return check_length + ACCOUNT + table + validation


# --- published ones -----------------------------------------------------------------------------


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row["name"])
def test_published_commands_get_their_published_replies(row: dict[str, Any]) -> None:
    command = row["inputs"]["command"]

    reply = published_hsm().execute((command + row["inputs"]["request_fields"]).encode("ascii"))

    assert reply == (COMMANDS[command].reply + row["expected"]).encode("ascii")


def test_a_published_command_that_names_another_account_is_20() -> None:
    row = next(row for row in VECTORS if row["name"] == "thales-CM-00")

    reply = published_hsm().execute(("CM" + row["inputs"]["request_fields"]).encode("ascii"))

    assert reply == b"CN20"


def test_every_command_of_the_family_is_in_the_table() -> None:
    assert set(PIN_FAMILY.split()) <= set(COMMANDS)


@pytest.mark.parametrize("code", PIN_FAMILY.split())
def test_a_command_cut_anywhere_gets_an_error_and_no_more(code: str) -> None:
    hsm = published_hsm()
    hsm.authorised = True
    fields = "U" + "0" * 200

    for length in range(0, 80, 3):
        reply = hsm.execute((code + fields[:length]).encode("ascii"))
        assert reply[:2] == COMMANDS[code].reply.encode("ascii")
        assert len(reply) == 4 or (code in ("BA", "JA", "NG") and reply[2:4] == b"00")


# --- translation --------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "kind"), [("CA", TPK), ("CC", ZPK)])
@pytest.mark.parametrize("codes", [("01", "47"), ("47", "01"), ("05", "01"), ("01", "03")])
def test_a_translation_keeps_the_pin_and_tells_its_length(
    desk: Desk, command: str, kind: KeyType, codes: tuple[str, str]
) -> None:
    (source, source_wire), (target, target_wire) = desk.new(kind), desk.new(ZPK)
    come, go = codes

    reply = desk.say(
        f"{command}{source_wire}{target_wire}12{block(source, '739218', come)}{come}{go}{ACCOUNT}"
    )

    assert reply[:4] == "0006"
    assert reply[-2:] == go
    assert shown(target, reply[4:-2], go) == "739218"


@pytest.mark.parametrize("account", [ACCOUNT, PAN])
def test_format_4_is_as_wide_as_its_key_is_and_takes_a_whole_pan(
    block_desk: Desk, account: str
) -> None:
    (aes, aes_wire), (tdes, tdes_wire) = block_desk.new(ZPK, 16, 1), block_desk.new(ZPK)
    written = account if account == ACCOUNT else account + ";"

    sealed = block(aes, "73921", "48", account)
    reply = block_desk.say(f"CC{aes_wire}{tdes_wire}12{sealed}4801{written}")
    assert reply[:4] == "0005"
    assert shown(tdes, reply[4:20]) == "73921"

    reply = block_desk.say(f"CC{tdes_wire}{aes_wire}12{block(tdes, '73921')}0148{written}")
    assert shown(aes, reply[4:36], "48", account) == "73921"


@pytest.mark.parametrize(
    ("codes", "code"), [(("01", "05"), "69"), (("47", "05"), "69"), (("01", "34"), "69"),
                        (("01", "35"), "23"), (("77", "01"), "23"), (("01", "48"), "23")]
)  # fmt: skip
def test_translations_that_must_not_be_are_refused(
    desk: Desk, codes: tuple[str, str], code: str
) -> None:
    (source, source_wire), (_, target_wire) = desk.new(ZPK), desk.new(ZPK)
    come, go = codes
    sealed = block(source, "1234", come if come in CODES else "01")

    assert desk.say(f"CC{source_wire}{target_wire}12{sealed}{come}{go}{ACCOUNT}") == code


def test_a_site_may_allow_to_lose_the_account() -> None:
    desk = Desk(VARIANT)
    desk.hsm.pin_policy = PinPolicy(losing_the_account=True)
    (source, source_wire), (target, target_wire) = desk.new(ZPK), desk.new(ZPK)

    reply = desk.say(f"CC{source_wire}{target_wire}12{block(source, '1234')}0105{ACCOUNT}")

    assert shown(target, reply[4:20], "05") == "1234"


def test_a_pin_block_of_another_account_is_refused(desk: Desk) -> None:
    (source, source_wire), (_, target_wire) = desk.new(ZPK), desk.new(ZPK)
    sealed = block(source, "1234")

    assert desk.say(f"CC{source_wire}{target_wire}12{sealed}0101550000025322") == "20"


def test_wrong_fields_have_their_codes(desk: Desk) -> None:
    (source, one), (_, two) = desk.new(ZPK), desk.new(ZPK)
    sealed = block(source, "1234")

    assert desk.say(f"CC{one}{two}11{sealed}0101{ACCOUNT}") == "15"  # maximum length
    assert desk.say(f"CC{one}{two}12{sealed}010155000002532A") == "22"
    assert desk.say(f"CC{one}{two}12{sealed}0101{ACCOUNT}0") == "15"
    assert desk.say(f"CC{one}{two}12{'0123456789abcdef'}0101{ACCOUNT}") == "15"


def test_a_wrong_parity_is_told_of_each_key() -> None:
    desk = Desk(VARIANT)
    (source, good), bad = desk.new(ZPK), "U" + "0123456789ABCDEF" * 2
    sealed = block(source, "1234")

    assert desk.say(f"CC{bad}{good}12{sealed}0101{ACCOUNT}") == "10"
    assert desk.say(f"CC{good}{bad}12{sealed}0101{ACCOUNT}") == "11"


def test_a_key_of_another_use_is_refused(block_desk: Desk) -> None:
    (source, good), (_, pvk) = block_desk.new(ZPK), block_desk.new(PVK)

    assert block_desk.say(f"CC{good}{pvk}12{block(source, '1234')}0101{ACCOUNT}") == "A6"


# --- to and from the LMK ------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "kind"), [("JC", TPK), ("JE", ZPK)])
def test_a_pin_goes_under_the_lmk_and_out_again(desk: Desk, command: str, kind: KeyType) -> None:
    (source, source_wire), (target, target_wire) = desk.new(kind), desk.new(ZPK)

    kept = desk.say(f"{command}{source_wire}{block(source, '7392184')}01{ACCOUNT}")
    assert kept[:2] == "00"

    reply = desk.say(f"JG{target_wire}47{ACCOUNT}{kept[2:]}")
    assert reply[:2] == "00"
    assert shown(target, reply[2:], "47") == "7392184"
    assert desk.say(f"JG{target_wire}05{ACCOUNT}{kept[2:]}") == "69"
    assert desk.say(f"JG{target_wire}34{ACCOUNT}{kept[2:]}") == "69"


@pytest.mark.parametrize(("said", "length"), [("", 4), ("04", 4), ("06", 6), ("12", 12)])
def test_a_random_pin_has_the_length_that_is_asked_for(desk: Desk, said: str, length: int) -> None:
    desk.hsm.authorised = True

    kept = desk.say(f"JA{ACCOUNT}{said}")
    clear = desk.say(f"NG{ACCOUNT}{kept[2:]}")

    assert kept[:2] == clear[:2] == "00"
    assert len(clear[2:]) == length
    assert clear[2:].isdigit()


@pytest.mark.parametrize("said", ["00", "03", "13"])
def test_a_random_pin_of_another_length_is_24(desk: Desk, said: str) -> None:
    assert desk.say(f"JA{ACCOUNT}{said}") == "24"


def test_clear_pins_come_and_go_in_the_authorised_state_only(desk: Desk) -> None:
    kept = desk.say(f"JA{ACCOUNT}04")[2:]
    assert desk.say(f"BA1234F{ACCOUNT}") == desk.say(f"NG{ACCOUNT}{kept}") == "17"

    desk.hsm.authorised = True
    kept = desk.say(f"BA1234FFFF{ACCOUNT}")

    assert desk.say(f"NG{ACCOUNT}{kept[2:]}") == "001234"
    assert desk.say(f"BA123F{ACCOUNT}") == "24"
    assert desk.say(f"BA12F4{ACCOUNT}") == "15"
    assert desk.say(f"NG{ACCOUNT}X1234") == "14"


# --- verification -------------------------------------------------------------------------------


def pvv_of(desk: Desk, pvk_wire: str, pin: str) -> str:
    desk.hsm.authorised = True
    kept = desk.say(f"BA{pin}F{ACCOUNT}")[2:]
    desk.hsm.authorised = False
    reply = desk.say(f"DG{pvk_wire}{kept}{ACCOUNT}1")
    assert reply[:2] == "00"
    return reply[2:]


def offset_of(desk: Desk, pvk_wire: str, pin: str) -> str:
    desk.hsm.authorised = True
    kept = desk.say(f"BA{pin}F{ACCOUNT}")[2:]
    desk.hsm.authorised = False
    reply = desk.say(f"DE{pvk_wire}{kept}{ibm_fields()}")
    assert reply[:2] in ("00", "02")
    return reply[2:]


@pytest.mark.parametrize(("command", "kind"), [("DC", TPK), ("EC", ZPK)])
def test_a_pin_is_verified_by_its_pvv(desk: Desk, command: str, kind: KeyType) -> None:
    (key, wire), pvk = desk.new(kind), desk.known_pvk()
    pvv = pvv_of(desk, pvk, "73921")

    def verify(pin: str, code: str = "01") -> str:
        return desk.say(f"{command}{wire}{pvk}{block(key, pin, code)}{code}{ACCOUNT}1{pvv}")

    assert verify("73921") == verify("73921", "47") == "00"
    # Visa's algorithm sees four digits.
    assert verify("73922") == "00"
    assert verify("63921") == verify("73911") == "01"


@pytest.mark.parametrize(("command", "kind"), [("DA", TPK), ("EA", ZPK)])
@pytest.mark.parametrize(("pvk_bytes", "good"), [(8, "00"), (16, "02")])
def test_a_pin_is_verified_by_its_offset(
    desk: Desk, command: str, kind: KeyType, pvk_bytes: int, good: str
) -> None:
    (key, wire), (_, pvk) = desk.new(kind), desk.new(PVK, pvk_bytes)
    offset = offset_of(desk, pvk, "73921")

    def verify(pin: str) -> str:
        return desk.say(f"{command}{wire}{pvk}12{block(key, pin)}01{ibm_fields()}{offset}")

    assert verify("73921") == good
    assert verify("63921") == verify("73922") == verify("7392") == verify("739210") == "01"


@pytest.mark.parametrize(("command", "kind"), [("BC", TPK), ("BE", ZPK)])
def test_a_pin_is_verified_by_comparison(desk: Desk, command: str, kind: KeyType) -> None:
    key, wire = desk.new(kind)
    desk.hsm.authorised = True
    kept = desk.say(f"BA73921F{ACCOUNT}")[2:]

    def verify(pin: str) -> str:
        return desk.say(f"{command}{wire}{block(key, pin)}01{ACCOUNT}{kept}")

    assert verify("73921") == "00"
    assert verify("63921") == verify("73922") == verify("7392") == "01"
    assert desk.say(f"{command}{wire}{block(key, '73921')}99{ACCOUNT}{kept}") == "23"


@pytest.mark.parametrize(("key_type", "kind"), [("001", ZPK), ("002", TPK)])
def test_a_changed_pin_gets_a_new_pvv_and_a_new_offset(
    desk: Desk, key_type: str, kind: KeyType
) -> None:
    (key, wire), pvk = desk.new(kind), desk.known_pvk()
    pvv, offset = pvv_of(desk, pvk, "1234"), offset_of(desk, pvk, "1234")

    def change(method: str, old: str, new: str) -> str:
        fields = ibm_fields() + offset if method == "DU" else f"{ACCOUNT}1{pvv}"
        return desk.say(
            f"{method}{key_type}{wire}{pvk}{block(key, old)}01{fields}{block(key, new)}"
        )

    assert change("CU", "1234", "4321") == "00" + pvv_of(desk, pvk, "4321")
    assert change("DU", "1234", "4321") == "02" + offset_of(desk, pvk, "4321")
    assert change("CU", "1235", "4321") == change("DU", "1235", "4321") == "01"
    assert desk.say(f"CU003{wire}{pvk}{block(key, '1234')}01{ACCOUNT}1{pvv}" + "0" * 16) == "28"


def test_values_of_a_pin_block_are_those_of_the_pin(desk: Desk) -> None:
    (key, wire), (_, pvk), (_, single) = desk.new(TPK), desk.new(PVK), desk.new(PVK, 8)
    sealed = block(key, "73921")

    assert desk.say(f"FW002{wire}{pvk}{sealed}01{ACCOUNT}1") == "00" + pvv_of(desk, pvk, "73921")
    for some, code in ((pvk, "02"), (single, "00")):
        reply = desk.say(f"BK002{wire}{some}{sealed}01{ibm_fields()}")
        assert reply == code + offset_of(desk, some, "73921")
        assert reply[2:].rstrip("F").isdigit()
        assert len(reply[2:]) == 12


def test_an_offset_gives_back_its_pin(desk: Desk) -> None:
    _, pvk = desk.new(PVK, 8)
    offset = offset_of(desk, pvk, "73921")

    kept = desk.say(f"EE{pvk}{offset}{ibm_fields('05')}")
    desk.hsm.authorised = True

    assert desk.say(f"NG{ACCOUNT}{kept[2:]}") == "0073921"
    assert desk.say(f"EE{pvk}{offset}{ibm_fields('06')}") == "15"


def test_ibm_fields_have_their_codes(desk: Desk) -> None:
    (key, wire), (_, pvk) = desk.new(TPK), desk.new(PVK, 8)

    def verify(fields: str, offset: str = "0000FFFFFFFF") -> str:
        return desk.say(f"DA{wire}{pvk}12{block(key, '1234')}01{fields}{offset}")

    assert verify(ibm_fields(table="0000000000000001")) == "25"
    assert verify(ibm_fields(table="012345678901234F")) == "25"
    assert verify(ibm_fields(validation="550000025311")) == "15"  # no N
    assert verify(ibm_fields(validation="55000002N3N1")) == "15"
    assert verify(ibm_fields("03")) == verify(ibm_fields("13")) == "24"
    assert verify(ibm_fields("05")) == "15"  # an offset of four digits
    assert verify(ibm_fields("05"), "00000FFFFFFF") == "24"  # a PIN of four
    assert verify(ibm_fields(), "00F0FFFFFFFF") == "15"


def test_a_site_may_take_a_weak_table(desk: Desk) -> None:
    desk.hsm.pin_policy = PinPolicy(weak_decimalisation_tables=True)
    (key, wire), (_, pvk) = desk.new(TPK), desk.new(PVK, 8)

    fields = ibm_fields(table="0" * 16)

    # With such a table every natural PIN is 0000: what makes it weak.
    sealed = block(key, "1234")
    assert desk.say(f"DA{wire}{pvk}12{sealed}01{fields}1234FFFFFFFF") == "00"


def test_a_pvv_needs_a_pair(desk: Desk) -> None:
    (key, wire), (_, triple) = desk.new(TPK), desk.new(PVK, 24)

    assert desk.say(f"DC{wire}{triple}{block(key, '1234')}01{ACCOUNT}10000") == "27"


# --- DUKPT --------------------------------------------------------------------------------------

KSN = "FFFF9876543210E00001"
# The terminal's PIN key of that number, for the published base key.
TDES_BASE = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
TDES_TERMINAL = Key.of(0, bytes.fromhex("042666B49184CF5C68DE9628D0397B36"))
AES_BASE = bytes.fromhex("FEDCBA9876543210F1F1F1F1F1F1F1F1")
AES_KSN = "123456789012345600000001"
AES_TERMINAL = Key.of(1, bytes.fromhex("AF8CB133A78F8DC2D1359F18527593FB"))


@pytest.fixture
def terminal(desk: Desk) -> tuple[Desk, str]:
    return desk, desk.wire(Key.of(0, TDES_BASE), BDK)


@pytest.mark.parametrize(("command", "source"), [("CI", ""), ("G0", "01"), ("G0", "47")])
def test_a_terminals_block_comes_under_a_zones_key(
    terminal: tuple[Desk, str], command: str, source: str
) -> None:
    desk, bdk = terminal
    zpk, wire = desk.new(ZPK)
    sealed = block(TDES_TERMINAL, "73921", source or "01")

    reply = desk.say(f"{command}{bdk}{wire}605{KSN}{sealed}{source}47{ACCOUNT}")

    assert reply[:4] == "0005"
    assert shown(zpk, reply[4:20], "47") == "73921"
    assert desk.say(f"{command}{bdk}{wire}605{KSN}{sealed}{source}05{ACCOUNT}") == "69"


def dukpt_verify(desk: Desk, bdk: str, command: str, pin: str) -> str:
    sealed = block(TDES_TERMINAL, pin)
    mode, code = ("0", "01") if command in ("GO", "GQ") else ("", "")
    pvk = desk.known_pvk()
    if command in ("CM", "GQ"):
        fields = f"{ACCOUNT}1{pvv_of(desk, pvk, '73921')}"
    else:
        fields = ibm_fields() + offset_of(desk, pvk, "73921")
    return desk.say(f"{command}{mode}{bdk}{pvk}605{KSN}{sealed}{code}{fields}")


@pytest.mark.parametrize(
    ("command", "good"), [("CM", "00"), ("GQ", "00"), ("CK", "02"), ("GO", "02")]
)
def test_a_terminals_pin_is_verified(terminal: tuple[Desk, str], command: str, good: str) -> None:
    desk, bdk = terminal

    assert dukpt_verify(desk, bdk, command, "73921") == good
    assert dukpt_verify(desk, bdk, command, "63921") == "01"


def test_an_aes_terminal_has_a_longer_serial_number_and_format_4(block_desk: Desk) -> None:
    bdk = block_desk.wire(Key.of(1, AES_BASE), BDK)
    zpk, wire = block_desk.new(ZPK)
    sealed = block(AES_TERMINAL, "1234", "48", PAN)

    reply = block_desk.say(f"CI{bdk}{wire}808{AES_KSN}{sealed}01{PAN};")
    assert reply[:4] == "0004"
    assert shown(zpk, reply[4:20]) == "1234"

    reply = block_desk.say(f"G0{bdk}{wire}808{AES_KSN}{sealed}4801{PAN};")
    assert shown(zpk, reply[4:20]) == "1234"


def test_serial_numbers_have_their_codes(terminal: tuple[Desk, str]) -> None:
    desk, bdk = terminal
    _, wire = desk.new(ZPK)
    sealed = block(TDES_TERMINAL, "1234")

    def translate(serial: str) -> str:
        return desk.say(f"CI{bdk}{wire}{serial}{sealed}01{ACCOUNT}")

    assert translate("605" + KSN)[:2] == "00"
    assert translate("605FFFF9876543210E00000") == "15"  # the counter of the initial key
    assert translate("605FFFF9876543210FFFFFF") == "15"  # more ones than a terminal may use
    assert translate("605FFFF9876543210E00002") == "20"  # another transaction's key
    assert translate("FFF" + KSN) == "15"
    aes_sealed = sealed + sealed
    assert desk.say(f"CI{bdk}{wire}808{AES_KSN}{aes_sealed}01{ACCOUNT}") == "15"  # of a TDES key


def test_verifying_a_mac_besides_is_not_ours(terminal: tuple[Desk, str]) -> None:
    desk, bdk = terminal
    _, pvk = desk.new(PVK)

    for command in ("GO", "GQ"):
        assert desk.say(f"{command}1{bdk}{pvk}605{KSN}") == "15"


# --- too many wrong ones ------------------------------------------------------------------------


def test_too_many_wrong_pins_stop_every_verifying_command_until_the_watch_is_reset() -> None:
    hsm = Hsm(
        published_hsm().lmks,
        COMMANDS,
        pin_limits=PinLimits(failures_in_a_row_max=3),
        monotonic_seconds=lambda: 0.0,
    )
    desk = Desk(VARIANT, hsm)
    (tpk, terminal_wire), (zpk, zone_wire) = desk.new(TPK), desk.new(ZPK)
    pvk, bdk = desk.known_pvk(), desk.wire(Key.of(0, TDES_BASE), BDK)
    pvv, offset = pvv_of(desk, pvk, "1234"), offset_of(desk, pvk, "1234")
    good, zone = block(tpk, "1234"), block(zpk, "1234")
    by_pvv, by_offset = f"{ACCOUNT}1{pvv}", ibm_fields() + offset
    sealed = block(TDES_TERMINAL, "1234")
    verifying: dict[str, Callable[[], str]] = {
        "BC": lambda: desk.say(f"BC{terminal_wire}{good}01{ACCOUNT}01234"),
        "BE": lambda: desk.say(f"BE{zone_wire}{zone}01{ACCOUNT}01234"),
        "CK": lambda: desk.say(f"CK{bdk}{pvk}605{KSN}{sealed}{by_offset}"),
        "CM": lambda: desk.say(f"CM{bdk}{pvk}605{KSN}{sealed}{by_pvv}"),
        "CU": lambda: desk.say(f"CU002{terminal_wire}{pvk}{good}01{by_pvv}{good}"),
        "DA": lambda: desk.say(f"DA{terminal_wire}{pvk}12{good}01{by_offset}"),
        "DC": lambda: desk.say(f"DC{terminal_wire}{pvk}{good}01{by_pvv}"),
        "DU": lambda: desk.say(f"DU002{terminal_wire}{pvk}{good}01{by_offset}{good}"),
        "EA": lambda: desk.say(f"EA{zone_wire}{pvk}12{zone}01{by_offset}"),
        "EC": lambda: desk.say(f"EC{zone_wire}{pvk}{zone}01{by_pvv}"),
        "GO": lambda: desk.say(f"GO0{bdk}{pvk}605{KSN}{sealed}01{by_offset}"),
        "GQ": lambda: desk.say(f"GQ0{bdk}{pvk}605{KSN}{sealed}01{by_pvv}"),
    }
    assert {name: verify()[:2] for name, verify in verifying.items()} == {
        name: "02" if name in ("CK", "DA", "DU", "EA", "GO") else "00" for name in verifying
    }

    wrong = f"DC{terminal_wire}{pvk}{block(tpk, '4321')}01{by_pvv}"
    assert [desk.say(wrong) for _ in range(5)] == ["01", "01", "01", "01", "39"]

    assert {name: verify() for name, verify in verifying.items()} == dict.fromkeys(verifying, "39")
    assert hsm.pin_watch.counts().attacks == 1
    # What verifies nothing goes on.
    assert desk.say(f"JC{terminal_wire}{good}01{ACCOUNT}") == "0001234"

    hsm.pin_watch.reset()
    assert verifying["DC"]() == "00"


def test_blocks_that_do_not_open_are_no_guesses(desk: Desk) -> None:
    (_, wire), (_, pvk) = desk.new(TPK), desk.new(PVK)

    # ISO-0 under another key: 20 but for one in 20,000, which would be a wrong PIN.
    for _ in range(5):
        assert desk.say(f"DC{wire}{pvk}{block(Key.random(0, 16), '1234')}01{ACCOUNT}10000") == "20"

    assert desk.hsm.pin_watch.counts().failures_in_minute == 0
