"""Vouchers of another shard than the card's, over real sockets: sought, brought, redeemed once.

Method: two benches in this process, each with the cards of both and the vouchers of the second; a
real HSM digests. How a voucher travels is tested without sockets in `tests/switch`.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trio

from acquirers.terminal.voucher_pin import encrypted
from hsm_sim import _vouchers
from hsm_sim import hsm as simulated
from hsm_sim._keys import Key
from hsm_sim.check_digits import damm_digit
from hsm_sim.key_types import TEK, VOUCHER
from hsm_sim.lmk import KeyBlockLmk
from issuers.prepaid import prepaid
from switch.events import IssuerKeysSet, TerminalKeysSet
from switch.hsm_client import HsmAddress
from switch.iso8583 import Message
from switch.slots import even_owners, slot_of
from tests.support.gate_bench import Bench, Seat, serving
from tests.support.hsm import published_hsm, served_hsm
from tests.support.shard_bench import card_of, meeting_place, wait_joined
from tests.support.shop import Shop
from tests.support.voucher_shop import (
    LABEL,
    PRICE_MINOR,
    VOUCHERS,
    VoucherShop,
    number_of,
    vouchers_added,
)

pytestmark = pytest.mark.slow

KEYS = {TEK: Key.random(0, 16), VOUCHER: Key.random(2, 32)}
LMK = KeyBlockLmk.published_test_key()


def pin_of(serial: int) -> str:
    body = f"{serial * 314_159_265_358_979:015}"[-15:]
    return body + damm_digit(body)


def shop_of(number: int) -> VoucherShop:
    """Give a shard's shop; the second one has sold ten vouchers, whose numbers are its own."""
    sealed = {kind: LMK.seal(key, kind, "S").decode("ascii") for kind, key in KEYS.items()}
    definition = prepaid(1, 1, 1, vouchers=VOUCHERS)
    shop = VoucherShop(definition, now_s=int(time.time()), shard=number, loaded=False)
    shop.record(
        IssuerKeysSet(
            programme=VOUCHERS, voucher=sealed[VOUCHER], voucher_key=1, voucher_label=LABEL
        )
    )
    shop.record(TerminalKeysSet(terminal=0, data=sealed[TEK], at_s=shop.now_s))
    if number == 1:
        pins = {serial: pin_of(serial) for serial in serials(shop)}
        shop.record(vouchers_added(shop, pins, digest=digest_of))
        for serial in pins:
            assert shop.sell(serial).code == "00"
    return shop


def serials(shop: Shop) -> list[int]:
    owners = even_owners(2)
    ours = (s for s in range(1, 1000) if owners[slot_of(shop.core.token_of(number_of(s)))] == 1)
    return [serial for serial, _ in zip(ours, range(10), strict=False)]


def digest_of(pin: str) -> bytes:
    return _vouchers.digest(KEYS[VOUCHER], LABEL.encode(), pin.encode())


def redemption(bench: Bench, serial: int, shard: int) -> Message:
    """Give the message of a card that a shard owns."""
    sent = encrypted(KEYS[TEK], pin_of(serial))
    card = card_of(bench, shard)
    return bench.shop.message(
        code="730000", amount_minor=None, card=card, extra={"48.VP": sent, 11: new_stan()}
    )


_stans = iter(range(100_000, 999_999))


def new_stan() -> str:
    return f"{next(_stans):06d}"


def reversal(bench: Bench, of: Message) -> Message:
    original = f"0200{of[11]}{of[13]}{of[12]}" + "0" * 22
    extra: dict[int | str, str | None] = {2: of[2], 11: new_stan(), 90: original}
    return bench.shop.message("0400", "730000", 0, extra=extra)


@asynccontextmanager
async def one_shard(
    number: int, directory: Path, hsm: HsmAddress, shop: VoucherShop
) -> AsyncIterator[Bench]:
    seat = Seat(number=number, count=2, directory=directory)
    async with serving(seat=seat, shop=shop, hsms=[hsm]) as bench:
        await bench.wait_until(lambda: all(bench.pool.connected().values()))
        yield bench


@asynccontextmanager
async def shards() -> AsyncIterator[list[Bench]]:
    """Serve two shards, linked with each other."""
    hsm = simulated.Hsm({0: LMK}, published_hsm().commands)
    with meeting_place() as directory:
        async with served_hsm(hsm) as (server, address), AsyncExitStack() as stack:
            benches = [
                await stack.enter_async_context(
                    one_shard(number, directory, address, shop_of(number))
                )
                for number in range(2)
            ]
            await wait_joined(benches)
            yield benches
            server.stop()


def nothing_owed(benches: list[Bench]) -> bool:
    return not any(bench.shop.directory.travelling.owed for bench in benches)


def money(benches: list[Bench]) -> int:
    """Give what the cards of both have in their purses."""
    return sum(bench.shop.money(card) for bench in benches for card in range(5))


async def test_a_voucher_comes_to_the_card_and_goes_home_again() -> None:
    async with shards() as benches:
        serial = serials(benches[1].shop)[0]
        link = await benches[1].connect()

        asked = redemption(benches[0], serial, shard=0)
        first = await link.ask(asked)
        await benches[1].wait_until(lambda: nothing_owed(benches))
        undone = await link.ask(reversal(benches[0], asked))
        home = await link.ask(redemption(benches[1], serial, shard=1))
        late = await link.ask(redemption(benches[0], serial, shard=0))

        assert [first[39], undone[39], home[39]] == ["00", "00", "00"], (first, undone, home)
        assert first["48.VR"] == str(PRICE_MINOR)
        assert (late[39], late["48.RC"]) == ("55", "voucher_refused")
        assert money(benches) == PRICE_MINOR
        await benches[0].wait_until(lambda: nothing_owed(benches))
        assert all(bench.shop.core.imbalances() == [] for bench in benches)


async def test_of_many_at_both_shards_one_wins() -> None:
    async with shards() as benches:
        serial = serials(benches[1].shop)[1]
        replies: list[Message] = []

        async def redeem(bench: Bench, shard: int) -> None:
            link = await bench.connect()
            reply = await link.ask(redemption(bench, serial, shard))
            while reply[39] == "91":  # it is under way between the two
                reply = await link.ask(redemption(bench, serial, shard))
            replies.append(reply)

        async with trio.open_nursery() as nursery:
            for at in range(4):
                nursery.start_soon(redeem, benches[at % 2], at // 2)
        await benches[0].wait_until(lambda: nothing_owed(benches))

        codes = sorted(reply[39] for reply in replies)
        assert codes[0] == "00"
        assert set(codes[1:]) <= {"12", "55"}
        assert money(benches) == PRICE_MINOR


async def test_without_the_other_shard_nothing_is_decided() -> None:
    hsm = simulated.Hsm({0: LMK}, published_hsm().commands)
    shops = [shop_of(0), shop_of(1)]
    with meeting_place() as directory:
        async with served_hsm(hsm) as (server, address):
            async with one_shard(0, directory, address, shops[0]) as alone:
                serial = serials(shops[1])[2]
                link = await alone.connect()
                reply = await link.ask(redemption(alone, serial, shard=0))
                assert (reply[39], reply["48.RC"]) == ("91", "ledger_unavailable")

                async with one_shard(1, directory, address, shops[1]) as other:
                    await wait_joined([alone, other])
                    reply = await link.ask(redemption(alone, serial, shard=0))
                    assert reply[39] == "00"
                    await other.wait_until(lambda: nothing_owed([alone, other]))
            server.stop()
