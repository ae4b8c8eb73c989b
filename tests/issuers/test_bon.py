"""The bon: an organisation's money for a month and some shops, and nothing else ever."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuers.bon import bon
from switch._core import Core
from switch._snapshot import Loading, dump
from switch.directory import Directory
from switch.events import CardStatusChanged, OrganisationAdded, ProgrammeLive
from switch.operations import CardStatus
from tests.support.shop import Shop, cards_added, new_core, replay_into, state_of

DAY_S = 86_400
MONTH_MINOR = 500_000
CAFES = (5812,)
# The shop opens on 26 Farvardin 1405 at noon: the month has 31 days.
ENDS_IN_S = 5 * DAY_S + 12 * 3_600
MORE = [f"9364005{number:09d}" for number in range(1_100)]


def shop_of(
    rest: Literal["cash", "purse", "declined"] = "cash", *, cards: int = 3, shard: int = 0
) -> Shop:
    """A shop with an organisation and its bon cards `MORE[0]`…"""
    shop = Shop(shard=shard)
    shop.record(OrganisationAdded(organisation=7, club=1, name="Org", name_fa="سازمان"))
    shop.record(
        ProgrammeLive(
            definition=bon(
                2,
                1,
                1,
                organisation=7,
                monthly_minor=MONTH_MINOR,
                categories=CAFES,
                rest=rest,
            )
        )
    )
    shop.record(cards_added(shop.core, 2, MORE[:cards], [3012] * cards))
    return shop


def organisation(shop: Shop) -> int:
    return int(shop.core.account(shop.directory.organisation_accounts[7])[4])


def left(shop: Shop, card: int = 0) -> int:
    """What is in the bon of a card."""
    return shop.account(number_of(shop, card), 0)


def number_of(shop: Shop, card: int) -> int:
    found = shop.core.card_of(shop.core.token_of(MORE[card]))
    assert found is not None
    return found


def lots(shop: Shop, card: int = 0) -> list[tuple[int, int, int, int]]:
    return list(shop.core.lots(shop.core.card(number_of(shop, card))[0]))


def test_every_card_gets_its_month_from_the_organisation_once() -> None:
    shop = shop_of()

    shop.keep_house()
    shop.keep_house()

    assert [left(shop, card) for card in range(3)] == [MONTH_MINOR] * 3
    assert organisation(shop) == -3 * MONTH_MINOR
    ((_, _, opens_s, ends_s),) = lots(shop)
    assert (opens_s, ends_s) == (0, shop.now_s + ENDS_IN_S)


def test_a_card_that_comes_in_mid_month_gets_its_month() -> None:
    shop = shop_of()
    shop.keep_house()

    shop.record(cards_added(shop.core, 2, MORE[3:5], [3012] * 2))
    shop.keep_house()

    assert [left(shop, card) for card in range(5)] == [MONTH_MINOR] * 5


def test_what_is_left_goes_back_at_the_end_and_the_next_month_begins() -> None:
    shop = shop_of()
    shop.keep_house()
    shop.send(card=MORE[0], amount_minor=200_000)

    shop.now_s += ENDS_IN_S - 1
    shop.keep_house()
    assert organisation(shop) == -3 * MONTH_MINOR
    shop.now_s += 1
    shop.keep_house()

    assert organisation(shop) == -200_000 - 3 * MONTH_MINOR
    assert [left(shop, card) for card in range(3)] == [MONTH_MINOR] * 3
    assert shop.core.imbalances() == []


def test_it_is_spendable_to_its_last_second_and_no_longer() -> None:
    shop = shop_of("declined")
    shop.keep_house()

    shop.now_s += ENDS_IN_S - 1
    last = shop.send(card=MORE[0], amount_minor=1_000)
    shop.now_s += 1
    after = shop.send(card=MORE[0], amount_minor=1_000)

    assert (last.code, after.reason) == ("00", "insufficient_funds")


def test_it_pays_at_its_shops_only() -> None:
    shop = shop_of("declined")
    shop.keep_house()

    inside = shop.send(card=MORE[0], amount_minor=1_000)
    elsewhere = shop.send(card=MORE[0], amount_minor=1_000, terminal="T0000003")

    assert (inside.code, elsewhere.reason) == ("00", "insufficient_funds")


@pytest.mark.parametrize("code", ["210000", "010000"])
def test_it_is_never_loaded_and_never_cash(code: str) -> None:
    shop = shop_of()
    shop.keep_house()

    said = shop.send(code=code, card=MORE[0], amount_minor=1_000)

    assert said.reason == "operation_not_allowed"
    assert left(shop) == MONTH_MINOR


def test_what_it_does_not_pay_is_paid_in_cash() -> None:
    shop = shop_of("cash")
    shop.keep_house()

    said = shop.send(card=MORE[0], amount_minor=600_000)

    assert (said.code, left(shop), said.tag("CA")) == ("00", 0, "100000")


def test_what_it_does_not_pay_a_purse_pays() -> None:
    shop = shop_of("purse")
    shop.keep_house()
    shop.send(code="210000", card=MORE[0], amount_minor=150_000)

    said = shop.send(card=MORE[0], amount_minor=600_000)

    assert (said.code, left(shop)) == ("00", 0)
    assert shop.account(number_of(shop, 0), 2) == 50_000


def test_a_reversal_gives_it_back_to_the_same_lot() -> None:
    shop = shop_of()
    shop.keep_house()
    before = shop.state()[:2]

    said = shop.send(card=MORE[0], amount_minor=600_000)
    shop.reverse(said, 600_000, card=MORE[0])

    assert shop.state()[:2] == before


def test_a_refund_after_the_month_goes_back_to_the_organisation_at_the_next_run() -> None:
    shop = shop_of("declined")
    shop.keep_house()
    bought = shop.send(card=MORE[0], amount_minor=200_000)
    shop.now_s += ENDS_IN_S
    shop.keep_house()
    owed = organisation(shop)

    refunded = shop.refund(bought, 200_000, card=MORE[0])
    spendable = shop.send(code="310000", card=MORE[0], amount_minor=None).balances()["1002"]
    assert refunded.code == "00"
    assert (left(shop), spendable) == (MONTH_MINOR + 200_000, MONTH_MINOR)
    shop.now_s += DAY_S
    shop.keep_house()

    assert left(shop) == MONTH_MINOR
    assert organisation(shop) == owed + 200_000
    assert shop.core.imbalances() == []


def test_a_refund_that_is_taken_back_after_that_costs_the_organisation_and_not_the_card() -> None:
    shop = shop_of("declined")
    shop.keep_house()
    bought = shop.send(card=MORE[0], amount_minor=200_000)
    shop.now_s += ENDS_IN_S
    shop.keep_house()
    owed = organisation(shop)
    refunded = shop.refund(bought, 200_000, card=MORE[0])
    shop.now_s += DAY_S
    shop.keep_house()

    shop.reverse(refunded, 200_000, card=MORE[0])
    shop.now_s += DAY_S
    shop.keep_house()

    assert (left(shop), organisation(shop)) == (MONTH_MINOR, owed)


def test_a_hold_that_ends_after_the_month_gives_nothing_to_spend() -> None:
    shop = shop_of("declined")
    shop.keep_house()
    assert shop.send("0100", card=MORE[0], amount_minor=200_000).code == "00"
    shop.now_s += ENDS_IN_S
    shop.keep_house()

    shop.now_s += DAY_S
    shop.expire_holds()
    shop.now_s += DAY_S
    shop.keep_house()

    assert left(shop) == MONTH_MINOR
    assert organisation(shop) == -3 * MONTH_MINOR
    assert shop.core.imbalances() == []


def test_a_closed_card_gets_none() -> None:
    shop = shop_of()
    shop.record(CardStatusChanged(card=number_of(shop, 0), status=CardStatus.CLOSED))

    shop.keep_house()

    assert [left(shop, card) for card in range(3)] == [0, MONTH_MINOR, MONTH_MINOR]


def test_each_shard_opens_its_own_cards() -> None:
    shards = [shop_of(shard=number, cards=2 + number) for number in (0, 1)]

    for shop in shards:
        shop.keep_house()

    assert [organisation(shop) for shop in shards] == [-2 * MONTH_MINOR, -3 * MONTH_MINOR]


def loaded_from_snapshot(shop: Shop) -> tuple[Core, Directory]:
    core = new_core()
    loading = Loading(core)
    for part, body in dump(shop.core):
        loading.take(part, body)
    loading.finish()
    directory = Directory(core)
    directory.load(shop.directory.dump())
    return core, directory


def test_a_snapshot_in_the_middle_of_a_run_is_gone_on_from() -> None:
    shop = shop_of("declined", cards=1_100)
    shop.keep_house(slices_max=11, cards_max=512)
    begun = organisation(shop)

    shop.core, shop.directory = loaded_from_snapshot(shop)
    shop.core.begin_tenure(2)
    shop.keep_house()

    assert -1_100 * MONTH_MINOR < begun < 0
    assert [left(shop, card) for card in range(1_100)] == [MONTH_MINOR] * 1_100
    assert organisation(shop) == -1_100 * MONTH_MINOR


@settings(max_examples=15, deadline=None)
@given(
    cut=st.integers(0, 150),
    spent=st.dictionaries(st.integers(0, 59), st.integers(1, MONTH_MINOR), max_size=5),
    cards_max=st.integers(1, 40),
)
@pytest.mark.slow
def test_a_run_that_was_cut_anywhere_ends_in_the_same_state(
    cut: int, spent: dict[int, int], cards_max: int
) -> None:
    """Open a month, spend, let it end; replay the journal up to a slice, go on, compare."""
    whole, parts = (shop_of("declined", cards=60) for _ in range(2))
    for shop in (whole, parts):
        shop.keep_house(cards_max=cards_max)
        for card, amount_minor in spent.items():
            assert shop.send(card=MORE[card], amount_minor=amount_minor).code == "00"
        shop.now_s += ENDS_IN_S
    whole.keep_house(cards_max=cards_max)

    parts.keep_house(slices_max=cut, cards_max=cards_max)
    core = new_core()
    parts.directory = replay_into(core, parts.journal())
    assert state_of(core) == parts.state()
    parts.core = core
    parts.core.begin_tenure(1)
    parts.keep_house(cards_max=cards_max)

    assert state_of(parts.core) == whole.state()
    assert parts.directory.dump() == whole.directory.dump()
    assert parts.core.imbalances() == []
