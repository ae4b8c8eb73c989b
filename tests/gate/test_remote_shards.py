"""Another bank's cards at two shards: whoever owns a card asks, and trace numbers never meet.

Method: two benches with a link each to one bank; every message comes in at both.
"""

from contextlib import AsyncExitStack

import pytest

from hsm_sim._keys import Key
from hsm_sim.key_types import ZPK
from hsm_sim.lmk import VariantLmk
from switch.iso8583 import Message
from tests.support.bank_host import serving_bank
from tests.support.gate_bench import Bench, Seat, serving
from tests.support.remote_site import BANK, PANS, bank_link, new_bank, remote_shop
from tests.support.secret_search import clear
from tests.support.secrets import Vault
from tests.support.shard_bench import meeting_place, wait_joined


def owed(bench: Bench, pan: str) -> int:
    card = bench.shop.core.card_of(bench.shop.core.token_of(pan))
    return 0 if card is None else -bench.shop.money(card)


def may_ask(bench: Bench) -> bool:
    assert bench.desk is not None
    return bench.desk.links[BANK].available


def is_told(bench: Bench) -> bool:
    bench.shop.directory.hear()
    return not bench.shop.directory.issuers.owed


@pytest.mark.slow
async def test_the_shard_that_owns_a_card_asks_its_bank() -> None:
    lmk = VariantLmk.published_test_set()
    vault, zone_key = Vault(lmk), Key.random(0, 16)
    sealed = lmk.seal(zone_key, ZPK, "U").decode("ascii")
    bank = new_bank(clear(zone_key))
    with meeting_place() as directory:
        async with serving_bank(bank) as port, AsyncExitStack() as stack:
            benches = [
                await stack.enter_async_context(
                    serving(
                        shop=remote_shop(vault, sealed, shard=number),
                        banks=[bank_link(port)],
                        seat=Seat(number=number, count=2, directory=directory),
                    )
                )
                for number in range(2)
            ]
            await wait_joined(benches)
            await benches[0].wait_until(lambda: bank.signed_on == 2)
            await benches[0].wait_until(lambda: all(map(may_ask, benches)))
            links = [await bench.connect() for bench in benches]
            shop, bought = benches[0].shop, []
            for number, pan in enumerate(PANS[:40]):
                message = shop.message(card=pan, amount_minor=10_000)
                bought.append(message)
                reply = await links[number % 2].ask(message)
                assert reply[39] == "00", reply
            for number, message in enumerate(bought[:10]):
                assert (await links[number % 2].ask(reversal(benches[1], message)))[39] == "00"
            await benches[0].wait_until(lambda: all(map(is_told, benches)))
            books = [[owed(bench, pan) for pan in PANS[:40]] for bench in benches]

    assert [sum(both) for both in zip(*books, strict=True)] == [0] * 10 + [10_000] * 30
    assert all(any(book) for book in books)
    asked = [one["11"] for one in bank.heard if one["t"] == "0200"]
    assert len(asked) == len(set(asked)) == 40
    assert {int(stan) // 500_000 for stan in asked} == {0, 1}
    assert sum(cost for _, cost in bank.posted.values()) == 300_000


def reversal(bench: Bench, of: Message) -> Message:
    original = f"0200{of[11]}{of[13]}{of[12]}" + "0" * 22
    stan = 900_000 + int(of[11])
    return bench.shop.message(
        "0400", amount_minor=int(of[4]), card=of[2], stan=stan, extra={90: original}
    )
