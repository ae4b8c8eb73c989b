"""A gate with a real HSM beside it: PINs, MACs, card codes; and what happens when it goes away."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hsm_sim.hsm import Hsm
from hsm_sim.lmk import KeyBlockLmk, VariantLmk
from hsm_sim.server import HsmServer
from switch.events import DerivationKeySet
from switch.iso8583 import Message, decode, encode
from switch.programme import Security
from tests.support.gate_bench import GENEROUS, Bench, Link, serving
from tests.support.hsm import published_hsm, served_hsm
from tests.support.secrets import Vault, present_chip
from tests.support.secure_shop import CARD, MacAlgorithm, SecureShop

ALL = Security(pin="if_sent", card_code=True, chip=True, fallback=True)
OF_A_CHIP = (2, 14, 22, 23, 35, 55)  # elements


class Site:
    """A switch, its HSM, and the keys that both sides have."""

    def __init__(self, bench: Bench, vault: Vault, shop: SecureShop, server: HsmServer) -> None:
        self.bench = bench
        self.vault = vault
        self.shop = shop
        self.server = server

    def purchase(self, **elements: str | None) -> Message:
        extra: dict[int | str, str | None] = {int(k[2:]): v for k, v in elements.items()}
        return self.shop.message(card=CARD, amount_minor=10_000, extra=extra)

    def sealed(self, link: Link, message: Message, algorithm: str = "retail") -> bytes:
        """Give a message's bytes with its MAC."""
        element = 128 if 70 in message or 90 in message else 64
        message[element] = "0" * 16
        before = encode(message, link.spec)[:-8]  # binary in both dialects
        return before + self.vault.mac(before, algorithm)


@asynccontextmanager
async def site(
    security: Security = ALL,
    *,
    mac: MacAlgorithm = "",
    blocks: bool = False,
    hsm_count: int = 1,
    delay_seconds: float = 0.0,
) -> AsyncIterator[Site]:
    """Serve terminals, with HSMs that hold one LMK."""
    lmk = KeyBlockLmk.published_test_key() if blocks else VariantLmk.published_test_set()
    vault = Vault(lmk)
    hsm = Hsm({0: lmk}, published_hsm().commands)
    shop = SecureShop(
        security, mac=mac, secrets=vault.secrets, limits=GENEROUS, now_s=int(time.time())
    )
    shop.load(90_000_000, card=CARD)
    async with served_hsm(hsm) as (server, address):
        addresses = [address] * hsm_count
        async with serving(shop=shop, hsms=addresses, delay_seconds=delay_seconds) as bench:
            await bench.wait_until(lambda: all(bench.pool.connected().values()))
            yield Site(bench, vault, shop, server)


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_pin_is_verified(dialect: str, blocks: bool) -> None:
    async with site(blocks=blocks) as here:
        link = await here.bench.connect(dialect)

        right = await link.ask(here.purchase(de52=here.vault.block()))
        wrong = await link.ask(here.purchase(de52=here.vault.block("4321")))
        other = await link.ask(here.purchase(de52="0123456789ABCDEF"))

    assert (right[39], wrong[39], wrong["48.RC"]) == ("00", "55", "pin_wrong")
    assert (other[39], other["48.RC"]) == ("96", "pin_unreadable")


async def test_three_wrong_pins_lock_the_card_however_many_come_at_once() -> None:
    async with site() as here:
        link = await here.bench.connect()
        wrong = here.vault.block("9999")

        await link.send(*(here.purchase(de52=wrong) for _ in range(100)))
        replies = [await link.reply() for _ in range(100)]
        after = await link.ask(here.purchase(de52=here.vault.block()))

    reasons = [reply["48.RC"] for reply in replies]
    assert reasons.count("pin_wrong") == 3
    assert reasons.count("pin_tries_exceeded") == 97
    assert after[39] == "75"


async def test_a_pin_under_a_derived_key_is_verified_once() -> None:
    async with site() as here:
        here.shop.record(DerivationKeySet(acquirer=1, key=here.vault.secrets.derivation))
        link = await here.bench.connect()
        serial = "FFFF9876543210E00001"

        def message(pin: str | None = None, counter: int = 1) -> Message:
            name = f"FFFF9876543210E{counter:05X}"
            return here.purchase(de52=here.vault.derived_block(name, pin), de48=f"KS020{name}")

        first = await link.ask(message())
        replayed = await link.ask(
            here.purchase(de52=here.vault.derived_block(serial), de48=f"KS020{serial}")
        )
        wrong = await link.ask(message("4321", 2))

    assert first[39] == "00"
    assert replayed["48.RC"] == "key_serial_repeated"
    assert wrong["48.RC"] == "pin_wrong"


async def test_the_code_on_a_stripe_is_verified() -> None:
    async with site() as here:
        link = await here.bench.connect()

        right = await link.ask(here.purchase(de2=None, de22="901", de35=here.vault.track2()))
        forged = await link.ask(
            here.purchase(de2=None, de22="901", de35=here.vault.track2(code="000"))
        )

    assert right[39] == "00"
    assert (forged[39], forged["48.RC"]) == ("63", "card_code_wrong")


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_the_cryptogram_of_a_chip_is_verified_once(dialect: str, tmp_path: Path) -> None:
    async with site() as here:
        link = await here.bench.connect(dialect)
        file = here.vault.chip_card(tmp_path / "card.json")
        paid, altered = here.purchase(de2=None), here.purchase(de2=None)
        await present_chip(paid, file, amount_minor=10_000)
        await present_chip(altered, file, amount_minor=10_001)
        altered[55] = altered[55].replace("000000010001", "000000010000")

        right = await link.ask(paid)
        replayed = await link.ask(here.purchase(**{f"de{key}": paid[key] for key in OF_A_CHIP}))
        wrong = await link.ask(altered)

    assert right[39] == "00"
    assert replayed["48.RC"] == "cryptogram_repeated"
    assert wrong["48.RC"] == "cryptogram_wrong"


@pytest.mark.parametrize("algorithm", ["retail", "cmac"])
@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_messages_and_replies_carry_macs(dialect: str, algorithm: MacAlgorithm) -> None:
    async with site(mac=algorithm) as here:
        link = await here.bench.connect(dialect)

        await link.send(here.sealed(link, here.purchase(de52=here.vault.block()), algorithm))
        reply = await link.reply_bytes()
        original = here.sealed(link, here.purchase(), algorithm)
        altered = encode(here.purchase(de4="000000010001", de64="0" * 16), link.spec)
        await link.send(altered[:-8] + original[-8:])
        refused = await link.reply()

    assert reply[-8:] == here.vault.mac(reply[:-8], algorithm)
    assert (refused[39], refused["48.RC"]) == ("63", "mac_wrong")


async def test_a_message_of_a_network_carries_its_mac_at_its_end() -> None:
    async with site(mac="retail") as here:
        link = await here.bench.connect()
        echo = here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}
        )

        await link.send(here.sealed(link, echo))
        reply = await link.reply_bytes()
        bare = await link.ask(here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "301"}
        ))  # fmt: skip

    assert reply[-8:] == here.vault.mac(reply[:-8])
    assert bare["48.RC"] == "mac_missing"


async def test_a_repeat_gets_the_same_reply_with_a_mac_of_its_own() -> None:
    async with site(mac="retail") as here:
        link = await here.bench.connect()
        frame = here.sealed(link, here.purchase())

        await link.send(frame)
        first = await link.reply_bytes()
        await link.send(frame)
        again = await link.reply_bytes()

    assert again == first


async def test_an_hsm_that_goes_away_stops_what_needs_it_and_nothing_else() -> None:
    async with site() as here:
        link = await here.bench.connect()
        assert (await link.ask(here.purchase(de52=here.vault.block())))[39] == "00"
        rows = here.shop.core.last_seq

        here.server.stop()
        await here.bench.wait_until(lambda: not any(here.bench.pool.connected().values()))
        secret = await link.ask(here.purchase(de52=here.vault.block()))
        open_to_all = await link.ask(here.purchase())

    assert (secret[39], secret["48.RC"]) == ("91", "hsm_unavailable")
    assert open_to_all[39] == "00"
    assert here.shop.core.last_seq == rows + 1


async def test_a_hundred_questions_survive_the_loss_of_one_hsm_of_two() -> None:
    async with site(hsm_count=2, delay_seconds=0.001) as here:
        link = await here.bench.connect()
        right = here.vault.block()

        await link.send(*(here.purchase(de52=right) for _ in range(200)))
        here.bench.gate.drop_slow_hsms(0)
        replies = [await link.reply() for _ in range(200)]

    assert {reply[39] for reply in replies} <= {"00", "91"}


@pytest.mark.parametrize("blocks", [False, True], ids=["variant", "key blocks"])
async def test_new_session_keys_are_made_and_the_old_ones_hold_for_a_while(blocks: bool) -> None:
    async with site(mac="retail", blocks=blocks) as here:
        link = await here.bench.connect()
        exchange = here.shop.message(
            "0800", amount_minor=None, card=None, extra={3: None, 42: None, 70: "161"}
        )

        await link.send(here.sealed(link, exchange))
        answer = await link.reply()
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        with_old = await link.reply()
        here.vault.take_session_keys(answer["48.KP"], answer["48.KM"])
        await link.send(here.sealed(link, here.purchase(de52=here.vault.block())))
        reply = await link.reply_bytes()

    assert (answer[39], with_old[39]) == ("00", "00")
    assert reply[-8:] == here.vault.mac(reply[:-8])
    assert decode(reply, link.spec)[39] == "00"


async def test_nothing_of_a_pin_is_left_in_the_log() -> None:
    async with site() as here:
        link = await here.bench.connect()
        block = here.vault.block()
        await link.ask(here.purchase(de52=block))
        await trio.sleep(0.1)
        here.bench.keep_log()

    assert block.encode() not in here.bench.log
    assert CARD.encode() not in here.bench.log
