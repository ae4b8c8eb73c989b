"""Ending a debt early: what it costs by the terms of a plan, as a terminal is told and as it pays.

The model counts from the schedule; the switch has lots. Due days are not moved by holidays here.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuers.credit import credit
from switch.calendar import Calendar
from switch.events import HolidaysSet
from switch.instalments import FeeKind, Rest, Terms
from switch.rules import Credit, InstalmentPlan
from tests.model import instalments as model
from tests.model.calendars import day_of
from tests.support.shop import NOON_S, TEHRAN_S, Shop

DAY_S = 86_400
TODAY = (NOON_S + TEHRAN_S) // DAY_S
LOAN = 20_000_000
QARZ = Terms(count=36, fee=FeeKind.QARZ_11, rate_bps=400)
PROFIT = Terms(count=12, fee=FeeKind.PROFIT_DECLINING, rate_bps=2_400)


def owing(terms: Terms, minor: int, anchor: int | None = None) -> Shop:
    """A card that has just bought for an amount, on a local day: `TODAY` if none is said."""
    plans = (InstalmentPlan(name="plan", terms=terms),)
    here = Shop(
        msgspec.structs.replace(
            credit(1, 1, 1), credit=Credit(limit_minor=999_999_999_999, plans=plans)
        )
    )
    here.record(HolidaysSet(club=1, days=(), weekdays=0))
    if anchor is not None:
        be_on(here, anchor)
    said = here.send(amount_minor=minor)
    assert said.code == "00", said.elements
    return here


def today(here: Shop) -> int:
    return (here.now_s + here.utc_offset_s) // DAY_S


def be_on(here: Shop, day: int) -> None:
    here.now_s += (day - today(here)) * DAY_S


def to_end_it(here: Shop) -> int:
    return int(here.send("0100", "910000", None).tag("OW") or 0)


def pay(here: Shop, minor: int) -> None:
    said = here.send(code="213000", amount_minor=minor)
    assert said.code == "00", said.elements


def test_qarz_costs_no_fee_of_years_that_have_not_begun() -> None:
    here = owing(QARZ, LOAN)
    rows = model.schedule(QARZ, LOAN, today(here))
    pay(here, sum(row.principal_minor + row.fee_minor for row in rows[:12]))
    left = LOAN - 11 * 606_060

    here.now_s += (rows[11].due_day - today(here)) * DAY_S
    at_the_years_end = to_end_it(here)
    here.now_s += DAY_S

    assert (at_the_years_end, to_end_it(here)) == (left, left + 533_333)


def test_profit_is_paid_for_months_that_have_begun() -> None:
    here = owing(PROFIT, 12_000_000)
    rows = model.schedule(PROFIT, 12_000_000, today(here))
    told = [to_end_it(here)]
    here.now_s += DAY_S
    told.append(to_end_it(here))
    here.now_s += (rows[0].due_day - today(here)) * DAY_S
    told.append(to_end_it(here))
    here.now_s += DAY_S
    told.append(to_end_it(here))

    assert [minor - 12_000_000 for minor in told] == [0, 240_000, 240_000, 460_000]


def test_months_within_a_long_interval_begin_one_by_one() -> None:
    terms = Terms(
        count=2, months_between=6, first_due_months=6, fee=FeeKind.PROFIT_FLAT, rate_bps=1_200
    )
    here = owing(terms, 1_000_000)

    here.now_s += 32 * DAY_S

    assert to_end_it(here) == 1_020_000


QUARTERS = Terms(
    count=8, months_between=3, first_due_months=3, fee=FeeKind.PROFIT_FLAT, rate_bps=1_200
)
QUARTER, A_MONTH = 1_240_000, 80_000  # of 8,000,000


def on(year: int, month: int, day: int) -> int:
    """Give a Jalali day as the switch counts them."""
    return day_of(Calendar.JALALI, year, month, day)


def test_a_months_profit_begins_where_it_does_from_the_day_of_the_purchase() -> None:
    here = owing(QUARTERS, 8_000_000, anchor=on(1405, 3, 31))
    be_on(here, on(1405, 12, 29))  # the third is due: the 31st that this month has
    pay(here, 3 * QUARTER)

    told = []
    for month, day in ((1, 1), (1, 31), (2, 1), (2, 31), (3, 1), (3, 31)):
        be_on(here, on(1406, month, day))
        told.append(to_end_it(here) - 5_000_000)

    assert told == [A_MONTH, A_MONTH, 2 * A_MONTH, 2 * A_MONTH, 3 * A_MONTH, 3 * A_MONTH]


def test_what_was_paid_of_a_long_times_profit_is_of_its_first_months() -> None:
    here = owing(QUARTERS, 8_000_000)
    here.now_s += 35 * DAY_S  # in the second month
    assert to_end_it(here) == 8_000_000 + 2 * A_MONTH

    pay(here, 2 * A_MONTH)

    assert to_end_it(here) == 8_000_000
    here.now_s += 31 * DAY_S
    assert to_end_it(here) == 8_000_000 + A_MONTH


@pytest.mark.parametrize("fee", [FeeKind.FLAT_SPREAD, FeeKind.FLAT_FIRST])
def test_a_flat_fee_is_owed_whole_however_early(fee: FeeKind) -> None:
    here = owing(Terms(count=4, fee=fee, rate_bps=400), 10_000_000)

    assert to_end_it(here) == 10_400_000


def test_a_share_of_what_is_paid_early_is_the_good_payers() -> None:
    terms = Terms(count=4, rebate_bps=200)
    good, late = owing(terms, 4_000_000), owing(terms, 4_000_000)
    rows = model.schedule(terms, 4_000_000, today(good))
    pay(good, 1_000_000)
    pay(late, 999_999)
    for here in (good, late):
        here.now_s += (rows[1].due_day - today(here)) * DAY_S

    # The second is due today, two are early.
    assert (to_end_it(good), to_end_it(late)) == (3_000_000 - 40_000, 3_000_001)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Terms of all kinds, of which at most 400 months and parts are owed apart."""
    fee = draw(st.sampled_from(FeeKind))
    count = draw(st.integers(1, 60))
    months_between = (
        1
        if fee in (FeeKind.QARZ_11, FeeKind.QARZ_12)
        else draw(st.integers(1, min(12, 340 // count)))
    )
    if fee is FeeKind.QARZ_11 and count % 12 == 1:
        count += 1
    profit = fee in (FeeKind.PROFIT_DECLINING, FeeKind.PROFIT_FLAT)
    return Terms(
        count=count,
        calendar=draw(st.sampled_from(Calendar)),
        months_between=months_between,
        first_due_months=draw(st.integers(0, months_between)),
        grace_count=draw(st.integers(0, count - 1)) if profit else 0,
        multiple_minor=draw(st.sampled_from([1, 1_000])),
        rest=draw(st.sampled_from(Rest)),
        fee=fee,
        rate_bps=0 if fee is FeeKind.NONE else draw(st.integers(1, 10_000)),
        rebate_bps=draw(st.integers(0, 10_000)),
    )


@pytest.mark.slow
@given(chosen=terms(), minor=st.integers(120_000, 100_000_000_000), data=st.data())
@settings(max_examples=60, deadline=None)
def test_it_costs_what_the_model_says_and_that_ends_it(
    chosen: Terms, minor: int, data: Any
) -> None:
    anchor = TODAY + data.draw(st.integers(0, 800))
    here = owing(chosen, minor, anchor)
    rows = model.schedule(chosen, minor, anchor)
    whole = sum(row.principal_minor + row.fee_minor for row in rows)
    paid = data.draw(st.integers(0, whole))
    near = data.draw(st.sampled_from([anchor, *(row.due_day for row in rows)]))
    day = max(anchor, near + data.draw(st.integers(-40, 40)))
    if paid:
        pay(here, paid)
    here.now_s += (day - anchor) * DAY_S

    found = model.settlement(chosen, rows, anchor, paid, day)
    owed = found.principal_minor + found.fee_minor - found.rebate_minor

    assert to_end_it(here) == owed
    if owed:
        said = here.send("0200", "910000", owed)
        assert said.code == "00", said.elements
        assert to_end_it(here) == 0
        assert sum(said.balances().values()) == 999_999_999_999
    assert here.core.imbalances() == []
