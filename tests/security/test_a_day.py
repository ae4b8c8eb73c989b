"""A day at a whole site, and then a search of all that it wrote, for every secret of the day.

PINs of twelve digits are searched for themselves; one of four is found anywhere by chance, so of
that one PIN blocks are, in clear and encrypted. A CVV is searched with the track around it.
"""

import re
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from bashgah import demo_vouchers
from bashgah.demo import with_check_digit
from hsm_sim.audit import TRAIL_FILE
from switch.iso8583 import Message, decode, encode
from tests.support.gate_bench import Link
from tests.support.production_day import produce
from tests.support.secret_search import Forms, finds, of_bytes, of_digits, of_key
from tests.support.secrets import Vault, present_chip
from tests.support.secure_site import SecureSite, running_secure_site
from tests.support.shop import spec
from tests.support.voucher_day import MEMBER, sent

LONG_PIN, WRONG_PIN, SHORT_PIN = "730264918553", "194603857726", "5937"
PANS = tuple(with_check_digit(f"936400{body}") for body in ("731948256", "582617394", "460193827"))
CARDS = ((PANS[0], LONG_PIN), (PANS[1], SHORT_PIN), (PANS[2], LONG_PIN[::-1]))
KEPT_SECRETS = {"pan.key", "hsm.lmk"}
"""Files that are there to hold a secret: nobody else reads them, which other tests show."""


class Day:
    """What was done, and the secrets that went over the wire."""

    def __init__(self, here: SecureSite) -> None:
        self.here = here
        self.secrets: dict[str, Forms] = {}
        self.replies = bytearray()
        self.reasons: list[str] = []

    def knows(self, name: str, forms: Forms) -> None:
        self.secrets[name] = forms

    def block(self, vault: Vault, pin: str, serial: str = "") -> str:
        """Give DE 52, and remember it, encrypted and clear."""
        sealed = vault.derived_block(serial, pin) if serial else vault.block(pin)
        self.knows(f"PIN block {sealed}", of_bytes(bytes.fromhex(sealed)))
        field = f"0{len(pin):X}{pin}".ljust(16, "F")
        account = f"0000{vault.card[-13:-1]}"
        block = (int(field, 16) ^ int(account, 16)).to_bytes(8, "big")
        self.knows(f"clear block of {pin}", of_bytes(block))
        self.knows(f"clear field of {pin}", of_bytes(bytes.fromhex(field)))
        return sealed

    def track2(self, vault: Vault, service: str, code: str | None = None) -> str:
        """Give DE 35, and remember it, and its end with the CVV."""
        track = vault.track2(service, code=code)
        self.knows(f"track 2 {track[-3:]}", of_digits(track))
        self.knows(f"end of track 2 {track[-3:]}", of_digits(track.partition("D")[2]))
        return track

    async def ask(self, link: Link, message: Message | bytes) -> Message:
        await link.send(message)
        body = await link.reply_bytes()
        self.replies += body
        reply = decode(body, link.spec)
        self.reasons.append(reply.get("48.RC", reply[39]))
        return reply


def keys_of_the_day(day: Day) -> None:
    """Remember every key as it is now; a key exchange brings new ones."""
    here = day.here
    for name, key in here.vaults[0].keys.items():
        when = len(day.secrets)
        for part, forms in of_key(key).items():
            day.knows(f"{name} {part} ({when})", forms)


def secrets_of_the_site(day: Day) -> None:
    here = day.here
    keys_of_the_day(day)
    for number, component in enumerate(here.components):
        for part, forms in of_key(component).items():
            day.knows(f"component {number} {part}", forms)
    pan_key = bytes.fromhex((here.site.data_dir / "pan.key").read_text().strip())
    day.knows("PAN key", of_bytes(pan_key))
    lmk = (here.home / "hsm.lmk").read_bytes()[-32:]
    day.knows("LMK", of_bytes(lmk))
    for vault in here.vaults:
        day.knows(f"PAN {vault.card}", of_digits(vault.card))
    day.secrets |= here.vouchers.secrets()
    for pin in (LONG_PIN, WRONG_PIN, LONG_PIN[::-1]):
        day.knows(f"PIN {pin}", of_digits(pin))


async def chip_purchase(day: Day, link: Link, vault: Vault, directory: Path) -> Message:
    """Pay with a chip card whose key is derived from the issuer's."""
    file = vault.chip_card(directory / "card.json")
    day.knows("track 2 of the chip", of_digits(file.read().track2))
    day.knows("chip key", of_bytes(bytes.fromhex(file.read().icc_master_key)))
    message = day.here.message(vault, de2=None)
    await present_chip(message, file, amount_minor=10_000)
    return await day.ask(link, message)


async def plain_terminal(day: Day, dialect: str, first_counter: int, directory: Path) -> None:
    """Work at a terminal without MACs, whose PINs come under derived keys."""
    here, (one, two, _) = day.here, day.here.vaults
    link = await here.connect(dialect)
    for vault in here.vaults:
        load = here.message(vault, de3="210000", de4="000050000000")
        assert (await day.ask(link, load))[39] == "00"
    for counter, (vault, pin, reason) in enumerate(
        [(one, LONG_PIN, "00"), (one, WRONG_PIN, "pin_wrong"), (two, SHORT_PIN, "00")],
        first_counter,
    ):
        serial = f"FFFF9876543210E{counter:05X}"
        paid = here.message(vault, de52=day.block(vault, pin, serial), de48=f"KS020{serial}")
        assert (await day.ask(link, paid)).get("48.RC", "00") == reason
    swipe = here.message(one, de2=None, de22="901", de35=day.track2(one, "101"))
    assert (await day.ask(link, swipe))[39] == "00"
    forged = here.message(two, de2=None, de22="901", de35=day.track2(two, "101", "000"))
    assert (await day.ask(link, forged))["48.RC"] == "card_code_wrong"
    if dialect == "binary":
        paid = await chip_purchase(day, link, one, directory)
        assert (paid[39], paid.get("48.RC")) == ("00", None)
    undone = here.message(
        two, "0400", de90=f"0200{swipe[11]}{swipe[13]}{swipe[12]}" + "0" * 22, de2=one.card
    )
    assert (await day.ask(link, undone))[39] == "00"
    track1 = f"B{two.card}^SARA/TEST^{two.track2().partition('D')[2]}"
    for odd in (
        here.message(one, de14="2001"),
        here.message(one, de35=day.track2(two, "101")),
        here.message(two, de48=f"PR016{two.card}"),
        here.message(two, de45=track1),
        here.message(two, "0300"),
    ):
        await day.ask(link, odd)
    await link.channel.aclose()


async def terminal_with_keys(day: Day) -> None:
    """Work at a terminal with MACs: right, wrong, a key exchange, the HSM away and back."""
    here, (_, _, third) = day.here, day.here.vaults
    link = await here.connect()

    async def buy(pin: str) -> Message:
        message = here.message(third, de52=day.block(third, pin))
        return await day.ask(link, here.sealed(link, third, message))

    assert (await buy(third.pin))[39] == "00"
    assert (await buy(WRONG_PIN))["48.RC"] == "pin_wrong"
    await trade_in_vouchers(day, link, third, 0)
    altered = bytearray(here.sealed(link, third, here.message(third)))
    altered[-1] ^= 1
    assert (await day.ask(link, bytes(altered)))["48.RC"] == "mac_wrong"
    exchange = here.sealed(link, third, here.network("161"))
    told = await day.ask(link, exchange)
    assert told[39] == "00"
    third.take_session_keys(told["48.KP"], told["48.KM"], told["48.KD"])
    keys_of_the_day(day)
    await trade_in_vouchers(day, link, third, 1)
    assert (await buy(third.pin))[39] == "00"
    here.stop_hsm()
    await here.wait_for_hsm(connected=False)
    assert (await buy(third.pin))["48.RC"] == "hsm_unavailable"
    here.start_hsm()
    await here.wait_for_hsm(connected=True)
    assert (await buy(third.pin))[39] == "00"
    await link.channel.aclose()


async def trade_in_vouchers(day: Day, link: Link, vault: Vault, place: int) -> None:
    """Sell a voucher and redeem it, once; guess a PIN."""
    here = day.here

    async def redeem(pin: str) -> Message:
        text, forms = sent(vault, pin)
        day.knows(f"voucher PIN, encrypted, {text}", forms)
        message = here.message(vault, de2=MEMBER, de3="730000", de4=None, de49=None)
        message["48.VP"] = text
        return await day.ask(link, here.sealed(link, vault, message))

    price = f"{demo_vouchers.VALUE_MINOR:012d}"
    sale = here.message(vault, de2=here.vouchers.serials[place], de3="720000", de4=price)
    unsold = await redeem(here.vouchers.pins[place])
    assert (await day.ask(link, here.sealed(link, vault, sale)))[39] == "00"
    redeemed = await redeem(here.vouchers.pins[place])
    again = await redeem(here.vouchers.pins[place])
    guessed = await redeem(here.vouchers.pins[-1])

    assert (redeemed[39], redeemed["48.VR"]) == ("00", str(demo_vouchers.VALUE_MINOR))
    refusals = [unsold["48.RC"], again["48.RC"], guessed["48.RC"]]
    assert refusals == ["voucher_refused", "voucher_redeemed", "voucher_refused"]


async def bad_input(day: Day) -> None:
    """Send messages with cards in them, cut and changed; the switch may hang up."""
    here = day.here
    for dialect in ("binary", "ascii"):
        whole = here.message(here.vaults[0], de35=here.vaults[0].track2())
        body = encode(whole, spec(dialect))
        broken = [body[:at] for at in range(6, len(body), 17)]
        broken += [body[:at] + bytes([body[at] ^ 0xF5]) + body[at + 1 :] for at in range(2, 60, 9)]
        for one in broken:
            hostile = await here.connect(dialect)
            try:
                await hostile.send(one)
                with trio.move_on_after(0.02):
                    day.replies += await hostile.channel.receive_some()
            except trio.BrokenResourceError:
                pass
            await trio.aclose_forcefully(hostile.channel)


def metrics_page(url: str) -> bytes:
    """Give the page as a scrape gets it."""
    with urllib.request.urlopen(url) as page:
        return bytes(page.read())


@asynccontextmanager
async def a_day(directory: Path) -> AsyncIterator[Day]:
    """Give a day that is over, at a site whose switch has stopped and whose database runs."""
    async with running_secure_site(CARDS) as here:
        day = Day(here)
        secrets_of_the_site(day)
        await plain_terminal(day, "binary", 1, directory)
        await plain_terminal(day, "ascii", 0x101, directory)
        await terminal_with_keys(day)
        day.secrets |= await produce(here)
        await bad_input(day)
        day.replies += await trio.to_thread.run_sync(metrics_page, here.site.metrics_url)
        await here.site.stop_switch()
        here.stop_hsm()
        yield day


def everything(here: SecureSite) -> Iterator[tuple[str, bytes]]:
    """Yield all that the site wrote: files, tables (as COPY gives them), database files, WAL."""
    cluster = here.site.cluster
    assert cluster is not None
    database = cluster.psql("SELECT datname, oid FROM pg_database WHERE NOT datistemplate")
    names = dict(line.split("|") for line in database.splitlines())
    name = next(it for it in names if it != "postgres")
    tables = cluster.psql(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
        database=name,
    )
    for table in tables.splitlines():
        rows = cluster.psql(f"COPY (SELECT * FROM {table}) TO STDOUT", database=name)
        yield f"table {table}", rows.encode()
    cluster.psql("CHECKPOINT")
    ours = f"base/{names[name]}/"
    for path in sorted(here.site.data_dir.rglob("*")):
        shown = path.relative_to(here.site.data_dir).as_posix()
        if not path.is_file() or path.name in KEPT_SECRETS:
            continue
        if "/base/" in f"/{shown}" and ours not in shown:
            continue  # databases that PostgreSQL brings along
        yield shown, path.read_bytes()


def assert_planted_ones_are_found(day: Day) -> None:
    """The same search of the same places finds a card that somebody did leave there."""
    here, pan = day.here, PANS[0]
    assert here.site.cluster is not None
    (here.site.data_dir / "planted.log").write_bytes(b"x" + bytes.fromhex(pan) + b"y")
    packed = f"'\\x{pan}'::bytea AS packed"
    sql = f"CREATE TABLE planted AS SELECT {int(pan)} AS number, {packed}; CHECKPOINT"
    here.site.cluster.psql(sql, database="bashgah")
    planted = {pan: of_digits(pan)}
    places = [where for where, output in everything(here) if finds(output, planted)]

    assert {"planted.log", "table public.planted"} <= set(places)
    assert any("/base/" in where for where in places)
    assert any("pg_wal" in where for where in places)


@pytest.mark.slow
async def test_nothing_that_a_day_leaves_behind_holds_a_secret(tmp_path: Path) -> None:
    async with a_day(tmp_path) as day:
        here = day.here
        searched = dict(everything(here))
        searched["replies and metrics"] = bytes(day.replies)

        found = {
            where: what
            for where, output in searched.items()
            if (what := finds(output, day.secrets))
        }
        assert found == {}

        log = searched["exchanges.log"].decode()
        for pan in PANS:
            assert f"{pan[:6]}******{pan[-4:]}" in log, "the day was written down, masked"
        masked = set(re.findall(r"[0-9]+\*+[0-9]+", log))
        assert all(re.fullmatch(r"[0-9]{6}\*{6,9}[0-9]{4}", mask) for mask in masked)
        assert {"pin_wrong", "mac_wrong", "card_code_wrong", "hsm_unavailable"} <= set(day.reasons)
        assert "voucher_refused" in day.reasons
        assert {"switch.log", "hsm/serve.log", f"hsm/{TRAIL_FILE}"} <= set(searched)
        written = {Path(name).name for name in searched if name.startswith("production/")}
        assert len(written) == 8, "four files of vouchers, four of cards"
        tables = {where: len(rows) for where, rows in searched.items() if where.startswith("table")}
        assert any("snapshot" in where and size for where, size in tables.items()), tables
        assert any("pg_wal" in where for where in searched)
        assert_planted_ones_are_found(day)
