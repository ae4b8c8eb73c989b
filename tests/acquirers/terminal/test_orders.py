"""Which elements each request carries: docs/pos-interface.md, section 3."""

import pytest

from acquirers.pos import PROFILES
from acquirers.terminal.orders import (
    MESSAGE_TYPES,
    NAMES_ORIGINAL,
    NETWORK,
    Order,
    OrderError,
    Original,
    Service,
    compose,
    original_in,
    repeat_of,
    reversal_of,
)
from acquirers.terminal.parties import Station, read_card
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message, decode, encode
from tests.acquirers.terminal.samples import CARD, STATION, trace

WHO_AND_WHEN = {
    "7": "1122062007",
    "11": "000017",
    "12": "095007",
    "13": "1122",
    "41": "T0000001",
    "42": "M00000000000001",
}
PAID_BY_CARD = {
    **WHO_AND_WHEN,
    "2": "5022290000000017",
    "14": "2906",
    "37": "632609000017",
}
HELD = Original(
    mti="0100",
    processing_code="000000",
    amount_minor=300_000,
    stan=12,
    local_time="1122080000",
)


def order(service: Service, **said: object) -> Order:
    filled = {
        "amount_minor": 250_000,
        "original": HELD,
        "settlement_date": "1123",
        "serial": "TV-55/0012",
        "voucher_pin": "0123456789ABCDEF" * 4,
        **said,
    }
    if service not in NAMES_ORIGINAL:
        del filled["original"]
    return Order(service=service, **filled)  # type: ignore[arg-type]  # said by the test


@pytest.mark.parametrize(
    ("service", "mti", "code"),
    [
        (Service.REGISTER_ITEM, "0200", "920000"),
        (Service.ITEM, "0100", "930000"),
        (Service.CLAIM, "0200", "940000"),
    ],
)
def test_what_is_about_an_item_carries_its_serial_number_and_no_amount(
    service: Service, mti: str, code: str
) -> None:
    request = compose(order(service), STATION, trace(), CARD)

    assert request.mti == mti
    assert dict(request) == {**PAID_BY_CARD, "3": code, "48.SN": "TV-55/0012"}


def test_an_item_without_its_serial_number_is_not_asked_about() -> None:
    with pytest.raises(OrderError, match="serial number"):
        compose(order(Service.CLAIM, serial=""), STATION, trace(), CARD)


def test_a_redemption_carries_the_encrypted_pin_and_no_amount() -> None:
    request = compose(order(Service.REDEEM), STATION, trace(), CARD)

    assert request.mti == "0200"
    assert dict(request) == {**PAID_BY_CARD, "3": "730000", "48.VP": "0123456789ABCDEF" * 4}
    with pytest.raises(OrderError, match="PIN"):
        compose(order(Service.REDEEM, voucher_pin=""), STATION, trace(), CARD)


def test_a_renewal_carries_no_amount() -> None:
    request = compose(order(Service.RENEWAL), STATION, trace(), CARD)

    assert dict(request) == {**PAID_BY_CARD, "3": "900000"}


@pytest.mark.parametrize(
    ("service", "code"), [(Service.ACTIVATION, "720000"), (Service.WITHDRAWAL, "010000")]
)
def test_a_sale_of_a_card_and_a_withdrawal_carry_what_the_till_takes_or_gives(
    service: Service, code: str
) -> None:
    request = compose(order(service), STATION, trace(), CARD)

    assert request.mti == "0200"
    assert dict(request) == {**PAID_BY_CARD, "3": code, "4": "000000250000", "49": "364"}


def test_purchase_carries_card_amount_and_currency() -> None:
    request = compose(order(Service.PURCHASE), STATION, trace(), CARD)

    assert request.mti == "0200"
    assert dict(request) == {**PAID_BY_CARD, "3": "000000", "4": "000000250000", "49": "364"}


def test_purchase_says_when_a_part_is_welcome() -> None:
    request = compose(order(Service.PURCHASE, partial_accepted=True), STATION, trace(), CARD)

    assert request["48.PA"] == "1"


def test_mixed_payment_is_a_purchase_with_points_to_redeem() -> None:
    request = compose(order(Service.MIXED, points_max=40), STATION, trace(), CARD)

    assert (request.mti, request[3], request["48.PR"]) == ("0200", "000000", "40")


def test_a_purchase_in_instalments_names_its_plan_by_number() -> None:
    request = compose(order(Service.INSTALMENTS, plan=2), STATION, trace(), CARD)

    assert (request.mti, request[3], request["48.IN"]) == ("0200", "000000", "2")


@pytest.mark.parametrize(
    ("service", "mti", "code", "amount_is_sent"),
    [
        (Service.DEBT, "0100", "910000", False),
        (Service.REPAYMENT, "0200", "213000", True),
        (Service.SETTLEMENT, "0200", "910000", True),
    ],
)
def test_a_debt_is_asked_about_without_an_amount_and_paid_with_one(
    service: Service, mti: str, code: str, amount_is_sent: bool
) -> None:
    request = compose(order(service), STATION, trace(), CARD)

    assert (request.mti, request[3], "4" in request) == (mti, code, amount_is_sent)


def test_points_payment_has_the_points_account_in_its_processing_code() -> None:
    request = compose(order(Service.POINTS), STATION, trace(), CARD)

    assert (request[3], "48.PR" in request) == ("006000", False)


def test_a_swiped_card_is_sent_as_its_track_alone() -> None:
    card = read_card(";5022290000000017=29061010000012345?")

    request = compose(order(Service.PURCHASE), STATION, trace(), card)

    assert request[35] == "5022290000000017D29061010000012345"
    assert not {"2", "14"} & set(request)


def test_balance_inquiry_carries_neither_amount_nor_currency() -> None:
    request = compose(order(Service.BALANCE), STATION, trace(), CARD)

    assert request.mti == "0100"
    assert dict(request) == {**PAID_BY_CARD, "3": "310000"}


def test_preauthorisation_is_an_authorisation_with_condition_06() -> None:
    authorisation = compose(order(Service.HOLD), STATION, trace(), CARD)
    preauthorisation = compose(order(Service.PREAUTHORISATION), STATION, trace(), CARD)

    assert "25" not in authorisation
    assert preauthorisation[25] == "06"
    assert preauthorisation.mti == authorisation.mti == "0100"


def test_completion_names_its_hold_with_element_90() -> None:
    request = compose(order(Service.COMPLETION), STATION, trace(), CARD)

    assert request.mti == "0220"
    assert request[4] == "000000250000"
    assert request[90] == "0100" + "000012" + "1122080000" + "0" * 22


def test_element_90_carries_the_originals_acquirer() -> None:
    original = Original(
        mti="0200",
        processing_code="000000",
        amount_minor=1,
        stan=1,
        local_time="1122080000",
        acquirer_code="581672",
    )

    assert original.data_elements == "0200" + "000001" + "1122080000" + "00000581672" + "0" * 11


def test_full_reversal_takes_over_processing_code_and_has_no_element_95() -> None:
    points_payment = compose(order(Service.POINTS), STATION, trace(12), CARD)

    request = reversal_of(points_payment, STATION, trace(18), CARD)

    assert (request.mti, request[3], request[11], request[4]) == (
        "0400",
        "006000",
        "000018",
        "000000250000",
    )
    assert request[90].startswith("0200" + "000012" + "1122095007")
    assert "95" not in request


def test_partial_reversal_says_what_shall_remain() -> None:
    request = compose(order(Service.REVERSAL, final_amount_minor=100_000), STATION, trace(), CARD)

    assert request[95] == "000000100000" + "0" * 30


def test_a_repeat_differs_in_the_last_digit_of_the_message_type_only() -> None:
    request = compose(order(Service.MIXED, points_max=40), STATION, trace(), CARD)

    repeat = repeat_of(request)

    assert repeat.mti == "0201"
    assert dict(repeat) == dict(request)


def test_the_repeat_of_a_repeat_names_the_same_original() -> None:
    request = compose(order(Service.PURCHASE), STATION, trace(), CARD)

    assert original_in(repeat_of(request)) == original_in(request)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        (Service.SIGN_ON, "001"),
        (Service.SIGN_OFF, "002"),
        (Service.ECHO, "301"),
    ],
)
def test_network_messages_carry_terminal_time_and_code(service: Service, code: str) -> None:
    request = compose(order(service), STATION, trace())

    assert request.mti == "0800"
    assert dict(request) == {**WHO_AND_WHEN, "70": code}


def test_cut_over_carries_the_day_that_begins() -> None:
    request = compose(order(Service.CUT_OVER), STATION, trace())

    assert (request[70], request[15]) == ("201", "1123")


def test_acquirer_is_sent_when_the_station_has_one() -> None:
    station = Station(terminal_id="T0000001", merchant_id="M1", acquirer_code="581672")

    assert compose(order(Service.PURCHASE), station, trace(), CARD)[32] == "581672"
    assert compose(order(Service.ECHO), station, trace())[32] == "581672"


@pytest.mark.parametrize("service", sorted(NAMES_ORIGINAL))
def test_an_order_about_another_message_is_refused_without_it(service: Service) -> None:
    with pytest.raises(OrderError):
        compose(Order(service=service, amount_minor=1), STATION, trace(), CARD)


@pytest.mark.parametrize("service", sorted(set(Service) - NETWORK))
def test_an_order_that_needs_a_card_is_refused_without_one(service: Service) -> None:
    with pytest.raises(OrderError):
        compose(order(service), STATION, trace())


def test_a_cut_over_without_its_day_is_refused() -> None:
    with pytest.raises(OrderError):
        compose(Order(service=Service.CUT_OVER), STATION, trace())


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("service", sorted(Service))
def test_every_request_can_be_encoded_in_every_profile(service: Service, profile: str) -> None:
    spec = wire_of(profile).spec
    request = compose(order(service, points_max=40), STATION, trace(), CARD)

    received = decode(encode(request, spec), spec)

    assert received.mti == MESSAGE_TYPES[service][0]
    assert {key: received[key] for key in request} == _padded(request)


def _padded(request: Message) -> dict[int | str, str]:
    """Give the elements as they arrive: 41 and 42 filled with spaces."""
    elements = dict(request)
    elements["41"] = elements["41"].ljust(8)
    elements["42"] = elements["42"].ljust(15)
    return elements
