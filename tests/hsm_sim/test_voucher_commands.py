"""The HSM's voucher commands: what they give, and every way in which they must not.

The print house's key is the test's, so that its file can be read; nobody else can.
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.algorithms import AES as AES_CIPHER
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.serialization import load_der_public_key

from hsm_sim import custodians
from hsm_sim._keys import Key
from hsm_sim.audit import verify_audit
from hsm_sim.check_digits import damm_digit, damm_valid
from hsm_sim.errors import Unusable
from hsm_sim.hsm import Hsm
from hsm_sim.key_types import TEK, VOUCHER, ZAK, ZEK, KeyType
from hsm_sim.production import CUSTODIANS_FILE, Production, fingerprint, releases_at
from hsm_sim.releases import destroy_act, release_act
from tests.support.production import (
    AES,
    HMAC,
    LMK,
    MAILER_HOUSE,
    PRINT_HOUSE,
    TDES,
    production_hsm,
    sealed_key,
    token,
    write_custodians,
)
from tests.support.recipients import Recipient

BATCH = "B00000000001"
PRODUCT = "CHARGE-50"
LABEL = f"{len(PRODUCT):02}{PRODUCT}".encode("ascii")
COUNT = 7
ROW = 64 + 88
DIGEST_KEY = sealed_key(Key.random(HMAC, 32), VOUCHER)
NEW_DIGEST_KEY = sealed_key(Key.random(HMAC, 32), VOUCHER)
ZAK_SECRET = bytes(range(32))
MAC_KEY = sealed_key(Key.of(AES, ZAK_SECRET), ZAK)
TO_PRINT_HOUSE = fingerprint(PRINT_HOUSE.der)


class Row(NamedTuple):
    """A voucher as VC tells of it."""

    digest: bytes
    sealed: bytes


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodians, "COST", 2)  # scrypt, but quick


@pytest.fixture
def hsm(tmp_path: Path) -> Hsm:
    return production_hsm(tmp_path)


def released(home: Path, *names: str, act: str = "") -> bytes:
    """Give the tokens of custodians, of the batch's release or of another act."""
    act = act or release_act(BATCH, COUNT, TO_PRINT_HOUSE)
    return b"".join(token(home, name, act) for name in names or ("ali", "bita"))


def asked(hsm: Hsm, command: bytes) -> bytes:
    """Run a command that succeeds; its fields."""
    response = hsm.execute(command)
    assert response[2:4] == b"00", response[:4]
    return response[4:]


def refusal(hsm: Hsm, command: bytes) -> str:
    """Run a command that fails; its error code, behind which there is nothing."""
    response = hsm.execute(command)
    assert len(response) == 4
    return response[2:4].decode("ascii")


def begun(hsm: Hsm, batch: str = BATCH, first: int = 1, digits: int = 16) -> bytes:
    return asked(hsm, f"VA{batch}{digits:02}{COUNT:06}{first:015}{50_000:012}".encode() + LABEL)


def made(hsm: Hsm, batch: str = BATCH, digest_key: bytes = DIGEST_KEY) -> list[Row]:
    told = asked(hsm, f"VC{batch}000000{COUNT:03}".encode() + digest_key)
    assert int(told[:3]) == COUNT
    rows = [told[at : at + ROW] for at in range(3, len(told), ROW)]
    return [Row(row[:64], row[64:]) for row in rows]


def export_begun(hsm: Hsm, home: Path) -> bytes:
    return asked(hsm, b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode() + released(home))


def added(number: bytes, rows: list[Row], index: int = 0) -> bytes:
    """Give the command that adds PINs."""
    return b"VK" + number + f"{index:06}{len(rows):03}".encode() + b"".join(r.sealed for r in rows)


def exported(hsm: Hsm, home: Path, rows: list[Row]) -> tuple[bytes, bytes]:
    """Export a batch: the file, its signature."""
    number = export_begun(hsm, home)
    asked(hsm, added(number, rows))
    told = asked(hsm, b"VM" + number + MAC_KEY)
    part = asked(hsm, b"VO" + number + b"00000000")
    assert int(told[:8]) == int(part[:5]) == len(part) - 5
    return part[5:], bytes.fromhex(told[11:].decode("ascii"))


def clear_pins(file: bytes) -> list[str]:
    return [line.split(",")[1] for line in PRINT_HOUSE.decrypted(file).decode().splitlines()[1:-1]]


def test_serial_numbers_follow_each_other_with_check_digits(hsm: Hsm) -> None:
    told = begun(hsm, first=41).decode("ascii")

    assert told == "".join(f"{n:015}" + damm_digit(f"{n:015}") for n in (41, 41 + COUNT - 1))


@pytest.mark.parametrize(("batch", "first"), [(BATCH, 100), ("B00000000002", COUNT)])
def test_a_name_and_a_serial_number_are_used_once(hsm: Hsm, batch: str, first: int) -> None:
    begun(hsm)

    fields = f"{batch}16{COUNT:06}{first:015}{0:012}".encode() + LABEL
    assert refusal(hsm, b"VA" + fields) == "15"
    assert len(begun(hsm, "B00000000003", first=COUNT + 1)) == 32


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("11000007000000000000001000000000000", "24"),
        ("21000007000000000000001000000000000", "24"),
        ("16000000000000000000001000000000000", "15"),
        ("16500001000000000000001000000000000", "15"),
        ("16000007999999999999999000000000000", "15"),
    ],
)
def test_a_batch_that_cannot_be_is_refused(hsm: Hsm, fields: str, code: str) -> None:
    assert refusal(hsm, f"VA{BATCH}{fields}".encode() + LABEL) == code


def test_the_print_house_gets_the_pins_that_were_digested(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)

    file, signature = exported(hsm, tmp_path, rows)

    text = PRINT_HOUSE.decrypted(file).decode("ascii")
    header, *lines, trailer = text.splitlines()
    serials = [f"{n:015}" + damm_digit(f"{n:015}") for n in range(1, COUNT + 1)]
    total = 50_000 * COUNT
    ends = f"{serials[0]},{serials[-1]}"
    assert header == f"BASHGAH-VOUCHERS,1,{BATCH},{COUNT},50000,{total},{ends},{PRODUCT}"
    assert [line.split(",")[0] for line in lines] == serials
    for line, row in zip(lines, rows, strict=True):
        _, pin, product = line.split(",")
        assert (len(pin), product) == (16, PRODUCT)
        assert damm_valid(pin)
        assert asked(hsm, b"VE" + DIGEST_KEY + LABEL + b"C16" + pin.encode()) == row.digest
    mac = CMAC(AES_CIPHER(ZAK_SECRET))
    mac.update(text[: text.rindex(",") + 1].encode("ascii"))
    assert trailer == f"END,{COUNT},{mac.finalize().hex().upper()}"
    public = load_der_public_key(asked(hsm, b"VU")[4:])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, file, ec.ECDSA(hashes.SHA256()))


def test_a_changed_file_is_not_the_signed_one(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    file, signature = exported(hsm, tmp_path, made(hsm))
    public = load_der_public_key(asked(hsm, b"VU")[4:])
    assert isinstance(public, ec.EllipticCurvePublicKey)

    for at in range(0, len(file), 7):
        changed = file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]
        with pytest.raises(InvalidSignature):
            public.verify(signature, changed, ec.ECDSA(hashes.SHA256()))


def test_a_second_export_is_refused_even_after_a_restart(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    exported(hsm, tmp_path, rows)

    for same in (hsm, production_hsm(tmp_path)):
        tokens = released(tmp_path)
        assert refusal(same, b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode() + tokens) == "29"
        assert refusal(same, f"VC{BATCH}000000001".encode() + DIGEST_KEY) == "29"
        sealed = b"S" + BATCH.encode() + b"00000016" + rows[0].sealed
        assert refusal(same, b"VE" + DIGEST_KEY + LABEL + sealed) == "29"


def test_an_export_that_cannot_be_told_of_is_none(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    number = export_begun(hsm, tmp_path)
    asked(hsm, added(number, rows))
    with open(tmp_path / "audit.jsonl", "ab") as trail:
        trail.write(b"a line of another hand\n" * 2)

    with pytest.raises(Unusable, match="nothing more is written"):
        hsm.execute(b"VM" + number + MAC_KEY)  # the server answers 41

    assert refusal(hsm, b"VO" + number + b"00000000") == "15"
    assert refusal(hsm, b"VM" + number + MAC_KEY) == "15"
    assert asked(hsm, f"VW{BATCH}".encode())[:1] == b"O"


def test_an_export_that_was_prepared_twice_ends_once(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    old = export_begun(hsm, tmp_path)
    asked(hsm, added(old, rows))

    new = export_begun(hsm, tmp_path)

    assert refusal(hsm, b"VM" + old + MAC_KEY) == "15"
    asked(hsm, added(new, rows))
    asked(hsm, b"VM" + new + MAC_KEY)
    assert refusal(hsm, b"VM" + new + MAC_KEY) == "15"


def test_the_salt_of_an_exported_batch_is_gone(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    assert hsm.production is not None
    before = hsm.production.batch(BATCH).salt

    exported(hsm, tmp_path, made(hsm))

    assert len(before) == 32
    assert hsm.production.batch(BATCH).salt == b""
    state = json.loads((tmp_path / "production.json").read_bytes())["state"]
    assert state["batches"][BATCH]["salt"] == ""
    assert b64encode(before) not in (tmp_path / "production.json").read_bytes()
    assert asked(hsm, f"VW{BATCH}".encode())[:7] == b"E%06d" % COUNT


@pytest.mark.parametrize(
    "act",
    [
        release_act(BATCH, COUNT + 1, TO_PRINT_HOUSE),
        release_act("B00000000002", COUNT, TO_PRINT_HOUSE),
        release_act(BATCH, COUNT, fingerprint(MAILER_HOUSE.der)),
        destroy_act(BATCH),
    ],
)
def test_what_custodians_agreed_to_is_no_word_for_anything_else(
    hsm: Hsm, tmp_path: Path, act: str
) -> None:
    begun(hsm)
    command = b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode()

    assert refusal(hsm, command + released(tmp_path, act=act)) == "17"
    assert refusal(hsm, command + released(tmp_path)[:-32] + bytes(32).hex().encode()[:32]) == "17"


def test_one_custodian_does_not_make_two(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    command = b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode()
    (one,) = [released(tmp_path, "ali")]
    renamed = b"04bita" + one[5:]

    assert refusal(hsm, command + one + one) == "17"
    assert refusal(hsm, command + one + renamed) == "17"
    assert refusal(hsm, command + one) == "15"
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert sum("refused: not released" in line for line in lines) == 2


def test_the_word_of_who_is_no_custodian_any_more_does_not_count(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    tokens = released(tmp_path)
    people = json.loads((tmp_path / CUSTODIANS_FILE).read_bytes())
    del people["bita"]
    (tmp_path / CUSTODIANS_FILE).write_text(json.dumps(people))

    assert refusal(hsm, b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode() + tokens) == "17"


def test_who_does_not_know_the_passphrase_gives_no_word(tmp_path: Path) -> None:
    write_custodians(tmp_path)
    releases = releases_at(tmp_path, LMK, lambda: 1)

    for name, passphrase in [("ali", "another passphrase"), ("cyrus", "correct horse battery")]:
        with pytest.raises(Unusable, match="no such custodian"):
            releases.token(name, passphrase, "anything")
    assert verify_audit(tmp_path / "audit.jsonl").entries == 2


@pytest.mark.parametrize("recipient", [MAILER_HOUSE, Recipient("A stranger")])
def test_a_batch_goes_only_to_a_print_house_of_vouchers(
    hsm: Hsm, recipient: Recipient, tmp_path: Path
) -> None:
    begun(hsm)
    name = fingerprint(recipient.der)
    tokens = released(tmp_path, act=release_act(BATCH, COUNT, name))

    assert refusal(hsm, b"VI" + BATCH.encode() + name.encode() + tokens) == "29"


def test_a_certificate_that_has_expired_meanwhile_gets_nothing(tmp_path: Path) -> None:
    begun(production_hsm(tmp_path))
    end = PRINT_HOUSE.certificate.not_valid_after_utc.timestamp()
    late = production_hsm(tmp_path, lambda: int(end + 1) * 1_000_000_000)
    tokens = released(tmp_path)

    assert refusal(late, b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode() + tokens) == "15"


def test_pins_are_added_in_order_and_all_of_them(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    number = export_begun(hsm, tmp_path)

    assert refusal(hsm, added(number, rows[1:], 1)) == "15"
    assert asked(hsm, added(number, rows[:3])) == b"000003"
    assert refusal(hsm, added(number, rows[:3])) == "15"
    assert refusal(hsm, added(number, rows[3:][::-1], 3)) == "14"
    assert refusal(hsm, b"VM" + number + MAC_KEY) == "15"
    assert refusal(hsm, b"VO" + number + b"00000000") == "15"


def test_a_pin_of_another_batch_is_not_exported(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    begun(hsm, "B00000000002", first=100)
    number = export_begun(hsm, tmp_path)

    assert refusal(hsm, added(number, made(hsm, "B00000000002"))) == "14"


def test_a_mac_key_of_another_kind_ends_no_export(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    number = export_begun(hsm, tmp_path)
    asked(hsm, added(number, made(hsm)))

    assert refusal(hsm, b"VM" + number + DIGEST_KEY) == "A6"
    assert refusal(hsm, b"VM" + number + sealed_key(Key.random(TDES, 16), ZAK)) == "15"
    asked(hsm, b"VM" + number + MAC_KEY)


@pytest.mark.parametrize("kind", [TEK, ZEK])
@pytest.mark.parametrize("key", [Key.random(TDES, 16), Key.random(AES, 16)])
def test_a_pin_verifies_in_each_form_in_which_it_comes(
    hsm: Hsm, kind: KeyType, key: Key, tmp_path: Path
) -> None:
    begun(hsm)
    rows = made(hsm)
    sealed = b"S" + BATCH.encode() + b"00000016" + rows[0].sealed
    assert asked(hsm, b"VE" + DIGEST_KEY + LABEL + sealed) == rows[0].digest
    file, _ = exported(hsm, tmp_path, rows)
    pins = clear_pins(file)
    vector = bytes(range(16 if key.algorithm == AES else 8))
    padded = (pins[0].encode() + b"\x80").ljust(32 if key.algorithm == AES else 24, b"\0")
    data = (vector + key.encrypt_cbc(vector, padded)).hex().upper().encode()
    at_terminal = b"E" + kind.code.encode() + sealed_key(key, kind) + b"%03d" % len(data) + data

    for form in (at_terminal, b"C16" + pins[0].encode()):
        assert asked(hsm, b"VG" + DIGEST_KEY + LABEL + rows[0].digest + form) == b""
        assert refusal(hsm, b"VG" + DIGEST_KEY + LABEL + rows[1].digest + form) == "01"


def test_a_slip_of_the_finger_is_told_from_a_wrong_pin(hsm: Hsm) -> None:
    begun(hsm)
    digest = made(hsm)[0].digest
    wrong = "123456789012345" + damm_digit("123456789012345")
    slip = wrong[:-1] + str((int(wrong[-1]) + 1) % 10)

    start = b"VG" + DIGEST_KEY + LABEL + digest + b"C16"
    assert refusal(hsm, start + wrong.encode()) == "01"
    assert refusal(hsm, start + slip.encode()) == "20"
    assert refusal(hsm, start[:-2] + b"11" + wrong[:11].encode()) == "24"


def test_a_digest_key_is_changed_before_the_export_and_after_it(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    sealed = b"S" + BATCH.encode() + b"00000016" + rows[0].sealed
    before = asked(hsm, b"VE" + NEW_DIGEST_KEY + LABEL + sealed)
    file, _ = exported(hsm, tmp_path, rows)
    pin = b"C16" + clear_pins(file)[0].encode()

    after = asked(hsm, b"VG" + DIGEST_KEY + LABEL + rows[0].digest + pin + b";" + NEW_DIGEST_KEY)

    assert before == after != rows[0].digest
    assert asked(hsm, b"VG" + NEW_DIGEST_KEY + LABEL + after + pin) == b""
    wrong = b"VG" + DIGEST_KEY + LABEL + rows[1].digest + pin + b";" + NEW_DIGEST_KEY
    assert refusal(hsm, wrong) == "01"


def test_a_destroyed_batch_is_never_exported(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    act = destroy_act(BATCH)
    assert refusal(hsm, f"VY{BATCH}".encode() + released(tmp_path)) == "17"

    asked(hsm, f"VY{BATCH}".encode() + released(tmp_path, act=act))

    tokens = released(tmp_path)
    assert refusal(hsm, b"VI" + BATCH.encode() + TO_PRINT_HOUSE.encode() + tokens) == "29"
    assert asked(hsm, f"VW{BATCH}".encode()) == b"D%06d" % COUNT


def test_enrolment_needs_the_authorised_state(hsm: Hsm) -> None:
    house = Recipient("Another house")
    recipient = b"VSV%04d" % len(house.der) + house.der

    assert refusal(hsm, recipient) == "17"
    hsm.authorised = True
    assert asked(hsm, recipient).decode("ascii") == fingerprint(house.der)


@pytest.mark.parametrize(
    "certificate", [b"", b"rubbish", Recipient("Late", days=-1).der, Recipient("W", bits=1024).der]
)
def test_a_certificate_that_will_not_do_is_not_enrolled(hsm: Hsm, certificate: bytes) -> None:
    hsm.authorised = True

    assert refusal(hsm, b"VSV%04d" % len(certificate) + certificate) == "15"


def test_a_state_that_was_edited_is_not_read(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    path = tmp_path / "production.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"digits":16', b'"digits":12'))

    with pytest.raises(Unusable, match="changed"):
        Production(tmp_path, LMK, lambda: 0)
    assert path.stat().st_mode & 0o077 == 0


def test_an_hsm_without_production_says_so(hsm: Hsm) -> None:
    hsm.production = None

    assert refusal(hsm, f"VW{BATCH}".encode()) == "12"


def test_no_pin_is_in_the_state_or_in_an_answer(hsm: Hsm, tmp_path: Path) -> None:
    begun(hsm)
    rows = made(hsm)
    file, signature = exported(hsm, tmp_path, rows)
    pins = clear_pins(file)

    seen = (tmp_path / "production.json").read_bytes() + file + signature
    seen += b"".join(row.digest + row.sealed for row in rows)
    for pin in pins:
        text = pin.encode("ascii")
        assert all(form not in seen for form in (text, bytes.fromhex(pin), text.hex().encode()))
