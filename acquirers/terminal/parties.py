"""Who takes part in a payment, as the terminal knows it: its station, the card, one message's
trace.

Owns the forms in which these are written into a message and how a card is masked. Must not know
which operation is being done.
"""

from datetime import datetime

from msgspec import Struct

from switch.errors import ProtocolError
from switch.masked import Masked

STAN_MAX = 999_999
"""DE 11 is n6; after it a terminal starts again at 1, never at 0."""

PAN_DIGITS_MIN = 12
PAN_DIGITS_MAX = 19
"""Source: ISO/IEC 7812-1; DE 2 is n..19."""


class CardUnreadableError(ProtocolError):
    """What was typed is no card number and no track 2; the text never repeats it."""


class Station(Struct, frozen=True, kw_only=True, gc=False):
    """One terminal at its merchant's counter. `acquirer_code` (DE 32) is sent when given."""

    terminal_id: str
    merchant_id: str
    acquirer_code: str = ""


class Card(Masked, frozen=True, kw_only=True, gc=False):
    """A card as it was presented: `track2` when swiped, otherwise number and expiry (YYMM).

    The separator inside `track2` is D, as the nibble is written; both profiles take it. The rest is
    known of a card that a reader read (`acquirers.terminal.cards`): how (DE 22), `track1` without
    its sentinels, the chip's sequence number (DE 23), the chip's proof of this one payment (DE 55,
    hex), and the PIN block that the cardholder typed with it (DE 52, hex).
    """

    pan: str
    expiry: str = ""
    track2: str = ""
    entry_mode: str = ""
    track1: str = ""
    sequence_number: str = ""
    chip_data: str = ""
    pin_block: str = ""

    def shown(self) -> str:
        """Show first six and last four digits only."""
        return mask(self.pan)


class Trace(Struct, frozen=True, kw_only=True, gc=False):
    """What makes one message unlike all others of its terminal; local time of the terminal."""

    stan: int
    local_at: datetime

    @property
    def rrn(self) -> str:
        """Give DE 37: year digit, day of the year, hour, STAN. Twelve digits, a decade's worth."""
        day = self.local_at.timetuple().tm_yday
        return f"{self.local_at.year % 10}{day:03}{self.local_at.hour:02}{self.stan:06}"

    @property
    def local_time(self) -> str:
        """Give DE 13 and DE 12 in one: MMDDhhmmss."""
        return self.local_at.strftime("%m%d%H%M%S")


def mask(pan: str) -> str:
    """Give first six and last four digits with stars between; stars alone when it is too short."""
    if len(pan) < PAN_DIGITS_MIN:
        return "*" * len(pan)
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"


def read_card(typed: str, expiry: str = "") -> Card:
    """Give the card in what a person typed or a reader sent: a number, or track 2.

    Track 2 is accepted with or without its sentinels (`;…?`) and with `=` or `D` between number and
    expiry. Raises CardUnreadableError. Source: ISO/IEC 7813, track 2.
    """
    text = typed.strip().removeprefix(";").split("?", 1)[0].upper().replace("=", "D")
    pan, separator, rest = text.partition("D")
    if not (pan.isascii() and pan.isdigit() and PAN_DIGITS_MIN <= len(pan) <= PAN_DIGITS_MAX):
        raise CardUnreadableError(
            f"a card number has {PAN_DIGITS_MIN} to {PAN_DIGITS_MAX} digits, "
            f"not {len(pan)} characters"
        )
    if not separator:
        return Card(pan=pan, expiry=read_expiry(expiry))
    if not (rest.isascii() and rest.isdigit() and len(rest) >= 7 and len(text) <= 37):
        raise CardUnreadableError(
            "track 2 goes on with expiry (4), service code (3) and digits, 37 in all"
        )
    return Card(pan=pan, expiry=read_expiry(rest[:4]), track2=text)


def read_expiry(typed: str) -> str:
    """Give an expiry as YYMM, empty when none was typed. Raises CardUnreadableError."""
    if typed and not (len(typed) == 4 and typed.isascii() and typed.isdigit()):
        raise CardUnreadableError("an expiry is four digits, year then month: YYMM")
    if typed and not 1 <= int(typed[2:]) <= 12:
        raise CardUnreadableError("an expiry is YYMM: its last two digits are a month")
    return typed
