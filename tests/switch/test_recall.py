"""Recall on a real PostgreSQL, with a memory so small that exchanges really leave it.

Method: 64 exchanges, details for about 20. What is said after recall is held against a twin that
hears the same messages and forgets nothing.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import pytest

from switch._core import Core
from switch.ledger import partitions
from switch.ledger.database import Database
from switch.operations import ExchangeState, JournalKind, Operation
from switch.recall import (
    RECALLED_ROWS_MAX,
    Later,
    Original,
    at_once_max,
    outcome,
    outcomes_of,
    recall,
)
from switch.recovery import rebuild
from tests.support.journaled_shop import JournaledShop, Reply, new_core, original

ENTRIES = 64
DETAIL_BYTES = 4096


@pytest.fixture
def shop(database: str) -> Iterator[JournaledShop]:
    with Database(database) as opened:
        core = new_core(exchange_entries=ENTRIES, detail_bytes=DETAIL_BYTES)
        small = JournaledShop(opened, core).open()
        small.load(10_000_000)
        yield small


def purchase(shop: JournaledShop, stan: int, amount_minor: int = 300_000) -> bytes:
    """A purchase of terminal 1, answered; gives the request."""
    request = shop.request(stan=stan, amount_minor=amount_minor)
    assert shop.answer(request)[0] == "at_seq"
    return request


def replayed(shop: JournaledShop) -> Core:
    """A shard with as little memory, rebuilt from the journal."""
    small_core = partial(new_core, exchange_entries=ENTRIES, detail_bytes=DETAIL_BYTES)
    shop.commit()
    return shop.database.call_sync(rebuild, 0, small_core, lambda last, end: None).core


def at(shop: JournaledShop) -> int:
    return shop.now_us // 1_000_000


@pytest.mark.slow
async def test_a_repeat_gets_the_first_reply_when_only_its_details_have_left(
    shop: JournaledShop,
) -> None:
    request = shop.request()
    first = await shop.talk(request)
    shop.churn(30)
    assert shop.core.exchange(first.seq) is not None
    before = shop.balances()

    again = await shop.talk(request)

    assert (again.body, again.seq) == (first.body, first.seq)
    assert shop.recalls == 1
    assert shop.balances() == before


@pytest.mark.slow
async def test_a_repeat_gets_the_first_reply_when_memory_has_lost_it(shop: JournaledShop) -> None:
    request = shop.request()
    first = await shop.talk(request)
    shop.churn()
    assert shop.core.exchange(first.seq) is None
    before = shop.balances()

    again = await shop.talk(request)

    assert (again.body, again.seq) == (first.body, first.seq)
    assert shop.balances() == before


@pytest.mark.slow
async def test_other_content_under_a_lost_key_is_refused(shop: JournaledShop) -> None:
    request = shop.request(stan=700, amount_minor=100_000)
    first = await shop.talk(request)
    other = shop.request(stan=700, amount_minor=100_001)
    shop.churn()

    refused = await shop.talk(other)
    shop.churn()

    assert refused.code == "94"
    # The refusal does not hold the key: the first message still does.
    assert (await shop.talk(request)).body == first.body


@pytest.mark.slow
async def test_a_lost_purchase_is_reversed_to_the_lot_and_only_once(shop: JournaledShop) -> None:
    began, lots = shop.balances(), shop.lots()
    bought_at = at(shop)
    purchase(shop, 700)
    shop.churn()
    reversal = shop.request("0400", amount_minor=300_000, more={90: original(700, bought_at)})

    first = await shop.talk(reversal)
    shop.churn()
    again = await shop.talk(reversal)

    assert (first.code, again.body) == ("00", first.body)
    assert (shop.balances(), shop.lots()) == (began, lots)
    assert shop.core.imbalances() == []


@pytest.mark.slow
async def test_reversing_a_lost_purchase_gives_back_to_the_cards_day_after_recovery_too(
    shop: JournaledShop,
) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    purchase(shop, 701)
    bought = shop.core.card_limits(0)
    shop.churn()
    part = {90: original(700, bought_at), 95: f"{100_000:012d}" + "0" * 30}
    await shop.talk(shop.request("0400", amount_minor=300_000, more=part))
    reversed_partly = shop.core.card_limits(0), replayed(shop).card_limits(0)
    shop.churn()
    whole = {90: original(700, bought_at)}
    await shop.talk(shop.request("0400", amount_minor=300_000, more=whole))
    reversed_wholly = shop.core.card_limits(0), replayed(shop).card_limits(0)

    day, spent_minor, count = bought
    assert reversed_partly == 2 * ((day, spent_minor - 200_000, count),)
    assert reversed_wholly == 2 * ((day, spent_minor - 300_000, count - 1),)


@pytest.mark.slow
async def test_reversing_a_purchase_of_yesterday_leaves_the_cards_day_after_recovery_too(
    shop: JournaledShop,
) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    shop.churn()
    shop.now_us += 86_400_000_000
    purchase(shop, 701, 100_000)
    today = shop.core.card_limits(0)

    named = {90: original(700, bought_at)}
    reply = await shop.talk(shop.request("0400", amount_minor=300_000, more=named))

    assert reply.code == "00"
    assert (shop.core.card_limits(0), replayed(shop).card_limits(0)) == (today, today)


@pytest.mark.slow
async def test_a_reversal_with_another_key_finds_a_lost_purchase_reversed_already(
    shop: JournaledShop,
) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    shop.churn()
    named = {90: original(700, bought_at)}
    await shop.talk(shop.request("0400", amount_minor=300_000, more=named))
    reversed_once = shop.balances()
    shop.churn()

    reply = await shop.talk(shop.request("0400", amount_minor=300_000, more=named))

    assert reply.code == "00"
    assert "reversed_before" in reply.elements["48"]
    assert shop.balances() == reversed_once


@pytest.mark.slow
async def test_parts_of_a_lost_purchase_add_up_to_the_whole(shop: JournaledShop) -> None:
    began, lots = shop.balances(), shop.lots()
    bought_at = at(shop)
    purchase(shop, 700, 333_333)
    for left_minor in (222_222, 111_111, 0):
        shop.churn()
        named = {90: original(700, bought_at), 95: f"{left_minor:012d}" + "0" * 30}
        reply = await shop.talk(shop.request("0400", amount_minor=333_333, more=named))
        assert reply.code == "00"

    assert (shop.balances(), shop.lots()) == (began, lots)


@pytest.mark.slow
async def test_a_lost_purchase_is_refunded_and_not_beyond_what_was_paid(
    shop: JournaledShop,
) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    codes = []
    for amount_minor in (200_000, 100_001, 100_000, 1):
        shop.churn()
        refund = shop.request(
            code="200000", amount_minor=amount_minor, more={90: original(700, bought_at)}
        )
        codes.append((await shop.talk(refund)).code)

    assert codes == ["00", "13", "00", "13"]
    assert shop.core.imbalances() == []


@pytest.mark.slow
async def test_a_lost_refund_of_a_lost_purchase_is_taken_back(shop: JournaledShop) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    bought, lots = shop.balances(), shop.lots()
    shop.churn()
    refunded_at = at(shop)
    named = {90: original(700, bought_at)}
    refund = shop.request(code="200000", stan=701, amount_minor=120_000, more=named)
    assert (await shop.talk(refund)).code == "00"
    shop.churn()
    reversal = shop.request("0400", amount_minor=120_000, more={90: original(701, refunded_at)})

    reply = await shop.talk(reversal)
    shop.churn()
    full = shop.request(code="200000", stan=702, amount_minor=300_000, more=named)

    assert reply.code == "00"
    assert (shop.balances(), shop.lots()) == (bought, lots)
    assert (await shop.talk(full)).code == "00"  # nothing of it is undone any more


@pytest.mark.slow
async def test_a_hold_whose_details_have_left_is_completed_once(shop: JournaledShop) -> None:
    held_at = at(shop)
    shop.send("0100", stan=700, amount_minor=200_000)
    shop.churn()
    named = {90: original(700, held_at, "0100")}
    first = await shop.talk(shop.request("0220", amount_minor=150_000, more=named))
    completed = shop.balances()
    shop.churn()

    second = await shop.talk(shop.request("0220", amount_minor=150_000, more=named))

    assert first.code == "00"
    assert second.code == "12"
    assert "hold_already_captured" in second.elements["48"]
    assert shop.balances() == completed


@pytest.mark.slow
async def test_a_hold_whose_details_have_left_ends_by_the_clock(shop: JournaledShop) -> None:
    began = shop.balances()
    shop.send("0100", stan=700, amount_minor=200_000)
    shop.churn()
    shop.now_us += 86_400_000_000

    written, wanted = shop.core.expire_holds(shop.now_us, 12_600, 100)
    assert (written, len(wanted)) == (0, 1)
    await recall(shop.database, shop.core, 0, [("seq", wanted[0])])

    assert shop.core.expire_holds(shop.now_us, 12_600, 100) == (1, [])
    assert shop.balances() == began


@pytest.mark.slow
async def test_a_message_that_arrives_long_after_its_reversal_is_refused(
    shop: JournaledShop,
) -> None:
    late = shop.request(stan=700)
    sent_at = at(shop)
    reversal = shop.request("0400", stan=701, more={90: original(700, sent_at)})
    assert (await shop.talk(reversal)).code == "00"
    began = shop.balances()
    shop.churn()

    reply = await shop.talk(late)
    shop.churn()

    assert reply.code == "05"
    assert "original_reversed_before_arrival" in reply.elements["48"]
    assert shop.balances() == began
    assert (await shop.talk(late)).body == reply.body


@pytest.mark.slow
async def test_a_message_that_nobody_has_sent_before_is_decided_after_one_look(
    shop: JournaledShop,
) -> None:
    shop.churn()
    slow_clock = shop.request(at=at(shop) - 7_200)

    reply = await shop.talk(slow_clock)

    assert reply.code == "00"
    assert shop.recalls == 1


@pytest.mark.slow
async def test_a_stan_that_comes_round_again_is_a_new_message(shop: JournaledShop) -> None:
    account = shop.core.card(0)[0]
    began = shop.core.account(account)
    purchase(shop, 700, 100_000)
    shop.churn()
    shop.now_us += 3_600_000_000
    later = shop.request(stan=700, amount_minor=100_000)

    reply = await shop.talk(later)

    assert reply.code == "00"
    assert reply.seq == shop.core.last_seq
    assert shop.core.account(account)[4] == began[4] - 200_000


@pytest.mark.slow
@pytest.mark.parametrize("rows_per_partition", [100, 1_000_000])
async def test_what_many_messages_need_is_fetched_at_once(
    database: str, rows_per_partition: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", rows_per_partition)
    with Database(database) as opened:
        core = new_core(exchange_entries=256, detail_bytes=64 * DETAIL_BYTES)
        shop = JournaledShop(opened, core).open()
        shop.load(10_000_000)
        requests = [shop.request(stan=stan, amount_minor=1_000 + stan) for stan in range(700, 720)]
        late = shop.request(stan=720)
        reversal = shop.request("0400", stan=721, more={90: original(720, at(shop))})
        firsts = [await shop.talk(request) for request in [*requests, reversal]]
        for _ in range(4):
            shop.churn()
        new = shop.request(stan=722, at=at(shop) - 300)  # a slow clock: it was never sent before
        everything = [*requests, reversal, late, new]
        wanted = [shop.answer(request)[3] for request in everything]
        await opened.call(partitions.index_complete, 0, shop.core.last_seq)
        indexed_until = await opened.call(partitions.first_unindexed_seq, 0)

        await recall(opened, core, 0, wanted)
        again = [shop.answer(request, recalled=True) for request in everything]

    # Small partitions: what is looked for is in indexed ones. Large: in the one without indexes.
    assert (indexed_until > firsts[-1].seq) == (rows_per_partition == 100)
    assert {what[0] for what in wanted} == {"key"}
    assert [reply for _, reply, _, _ in again[:21]] == [first.body for first in firsts]
    refused, decided = Reply(*again[21][1:3]), Reply(*again[22][1:3])
    assert (refused.code, decided.code) == ("05", "00")
    assert "original_reversed_before_arrival" in refused.elements["48"]
    assert (refused.seq, decided.seq) == (core.last_seq - 1, core.last_seq)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_a_shard_that_forgets_answers_like_one_that_does_not(
    shop: JournaledShop, seed: int
) -> None:
    twin = JournaledShop(None, new_core()).open()
    twin.load(10_000_000)
    random = Random(seed)
    sent: list[tuple[int, int, str]] = []  # STAN, Unix second, MTI
    requests: list[bytes] = []
    for stan in range(1000, 1150):
        shop.now_us = twin.now_us = shop.now_us + random.randrange(5) * 1_000_000
        request = random_request(shop, random, stan, sent, requests)
        requests.append(request)

        reply = await shop.talk(request)

        assert reply.body == (await twin.talk(request)).body
        assert shop.balances() == twin.balances()
        assert shop.lots() == twin.lots()
    again = replayed(shop)
    for card in range(2):
        limits = shop.core.card_limits(card), again.card_limits(card)
        assert limits == 2 * (twin.core.card_limits(card),)
    assert shop.recalls > 5
    assert shop.core.imbalances() == []


def random_request(
    shop: JournaledShop,
    random: Random,
    stan: int,
    sent: list[tuple[int, int, str]],
    requests: list[bytes],
) -> bytes:
    """A message of any kind about anything that was sent before."""
    card = random.randrange(2)
    amount_minor = random.choice((10_000, 33_333, 100_000, 250_001))

    def named() -> str:
        old, at_s, mti = random.choice(sent)
        return original(old, at_s, mti)

    kinds: list[Callable[[], bytes]] = [
        lambda: shop.request(stan=stan, amount_minor=amount_minor, card=card),
        lambda: shop.request("0100", stan=stan, amount_minor=amount_minor, card=card),
        lambda: shop.request(code="310000", stan=stan, card=2, more={4: None, 49: None}),
        lambda: shop.request(code="210000", stan=stan, amount_minor=amount_minor, card=card),
    ]
    if sent:
        kinds += [
            lambda: random.choice(requests),
            lambda: shop.request("0400", stan=stan, amount_minor=amount_minor, more={90: named()}),
            lambda: shop.request(
                "0400",
                stan=stan,
                amount_minor=amount_minor,
                more={90: named(), 95: f"{random.randrange(10_000):012d}" + "0" * 30},
            ),
            lambda: shop.request(
                "0200", code="200000", stan=stan, amount_minor=10_000, more={90: named()}
            ),
            lambda: shop.request("0220", stan=stan, amount_minor=9_000, more={90: named()}),
        ]
    kind = random.randrange(len(kinds))
    request = kinds[kind]()
    if kind != 4:
        mti = {1: "0100", 5: "0400", 6: "0400", 8: "0220"}.get(kind, "0200")
        sent.append((stan, at(shop), mti))
    return request


def test_what_is_recalled_together_never_pushes_itself_out_of_memory() -> None:
    assert at_once_max(64, DETAIL_BYTES) == 1
    for entries in (2_001, 64_001, 1_000_000, 10_000_000):
        at_once = at_once_max(entries, 256 << 20)
        assert at_once == 1 or at_once * (2 * RECALLED_ROWS_MAX + 1) <= entries
    assert at_once_max(10_000_000, 256 << 20) == 1_024
    assert at_once_max(10_000_000, 1 << 20) == 128


# --- what later rows make of a row ----------------------------------------------------------------


def bought(approved_minor: int = 300, operation: Operation = Operation.PURCHASE) -> Original:
    return Original(seq=10, operation=operation, approved_minor=approved_minor, approved=True)


def later(
    seq: int,
    operation: Operation,
    approved_minor: int = 0,
    undone_minor: int | None = None,
    original_seq: int = 10,
    kind: JournalKind = JournalKind.EXCHANGE,
) -> Later:
    return Later(
        seq=seq,
        kind=kind,
        operation=operation,
        original_seq=original_seq,
        approved_minor=approved_minor,
        undone_minor=undone_minor,
    )


def test_what_nobody_names_is_as_its_row_left_it() -> None:
    declined = Original(seq=10, operation=Operation.PURCHASE, approved_minor=0, approved=False)

    assert outcome(bought(), []) == (ExchangeState.APPROVED, 0)
    assert outcome(bought(operation=Operation.HOLD), []) == (ExchangeState.HELD, 0)
    assert outcome(declined, []) == (ExchangeState.DECLINED, 0)


def test_a_partial_reversal_leaves_the_rest_and_a_full_one_ends_it() -> None:
    part = later(11, Operation.REVERSAL, 100, 100)
    rest = later(12, Operation.REVERSAL, 200, 300)

    assert outcome(bought(), [part]) == (ExchangeState.APPROVED, 100)
    assert outcome(bought(), [part, rest]) == (ExchangeState.REVERSED, 300)


def test_refunds_leave_the_purchase_standing() -> None:
    refund = later(11, Operation.REFUND, 300, 300)

    assert outcome(bought(), [refund]) == (ExchangeState.APPROVED, 300)


def test_a_refund_that_is_taken_back_between_two_others_is_not_counted() -> None:
    rows = [
        later(11, Operation.REFUND, 100, 100),
        later(12, Operation.REFUND, 50, 150),
        later(13, Operation.REVERSAL, 100, 100, original_seq=11),
        later(14, Operation.REFUND, 20, 70),
        later(15, Operation.REVERSAL, 10, 10, original_seq=14),
    ]

    assert outcome(bought(), rows) == (ExchangeState.APPROVED, 60)


def test_a_hold_is_captured_released_or_expired() -> None:
    hold = bought(operation=Operation.HOLD)
    capture = later(11, Operation.COMPLETION, 250)
    release = later(11, Operation.REVERSAL, 300, 300)
    expiry = later(11, Operation.NONE, 0, 300, kind=JournalKind.HOLD_EXPIRY)

    assert outcome(hold, [capture]) == (ExchangeState.CAPTURED, 0)
    assert outcome(hold, [release]) == (ExchangeState.RELEASED, 300)
    assert outcome(hold, [expiry]) == (ExchangeState.EXPIRED, 300)


def test_a_reversal_that_found_nothing_to_do_changes_nothing() -> None:
    assert outcome(bought(), [later(11, Operation.REVERSAL, 0, None)]) == (
        ExchangeState.APPROVED,
        0,
    )


def test_rows_count_in_the_order_of_the_journal() -> None:
    rows = [later(12, Operation.REVERSAL, 200, 300), later(11, Operation.REVERSAL, 100, 100)]

    assert outcomes_of([bought()], rows) == {10: (ExchangeState.REVERSED, 300)}


@pytest.mark.slow
async def test_a_repeat_that_also_claims_a_local_time_is_known_by_its_transmission_time(
    shop: JournaledShop,
) -> None:
    sent = time.strftime("%m%d%H%M%S", time.gmtime(at(shop)))
    first = await shop.talk(shop.request(stan=700, more={7: sent, 12: None, 13: None}))
    shop.churn()
    before = shop.balances()

    again = await shop.talk(shop.request(stan=700, at=at(shop) + 3600, more={7: sent}))

    assert again.body == first.body
    assert shop.balances() == before


@pytest.mark.slow
async def test_a_reversal_that_names_a_lost_purchase_by_rrn_alone_puts_it_back(
    shop: JournaledShop,
) -> None:
    began = shop.balances()
    await shop.talk(shop.request(stan=700, more={37: "700700700700"}))
    shop.churn()

    reply = await shop.talk(shop.request("0400", stan=700, more={37: "700700700700"}))

    assert reply.code == "00"
    assert shop.balances() == began


@pytest.mark.slow
async def test_an_old_reversal_with_a_stan_of_its_own_still_finds_its_lost_original(
    shop: JournaledShop,
) -> None:
    began, bought_at = shop.balances(), at(shop)
    purchase(shop, 700)
    shop.churn()
    waited = shop.request(
        "0420", stan=701, at=bought_at, amount_minor=300_000, more={90: original(700, bought_at)}
    )

    reply = await shop.talk(waited)

    assert reply.code == "00"
    assert shop.balances() == began


@pytest.mark.slow
async def test_a_reversal_of_what_never_arrived_asks_nothing_when_it_would_still_be_known(
    shop: JournaledShop,
) -> None:
    """Under load a journal look-up for each of them would be the end of the slow lane."""
    purchase(shop, 700)
    shop.churn()
    purchase(shop, 701)  # so recent that whatever came after it is in memory
    lost = original(999, at(shop))

    reply = await shop.talk(shop.request("0400", more={90: lost}))

    assert reply.code == "00"
    assert shop.recalls == 0


@pytest.mark.slow
async def test_a_reversal_whose_original_could_have_left_is_looked_up(shop: JournaledShop) -> None:
    bought_at = at(shop)
    purchase(shop, 700)
    shop.churn()

    reply = await shop.talk(shop.request("0400", more={90: original(999, bought_at)}))

    assert reply.code == "00"
    assert shop.recalls == 1
