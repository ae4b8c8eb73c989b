"""Months of a club in a real journal: shops, members of two levels, refunds, a clock that works.

Owns how such a past is made, from a seed. Knows nothing of looking back at it.
"""

from random import Random
from typing import Any

import msgspec

from switch.clock_work import ClockWork
from switch.events import (
    CLUB_ACCOUNTS,
    AcquirerAdded,
    ClubAdded,
    MerchantAdded,
    ProgrammeLive,
    TerminalAdded,
)
from switch.ledger.database import Database
from switch.programme import Programme
from switch.rules import DiscountRule, Tier, Tiers, When
from tests.support.journaled_shop import (
    ACQUIRER_CODE,
    UTC_OFFSET_S,
    JournaledShop,
    cards_added,
    new_core,
    original,
)

SHOPS = (
    ("MERCHANT0000001", 5812, "Cafe", "کافه"),
    ("MERCHANT0000002", 5942, "Books", "کتاب‌فروشی"),
    ("MERCHANT0000003", 5411, "Grocer", "خواربارفروشی"),
)
DAY_US = 86_400_000_000
COMMIT_ROWS = 2_000


def club_of(database: Database, definition: Programme, *, cards: int) -> JournaledShop:
    """Open a club with three shops, a terminal each, and its members' cards."""
    core = new_core(exchange_entries=1 << 16, detail_bytes=64 << 20)
    shop = JournaledShop(database, core)
    shop.record(
        ClubAdded(club=1, name="Club", name_fa="باشگاه", currency=364, accounts=CLUB_ACCOUNTS)
    )
    shop.record(AcquirerAdded(acquirer=1, code=ACQUIRER_CODE, name="Acquirer"))
    for number, (merchant_id, category, name, name_fa) in enumerate(SHOPS, start=1):
        shop.record(
            MerchantAdded(
                merchant_id=merchant_id, club=1, category=category, name=name, name_fa=name_fa
            )
        )
        shop.record(
            TerminalAdded(terminal_id=f"T{number:07d}", acquirer=1, merchant_id=merchant_id)
        )
    shop.record(ProgrammeLive(definition=definition))
    for first in range(0, cards, 1_000):
        shop.record(cards_added(core, first, min(1_000, cards - first), definition.programme))
    shop.commit()
    return shop


def live_through(shop: JournaledShop, chance: Random, *, days: int, a_day: int, cards: int) -> None:
    """Let days pass: purchases, some with points, some refunded or reversed; the clock at night."""
    work = ClockWork(shop.core, shop.directory)
    bought: list[tuple[int, int, int, int, int]] = []
    for _ in range(days):
        while work.step(now_us=shop.now_us, utc_offset_s=UTC_OFFSET_S) is not None:
            pass
        for number in range(a_day):
            shop.now_us += DAY_US // (a_day + 1)
            _something(shop, chance, cards, bought)
            if number % COMMIT_ROWS == 0:
                shop.commit()
        shop.now_us += DAY_US // (a_day + 1)
        shop.commit()


def _something(
    shop: JournaledShop,
    chance: Random,
    cards: int,
    bought: list[tuple[int, int, int, int, int]],
) -> None:
    kind = chance.random()
    if kind < 0.04 and bought:
        card, terminal, stan, at_s, amount_minor = bought.pop(chance.randrange(len(bought)))
        back_minor = chance.choice([amount_minor, max(1, amount_minor // 3)])
        _say(
            shop,
            code="200000",
            amount_minor=back_minor,
            card=card,
            terminal=terminal,
            more={42: SHOPS[terminal - 1][0], 90: original(stan, at_s)},
        )
        return
    # A few buy all the time, most now and then.
    often = min(int(chance.paretovariate(1.1)) - 1, cards - 1)
    card = often if chance.random() < 0.3 else chance.randrange(cards)
    terminal = chance.randrange(len(SHOPS)) + 1
    amount_minor = int(chance.lognormvariate(13.5, 0.9)) + 1_000
    more: dict[int | str, str] = {42: SHOPS[terminal - 1][0]}
    if kind > 0.9:
        more["48.PR"] = "100000"
    _say(shop, amount_minor=amount_minor, card=card, terminal=terminal, more=more)
    bought.append((card, terminal, shop.last_stan, shop.now_us // 1_000_000, amount_minor))
    if len(bought) > 300:
        bought.pop(0)


def _say(shop: JournaledShop, **fields: Any) -> None:
    """Send a request; nobody reads its answer."""
    status, _, _, recall = shop.answer(shop.request(**fields))
    assert (status, recall) == ("at_seq", None)


def thrifty(definition: Programme) -> Programme:
    """Give a draft that shifts what members get: a discount in cafes, fewer points elsewhere."""
    return msgspec.structs.replace(
        definition,
        version=definition.version + 1,
        discounts=(
            DiscountRule(
                name="cafe",
                when=When(categories=(5812,)),
                discount_bps=200,
                funder="shared",
                merchant_share_bps=6_000,
            ),
        ),
        earning=tuple(
            msgspec.structs.replace(rule, per_minor=2 * rule.per_minor)
            if rule.name in ("base", "books")
            else rule
            for rule in definition.earning
        ),
        tiers=Tiers(
            levels=(
                Tier(name="blue", at=0),
                Tier(name="silver", at=10_000_000),
                Tier(name="gold", at=120_000_000),
            )
        ),
    )
