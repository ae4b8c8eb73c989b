"""Looking back by a draft: what changes, what does not, and what is refused.

Where money is counted, a few lines of plain Python say what it has to be.
"""

from collections.abc import Callable
from random import Random

import msgspec
import pytest

from issuers.bon import bon
from issuers.club_card import club_card
from issuers.credit import credit
from issuers.discount import discount
from issuers.guest import guest
from issuers.loyalty import loyalty
from issuers.purse import purse
from issuers.purse_in_python import purse_in_python
from issuers.voucher import voucher
from switch._clock import open_lots, write_row
from switch.events import (
    CardsLinked,
    ClockProgress,
    MerchantAdded,
    OrganisationAdded,
    ProgrammeLive,
    encode_event,
)
from switch.lab import DRAFTED, HAPPENED, LabError, Lookback, Part, total_of, window_of
from switch.machine import Account
from switch.operations import Operation
from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import Allowance, DiscountRule, EarnRule, Limits, Period, Tier, Tiers, When
from tests.support.past import look_back
from tests.support.shop import BOOKS, CAFE, TERMINALS, Shop, cards_added
from tests.support.voucher_shop import PRICE_MINOR, VOUCHERS, VoucherShop

DAY_S = 86_400
MORE = [f"9364005{number:09d}" for number in range(8)]


def looked_back(shop: Shop, opened_at: int, draft: Programme, **how: int) -> tuple[Lookback, Part]:
    """Look back at everything after the first `opened_at` streams."""
    streams = shop.journal()
    return look_back(streams[:opened_at], streams[opened_at:], draft, last_s=shop.now_s, **how)


def opened(shop: Shop) -> int:
    """Open the window here."""
    return len(shop.journal())


def expect_no_difference(part: Part) -> None:
    assert part.counts["differing"] == 0
    assert part.months[HAPPENED] == part.months[DRAFTED]
    assert part.at_end[HAPPENED] == part.at_end[DRAFTED]
    assert part.cards["minor_before"] == part.cards["minor_after"]
    assert part.cards["points_before"] == part.cards["points_after"]


def changed(definition: Programme, **fields: object) -> Programme:
    return msgspec.structs.replace(definition, version=definition.version + 1, **fields)


# --- a draft that says the same -------------------------------------------------------------------


def test_credit_looked_back_at_by_itself_owes_the_same_instalments() -> None:
    shop = Shop(credit(1, 1, 1, limit_minor=40_000_000))
    first = shop.send(amount_minor=10_000_000)
    window = opened(shop)
    for plan in (3, 2, 1):
        shop.send(amount_minor=1_200_000, extra={48: f"IN001{plan}"})
    held = shop.send("0100", amount_minor=2_000_000)
    shop.now_s += 3_600
    shop.complete(held, 1_500_000)
    shop.now_s += 40 * DAY_S
    shop.send(code="213000", amount_minor=3_000_000)
    shop.refund(first, 4_000_000)
    shop.now_s += DAY_S
    owed_minor = int(shop.send("0100", "910000", None).tag("OW"))
    settled = shop.send("0200", "910000", owed_minor)

    _, part = looked_back(shop, window, credit(1, 1, 1, limit_minor=40_000_000))

    assert settled.code == "00", settled.elements
    expect_no_difference(part)
    assert part.counts["purchases"] == 4


def test_who_settles_pays_what_the_draft_says_is_owed() -> None:
    live = credit(1, 1, 1)
    assert live.credit is not None
    dear = msgspec.structs.replace(live.credit.plans[1].terms, rate_bps=3_600)
    plans = (msgspec.structs.replace(live.credit.plans[1], terms=dear),)
    shop = Shop(live)
    window = opened(shop)
    shop.send(amount_minor=12_000_000, extra={48: "IN0012"})
    shop.now_s += 40 * DAY_S
    shop.send("0200", "910000", 12_345_000)

    _, part = looked_back(
        shop,
        window,
        changed(live, credit=msgspec.structs.replace(live.credit, plans=plans)),
    )

    happened, drafted = (total_of(part.months[world]) for world in (HAPPENED, DRAFTED))
    # The profit of two months, on 12,000,000 and on 11,000,000: at 18 % and at 36 % a year.
    assert (happened["fees_minor"], drafted["fees_minor"]) == (345_000, 690_000)
    assert part.at_end[DRAFTED].money_minor == 0
    assert part.cards["minor_after"] != part.cards["minor_before"]


def bon_shop(definition: Programme) -> Shop:
    shop = Shop()
    shop.record(OrganisationAdded(organisation=7, club=1, name="Org", name_fa="سازمان"))
    shop.record(ProgrammeLive(definition=definition))
    shop.record(cards_added(shop.core, 2, MORE[:3], [3012] * 3))
    return shop


def a_bon(monthly_minor: int = 500_000) -> Programme:
    return bon(2, 1, 1, organisation=7, monthly_minor=monthly_minor, categories=(5812,))


def months_of_bon(shop: Shop) -> None:
    """Three months open and end; of each something is spent."""
    for _ in range(3):
        shop.keep_house(cards_max=2)
        shop.send(amount_minor=350_000, card=MORE[0])
        shop.now_s += 31 * DAY_S
    shop.keep_house()


def test_a_bon_looked_back_at_by_itself_opens_and_ends_with_its_months() -> None:
    shop = bon_shop(a_bon())
    window = opened(shop)
    months_of_bon(shop)

    _, part = looked_back(shop, window, a_bon())

    expect_no_difference(part)
    # Three cards and four months, less what was taken back of three.
    assert total_of(part.months[HAPPENED])["granted_minor"] == 3 * 500_000 + 3 * 350_000


def test_a_larger_bon_grants_more_and_pays_what_was_paid_in_cash() -> None:
    shop = bon_shop(a_bon(monthly_minor=300_000))
    window = opened(shop)
    months_of_bon(shop)

    _, part = looked_back(shop, window, changed(a_bon(monthly_minor=400_000)))

    happened, drafted = (total_of(part.months[world]) for world in (HAPPENED, DRAFTED))
    assert (happened["money_minor"], happened["cash_minor"]) == (3 * 300_000, 3 * 50_000)
    assert (drafted["money_minor"], drafted["cash_minor"]) == (3 * 350_000, 0)
    assert drafted["granted_minor"] == 3 * 400_000 + 3 * 350_000


def test_a_bon_of_weeks_opens_by_a_clock_of_its_own() -> None:
    weekly = Allowance(wallet="bon", amount_minor=100_000, period=Period(kind="week"))
    shop = bon_shop(a_bon(monthly_minor=300_000))
    window = opened(shop)
    for _ in range(4):
        shop.now_s += 7 * DAY_S
        shop.send(amount_minor=90_000, card=MORE[0])

    _, part = looked_back(shop, window, changed(a_bon(), allowance=weekly))

    assert total_of(part.months[DRAFTED])["money_minor"] == 4 * 90_000


def idle_club(days: int) -> Programme:
    rule = EarnRule(name="never ends", points=1, per_minor=1_000)
    return changed(purse(1, 0, 1), earning=(rule,), discounts=(), inactive_days=days)


@pytest.mark.parametrize("keeps_house", [True, False])
def test_points_of_idle_cards_end_by_the_journals_clock_or_the_drafts(keeps_house: bool) -> None:
    shop = Shop(idle_club(10))
    shop.load(10_000_000)
    window = opened(shop)
    for days in (4, 7, 12):
        shop.send(amount_minor=100_000)
        shop.now_s += days * DAY_S
        if keeps_house:
            shop.keep_house()
    shop.send(amount_minor=100_000)

    _, same = looked_back(shop, window, idle_club(10))
    _, sooner = looked_back(shop, window, changed(idle_club(5)))

    expect_no_difference(same)
    ended = 300 if keeps_house else 0
    assert total_of(same.months[HAPPENED])["points_expired"] == ended
    # After the seven days two purchases' points end, after the twelve one's.
    assert total_of(sooner.months[DRAFTED])["points_expired"] == 300
    assert sooner.at_end[DRAFTED].points == 100


def test_a_guests_purchase_rewards_the_member_in_both_worlds() -> None:
    member = loyalty(1, 1, 1)
    shop = Shop(member)
    shop.record(ProgrammeLive(definition=guest(2, 1, 1, member_programme=1)))
    shop.record(cards_added(shop.core, 2, MORE[:1], [3012]))
    (number,) = (shop.core.card_of(shop.core.token_of(MORE[0])),)
    assert number is not None
    shop.record(CardsLinked(cards=(number,), to_card=0))
    window = opened(shop)
    for _ in range(3):
        shop.send(amount_minor=500_000, card=MORE[0])
    shop.send(amount_minor=50_000, extra={"48.PR": "1000"})

    _, of_guest = looked_back(shop, window, guest(2, 1, 1, member_programme=1))
    _, of_member = looked_back(shop, window, member)

    expect_no_difference(of_guest)
    expect_no_difference(of_member)
    assert of_guest.counts["purchases"] == 3
    assert of_member.counts["purchases"] == 1


def test_vouchers_are_redeemed_in_both_worlds() -> None:
    shop = VoucherShop()
    shop.sell(1)
    window = opened(shop)
    for serial in (2, 5):
        shop.sell(serial)
    said = [shop.redeem("pin1"), shop.redeem("pin2", card=1), shop.redeem("pin5")]
    said.append(shop.undo(said[1], card=1))
    said.append(shop.send(amount_minor=30_000))

    _, of_cards = looked_back(shop, window, club_card(1, 1, 1, vouchers=VOUCHERS))
    _, of_vouchers = looked_back(shop, window, voucher(VOUCHERS, 1, 1))

    assert [one.code for one in said] == ["00"] * 5
    expect_no_difference(of_cards)
    expect_no_difference(of_vouchers)
    assert of_vouchers.at_end[DRAFTED].money_minor == PRICE_MINOR  # the one that was undone


def test_clock_work_that_the_lab_does_not_know_happens_as_it_did() -> None:
    live = loyalty(1, 1, 1)
    shop = Shop(live)
    window = opened(shop)
    row = shop.directory.programme_rows[1]
    open_lots(
        *(shop.core, row, 0, Account.CLUB_POINTS_ISSUED),
        amount=70,
        until_s=shop.now_s + DAY_S,
        first_card=0,
        cards_max=3,
    )
    progress = ClockProgress(task="birthdays", programme=1, period_day=1, next_card=3)
    write_row(shop.core, row, shop.now_s * 1_000_000, 12_600, encode_event(progress))
    shop.send(amount_minor=100_000)

    _, part = looked_back(shop, window, changed(live, earning=()))

    assert total_of(part.months[HAPPENED])["points_earned"] == 3 * 70 + 10
    assert total_of(part.months[DRAFTED])["points_earned"] == 3 * 70


# --- a draft that says something else -------------------------------------------------------------


def test_a_double_discount_costs_what_plain_python_says() -> None:
    rule = DiscountRule(name="cafe", when=When(merchants=(CAFE,)), discount_bps=333, funder="club")
    live = changed(discount(1, 0, 1), discounts=(rule,), caps=(), tiers=None)
    twice = msgspec.structs.replace(rule, discount_bps=666)
    shop = Shop(live)
    window = opened(shop)
    chance = Random(5)
    said = []
    for _ in range(60):
        amount_minor = chance.randrange(1, 900_000)
        terminal = chance.choice(["T0000001", "T0000003"])
        said.append((shop.send(amount_minor=amount_minor, card=1, terminal=terminal), terminal))
        shop.now_s += 3_600
    # Each third purchase is refunded in part, some of these wholly.
    back = []
    for one, terminal in said[::3]:
        amount_minor = int(one.elements["4"])
        part_minor = amount_minor if amount_minor % 2 else amount_minor // 3 or 1
        shop.refund(one, part_minor, card=1, terminal=terminal)
        back.append((amount_minor, part_minor, terminal))

    _, part = looked_back(shop, window, changed(live, discounts=(twice,)))

    def model(bps: int) -> tuple[int, int]:
        """Sum the discounts of cafes, less of each what its refund takes back; and the fees."""
        given = fees = 0
        for one, terminal in said:
            amount_minor = int(one.elements["4"])
            off = amount_minor * bps // 10_000 if TERMINALS[terminal] == CAFE else 0
            fee = (amount_minor - off) * 100 // 10_000
            given, fees = given + off, fees + fee
        for amount_minor, part_minor, terminal in back:
            off = amount_minor * bps // 10_000 if TERMINALS[terminal] == CAFE else 0
            fee = (amount_minor - off) * 100 // 10_000
            whole = part_minor == amount_minor
            given -= off if whole else off * part_minor // amount_minor
            fees -= fee if whole else fee * part_minor // amount_minor
        return given, fees

    for world, bps in ((HAPPENED, 333), (DRAFTED, 666)):
        sums = total_of(part.months[world])
        assert (sums["discount_club_minor"], sums["commission_minor"]) == model(bps)
        assert sums["discount_minor"] == sums["discount_club_minor"]
        assert sums["purchases"] == 60
    shops = part.merchants
    cafes = sum(int(one.elements["4"]) for one, at in said if TERMINALS[at] == CAFE)
    assert shops[HAPPENED].keys() == {CAFE, BOOKS}
    assert shops[HAPPENED][CAFE][2] == cafes - sum(b for _, b, at in back if TERMINALS[at] == CAFE)
    assert shops[HAPPENED][BOOKS] == shops[DRAFTED][BOOKS]


def test_more_points_are_spent_by_whoever_paid_with_all_they_had() -> None:
    live = changed(
        purse(1, 0, 1),
        discounts=(),
        earning=(EarnRule(name="base", points=1, per_minor=10_000),),
    )
    twice = changed(live, earning=(EarnRule(name="base", points=3, per_minor=10_000),))
    shop = Shop(live)
    shop.load(10_000_000)
    window = opened(shop)
    shop.send(amount_minor=1_000_000)
    paid = shop.send(code="006000", amount_minor=40_000)
    poor = shop.send(code="006000", amount_minor=150_000)

    _, part = looked_back(shop, window, twice)

    assert (paid.code, poor.reason) == ("00", "insufficient_points")
    assert part.counts["now_approved"] == 1
    assert part.declined == ({int(Reason.INSUFFICIENT_POINTS): 1}, {})
    value_minor = live.tender.point_value_minor if live.tender else 1
    happened, drafted = (total_of(part.months[world]) for world in (HAPPENED, DRAFTED))
    assert happened["points_redeemed"] == -(-40_000 // value_minor)
    assert drafted["points_redeemed"] == -(-40_000 // value_minor) - (-150_000 // value_minor)
    assert part.rules == [(1, 0, 300)]


def test_a_limit_declines_and_its_refund_never_comes() -> None:
    live = changed(purse(1, 0, 1), discounts=(), earning=())
    shop = Shop(live)
    shop.load(10_000_000)
    window = opened(shop)
    large = shop.send(amount_minor=900_000)
    held = shop.send("0100", amount_minor=800_000)
    shop.complete(held, 700_000)
    shop.refund(large, 900_000)
    shop.send(amount_minor=100_000)

    _, part = looked_back(shop, window, changed(live, limits=Limits(transaction_minor_max=500_000)))

    assert part.counts["now_declined"] == 3
    assert part.declined[DRAFTED] == {
        int(Reason.ABOVE_TRANSACTION_LIMIT): 2,
        int(Reason.ORIGINAL_NOT_FOUND): 1,
    }
    happened, drafted = (total_of(part.months[world]) for world in (HAPPENED, DRAFTED))
    assert (happened["sales_minor"], drafted["sales_minor"]) == (800_000, 100_000)
    assert part.at_end[DRAFTED].money_minor == 10_000_000 - 100_000


def test_levels_are_told_in_both_worlds() -> None:
    live = loyalty(1, 1, 1)
    lower = Tiers(
        levels=(
            Tier(name="blue", at=0),
            Tier(name="silver", at=1_000_000),
            Tier(name="gold", at=2_000_000),
        )
    )
    shop = Shop(live)
    window = opened(shop)
    shop.send(amount_minor=1_500_000, card=1)
    shop.send(amount_minor=5_000_000, card=2)

    _, part = looked_back(shop, window, changed(live, tiers=lower))

    assert part.tiers == (bytes(6), bytes([0, 1, 2, 0, 0, 0]))


# --- what happens on the way ----------------------------------------------------------------------


def test_cards_and_shops_of_the_window_are_in_both_worlds() -> None:
    late = "LATE00000000001"
    live = loyalty(1, 1, 1)
    rule = EarnRule(name="late", when=When(merchants=(late,)), points=50, per_minor=10_000)
    shop = Shop(live)
    window = opened(shop)
    shop.send(amount_minor=100_000)
    shop.add_card(MORE[0], 3012)
    shop.record(MerchantAdded(merchant_id=late, club=1, category=1, name="Late", name_fa="دیر"))
    shop.send(amount_minor=100_000, card=MORE[0])
    shop.send(amount_minor=100_000)

    _, same = looked_back(shop, window, live)
    _, named = looked_back(shop, window, changed(live, earning=(rule, *live.earning)))

    expect_no_difference(same)
    assert len(same.cards["sales"]) == 8 * 7
    assert total_of(named.months[HAPPENED]) == total_of(named.months[DRAFTED])


def test_what_happened_is_what_the_versions_of_the_window_decided() -> None:
    live = changed(purse(1, 0, 1), discounts=(), earning=())
    off = DiscountRule(name="tenth", discount_bps=1_000, funder="club")
    later = changed(live, discounts=(off,))
    shop = Shop(live)
    shop.load(1_000_000)
    window = opened(shop)
    shop.send(amount_minor=100_000)
    shop.record(ProgrammeLive(definition=later))
    shop.send(amount_minor=100_000)

    _, part = looked_back(shop, window, later)

    assert part.versions == [2]
    happened, drafted = (total_of(part.months[world]) for world in (HAPPENED, DRAFTED))
    assert (happened["discount_minor"], drafted["discount_minor"]) == (10_000, 20_000)
    assert part.counts["differing"] == 1  # the second purchase is as it was


def test_a_programme_that_began_in_the_window_is_decided_from_its_first_day() -> None:
    live = loyalty(1, 1, 1)
    shop = Shop(live)
    shop.send(amount_minor=100_000)

    _, part = looked_back(shop, 0, live)

    expect_no_difference(part)
    assert (part.versions, part.counts["purchases"]) == ([1], 1)


def test_nothing_in_the_window_is_nothing_in_the_sums() -> None:
    live = loyalty(1, 1, 1)
    shop = Shop(live)
    shop.send(amount_minor=10_000_000)
    window = opened(shop)

    _, part = looked_back(shop, window, changed(live, earning=()))

    assert part.counts["rows"] == 0
    assert set(total_of(part.months[DRAFTED]).values()) == {0}
    assert part.at_start == part.at_end[HAPPENED] == part.at_end[DRAFTED]


@pytest.mark.parametrize("worker_count", [2, 3])
def test_workers_together_find_what_one_finds(worker_count: int) -> None:
    live = loyalty(1, 1, 1)
    shop = Shop(live)
    window = opened(shop)
    for card in range(5):
        shop.send(amount_minor=700_000 + card, card=card)
    draft = changed(live, earning=live.earning[-1:])

    _, alone = looked_back(shop, window, draft)
    parts = [
        looked_back(shop, window, draft, worker=worker, worker_count=worker_count)[1]
        for worker in range(worker_count)
    ]

    assert total_of([row for part in parts for row in part.months[DRAFTED]]) == total_of(
        alone.months[DRAFTED]
    )
    assert sum(part.counts["purchases"] for part in parts) == 5


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (lambda: purse_in_python(1, 2, 1), "priced by"),
        (lambda: loyalty(1, 2, 2), "club"),
        (lambda: discount(1, 2, 1), "wallets"),
    ],
)
def test_a_draft_that_could_not_follow_is_refused(
    draft: Callable[[], Programme], said: str
) -> None:
    shop = Shop(loyalty(1, 1, 1))

    with pytest.raises(LabError, match=said):
        looked_back(shop, opened(shop), draft())


def test_a_window_is_some_jalali_months_with_the_one_under_way() -> None:
    window = window_of(20_784, 6)

    assert (window.first_day, window.last_day) == (20_626, 20_784)  # 1 Tir to 6 Azar 1405
    assert len(window.month_days) == 6
    with pytest.raises(LabError, match="months"):
        window_of(20_784, 0)


def test_operations_that_no_plan_decides_stay_as_they_were() -> None:
    live = changed(purse(1, 0, 1), discounts=(), earning=())
    without = changed(live, operations=tuple(o for o in live.operations if o != Operation.LOAD))
    shop = Shop(live)
    shop.load(500_000)
    window = opened(shop)
    shop.load(300_000)
    shop.send(amount_minor=700_000)

    _, part = looked_back(shop, window, without)

    assert part.declined[DRAFTED] == {
        int(Reason.OPERATION_NOT_ALLOWED): 1,
        int(Reason.INSUFFICIENT_FUNDS): 1,
    }
