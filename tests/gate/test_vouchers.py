"""Vouchers' PINs on their way: encrypted at a terminal, digested by a real HSM, redeemed once."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from acquirers.terminal.keys import key_of
from acquirers.terminal.voucher_pin import encrypted
from hsm_sim import _vouchers
from hsm_sim import hsm as simulated
from hsm_sim._keys import Key
from hsm_sim._macs import retail_mac
from hsm_sim.check_digits import damm_digit
from hsm_sim.key_types import TAK, TEK, TMK, VOUCHER, KeyType
from hsm_sim.lmk import KeyBlockLmk
from hsm_sim.server import HsmServer
from issuers.prepaid import prepaid
from switch.events import IssuerKeysSet, TerminalKeysSet
from switch.iso8583 import Message, encode
from tests.support.gate_bench import Bench, Link, serving
from tests.support.hsm import published_hsm, served_hsm
from tests.support.secret_search import finds, of_bytes, of_digits
from tests.support.voucher_shop import (
    LABEL,
    PRICE_MINOR,
    VOUCHERS,
    VoucherShop,
    vouchers_added,
)

TDES, AES, HMAC = range(3)
SERIALS = range(101, 106)


def pin_of(serial: int) -> str:
    """Give the PIN of a voucher; of another number, one that is of no voucher."""
    body = f"{serial * 314_159_265_358_979:015}"[-15:]
    return body + damm_digit(body)


class Site:
    """A switch with its HSM, and the keys of terminal T0000001."""

    def __init__(
        self, shop: VoucherShop, bench: Bench, keys: dict[KeyType, Key], hsm: HsmServer
    ) -> None:
        self.shop = shop
        self.bench = bench
        self.keys = keys
        self.hsm = hsm

    def redemption(self, sent: str, card: int = 0) -> Message:
        return self.shop.message(code="730000", amount_minor=None, card=card, extra={"48.VP": sent})

    async def redeem(self, link: Link, pin: str, key: Key | None = None) -> Message:
        """Enter a PIN, under the terminal's key or another."""
        return await link.ask(self.redemption(encrypted(key or self.keys[TEK], pin)))

    async def exchange_keys(self, link: Link) -> Key:
        """Have new keys made; gives the data key."""
        extra: dict[int | str, str | None] = {3: None, 42: None, 70: "161"}
        reply = await link.ask(self.shop.message("0800", amount_minor=None, card=None, extra=extra))
        assert reply[39] == "00", reply
        return key_of(reply["48.KD"], self.keys[TMK])


@asynccontextmanager
async def site(*, mac: bool = False, algorithm: int = TDES) -> AsyncIterator[Site]:
    """Serve terminals, with an HSM that holds the keys; five vouchers are sold."""
    lmk = KeyBlockLmk.published_test_key()
    hsm = simulated.Hsm({0: lmk}, published_hsm().commands)
    keys = {kind: Key.random(TDES, 16) for kind in (TMK, TAK)}
    keys |= {TEK: Key.random(algorithm, 16), VOUCHER: Key.random(HMAC, 32)}
    sealed = {kind: lmk.seal(key, kind, "S").decode("ascii") for kind, key in keys.items()}
    shop = VoucherShop(prepaid(1, 1, 1, vouchers=VOUCHERS), now_s=int(time.time()))
    shop.record(
        IssuerKeysSet(
            programme=VOUCHERS, voucher=sealed[VOUCHER], voucher_key=1, voucher_label=LABEL
        )
    )
    shop.record(
        TerminalKeysSet(
            terminal=0,
            master=sealed[TMK],
            data=sealed[TEK],
            mac=sealed[TAK] if mac else "",
            mac_algorithm="retail" if mac else "",
            at_s=shop.now_s,
        )
    )

    def digest(pin: str) -> bytes:
        return _vouchers.digest(keys[VOUCHER], LABEL.encode(), pin.encode())

    pins = {serial: pin_of(serial) for serial in SERIALS}
    shop.record(vouchers_added(shop, pins, digest=digest))
    sell = partial(shop.send, code="720000", amount_minor=PRICE_MINOR, terminal="T0000002")
    for serial in SERIALS:
        assert sell(card=f"627700{serial:010d}").code == "00"
    async with served_hsm(hsm) as (server, address), serving(shop=shop, hsms=[address]) as bench:
        await bench.wait_until(lambda: all(bench.pool.connected().values()))
        yield Site(shop, bench, keys, server)
        server.stop()


def outcome(reply: Message) -> tuple[str, str]:
    return reply[39], reply.get("48.RC", "")


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_an_encrypted_pin_finds_its_voucher_once(dialect: str) -> None:
    async with site() as here:
        link = await here.bench.connect(dialect)

        first = await here.redeem(link, pin_of(101))
        again = await here.redeem(link, pin_of(101))
        guessed = await here.redeem(link, pin_of(999))

    assert (first[39], first["48.VR"]) == ("00", str(PRICE_MINOR))
    assert outcome(again) == ("12", "voucher_redeemed")
    assert outcome(guessed) == ("55", "voucher_refused")


async def test_a_cryptogram_that_is_replayed_is_worth_nothing() -> None:
    async with site() as here:
        link = await here.bench.connect()
        sent = encrypted(here.keys[TEK], pin_of(101))

        first = await link.ask(here.redemption(sent))
        others = await link.ask(here.redemption(sent, card=1))

    assert first[39] == "00"
    assert outcome(others) == ("55", "voucher_refused")


async def test_a_mistyped_pin_and_one_under_another_key_are_no_tries() -> None:
    async with site() as here:
        link = await here.bench.connect()
        vector = bytes(8)
        mistyped = pin_of(101)[:-1] + str((int(pin_of(101)[-1]) + 1) % 10)
        padded = mistyped.encode() + b"\x80" + bytes(7)
        sent = (vector + here.keys[TEK].encrypt_cbc(vector, padded)).hex().upper()

        wrong = [outcome(await link.ask(here.redemption(sent))) for _ in range(10)]
        other = [
            outcome(await here.redeem(link, pin_of(101), Key.random(TDES, 16))) for _ in range(10)
        ]
        right = await here.redeem(link, pin_of(101))

    assert set(wrong) == {("55", "voucher_unreadable")}
    assert set(other) == {("55", "voucher_unreadable")}
    assert right[39] == "00"


async def test_wrong_pins_are_bounded_and_then_no_pin_is_good() -> None:
    async with site() as here:
        link = await here.bench.connect()

        guesses = [outcome(await here.redeem(link, pin_of(900 + at))) for at in range(5)]
        right = await here.redeem(link, pin_of(101))

    assert guesses == [("55", "voucher_refused")] * 5
    assert outcome(right) == ("75", "voucher_tries_exceeded")


async def test_after_a_key_exchange_the_old_data_key_holds_for_a_while() -> None:
    async with site() as here:
        link = await here.bench.connect()
        new = await here.exchange_keys(link)

        with_old = await here.redeem(link, pin_of(101))
        with_new = await here.redeem(link, pin_of(102), new)
        newest = await here.exchange_keys(link)
        with_oldest = await here.redeem(link, pin_of(103))
        with_newest = await here.redeem(link, pin_of(103), newest)

    assert [with_old[39], with_new[39], with_newest[39]] == ["00"] * 3
    assert outcome(with_oldest) == ("55", "voucher_unreadable")


async def test_a_terminal_with_macs_asks_once_for_all() -> None:
    async with site(mac=True) as here:
        link = await here.bench.connect()
        message = here.redemption(encrypted(here.keys[TEK], pin_of(101)))
        message[64] = "0" * 16
        before = encode(message, link.spec)[:-8]
        await link.send(before + retail_mac(here.keys[TAK], before, 1))
        reply = await link.reply()
        asked = here.bench.gate.statistics()["hsm_commands"]

    assert reply[39] == "00"
    assert asked == 3  # the MAC and the digest at once, then the reply's MAC


async def test_a_data_key_may_be_of_aes() -> None:
    def sent(key: Key, pin: str) -> str:
        vector = bytes(range(16))
        padded = pin.encode() + b"\x80" + bytes(15)
        return (vector + key.encrypt_cbc(vector, padded)).hex().upper()

    async with site(algorithm=AES) as here:
        link = await here.bench.connect()
        whole = sent(here.keys[TEK], pin_of(101))

        cut = await link.ask(here.redemption(whole[:-16]))
        right = await link.ask(here.redemption(whole))

    assert outcome(cut) == ("55", "voucher_unreadable")
    assert right[39] == "00"


async def test_without_an_hsm_nothing_is_decided() -> None:
    async with site() as here:
        link = await here.bench.connect()
        here.hsm.stop()
        await here.bench.wait_until(lambda: not any(here.bench.pool.connected().values()))

        away = await here.redeem(link, pin_of(101))

    assert outcome(away) == ("91", "hsm_unavailable")
    assert here.shop.redeemed_by(101) is None


async def test_of_a_pin_nothing_is_left_in_log_or_journal() -> None:
    async with site() as here:
        here.bench.journal.keeps_streams = True
        link = await here.bench.connect()
        sent = [encrypted(here.keys[TEK], pin_of(serial)) for serial in (101, 999)]
        replies = [await link.ask(here.redemption(one)) for one in sent]
        await trio.sleep(0.1)
        here.bench.keep_log()
        written = here.bench.log + b"".join(here.bench.journal.streams)

    assert [reply[39] for reply in replies] == ["00", "55"]
    assert b"voucher_refused" in written
    secrets = {"pin 101": of_digits(pin_of(101)), "pin 999": of_digits(pin_of(999))}
    secrets |= {one: of_bytes(bytes.fromhex(one)) for one in sent}
    assert finds(bytes(written), secrets) == []
