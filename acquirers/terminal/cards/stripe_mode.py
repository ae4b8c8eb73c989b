"""Stripe mode of a contactless chip: a track 2 that is filled anew for each tap.

Owns the tags, and which digits of the track become what. Must not know commands.

Theory of operation (EMV Contactless Book C-2, mag-stripe mode). The card's track has zeros where
its digits change, and two bitmaps of places, the lowest bit for the last digit. The terminal asks
for a code (CVC3) over an unpredictable number of so many digits as there is room for, and puts in:
the code's last digits; then the last digits of the card's counter and those of the number; and at
the very end how many these are. The issuer's side of it is `switch._dynamic_codes`.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from acquirers.terminal.cards.reading import CardError
from acquirers.terminal.parties import CardUnreadableError, read_card

# Tags. Source: EMV Contactless Book C-2, annex A.
CODE: Final = 0x9F61
CODE_PLACES: Final = 0x9F65
NUMBER_PLACES: Final = 0x9F66
COUNTER_DIGITS: Final = 0x9F67
UDOL: Final = 0x9F69
NUMBER: Final = 0x9F6A
TRACK2: Final = 0x9F6B

DEFAULT_UDOL: Final = bytes.fromhex("9F6A04")
"""What a card is told that does not say what it wants to know."""
NUMBER_DIGITS_MAX: Final = 8
PLACES_MAX: Final = 16
IDENTITY_CHARACTERS: Final = 8
"""Separator, expiry and service code: the places are in what is behind them."""


class Template(Struct, frozen=True, kw_only=True, gc=False):
    """A card's track to be filled, and where."""

    track2: str
    code_places: int
    number_places: int
    counter_digits: int

    @property
    def number_digits(self) -> int:
        """How many digits of the unpredictable number there are."""
        return self.number_places.bit_count() - self.counter_digits


def template_of(data: Mapping[int, bytes]) -> Template:
    """Give what a card's records say. Raises CardError."""
    text = data.get(TRACK2, b"").hex().upper().removesuffix("F")
    try:
        known = read_card(text)
    except CardUnreadableError:
        raise CardError("the card has no track 2 for stripe mode") from None
    template = Template(
        track2=known.track2,
        code_places=int.from_bytes(data.get(CODE_PLACES, b"")[:2]),
        number_places=int.from_bytes(data.get(NUMBER_PLACES, b"")[:2]),
        counter_digits=int.from_bytes(data.get(COUNTER_DIGITS, b"")[:1]),
    )
    places = template.code_places | template.number_places
    room = len(template.track2) - len(known.pan) - IDENTITY_CHARACTERS
    if not template.code_places or not 0 <= template.number_digits <= NUMBER_DIGITS_MAX:
        raise CardError("the card's bitmaps for stripe mode are broken")
    if template.code_places & template.number_places or places & 1 or places >> room:
        raise CardError("the card's bitmaps for stripe mode are broken")
    return template


def filled(template: Template, *, code: int, counter: int, number: int) -> str:
    """Give the track of one tap."""
    digits = list(template.track2)
    _put(digits, template.code_places, _last(code, template.code_places.bit_count()))
    numbers = _last(counter, template.counter_digits) + _last(number, template.number_digits)
    _put(digits, template.number_places, numbers)
    digits[-1] = str(template.number_digits)
    return "".join(digits)


def _put(digits: list[str], places: int, text: str) -> None:
    """Write digits into places, the leftmost first."""
    bits = [bit for bit in reversed(range(PLACES_MAX)) if places >> bit & 1]
    for bit, digit in zip(bits, text, strict=True):
        digits[-1 - bit] = digit


def _last(value: int, count: int) -> str:
    return f"{value % 10**count:0{count}}" if count else ""
