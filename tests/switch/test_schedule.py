"""Schedules by worked examples, and what is refused. Properties are beside it."""

from array import array
from typing import Any

import msgspec
import pytest

from switch import instalments, limits
from switch._calendar import civil, day_number
from switch._schedule import late, pay_by, schedule
from switch.calendar import Calendar, OutOfCalendar
from switch.instalments import FeeKind, Instalment, Rest, ScheduleError, Terms, TermsError
from tests.switch.test_words import numbers

START = day_number(Calendar.JALALI, 1404, 5, 31)
LOAN = 20_000_000
QARZ = Terms(count=36, fee=FeeKind.QARZ_11, rate_bps=400)
FOUR = Terms(count=4, first_due_months=0)
PROFIT = Terms(count=12, fee=FeeKind.PROFIT_DECLINING, rate_bps=2400)


def fees(rows: list[Instalment]) -> dict[int, int]:
    """Give the fees by the numbers of their instalments, from 1."""
    return {number: row.fee_minor for number, row in enumerate(rows, 1) if row.fee_minor}


def principals(rows: list[Instalment]) -> list[int]:
    return [row.principal_minor for row in rows]


def due_dates(rows: list[Instalment]) -> list[tuple[int, int, int]]:
    return [civil(Calendar.JALALI, row.due_day) for row in rows]


def test_qarz_by_eleven_months_collects_each_years_fee_once() -> None:
    rows = schedule(QARZ, LOAN, START)

    assert fees(rows) == {1: 800_000, 13: 533_333, 25: 266_667}
    assert sum(row.fee_minor for row in rows) == 1_600_000
    paying = [row.principal_minor for row in rows if row.principal_minor]
    assert paying == [606_060] * 32 + [606_080]
    assert all((row.fee_minor == 0) != (row.principal_minor == 0) for row in rows)


def test_qarz_of_60_months_has_55_instalments_of_principal_and_5_fees() -> None:
    rows = schedule(Terms(count=60, fee=FeeKind.QARZ_11, rate_bps=400), 55_000_000, START)

    assert fees(rows) == {1: 2_200_000, 13: 1_760_000, 25: 1_320_000, 37: 880_000, 49: 440_000}
    assert principals(rows).count(1_000_000) == 55


def test_qarz_by_twelve_months_adds_the_fee_to_each_years_first_instalment() -> None:
    rows = schedule(Terms(count=36, fee=FeeKind.QARZ_12, rate_bps=400), 36_000_000, START)

    assert fees(rows) == {1: 1_440_000, 13: 960_000, 25: 480_000}
    assert principals(rows) == [1_000_000] * 36


def test_the_last_year_of_qarz_is_charged_by_its_months() -> None:
    rows = schedule(Terms(count=30, fee=FeeKind.QARZ_11, rate_bps=400), 27_000_000, START)

    # 5 of 27 parts are left when the last half year begins: half of 4 % of them.
    assert fees(rows) == {1: 1_080_000, 13: 640_000, 25: 100_000}
    assert principals(rows).count(1_000_000) == 27


@pytest.mark.parametrize(
    ("rest", "parts"),
    [
        (Rest.LAST, [14_280_000] * 6 + [14_320_000]),
        (Rest.FIRST, [14_320_000] + [14_280_000] * 6),
    ],
)
def test_one_instalment_carries_what_rounding_left(rest: Rest, parts: list[int]) -> None:
    terms = Terms(count=7, multiple_minor=10_000, rest=rest)

    assert principals(schedule(terms, 100_000_000, START)) == parts


def test_due_days_are_the_anchors_even_behind_a_short_esfand() -> None:
    rows = schedule(Terms(count=8), LOAN, START)

    assert due_dates(rows)[5:] == [(1404, 11, 30), (1404, 12, 29), (1405, 1, 31)]


def test_the_first_of_four_can_be_paid_at_the_purchase() -> None:
    rows = schedule(FOUR, LOAN, START)

    assert due_dates(rows) == [(1404, 5, 31), (1404, 6, 31), (1404, 7, 30), (1404, 8, 30)]
    assert principals(rows) == [5_000_000] * 4


def test_gregorian_terms_count_gregorian_months() -> None:
    start = day_number(Calendar.GREGORIAN, 2027, 1, 31)

    rows = schedule(Terms(count=3, calendar=Calendar.GREGORIAN, months_between=1), LOAN, start)

    found = [civil(Calendar.GREGORIAN, row.due_day)[1:] for row in rows]
    assert found == [(2, 28), (3, 31), (4, 30)]


def test_a_flat_fee_is_spread_like_the_principal_or_paid_first() -> None:
    spread = Terms(count=4, fee=FeeKind.FLAT_SPREAD, rate_bps=400, multiple_minor=1_000)
    first = msgspec.structs.replace(spread, fee=FeeKind.FLAT_FIRST)

    assert fees(schedule(spread, 10_010_000, START)) == {
        1: 100_000,
        2: 100_000,
        3: 100_000,
        4: 100_400,
    }
    assert fees(schedule(first, 10_010_000, START)) == {1: 400_400}


def test_profit_on_a_declining_balance_is_the_rate_on_what_is_left() -> None:
    rows = schedule(PROFIT, 12_000_000, START)

    assert fees(rows) == {number: 20_000 * (13 - number) for number in range(1, 13)}


def test_flat_profit_is_the_same_each_month() -> None:
    terms = Terms(count=4, first_due_months=0, fee=FeeKind.PROFIT_FLAT, rate_bps=4800)

    rows = schedule(terms, 10_000_000, START)

    assert fees(rows) == {2: 400_000, 3: 400_000, 4: 400_000}  # none for what is paid at once


def test_in_grace_only_profit_is_paid() -> None:
    terms = Terms(count=5, grace_count=2, fee=FeeKind.PROFIT_DECLINING, rate_bps=1200)

    rows = schedule(terms, 3_000_000, START)

    assert principals(rows) == [0, 0, 1_000_000, 1_000_000, 1_000_000]
    assert [row.fee_minor for row in rows] == [30_000, 30_000, 30_000, 20_000, 10_000]


def test_the_largest_amounts_at_the_highest_rate_for_longest_do_not_overflow() -> None:
    principal = limits.AMOUNT_MINOR_MAX
    terms = Terms(count=2, first_due_months=599, fee=FeeKind.PROFIT_FLAT, rate_bps=10_000)

    rows = schedule(terms, principal, START)

    assert rows[0].fee_minor == principal * 599 // 12
    assert sum(principals(rows)) == principal


@pytest.mark.parametrize(
    ("days", "charge"),
    [(-40, 0), (0, 0), (3, 0), (4, 1_972), (365, 180_000), (730, 180_000)],
)
def test_a_late_charge_is_simple_tolerant_and_capped(days: int, charge: int) -> None:
    terms = Terms(count=4, late_rate_bps=1800, late_tolerance_days=3, late_cap_bps=1800)

    assert late(terms, 1_000_000, START, START + days) == charge


def test_a_late_charge_of_the_largest_amount_after_all_days_there_are_is_its_cap() -> None:
    terms = Terms(count=4, late_rate_bps=10_000, late_cap_bps=10_000)

    assert late(terms, 2**63 - 1, -(2**31), 2**31 - 1) == 2**63 - 1
    assert late(terms, 0, START, START + 100) == late(terms, -5, START, START + 100) == 0


def test_a_holiday_moves_the_day_to_pay_by_and_never_the_due_days() -> None:
    thursday = day_number(Calendar.GREGORIAN, 2026, 11, 26)
    holidays = array("i", [thursday, thursday + 2, thursday + 3, thursday + 9])

    assert pay_by(thursday - 1, holidays) == thursday - 1
    assert pay_by(thursday, holidays) == thursday + 4
    assert pay_by(thursday + 1, array("i")) == thursday + 2
    assert pay_by(thursday + 1, array("i"), weekdays=0) == thursday + 1


def test_where_no_day_is_left_to_pay_on_that_is_said() -> None:
    for weekdays in (127, 255):
        with pytest.raises(OutOfCalendar):
            pay_by(START, array("i"), weekdays=weekdays)
    for beyond in (-(2**31), 2**31 - 1, 84_371):
        with pytest.raises(OutOfCalendar):
            pay_by(beyond, array("i"))
    with pytest.raises(ValueError, match="ascending"):
        pay_by(START, array("i", [2, 1]))


WRONG: list[dict[str, Any]] = [
    {"count": 0},
    {"count": 121},
    {"months_between": 0},
    {"months_between": 13},
    {"first_due_months": -1},
    {"first_due_months": 601, "count": 1},
    {"first_due_months": 600, "count": 2},
    {"multiple_minor": 0},
    {"multiple_minor": limits.AMOUNT_MINOR_MAX + 1},
    {"rate_bps": 1},
    {"rate_bps": 10_001, "fee": FeeKind.PROFIT_FLAT},
    {"rate_bps": -1, "fee": FeeKind.PROFIT_FLAT},
    {"fee": FeeKind.PROFIT_FLAT},
    {"rebate_bps": -1},
    {"rebate_bps": 10_001},
    {"grace_count": 1},
    {"grace_count": -1, "fee": FeeKind.PROFIT_FLAT, "rate_bps": 1},
    {"grace_count": 12, "fee": FeeKind.PROFIT_FLAT, "rate_bps": 1},
    {"fee": FeeKind.QARZ_11, "rate_bps": 400, "months_between": 2},
    {"fee": FeeKind.QARZ_12, "rate_bps": 400, "months_between": 2},
    {"fee": FeeKind.QARZ_11, "rate_bps": 400, "count": 1},
    {"fee": FeeKind.QARZ_11, "rate_bps": 400, "count": 13},
    {"late_rate_bps": 100},
    {"late_rate_bps": 10_001, "late_cap_bps": 1},
    {"late_cap_bps": 100},
    {"late_cap_bps": 10_001, "late_rate_bps": 1},
    {"late_tolerance_days": -1},
    {"late_tolerance_days": 367},
]


@pytest.mark.parametrize("wrong", WRONG)
def test_terms_that_nobody_could_follow_are_refused_in_words_and_by_the_core(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(TermsError):
        Terms(**{"count": 12} | wrong)
    smuggled = Terms(count=12)
    for field, value in wrong.items():
        msgspec.structs.force_setattr(smuggled, field, value)

    with pytest.raises(ScheduleError, match="terms"):
        schedule(smuggled, LOAN, START)
    with pytest.raises(ScheduleError, match="terms"):
        late(smuggled, LOAN, START, START + 1)


@pytest.mark.parametrize("field", ["calendar", "rest", "fee"])
def test_words_that_the_core_does_not_have_are_refused(field: str) -> None:
    terms = Terms(count=12, fee=FeeKind.QARZ_12, rate_bps=400)
    msgspec.structs.force_setattr(terms, field, 7)

    with pytest.raises(ScheduleError, match="terms"):
        schedule(terms, LOAN, START)


def test_terms_are_data_that_comes_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(QARZ), type=Terms) == QARZ
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"count": 500}', type=Terms)


def test_a_principal_that_cannot_be_split_is_refused() -> None:
    terms = Terms(count=12, multiple_minor=10_000)

    assert principals(schedule(terms, 120_000, START)) == [10_000] * 12
    for principal in (119_999, 0, -1, limits.AMOUNT_MINOR_MAX + 1, -(2**63), 2**63 - 1):
        with pytest.raises(ScheduleError, match="principal"):
            schedule(terms, principal, START)


def test_days_beyond_the_calendar_are_refused() -> None:
    last = day_number(Calendar.JALALI, 1500, 12, 29)

    for anchor in (last, last + 1, -(2**31), 2**31 - 1):
        with pytest.raises(ScheduleError, match="day"):
            schedule(Terms(count=12), LOAN, anchor)


def test_words_and_bounds_are_the_cores() -> None:
    in_core = numbers("_schedule.pxd")

    assert numbers("_schedule.pxd", "FeeKind") == {f"FEE_{kind.name}": kind for kind in FeeKind}
    assert numbers("_schedule.pxd", "Rest") == {f"REST_{rest.name}": rest for rest in Rest}
    bounds = {name: value for name, value in in_core.items() if name.endswith("_MAX")}
    assert bounds == {name: getattr(instalments, name) for name in bounds}
    assert len(bounds) == 4
