"""Caps at one merchant, and budgets of all cards: looked at and counted in the same step.

Goal: no card, shop, club or shard gives more than was said, in whatever order things are bought,
held, completed, undone and told again; what gives way names itself. Method: real messages through
one shard, two shards for shares; replay and snapshot at the end.
"""

from typing import Any

import msgspec
import pytest

from switch._peers import Peers
from switch.directory import Directory, EventError
from switch.events import BudgetShared, MerchantAdded, ProgrammeLive, TerminalAdded
from switch.machine import Account
from switch.programme import Programme
from switch.rules import (
    Budget,
    Cap,
    DiscountRule,
    EarnRule,
    Period,
    ProgrammeError,
    When,
)
from tests.issuers.test_exploits import programme
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import BOOKS, CAFE, Said, Shop, new_core, replay_into, state_of

DAY = Period(kind="day")
MONTH = Period(kind="month")
FOR_EVER = Period(kind="no end")
AT_BOOKS = "T0000003"
SHARED = DiscountRule(name="shared", discount_bps=1_000, funder="shared", merchant_share_bps=3_000)
BY_CLUB = DiscountRule(name="club", discount_bps=1_000, funder="club")
EARN = EarnRule(name="e", points=1, per_minor=1_000)


def opened(*parts: Cap | Budget, loads: int = 3, **others: object) -> Shop:
    """Give a shop of a programme with these caps and budgets; three cards have money."""
    shop = Shop(
        programme(
            caps=tuple(part for part in parts if isinstance(part, Cap)),
            budgets=tuple(part for part in parts if isinstance(part, Budget)),
            **others,
        )
    )
    for card in range(loads):
        shop.load(1_000_000, card=card)
    return shop


def counted(shop: Shop) -> dict[str, int]:
    """Give what each budget has counted, and by which merchant where each has one."""
    found = {}
    for book in shop.directory.budgets.all():
        for row, account in enumerate(book.accounts):
            name = book.budget.name + (f" {row}" if book.budget.per == "merchant" else "")
            if account >= 0:
                found[name] = shop.core.account(account)[4]
    return found


def declined(said: Said) -> tuple[str, str, str]:
    return said.code, said.reason, said.tag("LB")


# --- caps of a card at one merchant ---------------------------------------------------------------


def test_a_card_buys_so_often_at_one_merchant_and_at_another_as_often() -> None:
    shop = opened(Cap(name="twice here", of="count", most=2, period=DAY, per="merchant"))
    for terminal in ("T0000001", "T0000002"):
        assert shop.send(amount_minor=1_000, terminal=terminal).code == "00"

    said = shop.send(amount_minor=1_000)

    assert declined(said) == ("65", "above_merchant_count", "twice here")
    assert said.reason == "above_merchant_count"
    assert shop.send(amount_minor=1_000, terminal=AT_BOOKS).code == "00"
    assert shop.send(amount_minor=1_000, card=1).code == "00"
    assert_rebuilt(shop)


def test_a_card_spends_so_much_at_one_merchant_in_a_month() -> None:
    shop = opened(Cap(name="here", of="spent", most=50_000, per="merchant"))
    shop.send(amount_minor=30_000)

    said = shop.send(amount_minor=20_001)

    assert declined(said) == ("61", "above_merchant_amount", "here")
    assert said.reason == "above_merchant_amount"
    assert shop.send(amount_minor=20_000).code == "00"
    assert shop.send(amount_minor=50_000, terminal=AT_BOOKS).code == "00"
    shop.now_s = tehran_s(2026, 4, 21)  # the first of Ordibehesht
    assert shop.send(amount_minor=50_000).code == "00"
    shop.keep_house()
    assert_rebuilt(shop)


def test_what_is_undone_at_a_merchant_counts_there_no_more() -> None:
    shop = opened(
        Cap(name="times here", of="count", most=2, per="merchant"),
        Cap(name="here", of="spent", most=50_000, per="merchant"),
    )
    bought = shop.send(amount_minor=50_000)
    shop.refund(bought, 20_000)

    assert shop.send(amount_minor=20_001).tag("LB") == "here"
    second = shop.send(amount_minor=20_000)
    assert shop.send(amount_minor=1).reason == "above_merchant_count"
    reverse(shop, second)

    assert shop.send(amount_minor=20_000).code == "00"
    assert_rebuilt(shop)


def test_a_hold_counts_at_its_merchant_until_it_ends() -> None:
    shop = opened(Cap(name="times here", of="count", most=1, per="merchant"))
    before = standing(shop)
    held = shop.send("0100", amount_minor=10_000)

    assert shop.send(amount_minor=1_000).reason == "above_merchant_count"
    shop.complete(held, 10_000)
    assert shop.send(amount_minor=1_000).reason == "above_merchant_count"

    other = shop.send("0100", amount_minor=10_000, card=1)
    reverse(shop, other, card=1)
    assert shop.send(amount_minor=1_000, card=1).code == "00"
    assert before != standing(shop)
    assert_rebuilt(shop)


def test_a_discount_at_one_merchant_is_capped_there_alone() -> None:
    shop = opened(
        Cap(name="off here", of="discount", most=1_500, per="merchant"), discounts=(BY_CLUB,)
    )
    said = [shop.send(amount_minor=10_000) for _ in range(3)]

    assert [one.tag("DS") for one in said] == ["1000", "500", ""]
    assert [one.tag("LB") for one in said] == ["", "off here", "off here"]
    assert [one.tag("WD") for one in said] == ["club", "club", ""]
    assert shop.send(amount_minor=10_000, terminal=AT_BOOKS).tag("DS") == "1000"


# --- budgets of all cards -------------------------------------------------------------------------


def test_all_cards_together_buy_so_often_and_no_more() -> None:
    shop = opened(Budget(name="opening day", of="count", most=3, period=DAY))
    for card in range(3):
        assert shop.send(amount_minor=1_000, card=card).code == "00"

    said = shop.send(amount_minor=1_000)

    assert declined(said) == ("65", "above_budget_count", "opening day")
    assert said.reason == "above_budget_count"
    shop.now_s += 86_400
    assert shop.send(amount_minor=1_000).code == "00"
    assert counted(shop) == {"opening day": 1}
    assert_rebuilt(shop)


def test_all_cards_together_spend_so_much_at_each_merchant() -> None:
    shop = opened(Budget(name="till", of="spent", most=50_000, per="merchant"))
    shop.send(amount_minor=30_000)
    shop.send(amount_minor=20_000, card=1)

    said = shop.send(amount_minor=1, card=2)

    assert declined(said) == ("61", "above_budget_amount", "till")
    assert said.reason == "above_budget_amount"
    assert shop.send(amount_minor=50_000, card=2, terminal=AT_BOOKS).code == "00"
    assert counted(shop) == {"till 0": 50_000, "till 1": 50_000}
    assert_rebuilt(shop)


@pytest.mark.parametrize(
    ("funder", "given"),
    [("", ["1000", "1000", "", ""]), ("club", ["1000", "1000", "857", ""])],
)
def test_of_a_shared_discount_the_part_counts_that_the_budgets_funder_bears(
    funder: str, given: list[str]
) -> None:
    """2,000 in all: of each 1,000 the club bears 700."""
    budget = msgspec.convert(
        {"name": "b", "of": "discount", "most": 2_000, "funder": funder}, Budget
    )
    shop = opened(budget, discounts=(SHARED,))

    said = [shop.send(amount_minor=10_000, card=card % 3) for card in range(4)]

    assert [one.tag("DS") for one in said] == given
    assert said[2].tag("LB") == "b"
    assert counted(shop) == {"b": 2_000}
    assert_rebuilt(shop)


def test_what_a_merchant_bears_of_discounts_is_bounded_at_each_merchant() -> None:
    shop = opened(
        Budget(name="b", of="discount", most=500, per="merchant", funder="merchant"),
        discounts=(SHARED,),
    )

    said = [shop.send(amount_minor=10_000) for _ in range(3)]

    assert [one.tag("DS") for one in said] == ["1000", "666", "3"]
    assert counted(shop) == {"b 0": 499, "b 1": 0}  # of three rials it bears none
    assert shop.send(amount_minor=10_000, terminal=AT_BOOKS).tag("DS") == "1000"


def test_a_club_discount_is_none_of_the_merchants_budget() -> None:
    shop = opened(Budget(name="b", of="discount", most=1, funder="merchant"), discounts=(BY_CLUB,))

    assert shop.send(amount_minor=10_000).tag("DS") == "1000"
    assert counted(shop) == {"b": 0}


def test_points_of_a_rule_are_given_until_its_budget_is_used() -> None:
    cafe = EarnRule(name="cafe", points=2, per_minor=1_000, when=When(merchants=(CAFE,)))
    shop = opened(
        Budget(name="cafe's", of="earned", most=30, rules=("cafe",)), earning=(cafe, EARN)
    )

    said = [shop.send(amount_minor=10_000, card=card) for card in range(3)]

    assert [one.tag("PE") for one in said] == ["20", "10", ""]
    assert [one.tag("LE") for one in said] == ["", "cafe's", "cafe's"]
    assert [one.tag("WE") for one in said] == ["cafe", "cafe", ""]
    assert shop.send(amount_minor=10_000, terminal=AT_BOOKS).tag("PE") == "10"
    assert counted(shop) == {"cafe's": 30}
    assert_rebuilt(shop)


def test_a_bound_that_was_not_reached_is_not_named() -> None:
    shop = opened(
        Budget(name="b", of="discount", most=1_000), discounts=(BY_CLUB,), earning=(EARN,)
    )

    assert shop.send(amount_minor=10_000).tag("LB") == ""


def test_what_is_undone_enters_the_budget_again() -> None:
    shop = opened(
        Budget(name="given", of="discount", most=1_000),
        Budget(name="points", of="earned", most=9),
        Budget(name="spent", of="spent", most=40_000),
        discounts=(BY_CLUB,),
        earning=(EARN,),
    )
    before = standing(shop)
    bought = shop.send(amount_minor=10_000)
    assert counted(shop) == {"given": 1_000, "points": 9, "spent": 10_000}

    shop.refund(bought, 5_000)
    assert counted(shop) == {"given": 500, "points": 5, "spent": 5_000}
    assert shop.send(amount_minor=10_000, card=1).tag("DS") == "500"

    reverse(shop, bought)
    assert counted(shop) == {"given": 500, "points": 4, "spent": 10_000}
    assert before != standing(shop)
    assert_rebuilt(shop)


def test_a_reversal_leaves_a_budget_as_it_was() -> None:
    shop = opened(
        Budget(name="given", of="discount", most=1_000, per="merchant"),
        Budget(name="times", of="count", most=1),
        discounts=(BY_CLUB,),
    )
    before = standing(shop)

    reverse(shop, shop.send(amount_minor=20_000))

    assert standing(shop) == before
    assert shop.send(amount_minor=20_000, card=1).tag("DS") == "1000"


def test_a_hold_counts_in_a_budget_until_it_ends_and_its_completion_once() -> None:
    shop = opened(
        Budget(name="times", of="count", most=2), Budget(name="spent", of="spent", most=9)
    )
    shop = opened(
        Budget(name="times", of="count", most=2), Budget(name="spent", of="spent", most=30_000)
    )
    held = shop.send("0100", amount_minor=20_000)
    assert shop.send(amount_minor=10_001, card=1).reason == "above_budget_amount"

    done = shop.complete(held, 15_000)
    assert counted(shop) == {"times": 1, "spent": 15_000}
    shop.refund(done, 15_000)
    assert counted(shop) == {"times": 0, "spent": 0}

    shop.send("0100", amount_minor=30_000, card=1)
    shop.now_s += 2 * 86_400
    shop.expire_holds()
    assert counted(shop) == {"times": 0, "spent": 0}
    assert_rebuilt(shop)


def test_a_completion_happens_whatever_the_budget_says() -> None:
    shop = opened(Budget(name="spent", of="spent", most=20_000, period=DAY))
    held = shop.send("0100", amount_minor=20_000)
    shop.now_s += 3_600

    assert shop.complete(held, 20_000).code == "00"
    assert counted(shop) == {"spent": 20_000}


def test_a_repeat_is_counted_once_and_a_refused_message_not_at_all() -> None:
    shop = opened(Budget(name="times", of="count", most=5))
    again: dict[str, Any] = {"amount_minor": 1_000, "stan": 700, "at": shop.local_at()}
    first, second = shop.send(**again), shop.send("0201", **again)
    assert (first.code, second.seq) == ("00", first.seq)

    shop.send(amount_minor=5_000_000)

    assert counted(shop) == {"times": 1}


def test_two_programmes_of_a_club_share_the_budget_that_both_name() -> None:
    shop = opened(Budget(name="club's", of="count", most=2))
    second = programme(programme=2, budgets=(Budget(name="club's", of="count", most=2),))
    shop.record(ProgrammeLive(definition=second))
    assert len(shop.directory.budgets.all()) == 1

    other = programme(programme=3, budgets=(Budget(name="club's", of="spent", most=2),))
    with pytest.raises(EventError, match="counts something else"):
        shop.record(ProgrammeLive(definition=other))


def test_a_new_version_has_another_bound_and_what_was_counted_goes_on() -> None:
    shop = opened(Budget(name="times", of="count", most=2))
    shop.send(amount_minor=1_000)
    shop.send(amount_minor=1_000, card=1)
    assert shop.send(amount_minor=1_000).reason == "above_budget_count"

    live = shop.directory.programmes[1]
    more = msgspec.structs.replace(
        live, version=2, budgets=(Budget(name="times", of="count", most=3),)
    )
    shop.record(ProgrammeLive(definition=more))

    assert shop.send(amount_minor=1_000).code == "00"
    assert shop.send(amount_minor=1_000).reason == "above_budget_count"
    assert_rebuilt(shop)


def test_a_merchant_that_comes_later_has_its_own_budget() -> None:
    shop = opened(Budget(name="till", of="count", most=1, per="merchant"))
    for merchant, terminal in (("LATER0000000001", "T0000007"), ("LATER0000000002", "T0000008")):
        shop.record(
            MerchantAdded(merchant_id=merchant, club=1, category=5812, name="L", name_fa="ل")
        )
        shop.record(TerminalAdded(terminal_id=terminal, acquirer=1, merchant_id=merchant))
    later: dict[str, Any] = {"terminal": "T0000008", "extra": {42: "LATER0000000002"}}

    assert shop.send(amount_minor=1_000, **later).code == "00"
    assert shop.send(amount_minor=1_000, **later).reason == "above_budget_count"
    assert counted(shop) == {"till 0": 0, "till 1": 0, "till 3": 0, "till 4": 1}
    assert_rebuilt(shop)
    live = ProgrammeLive(
        definition=msgspec.structs.replace(shop.directory.programmes[1], version=2)
    )
    shop.record(live)
    assert shop.send(amount_minor=1_000, **later).reason == "above_budget_count"


def test_a_version_with_a_budget_that_means_nothing_is_refused() -> None:
    wrongs: tuple[dict[str, object], ...] = (
        {"budgets": (Budget(name="b", of="earned", most=1, rules=("x",)),)},
        {
            "budgets": (Budget(name="b", of="count", most=1),),
            "caps": (Cap(name="b", of="count", most=1),),
        },
    )
    for wrong in wrongs:
        with pytest.raises(ProgrammeError):
            programme(**wrong)
    with pytest.raises(ProgrammeError):
        Budget(name="b", of="spent", most=1, funder="club")
    with pytest.raises(ProgrammeError):
        Budget(name="b", of="count", most=1, rules=("x",))


# --- shares of several shards ---------------------------------------------------------------------


def among(shop: Shop, count: int) -> Peers:
    """Have a shop be one of so many shards, with every card its own."""
    return Peers(
        shop.core,
        owners=[shop.core.number] * 4096,
        count=count,
        greeting=bytes(32),
    )


def shard(number: int, budget: Budget, definition: Programme | None = None) -> Shop:
    shop = Shop(definition or programme(budgets=(budget,)), shard=number)
    for card in range(3):
        shop.load(1_000_000, card=card)
    return shop


def buys(shop: Shop, times: int) -> int:
    """Give how many of so many purchases were approved."""
    return sum(shop.send(amount_minor=1_000, card=n % 3).code == "00" for n in range(times))


def test_shards_share_a_budget_evenly_and_never_give_more_together() -> None:
    budget = Budget(name="times", of="count", most=11)
    shards = [shard(number, budget) for number in range(3)]
    peers = [among(shop, 3) for shop in shards]

    given = [buys(shop, 9) for shop in shards]

    assert (given, len(peers)) == ([5, 3, 3], 3)


def test_shares_that_were_said_hold_and_are_kept() -> None:
    budget = Budget(name="times", of="count", most=10)
    shards = [shard(number, budget) for number in range(2)]
    peers = [among(shop, 2) for shop in shards]
    shared = BudgetShared(club=1, budget="times", shares_bps=(2_000, 8_000))
    for shop in shards:
        shop.record(shared)

    given = [buys(shop, 9) for shop in shards]

    assert (given, len(peers)) == ([2, 8], 2)
    for shop in shards:
        live = shop.directory.programmes[1]
        shop.record(ProgrammeLive(definition=msgspec.structs.replace(live, version=2)))
        assert buys(shop, 3) == 0
        core = new_core(shard=shop.core.number)
        again = replay_into(core, shop.journal())
        assert again.budgets.all() == shop.directory.budgets.all()
        assert state_of(core) == shop.state()
        loaded = Directory(core)
        loaded.load(shop.directory.dump())
        assert loaded.budgets.all() == shop.directory.budgets.all()


def test_a_share_below_what_is_used_is_refused_and_changes_nothing() -> None:
    shop = shard(0, Budget(name="times", of="count", most=10))
    peers = among(shop, 2)
    assert buys(shop, 4) == 4

    with pytest.raises(EventError, match="4 of it are used here already"):
        shop.record(BudgetShared(club=1, budget="times", shares_bps=(3_000, 7_000)))

    assert (buys(shop, 9), peers.misplaced()) == (1, 0)
    with pytest.raises(ValueError, match="together at most"):
        BudgetShared(club=1, budget="times", shares_bps=(3_000, 7_001))
    wrongs: tuple[dict[str, Any], ...] = ({"budget": "other"}, {"shares_bps": ()})
    for wrong in wrongs:
        event: dict[str, Any] = {
            "club": 1,
            "budget": "times",
            "shares_bps": (5_000, 5_000),
            **wrong,
        }
        with pytest.raises(EventError):
            shop.record(BudgetShared(**event))


def test_a_club_of_an_old_journal_has_no_budgets() -> None:
    budgets = (Budget(name="times", of="count", most=10),)
    shop = Shop()
    club = msgspec.structs.replace(shop.directory.clubs[1], accounts=6)
    shop.directory.clubs[1] = club

    with pytest.raises(EventError, match="older journal"):
        shop.record(ProgrammeLive(definition=programme(programme=2, budgets=budgets)))

    assert club.accounts == Account.CLUB_COUNTS & 15
    assert BOOKS in shop.directory.merchants
