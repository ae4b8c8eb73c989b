"""What a person may type, and what it means."""

from pathlib import Path

import pytest

from acquirers.terminal.choices import (
    ChoiceError,
    NamedCard,
    Wishes,
    agreed,
    choose_card,
    exchange_with_rrn,
    order_of,
    read_amount,
)
from acquirers.terminal.memory import TerminalMemory
from acquirers.terminal.orders import NAMES_ORIGINAL, Order, Service
from acquirers.terminal.parties import CardUnreadableError
from acquirers.terminal.texts import Text
from tests.acquirers.terminal.samples import CARD
from tests.acquirers.terminal.test_memory import exchange

CARDS = [NamedCard(name="1", label=Text("Gold", "طلایی"), card=CARD)]


@pytest.fixture
def memory(tmp_path: Path) -> TerminalMemory:
    return TerminalMemory(tmp_path / "terminal.json", "T0000001")


@pytest.mark.parametrize("typed", ["250000", "250,000", "۲۵۰٬۰۰۰", "250 000", "250_000", "٢٥٠٠٠٠"])
def test_amounts_are_read_in_any_digits_and_grouping(typed: str) -> None:
    assert read_amount(typed, "the amount") == 250_000


@pytest.mark.parametrize("typed", ["", "12.5", "-5", "1e6", "ten", "1000000000000", "½"])
def test_amounts_that_are_no_whole_rials_are_refused(typed: str) -> None:
    with pytest.raises(ChoiceError):
        read_amount(typed, "the amount")


@pytest.mark.parametrize("typed", ["1", "۱", " 1 "])
def test_a_test_card_is_chosen_by_its_number(typed: str) -> None:
    assert choose_card(typed, "", CARDS) == (CARD, "1")


def test_a_typed_card_has_no_name() -> None:
    assert choose_card("۵۰۲۲۲۹۰۰۰۰۰۰۰۰۱۷", "۲۹۰۶", CARDS) == (CARD, "")


def test_a_number_that_is_neither_test_card_nor_card_says_which_there_are() -> None:
    with pytest.raises(ChoiceError, match="there are 1"):
        choose_card("9", "", CARDS)


def test_a_broken_card_number_is_refused() -> None:
    with pytest.raises(CardUnreadableError):
        choose_card("5022", "", CARDS)


def test_a_refund_is_about_the_last_purchase_and_its_whole_amount(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    memory.remember(exchange(2, service=Service.LOAD))

    order = order_of(Service.REFUND, Wishes(), memory)

    assert order == Order(service=Service.REFUND, amount_minor=1000, original=exchange(1).original)


def test_an_original_can_be_named_by_its_reference_number(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    memory.remember(exchange(2))

    order = order_of(Service.REVERSAL, Wishes(original_rrn="۶۳۲۶۰۹۰۰۰۰۰۱"), memory)

    assert order.original == exchange(1).original


def test_a_partial_reversal_keeps_the_originals_amount(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))

    order = order_of(Service.REVERSAL, Wishes(final_amount="400"), memory)

    assert (order.amount_minor, order.final_amount_minor) == (1000, 400)


def test_a_reversal_down_to_zero_is_not_a_full_reversal_unsaid(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))

    assert order_of(Service.REVERSAL, Wishes(final_amount="0"), memory).final_amount_minor == 0
    assert order_of(Service.REVERSAL, Wishes(), memory).final_amount_minor is None


@pytest.mark.parametrize("service", sorted(NAMES_ORIGINAL))
def test_an_order_about_nothing_that_is_remembered_is_refused(
    service: Service, memory: TerminalMemory
) -> None:
    with pytest.raises(ChoiceError, match="remembers nothing"):
        order_of(service, Wishes(amount_typed="1"), memory)


def test_a_purchase_without_an_amount_is_refused(memory: TerminalMemory) -> None:
    with pytest.raises(ChoiceError, match="amount"):
        order_of(Service.PURCHASE, Wishes(), memory)


def test_a_mixed_payment_without_points_is_refused(memory: TerminalMemory) -> None:
    with pytest.raises(ChoiceError, match="points"):
        order_of(Service.MIXED, Wishes(amount_typed="5"), memory)


def test_a_reference_number_of_another_terminal_is_refused(memory: TerminalMemory) -> None:
    with pytest.raises(ChoiceError, match="632609000009"):
        exchange_with_rrn("632609000009", memory)


@pytest.mark.parametrize("service", [Service.PURCHASE, Service.INSTALMENTS, Service.WITHDRAWAL])
def test_a_plan_is_named_by_its_number(service: Service, memory: TerminalMemory) -> None:
    assert order_of(service, Wishes(amount_typed="5", plan="۲"), memory).plan == 2


def test_a_purchase_leaves_the_plan_to_the_card_and_one_in_instalments_does_not(
    memory: TerminalMemory,
) -> None:
    assert order_of(Service.PURCHASE, Wishes(amount_typed="5"), memory).plan == 0
    with pytest.raises(ChoiceError, match="number of a plan"):
        order_of(Service.INSTALMENTS, Wishes(amount_typed="5"), memory)


@pytest.mark.parametrize("plan", ["0", "100", "four", "-1", "½"])
def test_a_plan_that_is_no_number_is_refused(plan: str, memory: TerminalMemory) -> None:
    with pytest.raises(ChoiceError, match="a plan is a number"):
        order_of(Service.PURCHASE, Wishes(amount_typed="5", plan=plan), memory)


def test_what_is_not_paid_later_takes_no_plan(memory: TerminalMemory) -> None:
    with pytest.raises(ChoiceError, match="no instalment plan"):
        order_of(Service.LOAD, Wishes(amount_typed="5", plan="1"), memory)


@pytest.mark.parametrize("typed", ["y", "Yes", " بله ", "آری"])
def test_yes_is_understood_in_both_languages(typed: str) -> None:
    assert agreed(typed)


@pytest.mark.parametrize("typed", ["", "n", "no", "نه", "yep", "1"])
def test_whatever_is_not_yes_is_no(typed: str) -> None:
    assert not agreed(typed)
