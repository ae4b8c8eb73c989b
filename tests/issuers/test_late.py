"""What is charged for being late: by whom it is found, and that it is the same however it is.

The amounts are worked out by hand: 18 % a year, nothing within three days, at most 10 % of what is
overdue. The parts of a purchase of 26 Farvardin 1405 (Wednesday) are due on the 26th of each month.
"""

import msgspec
import pytest

from switch._snapshot import Loading, dump
from switch.directory import Directory, EventError
from switch.events import HolidaysSet, ProgrammeLive
from switch.machine import Account
from switch.programme import CHARGED
from switch.rules import InstalmentPlan
from tests.support.late_shop import (
    DAY_S,
    LATE,
    PART,
    PLANS,
    PROFIT,
    TODAY,
    buy,
    charge,
    club,
    counted,
    late_credit,
    pay,
    shop,
    wait,
)
from tests.support.shop import NOON_S, Shop, new_core, replay_into, state_of


@pytest.mark.parametrize(("days", "charged"), [(3, 0), (4, charge(4)), (10, charge(10))])
def test_all_days_count_once_the_tolerance_has_passed(days: int, charged: int) -> None:
    here = shop()
    buy(here)

    wait(here, days)
    here.keep_house()

    assert counted(here, "due late") == charged
    assert counted(here, CHARGED) == charged
    assert here.core.imbalances() == []


def test_forty_days_without_a_run_are_as_forty_runs() -> None:
    daily, once = shop(), shop()
    for here in (daily, once):
        buy(here)
    for _ in range(40):
        wait(daily, 1)
        assert daily.keep_house() <= 1

    wait(once, 40)
    once.keep_house()

    # The second part has been due for 8 days, 16 May was a Saturday.
    assert counted(once, "due late") == charge(40) + charge(9) == counted(daily, "due late")
    assert once.state()[1] == daily.state()[1]


def test_what_is_charged_has_a_bound_and_is_never_charged_itself() -> None:
    here = shop()
    buy(here)

    for _ in range(12):
        wait(here, 100)
        here.keep_house()

    assert counted(here, "due late") == 4 * PART // 10


def test_a_day_is_charged_once() -> None:
    here = shop()
    buy(here)
    wait(here, 10)

    assert [here.keep_house() for _ in range(3)] == [1, 0, 0]


def test_whoever_comes_before_the_clock_is_told_and_pays_the_same() -> None:
    first, second = shop(), shop()
    for here in (first, second):
        buy(here)
        wait(here, 10)
    first.keep_house()

    told = [here.send("0100", "910000", None).tag("OW") for here in (first, second)]
    paid = [pay(here, 1_000_000) for here in (first, second)]

    assert told == [str(4 * PART + charge(10))] * 2
    assert [said.tag("FE") for said in paid] == [str(charge(10))] * 2
    assert first.state()[1] == second.state()[1]


def test_the_charge_is_paid_first_and_enters_an_account_of_its_own() -> None:
    here = shop()
    buy(here)
    wait(here, 10)

    said = pay(here, PART + charge(10))

    assert club(here, Account.CLUB_LATE_CHARGES) == charge(10)
    assert club(here, Account.CLUB_FEES) == 4 * PART * 3 // 100  # the commission alone
    assert counted(here, "due") == 3 * PART
    assert (counted(here, "due late"), counted(here, CHARGED)) == (0, 0)
    assert said.balances()["3001"] == -3 * PART


def test_what_is_left_of_a_part_is_charged_for_its_own_days() -> None:
    here = shop()
    buy(here)
    wait(here, 10)
    pay(here, 1_000_000 + charge(10))

    wait(here, 10)
    here.keep_house()

    assert counted(here, "due late") == charge(20, PART - 1_000_000) - charge(10, PART - 1_000_000)


def test_a_reversed_payment_is_as_none_once_the_clock_has_run() -> None:
    here, never = shop(), shop()
    for each in (here, never):
        buy(each)
        wait(each, 10)
    said = pay(here, 2 * PART)
    for each in (here, never):
        wait(each, 5)

    here.reverse(said, 2 * PART)
    for each in (here, never):
        wait(each, 1)
        each.keep_house()

    assert counted(here, "due late") == charge(16)
    assert here.state()[1] == never.state()[1]


def test_a_payment_that_is_reversed_at_once_leaves_everything_as_it_was() -> None:
    here = shop()
    buy(here)
    wait(here, 10)
    before = here.state()

    here.reverse(pay(here, 2 * PART), 2 * PART)

    assert here.state()[:2] == before[:2]


def test_goods_that_went_back_were_never_owed_nor_charged() -> None:
    here = shop()
    said = buy(here)
    wait(here, 10)
    here.keep_house()

    here.refund(said, 4 * PART)
    here.keep_house()  # nothing: the day's run is over
    wait(here, 1)
    here.keep_house()

    assert (counted(here, "due late"), counted(here, CHARGED), counted(here, "due")) == (0, 0, 0)


def test_a_charge_that_was_paid_and_is_taken_back_is_the_cards_credit() -> None:
    here = shop()
    said = buy(here)
    wait(here, 10)
    pay(here, charge(10))

    here.refund(said, 4 * PART)
    wait(here, 1)
    here.keep_house()

    assert club(here, Account.CLUB_LATE_CHARGES) == 0
    assert here.account(0, 0) == charge(10)
    assert counted(here, CHARGED) == 0
    assert here.core.imbalances() == []


@pytest.mark.parametrize(
    ("refunded", "charged", "ends_it"),
    [
        (0, charge(40) + charge(9), 4 * PART + charge(40) + charge(9)),
        (1, charge(9), 3 * PART + charge(9)),
        (3, 0, PART - PART // 50),
        (4, 0, 0),
    ],
)
def test_what_the_cards_own_credit_pays_is_not_late(
    refunded: int, charged: int, ends_it: int
) -> None:
    """What was paid and goes back pays the oldest debt; two parts are due by now."""
    here = shop()
    first = buy(here)
    pay(here, 4 * PART)
    buy(here)
    wait(here, 40)
    if refunded:
        here.refund(first, refunded * PART)

    told = int(here.send("0100", "910000", None).tag("OW") or 0)
    here.keep_house()

    assert told == ends_it
    assert counted(here, "due late") == counted(here, CHARGED) == charged
    assert int(here.send("0100", "910000", None).tag("OW") or 0) == ends_it
    assert here.send("0200", "910000", ends_it).code == "00" or not ends_it
    assert here.core.imbalances() == []


def test_a_charge_for_what_a_refund_now_pays_is_taken_back() -> None:
    here = shop()
    first = buy(here)
    pay(here, 4 * PART)
    buy(here)
    wait(here, 10)
    here.keep_house()

    back = here.refund(first, PART)
    wait(here, 1)
    here.keep_house()
    assert counted(here, "due late") == counted(here, CHARGED) == 0
    here.reverse(back)
    wait(here, 1)
    here.keep_house()

    assert counted(here, "due late") == charge(12)


def test_a_holiday_that_becomes_known_later_takes_its_charge_back() -> None:
    here = shop()
    buy(here)
    wait(here, 10)
    here.keep_house()

    here.record(HolidaysSet(club=1, days=(TODAY, TODAY + 1, TODAY + 3)))  # and +2 is a Friday
    wait(here, 1)
    here.keep_house()

    assert counted(here, "due late") == charge(11 - 4)
    assert here.directory.dump() == replay_into(new_core(), here.journal()).dump()


def test_who_pays_on_the_first_day_after_a_friday_is_not_late() -> None:
    here = Shop(late_credit(), now_s=NOON_S + 2 * DAY_S)  # the first part is due on a Friday
    buy(here)

    wait(here, 4)
    here.keep_house()
    assert counted(here, "due late") == 0
    wait(here, 1)
    here.keep_house()

    assert counted(here, "due late") == charge(4)


def test_holidays_are_days_in_order_of_a_club_that_is_known() -> None:
    here = shop()
    with pytest.raises(EventError, match="of a club"):
        here.record(HolidaysSet(club=7, days=()))
    with pytest.raises(EventError, match="ascending"):
        here.record(HolidaysSet(club=1, days=(3, 2)))


def test_a_later_version_charges_no_more_for_what_is_owed() -> None:
    here = shop()
    buy(here)
    wait(here, 10)
    here.keep_house()
    harder = msgspec.structs.replace(LATE, late_rate_bps=1_900)
    milder = msgspec.structs.replace(LATE, late_rate_bps=900)

    for terms in (harder, msgspec.structs.replace(LATE, rebate_bps=0)):
        plans = (InstalmentPlan(name="four", terms=terms), PLANS[1])
        with pytest.raises(EventError, match="a debt by four would cost more"):
            here.record(ProgrammeLive(definition=late_credit(2, plans)))
    with pytest.raises(EventError, match="a debt by twelve would cost more"):
        here.record(ProgrammeLive(definition=late_credit(2, PLANS[:1])))
    here.record(
        ProgrammeLive(
            definition=late_credit(2, (InstalmentPlan(name="four", terms=milder), PLANS[1]))
        )
    )
    wait(here, 1)
    here.keep_house()

    assert counted(here, "due late") == PART * 11 * 900 // 3_650_000


def test_a_plan_that_was_gone_for_a_version_does_not_come_back_dearer() -> None:
    free = msgspec.structs.replace(PROFIT, rebate_bps=0)
    dear = msgspec.structs.replace(free, late_rate_bps=1_800, late_cap_bps=1_000)
    had, gone, back = (
        late_credit(version, (PLANS[0], *more))
        for version, more in (
            (1, (InstalmentPlan(name="twelve", terms=free),)),
            (2, ()),
            (3, (InstalmentPlan(name="twelve", terms=dear),)),
        )
    )
    here = Shop(had)
    assert here.send(amount_minor=12_000_000, extra={48: "IN0012"}).code == "00"
    here.record(ProgrammeLive(definition=gone))

    with pytest.raises(EventError, match="a debt by twelve would cost more"):
        here.record(ProgrammeLive(definition=back))


def test_a_later_version_that_charges_nothing_takes_back_what_is_still_owed() -> None:
    here = shop()
    buy(here)
    wait(here, 10)
    here.keep_house()
    free = msgspec.structs.replace(LATE, late_rate_bps=0, late_cap_bps=0)
    plans = (InstalmentPlan(name="four", terms=free), PLANS[1])
    here.record(ProgrammeLive(definition=late_credit(2, plans)))

    told = here.send("0100", "910000", None).tag("OW")
    said = pay(here, 4 * PART)

    assert (told, said.tag("FE")) == (str(4 * PART), "")
    assert [counted(here, name) for name in ("due", "due late", CHARGED)] == [0, 0, 0]
    assert said.balances()["3001"] == 0


def test_a_plan_without_late_charges_beside_one_with_them_is_not_charged() -> None:
    here = shop()
    said = here.send(amount_minor=12_000_000, extra={48: "IN0012"})
    assert said.code == "00"

    wait(here, 100)
    here.keep_house()

    assert counted(here, "due late") == 0


def test_a_club_without_an_account_for_late_charges_has_none() -> None:
    here = shop()
    here.core.add_club(3, 364, 1003, 2003, 9)
    here.directory.clubs[3] = msgspec.structs.replace(here.directory.clubs[2], club=3)

    with pytest.raises(EventError, match="account of their own"):
        here.record(
            ProgrammeLive(definition=msgspec.structs.replace(late_credit(), programme=5, club=3))
        )


def test_killed_in_the_middle_the_clock_goes_on_behind_its_last_row() -> None:
    here, whole = shop(), shop()
    for each in (here, whole):
        for card in range(4):
            buy(each, card=card)
        wait(each, 10)
    whole.keep_house()
    assert here.keep_house(slices_max=2, cards_max=1) == 2

    core = new_core()
    here.directory = replay_into(core, here.journal())
    here.core = core
    core.begin_tenure(2)
    here.keep_house(cards_max=1)

    assert [counted(here, "due late", card) for card in range(4)] == [charge(10)] * 4
    assert state_of(core)[1] == whole.state()[1]


def test_more_overdue_parts_than_a_row_has_room_for_take_several() -> None:
    terms = msgspec.structs.replace(LATE, count=120, first_due_months=1)
    here = Shop(late_credit(plans=(InstalmentPlan(name="long", terms=terms),)))
    for _ in range(3):
        buy(here, 120_000_000 // 3)
    wait(here, 3_800)

    assert here.keep_house() == 2
    assert counted(here, "due late") == counted(here, CHARGED) > 0
    assert here.keep_house() == 0


def test_what_was_paid_for_being_late_and_goes_back_pays_the_next_purchase() -> None:
    here = shop()
    bought = buy(here)
    wait(here, 10)
    pay(here, charge(10))
    here.refund(bought, 4 * PART)

    buy(here, PART)

    assert club(here, Account.CLUB_LATE_CHARGES) == 0
    assert here.account(0, 0) == charge(10) - PART
    assert int(here.send("0100", "910000", None).tag("OW")) <= PART - charge(10)
    assert counted(here, "due") == PART - charge(10)
    assert here.core.imbalances() == []


def test_after_a_settlement_it_is_still_the_cards() -> None:
    here = shop()
    bought, other = buy(here), buy(here, PART)
    wait(here, 10)
    pay(here, 2 * charge(10))
    here.refund(bought, 4 * PART)
    before = here.state()

    owed = int(here.send("0100", "910000", None).tag("OW"))
    said = here.send("0200", "910000", owed)

    assert said.code == "00", said.elements
    assert other.code == "00"
    assert here.account(0, 0) == -counted(here, "due") > 0
    assert [counted(here, name) for name in ("due fee", "due late", CHARGED)] == [0, 0, 0]
    assert here.core.imbalances() == []
    here.reverse(said, owed)
    assert here.state()[:2] == before[:2]


# --- paying early ---------------------------------------------------------------------------------


def test_a_good_payer_gets_a_share_of_what_is_paid_early() -> None:
    here = shop()
    buy(here)
    pay(here, PART)

    told = here.send("0100", "910000", None)
    said = here.send("0200", "910000", 3 * PART * 98 // 100)

    assert (told.tag("OW"), told.tag("RB")) == (str(3 * PART * 98 // 100), str(3 * PART // 50))
    assert said.code == "00", said.elements
    assert (said.tag("OW"), said.tag("RB")) == ("", str(3 * PART // 50))
    assert said.balances() == {"3001": 0, "3002": 200_000_000}
    assert club(here, Account.CLUB_DISCOUNTS) == -3 * PART * 2 // 100
    assert [counted(here, name) for name in ("due", "due late", CHARGED)] == [0, 0, 0]
    assert here.core.imbalances() == []


def test_nobody_who_is_late_gets_it() -> None:
    here = shop()
    buy(here)
    wait(here, 1)

    told = here.send("0100", "910000", None)

    assert (told.tag("OW"), told.tag("RB")) == (str(4 * PART), "")


def test_whoever_tells_what_ends_the_debt_tells_the_rebate_that_it_is_without() -> None:
    here = shop()
    buy(here)

    paid = pay(here, PART)
    balance = here.send("0100", "310000", None)
    another = here.send("0200", "910000", 3 * PART)
    # Of another card, which owes nothing.
    too_much = here.send(amount_minor=200_000_001, card=1)

    assert another.reason == "settlement_is_another"
    for said in (paid, balance, another):
        assert (said.tag("OW"), said.tag("RB")) == (str(3 * PART * 98 // 100), str(3 * PART // 50))
    assert (too_much.code, too_much.tag("RB")) == ("51", "")


def test_what_goods_that_went_back_had_paid_is_paid_and_saves_nothing() -> None:
    here = shop()
    first = buy(here)
    pay(here, 2 * PART)
    wait(here, 40)
    buy(here)

    here.refund(first, 4 * PART)

    # That pays two of the four parts which are left.
    assert here.send("0100", "910000", None).tag("OW") == str(2 * PART * 98 // 100)


def test_a_reversed_settlement_takes_the_rebate_back() -> None:
    here = shop()
    buy(here)
    pay(here, PART)
    before = here.state()

    said = here.send("0200", "910000", 3 * PART * 98 // 100)
    here.reverse(said, 3 * PART * 98 // 100)

    assert here.state()[:2] == before[:2]


def test_a_settlement_pays_what_is_late_until_today() -> None:
    here = shop()
    buy(here)
    wait(here, 10)

    said = here.send("0200", "910000", 4 * PART + charge(10))

    assert said.code == "00", said.elements
    assert club(here, Account.CLUB_LATE_CHARGES) == charge(10)
    assert [counted(here, name) for name in ("due", "due late", CHARGED)] == [0, 0, 0]


def test_a_shard_that_is_loaded_from_a_snapshot_charges_as_the_one_it_is_of() -> None:
    here = shop()
    here.record(HolidaysSet(club=1, days=(TODAY, TODAY + 1, TODAY + 3)))
    buy(here)
    core = new_core()
    loading = Loading(core)
    for part, body in dump(here.core):
        loading.take(part, body)
    loading.finish()
    directory = Directory(core)
    directory.load(here.directory.dump())

    here.core, here.directory = core, directory
    core.begin_tenure(2)
    wait(here, 11)
    here.keep_house()

    assert counted(here, "due late") == charge(11 - 4)
