"""Operators' commands at a whole site, with an HSM as a process: what they do to cards' PINs.

Method: real commands against a real switch; the terminal's PIN key is opened with the published
LMK, as whoever loads the terminal would get it.
"""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
import pytest
import trio

from acquirers.terminal.wire import wire_of
from bashgah import demo
from bashgah.card_production.files import LoaderBatch, LoaderCard, token_of
from bashgah.card_production.guests import pans_beside
from bashgah.child_program import ChildProgramError
from bashgah.demo import with_check_digit
from bashgah.demo_products import GUEST, LOYALTY, PRODUCTS
from bashgah.site import Site
from bashgah.terminal_keys import MacAlgorithm, for_terminal, make_keys, read_injection
from hsm_sim import _dukpt, _pin_checks
from hsm_sim._keys import Key
from hsm_sim._macs import check_value
from hsm_sim._pins import FORMATS, Pin, seal_block
from hsm_sim.key_types import BDK, PVK, TEK, TMK, TPK, ZMK
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from issuers.purse import purse
from switch.config import Hsm, read_pan_key
from switch.errors import OperatingError
from switch.hsm_client import open_hsm
from switch.iso8583 import Message, decode, encode
from switch.programme import Programme
from switch.rules import Limits, Security
from tests.golden.line import connected
from tests.source_tree import ROOT
from tests.support.hsm import published_hsm, served_hsm
from tests.support.hsm_process import hsm_process
from tests.support.shards import owner_of
from tests.support.site import running_site

WIRE = wire_of("pos-binary")
LMK = KeyBlockLmk.published_test_key()
PIN, WRONG = "4711", "0815"
PANS = [with_check_digit(f"93640022{number:07d}") for number in range(40)]
PAN = PANS[0]
LOST = demo.TEST_CARDS[4].pan
TERMINAL, MERCHANT = demo.TERMINALS[7]


def purse_with_pin(programme: int, version: int, club: int, limits: Limits) -> Programme:
    definition = purse(programme, version, club, limits)
    return msgspec.structs.replace(definition, security=Security(pin="if_sent"))


def bashgah(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bashgah", *arguments],
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Counter:
    """An operator's shell, and a terminal with the customer's card."""

    def __init__(self, site: Site, files: Path) -> None:
        self.site = site
        self.files = files
        self.pvk, self.bdk = Key.random(0, 16), Key.random(0, 16)
        self.stan = 0

    async def run(self, *arguments: str, typed: str = "") -> str:
        """Run a command that must do what it says; what it printed."""
        ended = await self.tried(*arguments, typed=typed)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    async def tried(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        config = ("--config", str(self.site.config_path))
        return await trio.to_thread.run_sync(
            lambda: bashgah(*arguments, *config, "--by", "sara", typed=typed)
        )

    def write(self, name: str, lines: list[object]) -> str:
        path = self.files / name
        path.write_bytes(msgspec.json.Encoder().encode_lines(lines))
        return str(path)

    def token_of(self, pan: str) -> bytes:
        assert self.site.config.keys.pan_key_file is not None
        return token_of(read_pan_key(self.site.config.keys.pan_key_file), pan)

    def loader_file(self, pans: list[str], members: list[bytes] | None = None) -> str:
        of_cards = [member.hex().upper() for member in members or []] or [""] * len(pans)
        cards = [
            LoaderCard(
                token=self.token_of(pan).hex().upper(),
                first6=pan[:6],
                last4=pan[-4:],
                expiry=demo.EXPIRY,
                sequence_number="01",
                service_code="201",
                pvki=1,
                pvv=self._pvv(pan),
                key_index=1,
                member=member,
            )
            for pan, member in zip(pans, of_cards, strict=True)
        ]
        return self.write("batch.jsonl", [LoaderBatch(batch="B", count=len(cards)), *cards])

    def _pvv(self, pan: str) -> str:
        account = pan[-13:-1].encode()
        return _pin_checks.pvv(self.pvk, Pin.of(PIN.encode()), account, 1).decode()

    async def ask(
        self, code: str, amount_minor: int, pin: str = "", serial: str = "", pan: str = PAN
    ) -> Message:
        """Send a message; a PIN under the terminal's key, or under the derived one of `serial`."""
        return await trio.to_thread.run_sync(self._ask, code, amount_minor, pin, serial, pan)

    def _ask(self, code: str, amount_minor: int, pin: str, serial: str, pan: str) -> Message:
        self.stan += 1
        local = time.gmtime(time.time() + 12_600)
        elements = {
            2: pan,
            3: code,
            4: f"{amount_minor:012d}",
            11: f"{self.stan:06d}",
            12: time.strftime("%H%M%S", local),
            13: time.strftime("%m%d", local),
            14: demo.EXPIRY,
            41: TERMINAL,
            42: MERCHANT,
            49: "364",
        }
        if pin:
            elements[52] = self._block(pin, serial)
        if serial:
            elements[48] = f"KS020{serial}"
        with connected(self.site.config.listener[0].port, WIRE) as line:
            reply = line.ask(encode(Message("0200", elements), WIRE.spec))
        assert reply is not None
        return decode(reply, WIRE.spec)

    def _block(self, pin: str, serial: str) -> str:
        if serial:
            key = _dukpt.tdes_pin_key(self.bdk, bytes.fromhex(serial))
        else:
            (keys,) = read_injection(self.files / "injection.jsonl")
            key = LMK.open(keys.pin.encode(), TPK)
        account = PAN[-13:-1].encode()
        return seal_block(key, Pin.of(pin.encode()), FORMATS["ISO-0"], account).hex().upper()


@asynccontextmanager
async def counter(
    files: Path, hsms: tuple[Hsm, ...] = (), shards: int = 1
) -> AsyncIterator[Counter]:
    async with running_site(
        lambda line: None, make_purse=purse_with_pin, hsms=hsms, shards=shards
    ) as site:
        yield Counter(site, files)


@pytest.mark.slow
async def test_a_locked_card_is_unlocked_and_stays_so_when_the_switch_is_killed(
    tmp_path: Path,
) -> None:
    (tmp_path / "pos.txt").write_text(f"{TERMINAL}\n")
    with hsm_process(tmp_path) as address:
        port = int(address.rpartition(":")[2])
        async with counter(tmp_path, (Hsm(port=port),)) as here:
            injection = tmp_path / "injection.jsonl"
            made = await trio.to_thread.run_sync(
                lambda: bashgah(
                    *("terminals", "make-keys", "--hsm", address, "--acquirer", "581672"),
                    *("--terminals", str(tmp_path / "pos.txt"), "--out", str(injection)),
                )
            )
            assert made.returncode == 0, made.stderr
            await here.run("terminals", "inject", str(injection))
            pvk = LMK.seal(here.pvk, PVK, "S").decode()
            keys = {"type": "issuer_keys_set", "programme": 1, "pin_verification": pvk}
            await here.run("record", here.write("keys.jsonl", [keys]))
            await here.run("cards", "load", here.loader_file([PAN]), "--programme", "1")
            loaded = await here.ask("210000", 1_000_000)

            right = await here.ask("000000", 1_000, PIN)
            wrong = [await here.ask("000000", 1_000, WRONG) for _ in range(3)]
            locked = await here.ask("000000", 1_000, PIN)
            said = await here.run("cards", "unlock", "--pan-stdin", typed=f"{PAN}\n")
            here.site.switch.kill()
            here.site.switch.start()
            await here.site.switch.wait_ready()
            await _hsm_is_back(here)
            after = await here.ask("000000", 1_000, PIN)
            log = (here.site.data_dir / "switch.log").read_text()
            await here.site.stop_switch()
            verified = await trio.to_thread.run_sync(
                bashgah, "verify", "--config", str(here.site.config_path)
            )

    assert (loaded[39], right[39]) == ("00", "00")
    assert [reply[39] for reply in wrong] == ["55"] * 3
    assert locked[39] == "75"
    assert said.startswith("936400******")
    assert "its 3 wrong PINs are forgotten (shard 0, row " in said
    assert after[39] == "00"
    assert verified.returncode == 0, verified.stdout
    asked = [json.loads(line) for line in log.splitlines() if '"event":"control"' in line]
    assert [line["type"] for line in asked] == [
        "terminal_keys_set",
        "issuer_keys_set",
        "cards_added",
        "pin_tries_reset",
    ]
    assert {line["by"] for line in asked} == {"sara"}
    for secret in (PAN, pvk, token_text(here)):
        assert secret not in log


@pytest.mark.slow
async def test_a_terminal_that_was_loaded_anew_counts_anew_and_does_so_after_a_kill(
    tmp_path: Path,
) -> None:
    with hsm_process(tmp_path) as address:
        port = int(address.rpartition(":")[2])
        async with counter(tmp_path, (Hsm(port=port),)) as here:
            pvk, bdk = (
                LMK.seal(key, kind, "S").decode()
                for key, kind in ((here.pvk, PVK), (here.bdk, BDK))
            )
            keys: list[object] = [
                {"type": "issuer_keys_set", "programme": 1, "pin_verification": pvk},
                {"type": "derivation_key_set", "acquirer": 1, "key": bdk},
            ]
            await here.run("record", here.write("keys.jsonl", keys))
            await here.run("cards", "load", here.loader_file([PAN]), "--programme", "1")
            await here.ask("210000", 1_000_000)

            async def pay(serial: str) -> str:
                reply = await here.ask("000000", 1_000, PIN, serial)
                return reply.get("48.RC") or reply[39]

            first = await pay("FFFF9876543210E00007")
            refused = await pay("FFFF9876543220E00001")
            said = await here.run(
                "terminals", "reset-counter", TERMINAL, "--acquirer", "581672", "--why", "new key"
            )
            here.site.switch.kill()
            here.site.switch.start()
            await here.site.switch.wait_ready()
            await _hsm_is_back(here)
            anew = await pay("FFFF9876543220E00001")
            again = await pay("FFFF9876543220E00001")
            unknown = await here.tried("terminals", "reset-counter", TERMINAL, "--acquirer", "1")
            await here.site.stop_switch()
            verified = await trio.to_thread.run_sync(
                bashgah, "verify", "--config", str(here.site.config_path)
            )

    assert (first, refused) == ("00", "key_serial_repeated")
    assert f"{TERMINAL}: counters above 0 are good (shard 0, row " in said
    assert (anew, again) == ("00", "key_serial_repeated")
    assert (unknown.returncode, "does not know terminal" in unknown.stderr) == (2, True)
    assert verified.returncode == 0, verified.stdout


def token_text(here: Counter) -> str:
    assert here.site.config.keys.pan_key_file is not None
    return str(json.loads((here.files / "batch.jsonl").read_bytes().splitlines()[1])["token"])


async def _hsm_is_back(here: Counter) -> None:
    with trio.fail_after(10):
        while "hsm_connected" not in _last_life(here):  # noqa: ASYNC110 (a file has no event)
            await trio.sleep(0.05)


def _last_life(here: Counter) -> str:
    return (here.site.data_dir / "switch.log").read_text().rpartition('"serving"')[2]


@pytest.mark.slow
async def test_cards_of_two_shards_are_loaded_where_they_belong(tmp_path: Path) -> None:
    async with counter(tmp_path, shards=2) as here:
        file = here.loader_file(PANS)

        first = await here.run("cards", "load", file, "--programme", "1")
        again = await here.run("cards", "load", file, "--programme", "1")
        owners = {owner_of(here.site, pan) for pan in PANS}
        before = await here.ask("210000", 1_000)
        blocked = await here.run("cards", "block", "--pan-stdin", typed=f"{PAN}\n")
        during = await here.ask("210000", 1_000)
        await here.run("cards", "unblock", "--pan-stdin", typed=f"{PAN}\n")
        after = await here.ask("210000", 1_000)
        merchant = {
            "type": "merchant_added",
            "merchant_id": "NEWSHOP00000001",
            "club": 1,
            "category": 5411,
            "name": "New",
            "name_fa": "",
        }
        everywhere = await here.run("record", here.write("shop.jsonl", [merchant]))
        twice = await here.tried("record", str(tmp_path / "shop.jsonl"))
        status = {"type": "terminal_status_changed", "terminal": 1, "blocked": True}
        numbered = await here.tried("record", here.write("numbered.jsonl", [status]))
        await here.site.stop_switch()
        await here.site.start_switch()
        card = await here.ask("210000", 1_000)

    assert first == "40 cards are new, 0 were known\n"
    assert again == "0 cards are new, 40 were known\n"
    assert owners == {0, 1}
    assert (before[39], during[39], after[39], card[39]) == ("00", "62", "00", "00")
    assert blocked.startswith(f"{PAN[:6]}******{PAN[-4:]}: blocked (shard ")
    assert [line.split(": ")[1].split(",")[0] for line in everywhere.splitlines()] == [
        "shard 0",
        "shard 1",
    ]
    assert (twice.returncode, numbered.returncode) == (2, 2)
    assert "numbers may differ between shards" in numbered.stderr
    assert twice.stderr.count("merchant NEWSHOP00000001 is known already") == 2


@pytest.mark.slow
async def test_guests_cards_are_linked_to_members_of_both_shards(tmp_path: Path) -> None:
    guests = str(GUEST.definition.programme)
    async with counter(tmp_path, shards=2) as here:
        members = [here.token_of(card.pan) for card in LOYALTY.cards]
        numbers = (with_check_digit(f"93640033{number:07d}") for number in count())
        pans = pans_beside(members, numbers, here.token_of)
        file = here.loader_file(pans, members)
        first = await here.run("cards", "load", file, "--programme", guests)
        again = await here.run("cards", "load", file, "--programme", guests)
        owners = [owner_of(here.site, pan) for pan in pans]
        of_members = [owner_of(here.site, card.pan) for card in LOYALTY.cards]
        paid = [await here.ask("000000", 200_000, pan=pan) for pan in pans]
        strangers = here.loader_file(pans[:1], [here.token_of(PANS[0])])
        unknown = await here.tried("cards", "load", strangers, "--programme", guests)

    assert first == "3 cards are new, 0 were known\n"
    assert again == "0 cards are new, 3 were known\n"
    assert owners == of_members
    assert [(reply[39], reply["48.DS"]) for reply in paid] == [("00", "20000")] * 3
    assert unknown.returncode == 2
    assert "member" in unknown.stderr


@pytest.mark.slow
async def test_a_card_gets_another_date_and_another_limit(tmp_path: Path) -> None:
    async with counter(tmp_path, shards=2) as here:
        credit = next(one for one in PRODUCTS if one.name == "instalment").cards[0].pan
        limit = ("cards", "limit", "--minor", "100000", "--pan-stdin")
        reissue = ("cards", "reissue", "--expires", "3301", "--pan-stdin")
        limited = await here.run(*limit, typed=f"{credit}\n")
        above = await here.ask("000000", 200_000, pan=credit)
        within = await here.ask("000000", 80_000, pan=credit)
        none = await here.tried(*limit, typed=f"{demo.CROWD_PANS[0]}\n")
        reissued = await here.run(*reissue, typed=f"{credit}\n")
        old = await here.ask("000000", 10_000, pan=credit)
        wrong = await here.tried("cards", "reissue", "--expires", "3313", "--pan-stdin",
                                 typed=f"{credit}\n")  # fmt: skip
        lost = await here.tried(*reissue, typed=f"{LOST}\n")
        record = here.write("limit", [{"type": "credit_limit_set", "card": 0, "limit_minor": 1}])
        of_one_shard = await here.tried("record", record)

    assert "credit to 100,000 (shard " in limited
    assert [reply[39] for reply in (above, within, old)] == ["51", "00", "54"]
    assert f"good to 3301 instead of {demo.EXPIRY} (shard " in reissued
    refusals = (none, wrong, lost, of_one_shard)
    assert [ended.returncode for ended in refusals] == [2] * 4
    said = ("its programme gives no credit", "no month", "lost, closed", "of one shard")
    for ended, text in zip(refusals, said, strict=True):
        assert text in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


@pytest.mark.slow
async def test_what_cannot_be_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    async with counter(tmp_path) as here:
        refusals = [
            await here.tried("cards", "unlock", "--pan-stdin", typed="9364001234567907\n"),
            await here.tried("cards", "unlock", "--pan-stdin", typed="hello\n"),
            await here.tried("cards", "unlock", "--token", "12"),
            await here.tried("cards", "unlock"),
            await here.tried("cards", "unblock", "--pan-stdin", typed=f"{LOST}\n"),
            await here.tried("cards", "load", here.write("half", [LoaderBatch(batch="B", count=2)]),
                             "--programme", "1"),
            await here.tried("cards", "load", here.loader_file([PAN]), "--programme", "9"),
            await here.tried("record", here.write("typo", [{"type": "derivation_key_set",
                                                            "acquirer": 1, "kee": ""}])),
            await here.tried("record", here.write("card", [{"type": "pin_tries_reset",
                                                            "card": 1}])),
            await here.tried("terminals", "inject", here.write("unknown", [
                {"terminal_id": "T9999999", "acquirer": "581672", "master": "S1", "pin": "S2"}])),
            await here.tried("terminals", "inject", here.write("clear", [{"terminal_id": "T9"}])),
        ]  # fmt: skip
        await here.site.stop_switch()
        away = await here.tried("cards", "unlock", "--token", "0" * 32)
        (here.site.data_dir / "control").chmod(0o755)
        with pytest.raises(ChildProgramError, match="must be ours with mode 0700"):
            await here.site.start_switch()

    assert [ended.returncode for ended in [*refusals, away]] == [2] * 12
    texts = (
        "no such card",
        "no PAN",
        "no token: 32 hexadecimal digits",
        "either --pan-stdin or --token",
        "936400******0057 is lost",
        "0 cards, not 2: it is not complete",
        "cards of programme 9, which is not known",
        "missing required field key",
        "such an event is of one shard",
        "shard 0 does not know terminal T9999999",
        "Expected str of length >= 8 - at $.terminal_id",
        "shard 0: no answer at",
    )
    for ended, text in zip([*refusals, away], texts, strict=True):
        assert len(ended.stderr.splitlines()) == 1
        assert text in ended.stderr


@pytest.mark.parametrize("lmk", [LMK, VariantLmk.published_test_set()], ids=["blocks", "variant"])
@pytest.mark.parametrize("algorithm", ["", "retail", "cmac"])
async def test_a_terminal_gets_the_keys_that_the_switch_has(
    lmk: KeyBlockLmk | VariantLmk, algorithm: MacAlgorithm
) -> None:
    hsm = published_hsm()
    hsm.lmks = {0: lmk}
    hsm.authorised = True
    blocks = lmk is LMK
    zmk = Key.random(0, 16)
    zmk_wire = lmk.seal(zmk, ZMK, "S" if blocks else "U").decode()

    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        keys = await make_keys(session, "581672", TERMINAL, algorithm, blocks=blocks)
        told = await for_terminal(session, keys, zmk_wire)

    master = under(zmk, told.master)
    assert master.same_as(lmk.open(keys.master.encode(), TMK))
    assert under(master, told.pin).same_as(lmk.open(keys.pin.encode(), TPK))
    assert under(master, told.data).same_as(lmk.open(keys.data.encode(), TEK))
    assert bool(told.mac) == bool(algorithm)


@pytest.mark.slow
async def test_a_master_key_leaves_only_in_the_authorised_state() -> None:
    hsm = published_hsm()
    hsm.lmks = {0: LMK}
    zmk_wire = LMK.seal(Key.random(0, 16), ZMK, "S").decode()

    async with served_hsm(hsm) as (_, address), open_hsm(address) as session:
        keys = await make_keys(session, "581672", TERMINAL, "", blocks=True)
        with pytest.raises(OperatingError, match="two custodians must allow it"):
            await for_terminal(session, keys, zmk_wire)


def under(wrapping: Key, told: str) -> Key:
    """Open a key as a terminal does: X, 32 digits, check value."""
    assert told[0] == "X"
    key = Key.under([wrapping] * 2, bytes.fromhex(told[1:33]))
    assert check_value(key)[:3].hex().upper() == told[33:]
    return key
