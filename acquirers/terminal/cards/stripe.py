"""A magnetic stripe as its reader types it: tracks 1 and 2, with the check character behind each.

Owns what a track looks like and which elements it becomes. Must not know chips.
Source: ISO/IEC 7811-2 (character sets, LRC), ISO/IEC 7813 (contents).
"""

import re
from pathlib import Path
from typing import Final

import trio

from acquirers.terminal.cards.reading import CardError, PresentedCard, ReaderUnavailableError, Terms
from acquirers.terminal.parties import Card, CardUnreadableError, read_expiry

TRACK1_CHARACTERS_MAX: Final = 79
TRACK2_CHARACTERS_MAX: Final = 40
"""With both sentinels and the LRC."""
TEXT_BYTES_MAX: Final = 4096
"""A swipe is 120 characters: what is longer is some other file."""

TRACK1_FIRST: Final = 0x20
TRACK2_FIRST: Final = 0x30
"""The first character of each set: 64 characters of 6 bits, 16 of 4, and a parity bit each."""

# Format code B; number, name, expiry, service code, discretionary data.
_TRACK1 = re.compile(
    r"%B(?P<pan>[0-9]{12,19})\^(?P<name>[ -\]_]{2,26})\^(?P<expiry>[0-9]{4})(?P<service>[0-9]{3})"
    r"[ ->@-_]*\?",
    re.ASCII,
)
_TRACK2 = re.compile(
    r";(?P<pan>[0-9]{12,19})=(?P<expiry>[0-9]{4})(?P<service>[0-9]{3})[0-9]*\?", re.ASCII
)


def lrc(track: str, first: int) -> str:
    """Give the check character of a track, sentinels included: XOR over the characters' bits."""
    total = 0
    for character in track:
        total ^= ord(character) - first
    return chr(first + total)


def read_stripe(text: str, *, pin_possible: bool = False) -> PresentedCard:
    """Give the card of a swipe: track 1, track 2 or both, in that order. Raises CardError.

    DE 22 says 90 (read whole and unaltered) only when each track's LRC was there and right; a
    reader that leaves it out gets 02.
    """
    swiped = text.replace("\r", "").replace("\n", "")
    track1, checked1, rest = _cut(swiped, _TRACK1, TRACK1_FIRST, TRACK1_CHARACTERS_MAX)
    track2, checked2, rest = _cut(rest, _TRACK2, TRACK2_FIRST, TRACK2_CHARACTERS_MAX)
    first = track1 or track2
    if rest or first is None:
        raise CardError("the stripe holds neither track 1 (%B…?) nor track 2 (;…=…?)")
    checked = (checked1 or not track1) and (checked2 or not track2)
    entry_mode = f"{'90' if checked else '02'}{1 if pin_possible else 2}"
    if track1 and track2 and _identity(track1) != _identity(track2):
        raise CardError("the stripe's tracks are of two cards")
    pan, expiry, service_code = _identity(first)
    card = Card(
        pan=pan,
        expiry=expiry,
        track2=track2.group()[1:-1].replace("=", "D") if track2 else "",
        entry_mode=entry_mode,
        track1=track1.group()[1:-1] if track1 else "",
    )
    name = track1["name"].strip() if track1 else ""
    return PresentedCard(card=card, service_code=service_code, name=name)


class StripeReader:
    """Reads a swipe from a file, a pipe or a device, each time a card is waited for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def wait_for_card(self, terms: Terms) -> PresentedCard:
        """Read the file. Raises CardError, ReaderUnavailableError."""
        text = await trio.to_thread.run_sync(self._text, abandon_on_cancel=True)
        return read_stripe(text, pin_possible=terms.pin_possible)

    async def tell_issuer_answer(self, authentication_data: bytes) -> bool:
        """Refuse: a stripe can't be told anything."""
        raise CardError("a stripe takes no answer of its issuer")

    async def aclose(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _text(self) -> str:
        try:
            with open(self._path, "rb") as file:
                return file.read(TEXT_BYTES_MAX).decode("ascii", "replace")
        except OSError as error:
            raise ReaderUnavailableError(f"{self._path}: {error.strerror}") from None


def _cut(
    text: str, pattern: re.Pattern[str], first: int, characters_max: int
) -> tuple[re.Match[str] | None, bool, str]:
    """Give a track at the text's beginning, whether its LRC was right, and the rest."""
    found = pattern.match(text)
    if found is None:
        return None, False, text
    track, rest = found.group(), text[found.end() :]
    if len(track) >= characters_max:
        raise CardError(f"a track has {characters_max} characters at most")
    # A semicolon may be track 1's LRC or the beginning of track 2: a digit follows only the latter.
    if not rest or re.match(";[0-9]", rest):
        return found, False, rest
    if rest[0] != lrc(track, first):
        raise CardError("the stripe was read wrong: its check character (LRC) differs")
    return found, True, rest[1:]


def _identity(track: re.Match[str]) -> tuple[str, str, str]:
    """Give number, expiry and service code. Raises CardError."""
    try:
        return track["pan"], read_expiry(track["expiry"]), track["service"]
    except CardUnreadableError as error:
        raise CardError(f"the stripe: {error}") from None
