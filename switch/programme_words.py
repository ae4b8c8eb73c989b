"""How amounts, shares, days and places are said in a programme's texts, in Persian and in English.

Owns numbers, dates and the names of categories and weekdays. Must not know what a rule means.
"""

from collections.abc import Iterable, Mapping

import msgspec

from switch._calendar import civil
from switch.calendar import Calendar

PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
MONTHS_FA = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور",
    "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip
MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS_EN = (
    "Saturdays", "Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays",
)  # fmt: skip
WEEKDAYS_FA = ("شنبه", "یکشنبه", "دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه")

MerchantNames = Mapping[str, tuple[str, str]]
"""By DE 42: in English, in Persian."""


class Said(msgspec.Struct, frozen=True):
    """The same in English and in Persian."""

    en: str
    fa: str

    def __add__(self, other: "Said") -> "Said":
        """Give both, one after the other."""
        return Said(self.en + other.en, self.fa + other.fa)


NOTHING = Said("", "")

CATEGORIES: Mapping[int, Said] = {
    5411: Said("groceries", "خواربارفروشی‌ها"),
    5541: Said("filling stations", "جایگاه‌های سوخت"),
    5651: Said("clothes shops", "فروشگاه‌های پوشاک"),
    5732: Said("electronics shops", "فروشگاه‌های الکترونیک"),
    5812: Said("cafés and restaurants", "کافه‌ها و رستوران‌ها"),
    5912: Said("pharmacies", "داروخانه‌ها"),
    5942: Said("book shops", "کتاب‌فروشی‌ها"),
}


def number(value: int) -> Said:
    """Say a number with separators."""
    text = f"{value:,}"
    return Said(text, text.replace(",", "٬").translate(PERSIAN_DIGITS))


def plain(value: int) -> Said:
    """Say a number that is a name: without separators."""
    return Said(str(value), str(value).translate(PERSIAN_DIGITS))


def rials(amount_minor: int) -> Said:
    """Say an amount."""
    return number(amount_minor) + Said(" rials", " ریال")


def points(count: int) -> Said:
    """Say a number of points."""
    return number(count) + Said(" point" if count == 1 else " points", " امتیاز")


def percent(bps: int) -> Said:
    """Say a share: 1000 basis points are 10%."""
    text = f"{bps // 100}.{bps % 100:02d}".rstrip("0").rstrip(".")
    return Said(f"{text}%", text.replace(".", "٫").translate(PERSIAN_DIGITS) + "٪")


def hour(of_day: int) -> Said:
    """Say an hour."""
    return Said(f"{of_day}:00", f"{of_day}:00".translate(PERSIAN_DIGITS))


def date(day: int) -> Said:
    """Say a local day: Gregorian in English, Jalali in Persian."""
    year, month, of_month = civil(Calendar.GREGORIAN, day)
    in_english = f"{of_month} {MONTHS_EN[month - 1]} {year}"
    year, month, of_month = civil(Calendar.JALALI, day)
    in_persian = f"{of_month} {MONTHS_FA[month - 1]} {year}".translate(PERSIAN_DIGITS)
    return Said(in_english, in_persian)


def listed(all_said: Iterable[Said]) -> Said:
    """Say several things, the last one after `and`."""
    said = list(all_said)
    if len(said) < 2:
        return said[0] if said else NOTHING
    return Said(
        ", ".join(one.en for one in said[:-1]) + " and " + said[-1].en,
        "، ".join(one.fa for one in said[:-1]) + " و " + said[-1].fa,
    )


def category(code: int) -> Said:
    """Say a kind of shops."""
    return CATEGORIES.get(code) or Said(f"shops of category {code:04d}", "فروشگاه‌های صنف ") + Said(
        "", f"{code:04d}".translate(PERSIAN_DIGITS)
    )


def weekdays(days: Iterable[int]) -> Said:
    """Say days of the week; Saturday is 0."""
    return listed(Said(WEEKDAYS_EN[day], WEEKDAYS_FA[day]) for day in sorted(days))


def merchants(names: Iterable[str], known: MerchantNames) -> Said:
    """Say shops by their names, as far as they are known."""
    return listed(Said(*known.get(name, (name, name))) for name in names)
