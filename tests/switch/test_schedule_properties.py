"""Schedules keep their invariants, and are the plain model's, for any terms, principal and day."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch import _schedule
from switch.calendar import Calendar
from switch.instalments import FeeKind, Rest, Terms
from switch.limits import AMOUNT_MINOR_MAX
from tests.model import instalments as model

DAYS = st.integers(14_700, 23_800)  # 1389 to 1413, in any month, leap years between
RATES = st.integers(1, 10_000)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Any terms whose schedules end within the calendars' years."""
    fee = draw(st.sampled_from(FeeKind))
    count = draw(st.integers(1, 120))
    grace = between = 0
    if fee is FeeKind.QARZ_11 and count % 12 == 1:
        count += 1  # a year's only instalment would be a fee on nothing
    if fee not in (FeeKind.QARZ_11, FeeKind.QARZ_12):
        between = draw(st.integers(0, min(11, 600 // max(count - 1, 1) - 1)))
    if fee in (FeeKind.PROFIT_DECLINING, FeeKind.PROFIT_FLAT):
        grace = draw(st.integers(0, count - 1))
    late_rate = draw(st.integers(0, 10_000))
    return Terms(
        count=count,
        calendar=draw(st.sampled_from(Calendar)),
        months_between=between + 1,
        first_due_months=draw(st.integers(0, 600 - (count - 1) * (between + 1))),
        grace_count=grace,
        multiple_minor=draw(st.sampled_from([1, 10, 1_000, 10_000])),
        rest=draw(st.sampled_from(Rest)),
        fee=fee,
        rate_bps=0 if fee is FeeKind.NONE else draw(RATES),
        rebate_bps=draw(st.integers(0, 10_000)),
        late_rate_bps=late_rate,
        late_tolerance_days=draw(st.integers(0, 366)),
        late_cap_bps=draw(RATES) if late_rate else 0,
    )


@st.composite
def loans(draw: st.DrawFn) -> tuple[Terms, int, int]:
    """Terms, a principal that they can split, and a day."""
    chosen = draw(terms())
    least = chosen.count * chosen.multiple_minor
    return chosen, draw(st.integers(least, AMOUNT_MINOR_MAX)), draw(DAYS)


@pytest.mark.slow
@given(loan=loans())
def test_a_schedule_is_the_models(loan: tuple[Terms, int, int]) -> None:
    assert _schedule.schedule(*loan) == model.schedule(*loan)


@pytest.mark.slow
@given(loan=loans())
def test_principal_adds_up_in_multiples_and_nothing_is_negative(
    loan: tuple[Terms, int, int],
) -> None:
    chosen, principal, anchor = loan

    rows = _schedule.schedule(chosen, principal, anchor)

    assert len(rows) == chosen.count
    assert sum(row.principal_minor for row in rows) == principal
    assert all(row.principal_minor >= 0 and row.fee_minor >= 0 for row in rows)
    paying = [row.principal_minor for row in rows if row.principal_minor]
    rest = paying.pop(0 if chosen.rest is Rest.FIRST else -1)
    assert len(set(paying)) <= 1
    assert all(part % chosen.multiple_minor == 0 and part <= rest for part in paying)
    assert anchor <= rows[0].due_day
    assert all(before.due_day < after.due_day for before, after in pairwise(rows))


@pytest.mark.slow
@given(loan=loans())
def test_fees_are_never_more_than_the_rate_on_the_whole_principal(
    loan: tuple[Terms, int, int],
) -> None:
    chosen, principal, anchor = loan
    months = chosen.first_due_months + (chosen.count - 1) * chosen.months_between
    flat = chosen.fee in (FeeKind.FLAT_SPREAD, FeeKind.FLAT_FIRST)
    if chosen.fee in (FeeKind.QARZ_11, FeeKind.QARZ_12):
        months = chosen.count

    fee = sum(row.fee_minor for row in _schedule.schedule(chosen, principal, anchor))

    share = principal * chosen.rate_bps // 10_000
    assert fee == share if flat else fee * 12 <= principal * chosen.rate_bps * months // 10_000
    assert fee == 0 or chosen.fee is not FeeKind.NONE


@pytest.mark.slow
@given(
    chosen=terms(),
    overdue=st.integers(1, AMOUNT_MINOR_MAX),
    due=DAYS,
    days=st.integers(-10, 4_000),
)
def test_a_late_charge_is_the_models_and_within_its_cap(
    chosen: Terms, overdue: int, due: int, days: int
) -> None:
    charge = _schedule.late(chosen, overdue, due, due + days)

    assert charge == model.late(chosen, overdue, due, due + days)
    assert 0 <= charge <= overdue * chosen.late_cap_bps // 10_000
    assert charge == 0 or days > chosen.late_tolerance_days


@given(due=DAYS, offsets=st.sets(st.integers(-3, 40), max_size=40))
def test_the_day_to_pay_by_is_the_models(due: int, offsets: set[int]) -> None:
    holidays = array("i", sorted(due + offset for offset in offsets))

    found = _schedule.pay_by(due, holidays)

    assert found == model.pay_by(due, holidays)
