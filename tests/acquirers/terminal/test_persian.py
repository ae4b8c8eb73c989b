"""Right-to-left lines of fixed width.

The directional marks are checked by the rules of Unicode Annex 9 that the layout relies on: a line
opens with RLE and ends with PDF, and Latin values stand between LRMs. How a terminal then draws the
line was checked against an implementation of the whole annex when this was written.
"""

from datetime import datetime

import pytest

from acquirers.terminal.persian import (
    ascii_digits,
    columns_of,
    grouped,
    jalali,
    left_to_right,
    persian_digits,
    right_to_left_centred,
    right_to_left_line,
)
from tests.acquirers.terminal.samples import MOMENT, TEHRAN


def test_digits_are_written_in_persian_and_read_back() -> None:
    written = persian_digits("0123456789 rial")

    assert written == "۰۱۲۳۴۵۶۷۸۹ rial"
    assert ascii_digits(written) == "0123456789 rial"


def test_arabic_digits_are_read_as_well() -> None:
    assert ascii_digits("٢٥٠") == "250"


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "۰"), (999, "۹۹۹"), (1000, "۱٬۰۰۰"), (1_250_000, "۱٬۲۵۰٬۰۰۰"), (-20, "-۲۰")],
)
def test_amounts_are_grouped_by_three(amount: int, written: str) -> None:
    assert grouped(amount) == written


def test_a_moment_is_written_in_the_jalali_calendar() -> None:
    assert jalali(MOMENT) == "۱۴۰۵/۰۹/۰۱ ۰۹:۵۰:۰۷"


@pytest.mark.parametrize(
    ("gregorian", "written"),
    [
        (datetime(2025, 3, 20, tzinfo=TEHRAN), "۱۴۰۳/۱۲/۳۰ ۰۰:۰۰:۰۰"),  # 1403 is a leap year
        (datetime(2025, 3, 21, tzinfo=TEHRAN), "۱۴۰۴/۰۱/۰۱ ۰۰:۰۰:۰۰"),
        (datetime(2026, 3, 20, tzinfo=TEHRAN), "۱۴۰۴/۱۲/۲۹ ۰۰:۰۰:۰۰"),
        (datetime(2026, 3, 21, tzinfo=TEHRAN), "۱۴۰۵/۰۱/۰۱ ۰۰:۰۰:۰۰"),
    ],
)
def test_the_new_year_is_on_the_right_day(gregorian: datetime, written: str) -> None:
    assert jalali(gregorian) == written


def test_joiners_and_marks_take_no_column() -> None:
    assert columns_of("گم‌شده") == 5
    assert columns_of(left_to_right("T1")) == 2


def test_a_line_is_as_wide_as_asked_and_embedded_right_to_left() -> None:
    line = right_to_left_line("پایانه", left_to_right("T0000001"), 40)

    assert columns_of(line) == 40
    assert line.startswith("\u202bپایانه ")
    assert line.endswith(" \u200eT0000001\u200e\u202c")


def test_a_line_too_long_for_its_width_keeps_label_and_value_apart() -> None:
    assert right_to_left_line("مبلغ", "۱۲۳", 5) == "\u202bمبلغ ۱۲۳\u202c"


def test_centred_text_keeps_its_spaces_inside_the_embedding() -> None:
    line = right_to_left_centred("خرید", 9)

    assert line == "\u202b  خرید   \u200f\u202c"
