"""The demo's products: every card where its shard finds it, a guest's beside its member's."""

import asyncio
from functools import partial

import asyncpg
import pytest
import trio

from bashgah import demo_vouchers
from bashgah.card_production.files import token_of
from bashgah.demo_loader import events, guests_linked
from bashgah.demo_products import GUEST, LOYALTY, PRODUCTS
from switch.directory import Directory
from switch.slots import even_owners, slot_of
from tests.support.shop import PAN_KEY, new_core
from tests.support.site import running_site

TOKEN = partial(token_of, PAN_KEY)


def owned_by(owners: tuple[int, ...], shard: int, token: bytes) -> bool:
    """Say whether a shard owns a card."""
    return owners[slot_of(token)] == shard


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_every_guest_is_linked_on_the_shard_that_owns_both(shards: int) -> None:
    owners = even_owners(shards)
    linked, cards = 0, 0
    for shard in range(shards):
        core = new_core(shard=shard)
        directory = Directory(core)
        for event in events(core.token_of, owns=partial(owned_by, owners, shard)):
            directory.record(event, now_us=1_800_000_000_000_000, utc_offset_s=12_600)
        links = list(guests_linked(core))
        for event in links:
            directory.record(event, now_us=1_800_000_000_000_000, utc_offset_s=12_600)
        linked += len(links)
        cards += core.card_count

    assert linked == len(GUEST.cards) == 3
    assert cards == 8 + 1_000 + 3 * len(PRODUCTS) + linked + demo_vouchers.COUNT


def test_who_gave_a_guests_card_has_a_number_in_its_slot() -> None:
    pairs = list(zip(LOYALTY.guests, LOYALTY.referrers(TOKEN), strict=True))

    assert [guest.pan for guest, _ in pairs] == [guest.pan for guest in GUEST.cards]
    for guest, member in pairs:
        assert slot_of(TOKEN(guest.pan)) == slot_of(TOKEN(member.pan))
    assert not {member.pan for _, member in pairs} & {card.pan for card in LOYALTY.cards}


def test_no_two_documented_cards_have_the_same_number() -> None:
    numbers = [card.pan for product in PRODUCTS for card in product.cards]

    assert len(set(numbers)) == len(numbers) == 3 * len(PRODUCTS)


@pytest.mark.slow
async def test_the_view_of_accounts_counts_what_each_product_s_cards_have() -> None:
    """The journal alone says whose an account is, for every product."""
    async with running_site(lambda line: None) as site:
        connection = await trio.to_thread.run_sync(_blocks, site.dsn)

    core = new_core()
    directory = Directory(core)
    for event in events(core.token_of):
        directory.record(event, now_us=1_800_000_000_000_000, utc_offset_s=12_600)
    loyal = len(LOYALTY.cards) + len(LOYALTY.guests)
    firsts = [0, 1_008, *range(1_008 + loyal, 1_008 + loyal + 3 * (len(PRODUCTS) - 1), 3)]
    firsts.append(firsts[-1] + demo_vouchers.COUNT)  # the vouchers come before who takes them
    assert [first for first, _ in connection] == [core.card(card)[0] for card in firsts]
    assert sum(connection[-1]) == core.account_count


def _blocks(dsn: str) -> list[tuple[int, int]]:
    return asyncio.run(_read_blocks(dsn))


async def _read_blocks(dsn: str) -> list[tuple[int, int]]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT first_account, account_count FROM account_blocks_view"
            " WHERE owner = 'cards' ORDER BY seq"
        )
    finally:
        await connection.close()
    return [(row["first_account"], row["account_count"]) for row in rows]
