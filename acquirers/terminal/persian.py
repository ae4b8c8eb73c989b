"""Persian for a screen of fixed columns: digits, rials, the Jalali date, and right-to-left lines.

Owns how Persian text is laid out so that a terminal with or without a right-to-left paragraph shows
the same line. Must not know what a receipt says.

Theory of operation. A line is logical text, padded to its columns and put between RLE and PDF
(Unicode 9, explicit embedding): it then reads from right to left even where the terminal takes
every paragraph for left-to-right, as VTE, Konsole and mlterm do unless told otherwise. Latin and
masked values inside it stand between two LRMs, or `502229******1234` would come out as
`1234******502229`. None of these marks takes a column.
"""

import unicodedata
from datetime import date, datetime

import jdatetime

RIGHT_TO_LEFT_EMBEDDING = "\N{RIGHT-TO-LEFT EMBEDDING}"
RIGHT_TO_LEFT_MARK = "\N{RIGHT-TO-LEFT MARK}"
POP_DIRECTION = "\N{POP DIRECTIONAL FORMATTING}"
LEFT_TO_RIGHT_MARK = "\N{LEFT-TO-RIGHT MARK}"
THOUSANDS_SEPARATOR = "\N{ARABIC THOUSANDS SEPARATOR}"

_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_ASCII_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_DRAWN_OVER_NOTHING = {"Cf", "Mn", "Me"}
"""Unicode categories without a column of their own: marks of direction, joiners, accents."""


def persian_digits(text: str) -> str:
    """Give the text with ASCII digits written as Persian ones."""
    return text.translate(_PERSIAN_DIGITS)


def ascii_digits(text: str) -> str:
    """Give the text with Persian (۰-۹) and Arabic (٠-٩) digits written as ASCII ones."""
    return text.translate(_ASCII_DIGITS)


def grouped(number: int) -> str:
    """Give a whole number in Persian digits, in groups of three."""
    return persian_digits(f"{number:,}").replace(",", THOUSANDS_SEPARATOR)


def jalali(local_at: datetime) -> str:
    """Give date and time in the Jalali calendar: YYYY/MM/DD hh:mm:ss in Persian digits."""
    date = jdatetime.datetime.fromgregorian(datetime=local_at)
    return persian_digits(date.strftime("%Y/%m/%d %H:%M:%S"))


def jalali_day(day: date) -> str:
    """Give a day in the Jalali calendar: YYYY/MM/DD in Persian digits."""
    return persian_digits(jdatetime.date.fromgregorian(date=day).strftime("%Y/%m/%d"))


def left_to_right(text: str) -> str:
    """Give a Latin or masked value, guarded for use inside a right-to-left line."""
    return f"{LEFT_TO_RIGHT_MARK}{text}{LEFT_TO_RIGHT_MARK}"


def columns_of(text: str) -> int:
    """Count the screen columns of a text: marks and joiners take none."""
    return sum(1 for letter in text if unicodedata.category(letter) not in _DRAWN_OVER_NOTHING)


def right_to_left_line(label: str, value: str, columns: int) -> str:
    """Give one line: label at the right edge, value at the left, exactly `columns` wide."""
    gap = columns - columns_of(label) - columns_of(value)
    return f"{RIGHT_TO_LEFT_EMBEDDING}{label}{' ' * max(gap, 1)}{value}{POP_DIRECTION}"


def right_to_left_centred(text: str, columns: int) -> str:
    """Give one line with the text in its middle, exactly `columns` wide.

    The closing mark keeps the spaces at the end inside the embedding (rule L1 would take them out).
    """
    gap = max(columns - columns_of(text), 0)
    padded = " " * (gap // 2) + text + " " * (gap - gap // 2)
    return f"{RIGHT_TO_LEFT_EMBEDDING}{padded}{RIGHT_TO_LEFT_MARK}{POP_DIRECTION}"
