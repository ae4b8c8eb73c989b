"""What tills undo of products, when memory has lost both the message and its reversal.

Method: a real PostgreSQL and a memory of 64 exchanges, as in `test_recall`.
"""

from collections.abc import Iterator

import pytest

from issuers.credit import credit
from issuers.gift import gift
from issuers.membership import membership
from issuers.prepaid import prepaid
from issuers.warranty import warranty
from switch.events import ProgrammeLive
from switch.ledger.database import Database
from switch.operations import Operation
from tests.support.journaled_shop import JournaledShop, cards_added, new_core, original

ENTRIES = 64
DETAIL_BYTES = 4096

# Card, DE 3 and amount of what is undone, after what a till did first. The cards are of products.
PRODUCTS = [
    gift(2, 1, 1),
    prepaid(3, 1, 1),
    membership(4, 1, 1),
    warranty(5, 1, 1),
    credit(6, 1, 1),
]
GIFT, PREPAID, MEMBER, WARRANTY, CREDIT = range(4, 9)
Act = tuple[int, str, int | None]
UNDONE: dict[Operation, tuple[list[Act], Act]] = {
    Operation.ACTIVATION: ([], (GIFT, "720000", 500_000)),
    Operation.WITHDRAWAL: ([(PREPAID, "210000", 500_000)], (PREPAID, "010000", 200_000)),
    Operation.RENEWAL: ([], (MEMBER, "900000", None)),
    Operation.ITEM_REGISTRATION: ([], (WARRANTY, "920000", None)),
    Operation.ITEM_CLAIM: ([(WARRANTY, "920000", None)], (WARRANTY, "940000", None)),
    Operation.REPAYMENT: ([(CREDIT, "000000", 900_000)], (CREDIT, "213000", 300_000)),
    Operation.SETTLEMENT: ([(CREDIT, "000000", 900_000)], (CREDIT, "910000", 900_000)),
}


@pytest.fixture
def shop(database: str) -> Iterator[JournaledShop]:
    with Database(database) as opened:
        core = new_core(exchange_entries=ENTRIES, detail_bytes=DETAIL_BYTES)
        small = JournaledShop(opened, core).open()
        for row, definition in enumerate(PRODUCTS):
            small.record(ProgrammeLive(definition=definition))
            small.record(cards_added(small.core, 4 + row, 1, definition.programme))
        yield small


@pytest.mark.slow
@pytest.mark.parametrize("operation", UNDONE, ids=lambda operation: operation.name.lower())
async def test_what_was_undone_and_forgotten_is_not_undone_again(
    shop: JournaledShop, operation: Operation
) -> None:
    def asked(mti: str, act: Act, **more: str) -> bytes:
        card, code, amount_minor = act
        elements: dict[int | str, str | None] = {}
        if amount_minor is None and mti == "0200":
            elements = {4: None, 49: None}
        if card == WARRANTY:
            elements["48.SN"] = "A-1"
        elements |= {int(name[2:]): value for name, value in more.items()}
        return shop.request(
            mti, card=card, code=code, amount_minor=amount_minor or 0, more=elements
        )

    before, act = UNDONE[operation]
    for earlier in before:
        assert (await shop.talk(asked("0200", earlier))).code == "00"
    began = shop.balances()
    done_at, request = shop.now_us // 1_000_000, asked("0200", act)
    named = original(shop.last_stan, done_at)
    assert (await shop.talk(request)).code == "00"
    shop.churn()
    first = await shop.talk(asked("0400", act, de90=named))
    shop.churn()

    again = await shop.talk(asked("0400", act, de90=named))

    assert (first.code, again.code) == ("00", "00")
    assert "reversed_before" in again.elements["48"]
    assert shop.balances() == began
    assert shop.core.imbalances() == []
