"""Stripes: the two tracks, their check characters, and the elements they become."""

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquirers.terminal.cards.reading import CardError, ReaderUnavailableError, Terms
from acquirers.terminal.cards.stripe import (
    TRACK1_FIRST,
    TRACK2_FIRST,
    StripeReader,
    lrc,
    read_stripe,
)

PAN = "9364001100000014"
TRACK1 = f"%B{PAN}^TEST/SARA^30121010000012300000?"
TRACK2 = f";{PAN}=30121010000012300000?"

pans = st.text("0123456789", min_size=12, max_size=19)
expiries = st.builds("{:02}{:02}".format, st.integers(0, 99), st.integers(1, 12))
digits3 = st.text("0123456789", min_size=3, max_size=3)
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ /.-", min_size=2, max_size=26)
extras = st.text("0123456789", max_size=8)


def with_lrc(track: str) -> str:
    return track + lrc(track, TRACK1_FIRST if track[0] == "%" else TRACK2_FIRST)


def plain_lrc(track: str, bits: int, first: int) -> str:
    """The same, bit by bit as the standard words it: each column has an even number of ones."""
    columns = [sum(ord(character) - first >> bit & 1 for character in track) for bit in range(bits)]
    return chr(first + sum(count % 2 << bit for bit, count in enumerate(columns)))


def test_both_tracks_become_all_their_elements() -> None:
    read = read_stripe(with_lrc(TRACK1) + "\r\n" + with_lrc(TRACK2) + "\n")

    assert read.card.pan == PAN
    assert read.card.expiry == "3012"
    assert read.card.track2 == TRACK2[1:-1].replace("=", "D")
    assert read.card.track1 == TRACK1[1:-1]
    assert read.card.entry_mode == "902"
    assert (read.service_code, read.name) == ("101", "TEST/SARA")


@pytest.mark.parametrize(
    ("text", "entry_mode"),
    [
        (with_lrc(TRACK2), "902"),
        (TRACK2, "022"),
        (with_lrc(TRACK1), "902"),
        (TRACK1, "022"),
        (TRACK1 + with_lrc(TRACK2), "022"),
        (with_lrc(TRACK1) + TRACK2, "022"),
    ],
)
def test_only_checked_tracks_are_called_unaltered(text: str, entry_mode: str) -> None:
    assert read_stripe(text).card.entry_mode == entry_mode


def test_a_terminal_with_a_pin_pad_says_so() -> None:
    assert read_stripe(with_lrc(TRACK2), pin_possible=True).card.entry_mode == "901"


@given(pans, names, expiries, digits3, extras)
def test_a_stripe_that_was_written_is_read(
    pan: str, name: str, expiry: str, service: str, extra: str
) -> None:
    track1 = f"%B{pan}^{name}^{expiry}{service}{extra}?"
    track2 = f";{pan}={expiry}{service}{extra}?"

    read = read_stripe(with_lrc(track1) + with_lrc(track2))

    assert (read.card.pan, read.card.expiry, read.service_code) == (pan, expiry, service)
    assert (read.card.track1, read.card.track2) == (track1[1:-1], track2[1:-1].replace("=", "D"))
    assert read.card.entry_mode == "902"


@given(pans, expiries, digits3, extras)
def test_the_check_character_makes_every_column_even(
    pan: str, expiry: str, service: str, extra: str
) -> None:
    track1 = f"%B{pan}^A/B^{expiry}{service}{extra}?"
    track2 = f";{pan}={expiry}{service}{extra}?"

    assert lrc(track1, TRACK1_FIRST) == plain_lrc(track1, 6, 0x20)
    assert lrc(track2, TRACK2_FIRST) == plain_lrc(track2, 4, 0x30)


@given(st.integers(1, len(TRACK2) - 2), st.sampled_from("0123456789"))
def test_one_digit_read_wrong_is_noticed(place: int, digit: str) -> None:
    written = with_lrc(TRACK2)
    misread = written[:place] + digit + written[place + 1 :]

    if misread == written:
        return
    with pytest.raises(CardError):
        read_stripe(misread)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PAN",
        PAN,
        ";12345=3012101?",
        f";{PAN}=3012?",
        f";{PAN}=3013101?",
        f";{PAN}=3012101" + "0" * 30 + "?",
        f"%C{PAN}^TEST/SARA^3012101?",
        f"%B{PAN}^TEST/SARA^301?",
        f"%B{PAN}^TEST/SARA^3013101?",
        f"%B{PAN}^TEST/SARA^3012101" + "0" * 60 + "?",
        TRACK2 + TRACK2,
        with_lrc(TRACK2) + "X",
        with_lrc(TRACK1) + with_lrc(TRACK2.replace("3012", "3112")),
        with_lrc(TRACK1) + with_lrc(TRACK2.replace("=3012101", "=3012201")),
    ],
)
def test_what_is_no_stripe_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(CardError) as refusal:
        read_stripe(text)

    assert PAN not in str(refusal.value)


@given(st.text(st.characters(max_codepoint=0x7F), max_size=120))
def test_any_text_is_a_stripe_or_a_card_error(text: str) -> None:
    with contextlib.suppress(CardError):
        read_stripe(text)


async def test_a_swipe_is_read_from_a_file(tmp_path: Path) -> None:
    swipe = tmp_path / "swipe.txt"
    swipe.write_text(with_lrc(TRACK2) + "\n")
    terms = Terms(transaction_type="00", local_date=date(2026, 11, 22))

    reader = StripeReader(swipe)
    read = await reader.wait_for_card(terms)

    assert read.card.pan == PAN
    with pytest.raises(CardError, match="takes no answer"):
        await reader.tell_issuer_answer(bytes(10))
    with pytest.raises(ReaderUnavailableError, match="No such file"):
        await StripeReader(tmp_path / "missing").wait_for_card(terms)
