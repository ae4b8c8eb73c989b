"""Every code and reason the switch can give has its words."""

import pytest

from acquirers.terminal.persian import columns_of
from acquirers.terminal.receipt_text import COLUMNS
from acquirers.terminal.texts import CODES, REASONS, Language, Text, code_text, reason_text
from switch.reasons import Reason
from switch.response_codes import ResponseCode

ALL_TEXTS = [*CODES.values(), *REASONS.values()]


def test_every_response_code_has_a_text() -> None:
    assert set(CODES) == {str(code) for code in ResponseCode}


def test_every_reason_has_a_text_under_the_name_that_48_rc_carries() -> None:
    assert set(REASONS) == {reason.name.lower() for reason in Reason}


@pytest.mark.parametrize("text", ALL_TEXTS, ids=lambda text: text.english)
def test_a_text_fits_one_line_of_a_receipt_in_both_languages(text: Text) -> None:
    assert 0 < len(text.english) <= COLUMNS
    assert 0 < columns_of(text.persian) <= COLUMNS


@pytest.mark.parametrize("text", ALL_TEXTS, ids=lambda text: text.english)
def test_persian_uses_persian_letters_not_their_arabic_twins(text: Text) -> None:
    assert not set(text.persian) & set("يكةىۀ٠١٢٣٤٥٦٧٨٩0123456789abcdefghijklmnopqrstuvwxyz")
    assert text.english.isascii()


def test_a_code_of_a_newer_switch_is_still_a_decline() -> None:
    assert code_text("77").said_in(Language.ENGLISH) == "Declined"


def test_a_reason_of_a_newer_switch_is_passed_over() -> None:
    assert reason_text("phase_of_the_moon") is None
