"""A batch of vouchers from the HSM to a member's card: real commands, processes and sockets."""

import hashlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from bashgah import demo, demo_keys, demo_vouchers
from bashgah.demo_products import PRODUCTS
from bashgah.hsm_dialog import address_of
from bashgah.site import Site
from bashgah.vouchers import batches
from bashgah.vouchers.batches import Order, Outcome, Token
from bashgah.vouchers.loading import Stock, expect_delivered, read_digests, vouchers_added
from bashgah.vouchers.print_house import opened
from hsm_sim import custodians
from hsm_sim._keys import Key
from hsm_sim.key_types import VOUCHER, ZAK
from hsm_sim.production import fingerprint
from hsm_sim.releases import release_act
from switch.config import Hsm
from switch.errors import OperatingError
from switch.hsm_client import open_hsm
from tests.bashgah.test_control_commands import bashgah
from tests.support.hsm import served_hsm
from tests.support.production import AES, PRINT_HOUSE, production_hsm, sealed_key, token
from tests.support.shards import owner_of
from tests.support.site import running_site

ORDER = Order(
    batch="NOROOZ000001",
    product=demo_vouchers.LABEL,
    count=200,
    first=627_711_000_000_001,
    value_minor=70_000,
)
MAC_SECRET = bytes(range(32))
MAC_KEY = sealed_key(Key.of(AES, MAC_SECRET), ZAK).decode("ascii")
TO_PRINT_HOUSE = fingerprint(PRINT_HOUSE.der)
ACT = release_act(ORDER.batch, ORDER.count, TO_PRINT_HOUSE)
PROGRAMME = str(demo_vouchers.PROGRAMME)
(MEMBER,) = (product.cards[0].pan for product in PRODUCTS if product.takes_vouchers)
TERMINAL = demo.TERMINALS[7][0]


@pytest.fixture(autouse=True)
def _quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodians, "COST", 2)  # scrypt, but quick


class Office:
    """Who makes vouchers and sells them; the print house's PINs when it has opened its file."""

    def __init__(self, site: Site, files: Path, hsm: str) -> None:
        self.site = site
        self.files = files
        self.hsm = hsm
        self.sha256 = ""
        self.pins: dict[str, str] = {}

    async def vouchers(self, *words: str) -> subprocess.CompletedProcess[str]:
        config = ("--config", str(self.site.config_path), "--by", "sara")
        return await trio.to_thread.run_sync(lambda: bashgah("vouchers", *words, *config))

    async def loads(self, *words: str) -> subprocess.CompletedProcess[str]:
        batch = ("--batch", ORDER.batch, "--directory", str(self.files), "--hsm", self.hsm)
        return await self.vouchers(
            "load", *batch, "--programme", PROGRAMME, "--expiry", "3012", *words
        )

    async def till(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        options = (
            f"--port={self.site.config.listener[0].port}",
            f"--terminal={TERMINAL}",
            f"--state={self.files / 'till.json'}",
        )
        return await trio.to_thread.run_sync(
            lambda: bashgah("terminal", *words, *options, typed=typed)
        )

    async def sells(self, serial: str) -> int:
        price = f"--amount={ORDER.value_minor}"
        return (await self.till("activation", f"--card={serial}", price)).returncode

    async def redeems(self, pin: str) -> subprocess.CompletedProcess[str]:
        return await self.till("redeem", f"--card={MEMBER}", "--voucher-pin-file=-", typed=pin)

    async def state(self, serial: str) -> str:
        said = await self.vouchers("status", serial)
        assert said.returncode == 0, said.stderr
        return said.stdout.splitlines()[0].removeprefix("state").strip()


async def made(office: Office, home: Path, export: bool) -> None:
    """Have the batch made, and released to the print house, which opens its file."""
    async with open_hsm(address_of(office.hsm)) as session:
        if not export:
            result = await batches.generate(session, ORDER, demo_keys.sealed_key(VOUCHER))
            batches.write_batch(office.files, ORDER, result)
            return
        said = [token(home, name, ACT).decode("ascii") for name in ("ali", "bita")]
        _, sealed = batches.read_batch(office.files, ORDER.batch)
        file = await batches.export(
            session,
            ORDER,
            sealed,
            recipient=TO_PRINT_HOUSE,
            tokens=[Token(word[2:-32], word[-32:]) for word in said],
            mac_key=MAC_KEY,
        )
    office.sha256 = hashlib.sha256(file.envelope).hexdigest().upper()
    printable = opened(file.envelope, PRINT_HOUSE.certificate, PRINT_HOUSE.key, MAC_SECRET)
    office.pins = {voucher.serial: voucher.pin for voucher in printable.vouchers}


@asynccontextmanager
async def office(directory: Path) -> AsyncIterator[tuple[Office, Callable[..., Awaitable[None]]]]:
    home = directory / "hsm"
    home.mkdir(mode=0o700)
    (directory / "files").mkdir()
    async with served_hsm(production_hsm(home)) as (server, address):
        hsms = (Hsm(port=address.port),)
        async with running_site(lambda line: None, hsms=hsms) as site:
            desk = Office(site, directory / "files", f"{address.host}:{address.port}")
            yield desk, partial(made, desk, home)
        server.stop()


@pytest.mark.slow
async def test_a_batch_is_loaded_once_after_its_delivery_then_sold_and_redeemed(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as (here, make):
        await make(export=False)
        early = await here.loads("--received", "0" * 64)
        await make(export=True)
        unsaid = await here.loads()
        other = await here.loads("--received", "0" * 64)
        loaded = await here.loads("--received", here.sha256.lower())
        again = await here.loads("--received", here.sha256)
        first, second, third = list(here.pins)[:3]
        states = [await here.state(first)]
        unsold = await here.redeems(here.pins[first])
        sold = [await here.sells(first), await here.sells(third)]
        states.append(await here.state(first))
        redeemed = await here.redeems(here.pins[first])
        states.append(await here.state(first))
        twice = await here.redeems(here.pins[first])
        voided = [await here.vouchers("void", one, "--why", "stolen") for one in (second, third)]
        states.append(await here.state(third))
        void_again = await here.vouchers("void", third)
        void_redeemed = await here.vouchers("void", first)
        void_sale = await here.sells(second)
        void_redemption = await here.redeems(here.pins[third])
        unknown = await here.vouchers("status", "6277000000000999")
        await here.site.stop_switch()
        log = (here.site.data_dir / "switch.log").read_text()

    refused = [early, unsaid, other, again, void_redeemed, unknown]
    assert [one.returncode for one in refused] == [2] * 6
    assert [one.stderr.strip().rpartition(": ")[2] for one in refused] == [
        "nobody can have received it",
        "either --received, or --before-delivery",
        "what was received is not what was exported",
        "NOROOZ000001 was loaded before",
        f"{first} is redeemed",
        "no such voucher",
    ]
    assert loaded.stdout == "NOROOZ000001: 200 of 200 vouchers are new\n"
    assert states == ["not sold, or over", "sold", "redeemed", "void"]
    assert "This PIN is not good" in unsold.stdout
    assert (sold, redeemed.returncode) == ([0, 0], 0)
    assert "70,000 rial" in redeemed.stdout
    assert "The voucher was used before" in twice.stdout
    assert [one.stdout for one in voided] == [f"{second}: void\n", f"{third}: void\n"]
    assert void_again.stdout == f"{third}: was void before\n"
    assert void_sale == 1
    assert "This PIN is not good" in void_redemption.stdout
    shown = redeemed.stdout + redeemed.stderr + log + (here.files / "till.json").read_text()
    assert here.pins[first] not in shown


@pytest.mark.slow
async def test_vouchers_of_several_shards_are_loaded_where_they_belong(tmp_path: Path) -> None:
    async with running_site(lambda line: None, shards=2) as site:
        write_files(tmp_path)
        here = Office(site, tmp_path, "127.0.0.1:1")

        loaded = await here.loads("--before-delivery")
        again = await here.loads("--before-delivery")
        serials = batches.serials_of(ORDER)
        owners = {owner_of(site, serial) for serial in serials[:20]}
        states = {await here.state(serial) for serial in serials[:4]}

    assert loaded.stdout == "NOROOZ000001: 200 of 200 vouchers are new\n"
    assert again.returncode == 2
    assert (owners, states) == ({0, 1}, {"not sold, or over"})


def write_files(directory: Path) -> list[str]:
    """Write a batch's files with digests of nothing; gives its lines."""
    serials = batches.serials_of(ORDER)
    digests = [hashlib.sha256(serial.encode()).hexdigest().upper() for serial in serials]
    batches.write_batch(directory, ORDER, batches.Made(serials, digests, ["00"] * len(serials)))
    return (directory / f"{ORDER.batch}.digests.csv").read_text().splitlines()


def test_what_is_loaded_is_what_the_file_says(tmp_path: Path) -> None:
    lines = write_files(tmp_path)

    rows = read_digests(tmp_path, ORDER, 0)
    event = vouchers_added(Stock(programme=5, expiry="3001", points=9), ORDER, 0, rows, b"k" * 32)

    assert [row.digest.hex().upper() for row in rows] == [line.split(",")[2] for line in lines]
    assert len(event.tokens) == 16 * 200
    assert len(event.digests) == 32 * 200
    assert (event.price_minor, event.points, event.batch) == (70_000, 9, ORDER.batch)
    assert (event.digest_key, event.digest_label) == (1, demo_vouchers.LABEL)
    assert event.expiries[:2] == (3001).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("6277110000000019,DEMO-50,00,1", "not one line for each"),
        ("{serial},OTHER,{digest},1", "another product or key"),
        ("{serial},DEMO-50,{digest},2", "another product or key"),
        ("{serial},DEMO-50,{digest}0,1", "64 digits"),
        ("{serial},DEMO-50," + "x" * 64 + ",1", "hexadecimal"),
        ("", "not one line for each"),
    ],
)
def test_a_file_that_is_not_the_orders_is_refused(tmp_path: Path, line: str, said: str) -> None:
    lines = write_files(tmp_path)
    serial, _, digest, _ = lines[7].split(",")
    lines[7] = line.format(serial=serial, digest=digest)
    path = tmp_path / f"{ORDER.batch}.digests.csv"
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(OperatingError, match=said):
        read_digests(tmp_path, ORDER, 0)


def test_digests_after_a_change_of_their_key_have_a_file_of_their_own(tmp_path: Path) -> None:
    lines = write_files(tmp_path)
    changed = "".join(line[:-1] + "2\n" for line in lines)
    (tmp_path / f"{ORDER.batch}.digests.2.csv").write_text(changed)

    assert len(read_digests(tmp_path, ORDER, 2)) == 200
    with pytest.raises(FileNotFoundError):
        read_digests(tmp_path, ORDER, 3)


@pytest.mark.parametrize(
    ("state", "count", "received", "said"),
    [
        ("O", 200, "AB", "not exported"),
        ("D", 200, "AB", "not exported"),
        ("E", 199, "AB", "not exported"),
        ("E", 200, "AC", "not what was exported"),
        ("E", 200, "", "not what was exported"),
    ],
)
def test_only_what_was_exported_can_have_been_received(
    state: str, count: int, received: str, said: str
) -> None:
    told = Outcome(state=state, count=count, recipient="", sha256="AB")

    with pytest.raises(OperatingError, match=said):
        expect_delivered(ORDER, told, received)
    expect_delivered(ORDER, Outcome(state="E", count=200, recipient="", sha256="AB"), " ab ")
