"""Words, numbers and dates of a report, in English or Persian.

Owns how each is written, and that nothing that comes from a run can be markup or a card number.
Must not know what is written where.
"""

import re
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from acquirers.terminal.persian import THOUSANDS_SEPARATOR, jalali, persian_digits
from acquirers.terminal.texts import Language, Text
from switch.logs import mask_text

DECIMAL_SEPARATOR = "\N{ARABIC DECIMAL SEPARATOR}"
RIGHT_TO_LEFT_ISOLATE = "\N{RIGHT-TO-LEFT ISOLATE}"
POP_ISOLATE = "\N{POP DIRECTIONAL ISOLATE}"
TEHRAN = ZoneInfo("Asia/Tehran")

# Of XML 1.0: whatever else is below a space is no character, escaped or not.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Writer:
    """Writes in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.is_persian = language is Language.PERSIAN
        self.direction = "rtl" if self.is_persian else "ltr"

    def say(self, words: Text) -> str:
        """Give our own words, ready for HTML."""
        return escape(words.said_in(self.language))

    def quote(self, text: str) -> str:
        """Give text of a run or a person, ready for HTML: escaped, card numbers masked."""
        return escape(mask_text(_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)))

    def number(self, value: float, digits: int = 0) -> str:
        """Give a number with grouped thousands and so many digits behind the point."""
        text = f"{value:,.{digits}f}"
        if not self.is_persian:
            return text
        text = persian_digits(text)
        return text.replace(",", THOUSANDS_SEPARATOR).replace(".", DECIMAL_SEPARATOR)

    def figures(self, value: float, significant: int = 3) -> str:
        """Give a number with about so many significant digits: 0.213, 4.21, 17.5, 1,204."""
        whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
        return self.number(value, max(0, significant - whole) if value else 0)

    def share(self, value: float) -> str:
        """Give a share in per cent, with more digits where it is nearly all or nearly nothing."""
        percent = value * 100
        distance = round(min(percent, 100 - percent), 6)
        digits = 3 if 0 < distance < 0.1 else 2 if 0 < distance < 1 else 1
        sign = "٪" if self.is_persian else "%"
        return f"{self.number(percent, digits)}{sign}"

    def moment(self, at: str) -> str:
        """Give a date and time written as ISO 8601: UTC, or Jalali in Tehran."""
        try:
            moment = datetime.fromisoformat(at).astimezone(UTC)
        except ValueError:
            return self.quote(at)
        if self.is_persian:
            return f"{jalali(moment.astimezone(TEHRAN))} به وقت تهران"
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC")

    def in_plot(self, text: str) -> str:
        """Give text for an SVG, whose direction is left to right: Persian is isolated in it."""
        return f"{RIGHT_TO_LEFT_ISOLATE}{text}{POP_ISOLATE}" if self.is_persian else text
