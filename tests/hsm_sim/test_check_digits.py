"""Check digits: the published ones, and which typing errors each finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_sim.check_digits import damm_digit, damm_valid, luhn_digit, luhn_valid
from tests.support.hsm_vectors import Vector, named

numbers = st.text("0123456789", min_size=1, max_size=20)


@named("luhn-")
def test_luhn_digits_are_the_published_ones(vector: Vector) -> None:
    assert luhn_digit(vector.text("digits")) == vector.expected


@named("damm-")
def test_damm_digits_are_the_published_ones(vector: Vector) -> None:
    assert damm_digit(vector.text("digits")) == vector.expected


@given(numbers)
def test_a_number_with_its_digit_is_valid(number: str) -> None:
    assert luhn_valid(number + luhn_digit(number))
    assert damm_valid(number + damm_digit(number))


@given(numbers, st.data())
def test_both_find_every_wrong_digit(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from("0123456789".replace(number[place], "")))
    wrong = number[:place] + other + number[place + 1 :]

    assert not luhn_valid(wrong + luhn_digit(number))
    assert not damm_valid(wrong + damm_digit(number))


@given(numbers, st.data())
def test_damm_finds_every_swap_of_neighbours(number: str, data: st.DataObject) -> None:
    whole = number + damm_digit(number)
    place = data.draw(st.integers(0, len(whole) - 2))
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]

    assert damm_valid(swapped) == (swapped == whole)


@pytest.mark.parametrize("text", ["", "12a4", "12 4", "１２３"])
def test_what_is_no_number_is_refused(text: str) -> None:
    for digit in (luhn_digit, damm_digit):
        with pytest.raises(ValueError, match="decimal"):
            digit(text)


def test_one_digit_alone_is_not_valid() -> None:
    assert not luhn_valid("0")
    assert not damm_valid("0")
