"""Whose account is whose, by the journal's events alone, against the core that opened them."""

import asyncio

import pytest

from loadtest import ledger_reader
from loadtest.books import CARD_NAMES, CLUB_NAMES
from loadtest.ledger_reader import Owner, Register
from switch.events import ClubAdded, MerchantAdded
from switch.ledger.database import Database
from tests.support.journaled_shop import JournaledShop, cards_added, new_core, pan_of

SECOND_MERCHANT = "MERCHANT0000002"


def read(dsn: str) -> Register:
    async def read() -> Register:
        connection = await ledger_reader.connect(dsn)
        try:
            return await ledger_reader.register_of(connection, 0)
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.mark.slow
def test_the_journal_alone_says_whose_an_account_is(database: str) -> None:
    with Database(database) as opened:
        shop = JournaledShop(opened, new_core()).open(cards=3)
        shop.record(ClubAdded(club=2, name="Other", name_fa="دیگر", currency=364))
        shop.record(
            MerchantAdded(
                merchant_id=SECOND_MERCHANT, club=2, category=5942, name="Books", name_fa="کتاب"
            )
        )
        shop.record(cards_added(shop.core, 3, 2))
        shop.load(1_000)
        shop.commit()

    register = read(database)

    merchants = ["MERCHANT0000001", SECOND_MERCHANT]
    assert register.merchants == merchants
    for number in range(shop.core.account_count):
        kind, owner, slot = shop.core.account(number)[:3]
        expected = {
            1: Owner("club", owner, "", -1, CLUB_NAMES[slot]),
            2: Owner("merchant", owner + 1, merchants[owner % 2], -1, "money"),
            3: Owner("card", -1, "", owner, CARD_NAMES[slot % 4]),
        }[kind]
        assert register.owner(number) == expected
        assert register.account(expected) == number
    for card in range(5):
        assert register.masked(card) == f"{pan_of(card)[:6]}******{pan_of(card)[-4:]}"
    with pytest.raises(IndexError):
        register.owner(shop.core.account_count)
