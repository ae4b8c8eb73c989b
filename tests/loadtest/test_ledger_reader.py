"""Whose account is whose, by the journal's events alone, against the core that opened them."""

import asyncio

import msgspec
import pytest

from loadtest import ledger_reader
from loadtest.books import CARD_NAMES, CLUB_NAMES
from loadtest.ledger_reader import Owner, Register
from switch.events import ClubAdded, MerchantAdded, ProgrammeLive
from switch.ledger.database import Database
from switch.rules import Budget
from tests.support.journaled_shop import JournaledShop, cards_added, new_core, pan_of

SECOND_MERCHANT, THIRD_MERCHANT = "MERCHANT0000002", "MERCHANT0000003"
BUDGETS = (
    Budget(name="all", of="count", most=9),
    Budget(name="each", of="spent", most=900_000, per="merchant"),
)


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
        live = shop.directory.programmes[1]
        shop.record(
            ProgrammeLive(definition=msgspec.structs.replace(live, version=2, budgets=BUDGETS))
        )
        shop.record(ClubAdded(club=2, name="Other", name_fa="دیگر", currency=364))
        shop.record(
            MerchantAdded(
                merchant_id=SECOND_MERCHANT, club=2, category=5942, name="Books", name_fa="کتاب"
            )
        )
        shop.record(
            MerchantAdded(
                merchant_id=THIRD_MERCHANT, club=1, category=5942, name="Books", name_fa="کتاب"
            )
        )
        shop.record(cards_added(shop.core, 3, 2))
        shop.load(1_000)
        shop.commit()

    register = read(database)

    merchants = ["MERCHANT0000001", SECOND_MERCHANT, THIRD_MERCHANT]
    clubs = (1, 2, 1)
    assert register.merchants == merchants
    for number in range(shop.core.account_count):
        kind, owner, slot = shop.core.account(number)[:3]
        expected = {
            1: Owner("club", owner, "", -1, CLUB_NAMES[slot]),
            2: Owner("merchant", clubs[owner % 3], merchants[owner % 3], -1, "money"),
            5: Owner("budget", -1, "", number, "count"),
            3: Owner("card", -1, "", owner, CARD_NAMES[slot % 4]),
        }[kind]
        assert register.owner(number) == expected
        assert register.account(expected) == number
    for card in range(5):
        assert register.masked(card) == f"{pan_of(card)[:6]}******{pan_of(card)[-4:]}"
    with pytest.raises(IndexError):
        register.owner(shop.core.account_count)
