"""What a card, a trace and a mask look like."""

import pytest

from acquirers.terminal.parties import (
    Card,
    CardUnreadableError,
    mask,
    read_card,
    read_expiry,
)
from tests.acquirers.terminal.samples import CARD, trace


def test_mask_shows_first_six_and_last_four_digits() -> None:
    assert mask("5022290000000017") == "502229******0017"


def test_mask_shows_nothing_of_a_number_too_short_to_be_a_card() -> None:
    assert mask("12345678901") == "***********"


def test_repr_of_a_card_shows_neither_number_nor_track() -> None:
    card = read_card(";5022290000000017=29061010000012345?")

    shown = repr(card)

    assert shown == "Card(502229******0017)"


@pytest.mark.parametrize(
    "typed",
    [
        ";5022290000000017=29061010000012345?",
        "5022290000000017=29061010000012345",
        "5022290000000017d29061010000012345",
        " ;5022290000000017=29061010000012345?7 ",
    ],
)
def test_track_2_is_read_with_and_without_sentinels(typed: str) -> None:
    card = read_card(typed)

    assert card == Card(
        pan="5022290000000017", expiry="2906", track2="5022290000000017D29061010000012345"
    )


def test_a_typed_number_takes_the_expiry_given_beside_it() -> None:
    assert read_card("5022290000000017", "2906") == CARD


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "12345678901",
        "12345678901234567890",
        "50222900000000١٧",
        "5022 2900 0000 0017",
        "5022290000000017=2906",
        "5022290000000017=290610100000123456789",
        "5022290000000017=2906101=0000",
    ],
)
def test_what_is_no_card_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(CardUnreadableError) as caught:
        read_card(typed)

    assert typed == "" or typed not in str(caught.value)


@pytest.mark.parametrize("typed", ["291", "2900", "2913", "29/6", "۲۹۰۶"])
def test_an_expiry_that_is_no_year_and_month_is_refused(typed: str) -> None:
    with pytest.raises(CardUnreadableError):
        read_expiry(typed)


def test_rrn_is_year_digit_day_of_year_hour_and_trace_number() -> None:
    assert trace(stan=17).rrn == "632609000017"


def test_local_time_is_month_day_hour_minute_second() -> None:
    assert trace().local_time == "1122095007"
