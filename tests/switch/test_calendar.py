"""Civil calendars: every day of every year against other people's code, and the dates that went
wrong elsewhere by name.
"""

from datetime import date, timedelta
from random import Random

import pytest
from convertdate import persian

from switch import _calendar
from switch._calendar import civil, day_months_after, day_number, days_of_month, period, weekday
from switch.calendar import Calendar, OutOfCalendar, Period
from tests.model import calendars
from tests.model.calendars import EPOCH

JALALI, GREGORIAN = Calendar.JALALI, Calendar.GREGORIAN


def jalali(year: int, month: int, day: int) -> int:
    return day_number(JALALI, year, month, day)


def dates_after(anchor: tuple[int, int, int], months: range) -> list[tuple[int, int, int]]:
    """Give the Jalali dates that lie so many months after an anchor."""
    day = jalali(*anchor)
    return [civil(JALALI, day_months_after(JALALI, day, count)) for count in months]


@pytest.mark.parametrize("calendar", list(Calendar))
def test_every_month_begins_and_ends_where_the_witness_says(calendar: Calendar) -> None:
    for year in calendars.YEARS[calendar]:
        for month in range(1, 13):
            length = calendars.month_days(calendar, year, month)
            first = calendars.day_of(calendar, year, month, 1)

            assert days_of_month(calendar, year, month) == length
            assert day_number(calendar, year, month, 1) == first
            assert civil(calendar, first) == (year, month, 1)
            assert civil(calendar, first + length - 1) == (year, month, length)
            with pytest.raises(OutOfCalendar):
                day_number(calendar, year, month, length + 1)


@pytest.mark.slow
@pytest.mark.parametrize("calendar", list(Calendar))
def test_every_day_has_the_witnesss_date_and_comes_back(calendar: Calendar) -> None:
    for day in calendars.days_of(calendar):
        found = civil(calendar, day)

        assert found == calendars.civil_of(calendar, day)
        assert day_number(calendar, *found) == day


@pytest.mark.slow
def test_every_nowruz_is_the_astronomical_one() -> None:
    for year in calendars.YEARS[JALALI]:
        assert jalali(year, 1, 1) == (date(*persian.to_gregorian(year, 1, 1)) - EPOCH).days


@pytest.mark.slow
def test_days_here_and_there_have_their_astronomical_date() -> None:
    random = Random(1404)
    for day in random.sample(calendars.days_of(JALALI), 100):
        gregorian = EPOCH + timedelta(days=day)

        found = civil(JALALI, day)

        assert found == persian.from_gregorian(gregorian.year, gregorian.month, gregorian.day)


def test_1403_is_a_leap_year_and_1404_is_none() -> None:
    leap_years = [year for year in range(1390, 1415) if days_of_month(JALALI, year, 12) == 30]

    assert leap_years == [1391, 1395, 1399, 1403, 1408, 1412]
    assert civil(JALALI, day_number(GREGORIAN, 2025, 3, 20)) == (1403, 12, 30)
    assert civil(JALALI, day_number(GREGORIAN, 2025, 3, 21)) == (1404, 1, 1)
    assert civil(JALALI, day_number(GREGORIAN, 2026, 3, 20)) == (1404, 12, 29)


@pytest.mark.parametrize("wrong_elsewhere", [1404, 1437, 1470])
def test_years_that_the_cycle_of_2820_makes_leap_are_common(wrong_elsewhere: int) -> None:
    assert days_of_month(JALALI, wrong_elsewhere, 12) == 29
    assert days_of_month(JALALI, wrong_elsewhere - 1, 12) == 30


def test_the_31st_of_mordad_is_the_31st_again_after_esfand() -> None:
    dates = dates_after((1404, 5, 31), range(1, 9))

    assert dates == [
        (1404, 6, 31),
        (1404, 7, 30),
        (1404, 8, 30),
        (1404, 9, 30),
        (1404, 10, 30),
        (1404, 11, 30),
        (1404, 12, 29),
        (1405, 1, 31),
    ]


def test_who_chains_months_loses_days_for_ever_and_we_do_not() -> None:
    anchor = chained = jalali(1404, 5, 31)
    for _ in range(8):
        chained = day_months_after(JALALI, chained, 1)

    assert civil(JALALI, chained) == (1405, 1, 29)
    assert civil(JALALI, day_months_after(JALALI, anchor, 8)) == (1405, 1, 31)


def test_no_jalali_month_is_skipped_as_gregorian_months_skip_aban() -> None:
    anchor = jalali(1404, 5, 31)

    gregorian = [civil(JALALI, day_months_after(GREGORIAN, anchor, k))[1] for k in range(1, 5)]
    ours = [civil(JALALI, day_months_after(JALALI, anchor, k))[1] for k in range(1, 5)]

    assert 8 not in gregorian
    assert ours == [6, 7, 8, 9]


def test_the_30th_of_esfand_exists_in_leap_years_only() -> None:
    ends = dates_after((1399, 12, 30), range(0, 121, 12))

    assert [year for year, _, day in ends if day == 30] == [1399, 1403, 1408]
    assert all(month == 12 and day >= 29 for _, month, day in ends)


def test_day_31_exists_in_half_of_the_year_only() -> None:
    dates = dates_after((1405, 1, 31), range(12))

    assert [day for _, _, day in dates] == [31] * 6 + [30] * 5 + [29]


@pytest.mark.parametrize("calendar", list(Calendar))
def test_months_before_and_after_any_day_are_the_witnesss(calendar: Calendar) -> None:
    random = Random(7)
    days = calendars.days_of(calendar)
    for day in random.sample(days[days.index(-11_000) : days.index(40_000)], 300):
        for months in (-200, -13, -12, -1, 0, 1, random.randrange(2, 200)):
            found = day_months_after(calendar, day, months)

            assert found == calendars.months_after(calendar, day, months)


@pytest.mark.parametrize("calendar", list(Calendar))
@pytest.mark.parametrize("kind", list(Period))
def test_periods_are_the_witnesss_on_days_all_over_the_years(
    calendar: Calendar, kind: Period
) -> None:
    days = calendars.days_of(calendar)
    some = [*Random(kind).sample(days[:-366], 300), days[0], days[366], days[-367]]

    for day in some:
        assert period(calendar, kind, day) == calendars.period(calendar, kind, day)


@pytest.mark.parametrize("calendar", list(Calendar))
@pytest.mark.parametrize("kind", list(Period))
def test_periods_follow_each_other_without_gap_or_overlap(calendar: Calendar, kind: Period) -> None:
    days = calendars.days_of(calendar)
    start, end = period(calendar, kind, days[0])
    for day in days:
        if day == end:
            start, end = end, period(calendar, kind, day)[1]
        assert period(calendar, kind, day) == (start, end)
        assert start <= day < end


def test_a_jalali_week_begins_on_saturday_and_an_iso_week_on_monday() -> None:
    friday = day_number(GREGORIAN, 2026, 11, 27)

    assert [weekday(friday - 6), weekday(friday), weekday(friday + 1)] == [0, 6, 0]
    assert period(JALALI, Period.WEEK, friday) == (friday - 6, friday + 1)
    assert period(GREGORIAN, Period.WEEK, friday) == (friday - 4, friday + 3)


def test_the_last_period_ends_on_the_day_after_the_last_year() -> None:
    last = jalali(1500, 12, 29)

    for kind in set(Period) - {Period.WEEK}:
        assert period(JALALI, kind, last)[1] == last + 1
    with pytest.raises(OutOfCalendar):
        civil(JALALI, last + 1)


@pytest.mark.parametrize("calendar", list(Calendar))
def test_days_beyond_the_years_are_refused_wherever_they_go(calendar: Calendar) -> None:
    days = calendars.days_of(calendar)

    for day in (days[0] - 1, days[-1] + 1, -(2**31), 2**31 - 1, 2**31, -(2**70), 2**70):
        with pytest.raises(OutOfCalendar):
            civil(calendar, day)
        with pytest.raises(OutOfCalendar):
            day_months_after(calendar, day, 0)
        for kind in Period:
            with pytest.raises(OutOfCalendar):
                period(calendar, kind, day)


@pytest.mark.parametrize("months", [-(2**31), -(2**31) + 1, -4000, 4000, 2**31 - 1, 2**31, 2**70])
def test_months_that_lead_beyond_the_years_are_refused(months: int) -> None:
    for calendar in Calendar:
        with pytest.raises(OutOfCalendar):
            day_months_after(calendar, 20_000, months)


@pytest.mark.parametrize(
    "parts",
    [
        (1299, 12, 29),
        (1501, 1, 1),
        (1404, 0, 1),
        (1404, 13, 1),
        (1404, 1, 0),
        (1404, 7, 31),
        (1404, 12, 30),
        (-(2**31) + 1, 1, 1),
        (2**31 - 1, 1, 1),
        (1404, 2**40, 1),
        (1404, 1, -(2**40)),
    ],
)
def test_dates_that_do_not_exist_are_refused(parts: tuple[int, int, int]) -> None:
    with pytest.raises(OutOfCalendar):
        jalali(*parts)


def test_what_is_no_calendar_and_no_period_is_refused() -> None:
    for other in (-1, 2, 255):
        with pytest.raises(OutOfCalendar):
            _calendar.civil(other, 20_000)  # type: ignore[arg-type]  # what a broken plan could ask
        with pytest.raises(OutOfCalendar):
            period(JALALI, other + 10, 20_000)  # type: ignore[arg-type]  # the same
    with pytest.raises(OutOfCalendar):
        weekday(10**6)
