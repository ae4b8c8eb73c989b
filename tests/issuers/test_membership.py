"""Membership at the till: joined, renewed, over, with grace."""

from datetime import date

import msgspec
import pytest
from persiantools.jdatetime import JalaliDate

from issuers.membership import membership
from switch.directory import EventError
from switch.events import ProgrammeLive
from switch.rules import Calendar, Ending
from tests.support.products import assert_rebuilt, reverse, standing, tehran_s
from tests.support.shop import Said, Shop


def renew(shop: Shop) -> Said:
    """Take the fee at the till, if there is one."""
    return shop.send(code="900000", amount_minor=None)


def buy(shop: Shop) -> str:
    """Give the reason why a purchase was declined, or nothing."""
    return shop.send(amount_minor=100_000).reason


@pytest.fixture
def shop() -> Shop:
    """It is 26 Farvardin 1405 (15 April 2026)."""
    return Shop(membership(1, 1, 1))


def test_a_card_that_never_joined_is_no_members(shop: Shop) -> None:
    said = shop.send(amount_minor=100_000)

    assert (said.code, said.reason) == ("54", "membership_ended")


def test_who_joins_pays_the_fee_at_the_till_and_has_a_jalali_year(shop: Shop) -> None:
    said = renew(shop)
    bought = shop.send(amount_minor=1_000_000)

    # From 26 Farvardin 1405 to 25 Farvardin 1406, which is 14 April 2027.
    assert (said.code, said.tag("FE"), said.tag("UN")) == ("00", "5000000", "20270414")
    # 5 % off a million; a point for each 100,000 of 950,000.
    assert (bought.tag("DS"), bought.tag("DF"), bought.tag("CA")) == ("50000", "M", "950000")
    assert (bought.tag("WD"), bought.tag("PE")) == ("members-price", "9")


def test_grace_lasts_thirty_days_more(shop: Shop) -> None:
    renew(shop)

    shop.now_s = tehran_s(2027, 5, 14, 23)
    assert buy(shop) == ""
    shop.now_s = tehran_s(2027, 5, 15, 0)
    assert buy(shop) == "membership_ended"


@pytest.mark.parametrize("grace_days", [0, 29, 31])
def test_days_of_grace_stay_as_members_ends_are_known_by_them(shop: Shop, grace_days: int) -> None:
    first = renew(shop).tag("UN")
    live = shop.directory.programmes[1]
    assert live.membership is not None
    other = msgspec.structs.replace(live.membership, grace_days=grace_days)
    version = msgspec.structs.replace(live, version=2, membership=other)

    with pytest.raises(EventError, match="memberships were given with 30 days of grace"):
        shop.record(ProgrammeLive(definition=version))

    shop.record(ProgrammeLive(definition=msgspec.structs.replace(live, version=2)))
    assert shop.send("0100", "310000", None).tag("UN") == first


def test_an_early_renewal_begins_where_the_year_ends(shop: Shop) -> None:
    renew(shop)
    shop.now_s = tehran_s(2027, 3, 1)

    said = renew(shop)

    assert said.tag("UN") == "20280413"  # 25 Farvardin 1407: 1406 has 365 days, but 2028 a 29 Feb
    assert buy(shop) == ""


def test_a_renewal_in_grace_does_not_shift_the_year(shop: Shop) -> None:
    renew(shop)
    shop.now_s = tehran_s(2027, 5, 1)

    assert renew(shop).tag("UN") == "20280413"


def test_a_late_renewal_begins_today(shop: Shop) -> None:
    renew(shop)
    shop.now_s = tehran_s(2027, 8, 1)  # 10 Mordad 1406

    assert renew(shop).tag("UN") == "20280730"  # 9 Mordad 1407


def monthly(calendar: Calendar = "jalali", *, months: int = 1) -> Shop:
    """A shop whose members pay for so many months."""
    definition = membership(1, 1, 1)
    assert definition.membership is not None
    valid = Ending(after_months=months, calendar=calendar)
    part = msgspec.structs.replace(definition.membership, valid=valid, grace_days=3)
    return Shop(msgspec.structs.replace(definition, membership=part))


def jalali(said: Said) -> str:
    """Give the last day that a renewal tells."""
    return str(JalaliDate(date.fromisoformat(said.tag("UN"))))


def test_a_membership_of_the_31st_is_on_the_31st_again_where_there_is_one() -> None:
    shop = monthly()
    shop.now_s = tehran_s(2026, 9, 22)  # 31 Shahrivar 1405

    ends = [jalali(renew(shop)) for _ in range(8)]

    # It is over with the day before: 30 in months of 30 days, the last of Esfand, then 31 again.
    assert ends == [
        *("1405-07-29", "1405-08-29", "1405-09-29", "1405-10-29", "1405-11-29", "1405-12-28"),
        *("1406-01-30", "1406-02-30"),
    ]


def test_a_year_that_began_on_a_leap_day_is_over_on_the_next_one() -> None:
    shop = monthly(months=12)
    shop.now_s = tehran_s(2030, 3, 20)  # 30 Esfand 1408; 1412 has a leap day again

    ends = [jalali(renew(shop)) for _ in range(4)]

    assert ends == ["1409-12-28", "1410-12-28", "1411-12-28", "1412-12-29"]


def test_gregorian_months_come_back_to_the_31st_too() -> None:
    shop = monthly("gregorian")
    shop.now_s = tehran_s(2027, 1, 31)

    assert [renew(shop).tag("UN")[4:] for _ in range(3)] == ["0227", "0330", "0429"]


def test_renewals_in_grace_and_taken_back_count_from_the_same_day() -> None:
    shop = monthly()
    shop.now_s = tehran_s(2026, 9, 22)
    renew(shop)
    shop.now_s = tehran_s(2026, 10, 24)  # 2 Aban: in grace of what was over with 29 Mehr
    assert jalali(renew(shop)) == "1405-08-29"
    reverse(shop, renew(shop))

    assert jalali(renew(shop)) == "1405-09-29"
    assert_rebuilt(shop)


def test_who_comes_back_late_counts_from_that_day() -> None:
    shop = monthly()
    shop.now_s = tehran_s(2026, 9, 22)
    renew(shop)
    shop.now_s = tehran_s(2026, 11, 6)  # 15 Aban: long over

    assert [jalali(renew(shop)) for _ in range(2)] == ["1405-09-14", "1405-10-14"]


def test_purchases_tell_the_end_from_the_reminder_on_and_inquiries_always_do(shop: Shop) -> None:
    renew(shop)
    assert shop.send(amount_minor=100_000).tag("UN") == ""
    assert shop.send("0100", "310000", None).tag("UN") == "20270414"

    shop.now_s = tehran_s(2027, 3, 15, 23)  # 15 April, when it is over, is 31 days away
    assert shop.send(amount_minor=100_000).tag("UN") == ""
    shop.now_s = tehran_s(2027, 3, 16, 0)
    assert shop.send(amount_minor=100_000).tag("UN") == "20270414"
    shop.now_s = tehran_s(2027, 5, 1)  # in grace
    assert shop.send(amount_minor=100_000).tag("UN") == "20270414"
    renew(shop)
    assert shop.send(amount_minor=100_000).tag("UN") == ""


def test_a_reversed_renewal_never_was(shop: Shop) -> None:
    before = standing(shop)
    said = renew(shop)

    assert reverse(shop, said).code == "00"

    assert standing(shop) == before
    assert buy(shop) == "membership_ended"
    assert renew(shop).tag("UN") == said.tag("UN")


def test_members_may_pay_the_next_fee_in_points(shop: Shop) -> None:
    renew(shop)
    shop.send(amount_minor=20_000_000)  # 19,000,000 paid: 190 points
    shop.record(ProgrammeLive(definition=membership(1, 2, 1, fee_minor=0, fee_points=150)))
    before = standing(shop)

    first, second = renew(shop), renew(shop)

    assert (first.code, first.tag("FE"), first.tag("PX")) == ("00", "", "150")
    assert first.balances()["6001"] == 40
    assert (second.code, second.reason) == ("51", "insufficient_points")
    reverse(shop, first)
    assert standing(shop) == before


def test_a_refund_takes_its_share_of_the_points(shop: Shop) -> None:
    renew(shop)
    bought = shop.send(amount_minor=1_000_000)

    shop.refund(bought, 500_000)

    assert shop.send("0100", "310000", None).balances()["6001"] == 4  # 9 less half, rounded up


def test_replay_and_snapshot_give_the_same(shop: Shop) -> None:
    renew(shop)
    shop.refund(shop.send(amount_minor=1_000_000), 300_000)
    renew(shop)

    assert_rebuilt(shop)
