"""Numbers, shares and dates in both languages."""

import pytest

from loadtest.report import Language
from loadtest.report.writer import Writer

ENGLISH, PERSIAN = Writer(Language.ENGLISH), Writer(Language.PERSIAN)


def test_numbers_are_grouped() -> None:
    assert ENGLISH.number(1_234_567.891, 2) == "1,234,567.89"
    assert PERSIAN.number(1_234_567.891, 2) == "۱٬۲۳۴٬۵۶۷٫۸۹"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.2134, "0.213"), (4.2134, "4.21"), (17.51, "17.5"), (1_204.4, "1,204")],
)
def test_figures_have_three_digits(value: float, written: str) -> None:
    assert ENGLISH.figures(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.5, "50.0%"), (1.0, "100.0%"), (0.0, "0.0%"), (0.999, "99.90%"), (0.99961, "99.961%"),
        (0.0003, "0.030%"),
    ],
)  # fmt: skip
def test_shares_near_an_end_have_more_digits(value: float, written: str) -> None:
    assert ENGLISH.share(value) == written


def test_moments_are_utc_or_jalali_in_tehran() -> None:
    assert ENGLISH.moment("2026-11-26T22:42:01+03:30") == "2026-11-26 19:12:01 UTC"
    assert PERSIAN.moment("2026-03-20T20:30:00Z") == "۱۴۰۵/۰۱/۰۱ ۰۰:۰۰:۰۰ به وقت تهران"
    assert ENGLISH.moment("<yesterday>") == "&lt;yesterday&gt;"


def test_quoted_text_is_escaped_and_masked() -> None:
    assert ENGLISH.quote("a<b & 9364001100000016\x07") == "a&lt;b &amp; 936400******0016\ufffd"
