"""Batches of vouchers over real sockets: made, released, exported, read by the print house.

The command line is run as a person would run it, against an HSM that is a process of its own.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from bashgah.commands.hsm_console import console_app
from bashgah.commands.vouchers import app
from bashgah.hsm_dialog import HsmRefused, ask
from bashgah.vouchers import batches
from bashgah.vouchers.batches import Order, Token
from bashgah.vouchers.print_house import is_signed, opened
from hsm_sim import custodians
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit, damm_valid
from hsm_sim.key_types import VOUCHER, ZAK
from hsm_sim.production import fingerprint
from hsm_sim.releases import release_act
from switch.errors import OperatingError
from switch.hsm_client import HsmSession, open_hsm
from tests.support.hsm import served_hsm
from tests.support.hsm_process import hsm_process
from tests.support.production import (
    AES,
    HMAC,
    PRINT_HOUSE,
    production_hsm,
    sealed_key,
    token,
)

ORDER = Order(batch="NOROOZ000001", product="CHARGE-50", count=400, first=1, value_minor=500_000)
MAC_SECRET = bytes(range(32))
DIGEST_KEY = sealed_key(Key.random(HMAC, 32), VOUCHER).decode("ascii")
MAC_KEY = sealed_key(Key.of(AES, MAC_SECRET), ZAK).decode("ascii")
TO_PRINT_HOUSE = fingerprint(PRINT_HOUSE.der)
ACT = release_act(ORDER.batch, ORDER.count, TO_PRINT_HOUSE)


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodians, "COST", 2)  # scrypt, but quick


def words(home: Path) -> list[Token]:
    """Let both custodians agree."""
    said = [token(home, name, ACT).decode("ascii") for name in ("ali", "bita")]
    return [Token(word[2:-32], word[-32:]) for word in said]


async def exported(session: HsmSession, home: Path, sealed: list[str]) -> batches.Exported:
    return await batches.export(
        session,
        ORDER,
        sealed,
        recipient=TO_PRINT_HOUSE,
        tokens=words(home),
        mac_key=MAC_KEY,
    )


async def test_the_print_house_reads_what_was_made(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        made = await batches.generate(session, ORDER, DIGEST_KEY)
        file = await exported(session, tmp_path, made.sealed)
        public_key = (await ask(session, "VU"))[4:]

        assert is_signed(file.envelope, file.signature, public_key)
        printable = opened(file.envelope, PRINT_HOUSE.certificate, PRINT_HOUSE.key, MAC_SECRET)

        assert [it.serial for it in printable.vouchers] == made.serials
        assert (printable.batch, printable.value_minor_all) == (ORDER.batch, 400 * 500_000)
        assert len(set(made.digests)) == 400
        for voucher, digest in list(zip(printable.vouchers, made.digests, strict=True))[::40]:
            assert damm_valid(voucher.pin)
            label = f"{len(voucher.product):02}{voucher.product}"
            fields = f"{DIGEST_KEY}{label}{digest}C16{voucher.pin}"
            assert await ask(session, "VG", fields) == b""


async def test_a_second_export_and_a_single_custodian_are_refused(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        made = await batches.generate(session, ORDER, DIGEST_KEY)
        alone = words(tmp_path)[:1] * 2

        with pytest.raises(HsmRefused, match="two custodians") as refused:
            await batches.export(
                session,
                ORDER,
                made.sealed,
                recipient=TO_PRINT_HOUSE,
                tokens=alone,
                mac_key=MAC_KEY,
            )
        assert refused.value.code == "17"
        await exported(session, tmp_path, made.sealed)
        with pytest.raises(HsmRefused, match="done before") as refused:
            await exported(session, tmp_path, made.sealed)
        assert refused.value.code == "29"


async def test_a_changed_export_is_detected_by_everybody(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        made = await batches.generate(session, ORDER, DIGEST_KEY)
        file = await exported(session, tmp_path, made.sealed)
        public_key = (await ask(session, "VU"))[4:]
    envelope = file.envelope
    middle = len(envelope) // 2
    changed = envelope[:middle] + bytes([envelope[middle] ^ 1]) + envelope[middle + 1 :]

    assert not is_signed(changed, file.signature, public_key)
    assert not is_signed(envelope, file.signature[:-1], public_key)
    for forged, mac_secret in [(changed, MAC_SECRET), (envelope, bytes(32))]:
        with pytest.raises(OperatingError, match=r"MAC|envelope"):
            opened(forged, PRINT_HOUSE.certificate, PRINT_HOUSE.key, mac_secret)


async def test_a_batch_gets_a_new_digest_key_before_its_export(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    new_key = sealed_key(Key.random(HMAC, 32), VOUCHER).decode("ascii")
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        made = await batches.generate(session, ORDER, DIGEST_KEY)

        again = await batches.redigested(session, ORDER, made.sealed, DIGEST_KEY)
        digests = await batches.redigested(session, ORDER, made.sealed, new_key)

        assert again == made.digests
        file = await exported(session, tmp_path, made.sealed)
        printable = opened(file.envelope, PRINT_HOUSE.certificate, PRINT_HOUSE.key, MAC_SECRET)
        pin = printable.vouchers[7].pin
        assert await ask(session, "VG", f"{new_key}09CHARGE-50{digests[7]}C16{pin}") == b""
        with pytest.raises(HsmRefused, match="done before"):
            await batches.redigested(session, ORDER, made.sealed, new_key)


class Repeating:
    """A session whose HSM had bad luck once: the first two PINs that it tells of are equal."""

    def __init__(self, session: HsmSession) -> None:
        self._session = session
        self.replaced: list[bytes] = []

    async def command(self, message: bytes) -> bytes:
        response = await self._session.command(message)
        if message[:2] != b"VC":
            return response
        if self.replaced:
            self.replaced.append(message[14:23])
            return response
        self.replaced.append(message[14:23])
        row = response[7 : 7 + 64 + 88]
        return response[:7] + row + row + response[7 + 2 * len(row) :]


async def test_a_pin_that_was_there_before_is_made_again(tmp_path: Path) -> None:
    hsm = production_hsm(tmp_path)
    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        repeating = Repeating(session)

        made = await batches.generate(cast("HsmSession", repeating), ORDER, DIGEST_KEY)

        assert repeating.replaced[-1] == b"000001001"
        assert len(set(made.digests)) == 400
        await exported(session, tmp_path, made.sealed)


@pytest.mark.parametrize(
    ("places", "runs"),
    [
        ([], []),
        ([7], [(7, 1)]),
        ([0, 1, 3], [(0, 2), (3, 1)]),
        (list(range(301)), [(0, 150), (150, 150), (300, 1)]),
    ],
)
def test_places_are_cut_into_runs(places: list[int], runs: list[tuple[int, int]]) -> None:
    assert list(batches.spans(places)) == runs


class Office:
    """A directory with all that the command line needs, and an HSM process beside it."""

    def __init__(self, directory: Path, address: str) -> None:
        self.directory = directory
        self.home = directory / "hsm"
        self.files = directory / "vouchers"
        self.address = address

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--hsm", self.address])

    def does(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def console(self, *arguments: str, typed: str) -> str:
        line = [*arguments, "--home", str(self.home)]
        line += [] if arguments[0] == "custodian" else ["--lmk", "test"]
        result = CliRunner().invoke(console_app, line, input=typed)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output.strip().splitlines()[-1]


@contextmanager
def office(directory: Path) -> Iterator[Office]:
    home = directory / "hsm"
    home.mkdir(mode=0o700)
    production_hsm(home)
    with hsm_process(home) as address:
        yield Office(directory, address)


@pytest.mark.slow
def test_a_batch_from_the_order_to_the_receipt_at_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "voucher.key").write_text(DIGEST_KEY)
    (tmp_path / "zak.key").write_text(MAC_KEY)
    certificate = tmp_path / "house.pem"
    certificate.write_bytes(PRINT_HOUSE.certificate.public_bytes(Encoding.PEM))
    batch = ("--batch", ORDER.batch)
    with office(tmp_path) as desk:
        where = ("--directory", str(desk.files))
        order = ("--product", "CHARGE-50", "--count", "400", "--first", "1", "--value", "500000")
        key = ("--digest-key", str(tmp_path / "voucher.key"))

        desk.does("generate", *batch, *order, *key, *where)

        desk.does("rotate", *batch, *key, "--key-id", "2", *where)

        release = ("--count", "400", "--recipient", TO_PRINT_HOUSE)
        said = [
            desk.console("release", "--custodian", name, *batch, *release, typed=typed)
            for name, typed in (
                ("ali", "correct horse battery\n"),
                ("bita", "staple after horse\n"),
            )
        ]
        tokens = ("--token", said[0], "--token", said[1])
        export = ("export", *batch, "--recipient", str(certificate), *tokens)
        desk.does(*export, "--mac-key", str(tmp_path / "zak.key"), *where)
        assert "as the HSM wrote it" in desk.does("verify", *batch, *where)
        receipt = desk.does("receipt", *batch)
        envelope = (desk.files / f"{ORDER.batch}.p7m").read_bytes()
        assert hashlib.sha256(envelope).hexdigest().upper() in receipt
        again = desk.run(*export, "--mac-key", str(tmp_path / "zak.key"), *where)
        assert isinstance(again.exception, OSError)  # the sealed PINs are gone
        (desk.files / f"{ORDER.batch}.p7m").write_bytes(envelope[:-1] + b"?")
        assert desk.run("verify", *batch, *where).exit_code == 1

    printable = opened(envelope, PRINT_HOUSE.certificate, PRINT_HOUSE.key, MAC_SECRET)
    rows = (desk.files / f"{ORDER.batch}.digests.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == [it.serial for it in printable.vouchers]
    assert rows[0].split(",")[1::2] == ["CHARGE-50", "1"]
    rotated = (desk.files / f"{ORDER.batch}.digests.2.csv").read_text().splitlines()
    assert [row[:-1] for row in rotated] == [row[:-1] for row in rows]  # the same key, numbered 2
    assert not (desk.files / f"{ORDER.batch}.sealed.csv").exists()
    expect_nowhere([voucher.pin for voucher in printable.vouchers], tmp_path)


def expect_nowhere(pins: list[str], directory: Path) -> None:
    """Look for PINs in every file: as text, as hexadecimal text, packed."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) >= 8
    for path in files:
        content = path.read_bytes()
        for pin in pins:
            text = pin.encode("ascii")
            for form in (text, text.hex().encode("ascii"), bytes.fromhex(pin)):
                assert form not in content, path.name


def test_an_order_that_was_made_is_read_back(tmp_path: Path) -> None:
    order = msgspec.structs.replace(ORDER, count=2)
    serials = [f"{n:015}" + damm_digit(f"{n:015}") for n in (1, 2)]
    made = batches.Made(serials, ["AA" * 32, "BB" * 32], ["CC", "DD"])

    batches.write_batch(tmp_path, order, made)

    assert batches.read_batch(tmp_path, order.batch) == (order, ["CC", "DD"])
    with pytest.raises(OperatingError, match="File exists"):
        batches.write_batch(tmp_path, order, made)
    batches.path_of(tmp_path, order.batch, "sealed.csv").write_text("1,DD\n")
    with pytest.raises(OperatingError, match="each voucher"):
        batches.read_batch(tmp_path, order.batch)
