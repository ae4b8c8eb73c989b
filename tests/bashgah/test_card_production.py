"""Card production over real sockets: each file is read by its recipient, and every value in it is
verified by the HSM as the switch will do it. What is written holds no PAN and no PIN.
"""

import re
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from acquirers.terminal.cards import tlv
from acquirers.terminal.cards.cryptogram import signed_data
from acquirers.terminal.cards.personalisation import PersonalisationFile
from acquirers.terminal.cards.reading import Terms
from acquirers.terminal.cards.stripe import read_stripe
from acquirers.terminal.cards.virtual import VirtualCard, VirtualReader
from bashgah.card_production import files, making, orders, personaliser
from bashgah.card_production.files import LoaderBatch, LoaderCard, PersonaliserCard
from bashgah.card_production.guests import pans_beside
from bashgah.card_production.making import MadeCard, SealedKeys, account_of
from bashgah.card_production.orders import Keys, Order, Recipients
from bashgah.commands.cards import app
from bashgah.hsm_dialog import HsmRefused, ask
from bashgah.vouchers.print_house import is_signed
from hsm_sim import custodians
from hsm_sim._keys import Key
from hsm_sim._pins import FORMATS, Pin, seal_block
from hsm_sim.audit import TRAIL_FILE, AuditTrail, verify_audit
from hsm_sim.ceremony import AUTHORISED_FILE, AuthorisedState, Gathering
from hsm_sim.check_digits import luhn_valid
from hsm_sim.custodians import Custodians
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import CVK, MK_AC, MK_CVC3, PVK, ZMK, ZPK, KeyType
from hsm_sim.production import CUSTODIANS_FILE, fingerprint
from switch.errors import OperatingError
from switch.hsm_client import HsmSession, open_hsm
from switch.slots import slot_of
from tests.support.hsm import served_hsm
from tests.support.hsm_process import hsm_process
from tests.support.production import (
    CUSTODIANS,
    LMK,
    MAILER_HOUSE,
    PRINT_HOUSE,
    TDES,
    production_hsm,
    sealed_key,
)
from tests.support.recipients import Recipient
from tests.support.shop import PAN_KEY, new_core

BATCH = "CARDS0000001"
PERSONALISER = Recipient("Personaliser")
ZMK_SECRET = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def sealed(key: Key, kind: KeyType) -> str:
    return sealed_key(key, kind).decode("ascii")


KEYS = SealedKeys(
    pvk=sealed(Key.random(TDES, 16), PVK),
    cvk=sealed(Key.random(TDES, 16), CVK),
    mk_ac=sealed(Key.random(TDES, 16), MK_AC),
    zmk=sealed(Key.of(TDES, ZMK_SECRET), ZMK),
    mk_cvc3=sealed(Key.random(TDES, 16), MK_CVC3),
)
ZPK_KEY = Key.random(TDES, 16)
ZPK_WIRE = sealed(ZPK_KEY, ZPK)
TO_PRINTER = fingerprint(MAILER_HOUSE.der)
ORDER = Order(
    batch=BATCH,
    bin="93640011",
    first=500,
    count=5,
    expiry="3012",
    keys=Keys(
        pvk=Path("pvk.key"), cvk=Path("cvk.key"), mk_ac=Path("mk-ac.key"), zmk=Path("zmk.key")
    ),
    recipients=Recipients(personaliser=Path("maker.pem"), mailer_printer=Path("printer.pem")),
)


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodians, "COST", 2)  # scrypt, but quick


@pytest.fixture
def hsm(tmp_path: Path) -> Hsm:
    hsm = production_hsm(tmp_path)
    hsm.authorised = True
    return hsm


class Batch(NamedTuple):
    """A batch, and what its recipients read of it."""

    cards: list[MadeCard]
    loaded: list[LoaderCard]
    to_make: list[PersonaliserCard]
    pins: list[str]


async def produced(session: HsmSession) -> Batch:
    pans = orders.pans(ORDER)
    cards = await making.make_cards(session, ORDER, KEYS, pans, [ORDER.name] * ORDER.count)
    envelope, signature = await making.mailers(session, BATCH, cards, TO_PRINTER)
    assert is_signed(envelope, signature, (await ask(session, "VU"))[4:])
    lines = files.loader_file(ORDER, cards, PAN_KEY)
    made = files.personaliser_file(ORDER, cards, PERSONALISER.certificate)
    return Batch(
        cards,
        loaded(lines),
        personaliser.opened(made, PERSONALISER.certificate, PERSONALISER.key),
        mailed(envelope),
    )


def loaded(lines: bytes) -> list[LoaderCard]:
    """Read a loader's file."""
    first, *rest = msgspec.json.Decoder(LoaderBatch | LoaderCard).decode_lines(lines)
    assert first == LoaderBatch(batch=BATCH, count=len(rest))
    return [card for card in rest if isinstance(card, LoaderCard)]


def mailed(envelope: bytes) -> list[str]:
    """Open the mailers as their printer does; the PINs."""
    header, *lines, trailer = MAILER_HOUSE.decrypted(envelope).decode("ascii").splitlines()
    assert header == f"BASHGAH-MAILERS,1,{BATCH}"
    assert trailer == f"END,{len(lines)}"
    masked = [making.masked(pan) for pan in orders.pans(ORDER)]
    assert [line.split(",")[:3] for line in lines] == [
        [str(place), shown, ORDER.name] for place, shown in enumerate(masked, 1)
    ]
    return [line.split(",")[3] for line in lines]


async def test_every_value_of_a_card_verifies(hsm: Hsm) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)

        assert len(set(batch.pins)) > 1
        for card, record, made, pin in zip(*batch, strict=True):
            assert re.fullmatch("[0-9]{4}", pin)
            account = account_of(card.pan)
            block = seal_block(ZPK_KEY, Pin.of(pin.encode()), FORMATS["ISO-0"], account.encode())
            verify = f"{ZPK_WIRE}{KEYS.pvk}{block.hex().upper()}01{account}"
            assert await ask(session, "EC", f"{verify}{record.pvki}{record.pvv}") == b""
            stripe = made.track2.partition("=")[2]
            values = (stripe[12:15], made.cvv2, made.chip_track2.partition("D")[2][12:15])
            assert values == (card.cvv, card.cvv2, card.icvv)
            for value, service_code in zip(values, ("201", "000", "999"), strict=True):
                fields = f"{KEYS.cvk}{value}{card.pan};{ORDER.expiry}{service_code}"
                assert await ask(session, "CY", fields) == b""
            wrong = f"{(int(card.cvv) + 1) % 1000:03}"
            with pytest.raises(HsmRefused, match="does not verify"):
                await ask(session, "CY", f"{KEYS.cvk}{wrong}{card.pan};{ORDER.expiry}201")


async def test_the_stripe_is_read_by_a_terminal(hsm: Hsm) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)

    for pan, made in zip(orders.pans(ORDER), batch.to_make, strict=True):
        read = read_stripe(made.track1 + made.track2)
        assert (read.card.pan, read.card.expiry) == (pan, "3012")
        assert (read.service_code, read.name) == ("201", ORDER.name)
        assert read.card.entry_mode.startswith("90")  # both LRCs are right
        assert len(made.track2) == 40


async def test_a_virtual_card_out_of_the_file_makes_cryptograms_that_verify(
    hsm: Hsm, tmp_path: Path
) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)
        paths = personaliser.write_cards(tmp_path / "cards", batch.to_make, ZMK_SECRET)

        for pan, path in zip(orders.pans(ORDER), paths, strict=True):
            reader = VirtualReader(VirtualCard(PersonalisationFile(path)))
            terms = Terms(transaction_type="00", local_date=date(2026, 11, 22), amount_minor=10)
            read = await reader.wait_for_card(terms)
            assert read.card.pan == pan
            data = dict(tlv.objects(bytes.fromhex(read.card.chip_data)))
            signed = signed_data(data)
            account = bytes.fromhex((pan + ORDER.sequence_number)[-16:])
            fields = b"02" + KEYS.mk_ac.encode() + account + data[0x9F36]
            fields += b"%02X" % len(signed) + signed + b";"
            assert await ask(session, "KW", fields + data[0x9F26]) == b""


async def test_a_virtual_card_makes_dynamic_codes_that_verify(hsm: Hsm, tmp_path: Path) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)
        paths = personaliser.write_cards(tmp_path / "cards", batch.to_make, ZMK_SECRET)

        for pan, path in zip(orders.pans(ORDER), paths, strict=True):
            reader = VirtualReader(VirtualCard(PersonalisationFile(path)), stripe_mode=True)
            terms = Terms(transaction_type="00", local_date=date(2026, 11, 22))
            track = (await reader.wait_for_card(terms)).card.track2
            head, shown = track[:-13], track[-13:]
            assert (head, shown[5:8], shown[12]) == (f"{pan}D3012201", "001", "4")
            fixed = bytes.fromhex(f"{head}{'0' * 13}F")
            fields = f"12{KEYS.mk_cvc3}A{pan};00{len(fixed):03}".encode() + fixed
            asked = f"0000{shown[8:12]}00001{shown[:5]}".encode()
            assert await ask(session, "PM", fields + asked) == b""


async def test_a_batch_without_a_key_for_codes_has_no_stripe_mode(hsm: Hsm, tmp_path: Path) -> None:
    keys = msgspec.structs.replace(KEYS, mk_cvc3="")
    pan = orders.pans(ORDER)[0]
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        cards = await making.make_cards(session, ORDER, keys, [pan], [ORDER.name])

    made = files.personaliser_card(ORDER, 1, cards[0])

    assert made.stripe_mode is None
    assert personaliser.virtual_card(made, ZMK_SECRET).stripe_mode is None


async def test_another_zmk_makes_no_card(hsm: Hsm, tmp_path: Path) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)

    with pytest.raises(OperatingError, match="another ZMK"):
        personaliser.write_cards(tmp_path / "cards", batch.to_make, bytes(15) + b"1")
    assert list((tmp_path / "cards").iterdir()) == []


def test_a_file_for_another_personaliser_stays_closed() -> None:
    made = files.personaliser_file(ORDER, [], PERSONALISER.certificate)

    with pytest.raises(OperatingError, match="no file for this personaliser"):
        personaliser.opened(made, PRINT_HOUSE.certificate, PRINT_HOUSE.key)


async def test_the_loader_has_the_tokens_of_the_switch(hsm: Hsm) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        batch = await produced(session)

    core = new_core()
    for pan, record in zip(orders.pans(ORDER), batch.loaded, strict=True):
        assert record.token == core.token_of(pan).hex().upper()
        assert (record.first6, record.last4) == (pan[:6], pan[-4:])
        assert (record.expiry, record.service_code, record.pvki) == ("3012", "201", 1)


@pytest.mark.parametrize("digits", range(12, 20))
def test_numbers_begin_with_the_bin_follow_each_other_and_pass_luhn(digits: int) -> None:
    order = msgspec.structs.replace(ORDER, pan_digits=digits, bin="936400", first=7)

    pans = orders.pans(order)

    assert all(len(pan) == digits and pan.startswith("936400") for pan in pans)
    assert all(luhn_valid(pan) for pan in pans)
    assert [int(pan[6:-1]) for pan in pans] == [7, 8, 9, 10, 11]


async def test_keys_and_pins_leave_only_in_the_authorised_state(hsm: Hsm) -> None:
    hsm.authorised = False
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        for command, fields in (
            ("ZG", f"109{KEYS.mk_ac}{KEYS.zmk}X9364001100000014;01"),
            ("ZI", BATCH + TO_PRINTER),
        ):
            with pytest.raises(HsmRefused) as refused:
                await ask(session, command, fields)
            assert refused.value.code == "17"


async def test_mailers_go_to_no_other_printer_and_hold_no_other_pins(hsm: Hsm) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        for name in (fingerprint(PRINT_HOUSE.der), fingerprint(PERSONALISER.der)):
            with pytest.raises(HsmRefused) as refused:
                await ask(session, "ZI", BATCH + name)
            assert refused.value.code == "29"
        number = (await ask(session, "ZI", BATCH + TO_PRINTER)).decode("ascii")
        pin = (await ask(session, "JA", "12345678901204")).decode("ascii")
        rows = [
            f"123456789012{pin}04text",
            f"123456789013{pin}04text",  # bound to another account
            f"123456789012{pin[:-1]}{'1' if pin[-1] != '1' else '2'}04text",
            "12345678901201234504text",  # in the clear under the LMK
        ]
        for row, code in zip(rows, ("", "14", "14", "14"), strict=True):
            if not code:
                assert await ask(session, "ZK", f"{number}01{row}") == b"000001"
                continue
            with pytest.raises(HsmRefused) as refused:
                await ask(session, "ZK", f"{number}02{rows[0]}{row}")
            assert refused.value.code == code
        with pytest.raises(HsmRefused) as refused:
            await ask(session, "VM", number + KEYS.mk_ac)  # no export of vouchers
        assert refused.value.code == "15"
        assert await ask(session, "ZK", f"{number}01{rows[0]}") == b"000002"


@pytest.mark.parametrize("kind", ["209", "309", "709"])
async def test_a_chips_key_is_derived_from_the_issuers_of_its_kind(hsm: Hsm, kind: str) -> None:
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        for asked, code in ((kind, "A6"), ("001", "04")):
            fields = f"{asked}{KEYS.mk_ac}{KEYS.zmk}X9364001100000014;01"
            with pytest.raises(HsmRefused) as refused:
                await ask(session, "ZG", fields)
            assert refused.value.code == code


class Office:
    """A directory with an order, its keys and certificates."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.output = directory / "output"
        for name in KEYS.__struct_fields__:
            (directory / f"{name.replace('_', '-')}.key").write_text(getattr(KEYS, name))
        for name, house in (("maker", PERSONALISER), ("printer", MAILER_HOUSE)):
            pem = house.certificate.public_bytes(Encoding.PEM)
            (directory / f"{name}.pem").write_bytes(pem)
        private = PERSONALISER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.secret("maker.key", private)
        self.secret("zmk.hex", ZMK_SECRET.hex().encode("ascii"))
        self.secret("pan.key", PAN_KEY.hex().encode("ascii"))
        self.order = directory / "order.toml"
        self.order.write_text(ORDER_TEXT)

    def write_members(self, members: list[LoaderCard]) -> None:
        lines = [LoaderBatch(batch="MEMBERS00001", count=len(members)), *members]
        path = self.directory / "members.jsonl"
        path.write_bytes(msgspec.json.Encoder().encode_lines(lines))

    def secret(self, name: str, content: bytes) -> None:
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(0o600)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    def issue(self, address: str) -> Result:
        pan_key = ("--pan-key", str(self.directory / "pan.key"))
        where = ("--directory", str(self.output), "--hsm", address)
        return self.run("issue", str(self.order), *pan_key, *where)


ORDER_TEXT = f"""\
batch = "{BATCH}"
bin = "93640011"
first = 500
count = 5
expiry = "3012"

[keys]
pvk = "pvk.key"
cvk = "cvk.key"
mk_ac = "mk-ac.key"
mk_cvc3 = "mk-cvc3.key"
zmk = "zmk.key"

[recipients]
personaliser = "maker.pem"
mailer_printer = "printer.pem"
"""


def authorised_by_two(home: Path) -> None:
    """Let both custodians come to the console."""
    trail = AuditTrail(home / TRAIL_FILE, time.time_ns)
    gathering = Gathering("authorise", Custodians(home / CUSTODIANS_FILE), trail)
    for name, passphrase in CUSTODIANS.items():
        gathering.join(name, passphrase)
    AuthorisedState(home / AUTHORISED_FILE, LMK, time.time_ns).begin(gathering, 600)


@pytest.mark.slow
def test_a_batch_at_the_command_line_leaves_nothing_clear_behind(tmp_path: Path) -> None:
    office, home = Office(tmp_path), tmp_path / "hsm"
    home.mkdir(mode=0o700)
    production_hsm(home)
    authorised_by_two(home)

    with hsm_process(home) as address:
        result = office.issue(address)
        assert result.exit_code == 0, (result.output, result.exception)
        again = office.issue(address)
        assert isinstance(again.exception, OperatingError)

    pins = mailed((office.output / f"{BATCH}.mailers.p7m").read_bytes())
    expect_nowhere(orders.pans(ORDER), pins, [home, office.output], result.output)
    assert verify_audit(home / TRAIL_FILE).difference is None
    cards = office.run(
        "personalise",
        str(office.output / f"{BATCH}.personaliser.p7m"),
        *("--certificate", str(tmp_path / "maker.pem"), "--key", str(tmp_path / "maker.key")),
        *("--zmk", str(tmp_path / "zmk.hex"), "--directory", str(tmp_path / "cards")),
    )
    assert cards.exit_code == 0, (cards.output, cards.exception)
    first = PersonalisationFile(tmp_path / "cards" / "card-000001.json").read()
    assert first.pan == orders.pans(ORDER)[0]


@pytest.mark.slow
def test_a_batch_for_members_guests_has_numbers_beside_the_members(tmp_path: Path) -> None:
    office, home = Office(tmp_path), tmp_path / "hsm"
    home.mkdir(mode=0o700)
    production_hsm(home)
    authorised_by_two(home)
    members = member_cards(5)
    office.write_members(members)
    office.order.write_text(f'guests_of = "members.jsonl"\n{ORDER_TEXT}')

    with hsm_process(home) as address:
        result = office.issue(address)
    assert result.exit_code == 0, (result.output, result.exception)

    guests = loaded((office.output / f"{BATCH}.loader.jsonl").read_bytes())
    assert [guest.member for guest in guests] == [member.token for member in members]
    assert [slot_of(bytes.fromhex(guest.token)) for guest in guests] == [
        slot_of(bytes.fromhex(member.token)) for member in members
    ]


def test_an_order_for_more_guests_than_members_is_refused(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.write_members(member_cards(4))
    office.order.write_text(f'guests_of = "members.jsonl"\n{ORDER_TEXT}')

    refused = office.issue("127.0.0.1:1")

    assert "members.jsonl: 4 members for 5 cards" in str(refused.exception)


def test_members_who_share_a_slot_get_a_number_each_in_their_order() -> None:
    tokens = {"a": 7, "b": 9, "c": 7, "d": 7, "e": 9}

    def token(pan: str) -> bytes:
        return (tokens[pan] << 4).to_bytes(2, "big") + bytes(14)

    members = [token("a"), token("b"), token("a")]
    assert slot_of(members[0]) != slot_of(members[1])

    assert pans_beside(members, "bcdea", token) == ["c", "b", "d"]
    with pytest.raises(OperatingError, match="2 of 3"):
        pans_beside(members, "abe", token)


def member_cards(count: int) -> list[LoaderCard]:
    """Give cards as a members' batch has them."""
    pans = [f"93640099{number:08d}" for number in range(count)]
    return [
        LoaderCard(
            token=files.token_of(PAN_KEY, pan).hex().upper(),
            first6=pan[:6],
            last4=pan[-4:],
            expiry="3012",
            sequence_number="01",
            service_code="201",
            pvki=1,
            pvv="1234",
            key_index=1,
        )
        for pan in pans
    ]


def expect_nowhere(pans: list[str], pins: list[str], places: list[Path], shown: str) -> None:
    """Look for PANs in every file, and for a PIN beside what tells whose it is."""
    paths = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(paths) >= 8
    for path in paths:
        assert path.stat().st_mode & 0o077 == 0 or path.name == "serve.log", path.name
    for text in [*(path.read_bytes() for path in paths), shown.encode()]:
        for pan, pin in zip(pans, pins, strict=True):
            track = f"{pan}D".encode()
            for form in (pan.encode(), pan[::-1].encode(), bytes.fromhex(pan), track):
                assert form not in text
            assert f"{making.masked(pan)},{ORDER.name},{pin}".encode() not in text


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ('bin = "9364"', "bin"),
        ("count = 0", "count"),
        ('expiry = "3013"', "expiry"),
        ("first = 9999999", "count"),
        ('batch = "short"', "batch"),
        ("colour = 1", "colour"),
    ],
)
def test_an_order_that_cannot_be_names_its_fault(tmp_path: Path, changed: str, place: str) -> None:
    name = changed.partition(" ")[0]
    text = re.sub(rf"(?m)^{name} = .*$", changed, ORDER_TEXT)
    path = tmp_path / "order.toml"
    path.write_text(text if changed in text else f"{changed}\n{text}")

    with pytest.raises(OperatingError, match=place):
        orders.read_order(path)


@pytest.mark.parametrize(
    "names", ["A B\n" * 4, "A B\n" * 4 + "x\n", "A B\n" * 4 + "A^B\n", "A B\n" * 4 + "A" * 27]
)
def test_names_that_no_card_can_bear_are_refused(tmp_path: Path, names: str) -> None:
    (tmp_path / "names").write_text(names)
    order = msgspec.structs.replace(ORDER, names=Path("names"))

    with pytest.raises(OperatingError, match="name"):
        orders.names(order, tmp_path)


def test_each_card_bears_its_name(tmp_path: Path) -> None:
    wanted = [f"MEMBER/NO {letter}" for letter in "ABCDE"]
    (tmp_path / "names").write_text("\n".join(wanted))
    order = msgspec.structs.replace(ORDER, names=Path("names"))

    assert orders.names(order, tmp_path) == wanted
    assert orders.names(ORDER, tmp_path) == ["CLUB MEMBER"] * 5


def test_cards_show_no_numbers() -> None:
    card = MadeCard(
        pan="9364001100000014",
        name="A",
        sealed_pin="J",
        pvv="1234",
        cvv="123",
        cvv2="456",
        icvv="789",
        chip_key="X",
        chip_key_check="A",
    )

    assert repr(card) == "MadeCard(936400******0014)"
    assert repr(files.personaliser_card(ORDER, 7, card)) == "PersonaliserCard(7)"
