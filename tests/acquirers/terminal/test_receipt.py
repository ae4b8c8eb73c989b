"""What a receipt takes from request and reply."""

from datetime import date

import pytest

from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import read_card
from acquirers.terminal.receipt import Balance, read_balances, receipt_of
from switch.errors import ProtocolError
from switch.iso8583 import Message
from tests.acquirers.terminal.peer import answered
from tests.acquirers.terminal.samples import CARD, MOMENT, STATION, trace


def purchase() -> Message:
    order = Order(service=Service.PURCHASE, amount_minor=250_000)
    return compose(order, STATION, trace(), CARD)


def test_private_elements_become_amounts_and_points() -> None:
    reply = answered(purchase(), de38="A1B2C3")
    for tag, value in {
        "DS": "12500",
        "NP": "197500",
        "PX": "40",
        "PV": "40000",
        "PE": "19",
        "WD": "tuesday",
        "WE": "base",
    }.items():
        reply[f"48.{tag}"] = value

    receipt = receipt_of(Service.PURCHASE, purchase(), reply, MOMENT)

    assert receipt.approved
    assert (receipt.requested_minor, receipt.approved_minor) == (250_000, 250_000)
    assert (receipt.discount_minor, receipt.discount_rule) == (12_500, "tuesday")
    assert (receipt.paid_minor, receipt.points_redeemed) == (197_500, 40)
    assert (receipt.points_value_minor, receipt.points_earned) == (40_000, 19)
    assert (receipt.approval_code, receipt.earning_rule) == ("A1B2C3", "base")


def test_what_is_absent_is_zero() -> None:
    receipt = receipt_of(Service.PURCHASE, purchase(), answered(purchase()), MOMENT)

    assert receipt.discount_minor == receipt.points_earned == receipt.paid_minor == 0
    assert receipt.balances == ()


def test_a_partial_approval_keeps_both_amounts() -> None:
    reply = answered(purchase(), "10", de4="000000100000")

    receipt = receipt_of(Service.PURCHASE, purchase(), reply, MOMENT)

    assert receipt.approved
    assert (receipt.requested_minor, receipt.approved_minor) == (250_000, 100_000)


def test_a_decline_carries_its_reason() -> None:
    reply = answered(purchase(), "51", de48_RC="insufficient_funds")

    receipt = receipt_of(Service.PURCHASE, purchase(), reply, MOMENT)

    assert not receipt.approved
    assert (receipt.response_code, receipt.reason) == ("51", "insufficient_funds")


@pytest.mark.parametrize("card", [CARD, read_card(";5022290000000017=29061010000012345?")])
def test_the_card_is_masked_whether_typed_or_swiped(card: object) -> None:
    order = Order(service=Service.PURCHASE, amount_minor=1)
    request = compose(order, STATION, trace(), card)  # type: ignore[arg-type]  # parametrized

    receipt = receipt_of(Service.PURCHASE, request, answered(request), MOMENT)

    assert receipt.card_masked == "502229******0017"
    assert CARD.pan not in repr(receipt)


def test_balances_are_read_by_type_currency_and_sign() -> None:
    text = "0001364C000001500000" + "0002364D000000000020" + "6002999C000000000040"

    assert read_balances(text) == (
        Balance(account="00", in_points=False, available=False, value=1_500_000),
        Balance(account="00", in_points=False, available=True, value=-20),
        Balance(account="60", in_points=True, available=True, value=40),
    )


@pytest.mark.parametrize(
    "text", ["0001364C00000150000", "0001364X000001500000", "0001364C00000150000 "]
)
def test_balances_that_contradict_their_format_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        read_balances(text)


def test_what_a_purchase_in_instalments_comes_to_is_read() -> None:
    reply = answered(purchase(), de48_IN="four", de48_IC="4", de48_IA="62500", de48_ID="20261122")

    receipt = receipt_of(Service.INSTALMENTS, purchase(), reply, MOMENT)

    assert (receipt.plan, receipt.instalments) == ("four", 4)
    assert (receipt.first_instalment_minor, receipt.first_due) == (62_500, date(2026, 11, 22))


def test_what_a_debt_comes_to_is_read() -> None:
    reply = answered(purchase(), de48_OW="12180000", de48_DM="1180000", de48_RB="20000")

    receipt = receipt_of(Service.DEBT, purchase(), reply, MOMENT)

    assert (receipt.owed_minor, receipt.due_minor) == (12_180_000, 1_180_000)
    assert receipt.rebate_minor == 20_000


@pytest.mark.parametrize("tag", ["UN", "ID"])
def test_a_day_that_is_none_is_refused(tag: str) -> None:
    reply = answered(purchase(), **{f"de48_{tag}": "20261332"})

    with pytest.raises(ProtocolError, match=f"48.{tag} is no date"):
        receipt_of(Service.PURCHASE, purchase(), reply, MOMENT)


def test_an_amount_that_is_no_number_is_refused() -> None:
    reply = answered(purchase(), de48_DS="12x")

    with pytest.raises(ProtocolError):
        receipt_of(Service.PURCHASE, purchase(), reply, MOMENT)
