"""What a person at the counter can order, and the request that each order becomes.

Owns the rule which elements each request of docs/pos-interface.md carries. Pure: times and counters
come in as a `Trace`. Must not know sockets, files or replies.
"""

from datetime import UTC
from enum import StrEnum
from typing import Final

from msgspec import Struct

from acquirers.terminal import elements as de
from acquirers.terminal.parties import Card, Station, Trace
from switch.iso8583 import Message

RIAL: Final = "364"
"""DE 49, ISO 4217 numeric. Amounts are whole rials."""

PREAUTHORISED: Final = "06"
"""DE 25: the hold is for a service still to be rendered (hotel, fuel), so it is kept longer."""


class Service(StrEnum):
    """The operations, as they are named on the command line."""

    PURCHASE = "purchase"
    POINTS = "points"
    MIXED = "mixed"
    INSTALMENTS = "instalments"
    REFUND = "refund"
    LOAD = "load"
    BALANCE = "balance"
    POINTS_BALANCE = "points-balance"
    DEBT = "debt"
    REPAYMENT = "repayment"
    SETTLEMENT = "settlement"
    ACTIVATION = "activation"
    WITHDRAWAL = "withdrawal"
    RENEWAL = "renewal"
    REGISTER_ITEM = "register-item"
    ITEM = "item"
    CLAIM = "claim"
    REDEEM = "redeem"
    HOLD = "hold"
    PREAUTHORISATION = "preauthorisation"
    COMPLETION = "completion"
    REVERSAL = "reversal"
    SIGN_ON = "sign-on"
    SIGN_OFF = "sign-off"
    ECHO = "echo"
    CUT_OVER = "cut-over"
    KEY_EXCHANGE = "key-exchange"


MESSAGE_TYPES: Final[dict[Service, tuple[str, str]]] = {
    # service                  MTI     DE 3, or DE 70 for 0800
    Service.PURCHASE:         ("0200", "000000"),
    Service.POINTS:           ("0200", "006000"),
    Service.MIXED:            ("0200", "000000"),
    Service.INSTALMENTS:      ("0200", "000000"),
    Service.REFUND:           ("0200", "200000"),
    Service.LOAD:             ("0200", "210000"),
    Service.BALANCE:          ("0100", "310000"),
    Service.POINTS_BALANCE:   ("0100", "316000"),
    Service.DEBT:             ("0100", "910000"),
    Service.REPAYMENT:        ("0200", "213000"),
    Service.SETTLEMENT:       ("0200", "910000"),
    Service.ACTIVATION:       ("0200", "720000"),
    Service.WITHDRAWAL:       ("0200", "010000"),
    Service.RENEWAL:          ("0200", "900000"),
    Service.REGISTER_ITEM:    ("0200", "920000"),
    Service.ITEM:             ("0100", "930000"),
    Service.CLAIM:            ("0200", "940000"),
    Service.REDEEM:           ("0200", "730000"),
    Service.HOLD:             ("0100", "000000"),
    Service.PREAUTHORISATION: ("0100", "000000"),
    Service.COMPLETION:       ("0220", "000000"),
    Service.REVERSAL:         ("0400", "000000"),
    Service.SIGN_ON:          ("0800", "001"),
    Service.SIGN_OFF:         ("0800", "002"),
    Service.ECHO:             ("0800", "301"),
    Service.CUT_OVER:         ("0800", "201"),
    Service.KEY_EXCHANGE:     ("0800", "161"),
}  # fmt: skip

ADVISING_TYPES: Final = frozenset({"022", "040", "042"})
"""Message types, without their origin digit, that tell what has happened: advices, reversals."""

INQUIRIES: Final = frozenset({Service.BALANCE, Service.POINTS_BALANCE, Service.DEBT, Service.ITEM})
ABOUT_ITEMS: Final = frozenset({Service.REGISTER_ITEM, Service.ITEM, Service.CLAIM})
WITHOUT_AMOUNT: Final = INQUIRIES | ABOUT_ITEMS | {Service.RENEWAL, Service.REDEEM}
"""They name no amount: nothing is paid, or the card's programme says how much."""
HOLDS: Final = frozenset({Service.HOLD, Service.PREAUTHORISATION})
NETWORK: Final = frozenset(
    {Service.SIGN_ON, Service.SIGN_OFF, Service.ECHO, Service.CUT_OVER, Service.KEY_EXCHANGE}
)
NAMES_ORIGINAL: Final = frozenset({Service.REFUND, Service.COMPLETION, Service.REVERSAL})
CHANGES_THE_CARD: Final = frozenset(Service) - INQUIRIES - NETWORK
"""What has to be undone when nobody knows whether it happened."""


class Original(Struct, frozen=True, kw_only=True, gc=False):
    """An earlier message as a later one has to name it; `local_time` is MMDDhhmmss."""

    mti: str
    processing_code: str
    amount_minor: int
    stan: int
    local_time: str
    acquirer_code: str = ""

    @property
    def data_elements(self) -> str:
        """Give DE 90, n42: MTI, STAN, time, acquirer and forwarder, zero-filled on the left."""
        return f"{self.mti}{self.stan:06}{self.local_time}{self.acquirer_code:0>11}{'0' * 11}"


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """One operation asked for at the counter.

    `points_max` is what may be redeemed at most (mixed, points); `final_amount_minor` makes a
    reversal partial: what the original shall come down to; `settlement_date` (MMDD) is the day a
    cut-over begins; `serial` is the number on the item; `plan` counts the instalment plans of the
    card's programme from 1, and 0 leaves the choice to it; `voucher_pin` is a voucher's, encrypted.
    """

    service: Service
    amount_minor: int = 0
    points_max: int = 0
    partial_accepted: bool = False
    original: Original | None = None
    final_amount_minor: int | None = None
    settlement_date: str = ""
    serial: str = ""
    plan: int = 0
    voucher_pin: str = ""


class OrderError(ValueError):
    """The order lacks what its message must carry; the text says what."""


def compose(order: Order, station: Station, trace: Trace, card: Card | None = None) -> Message:
    """Build the request of an order. Raises OrderError."""
    if order.service in NETWORK:
        return _network_request(order, station, trace)
    if card is None:
        raise OrderError(f"{order.service} needs a card")
    if order.service in ABOUT_ITEMS and not order.serial:
        raise OrderError(f"{order.service} needs the item's serial number")
    if order.service is Service.REDEEM and not order.voucher_pin:
        raise OrderError(f"{order.service} needs the voucher's PIN")
    if order.service in NAMES_ORIGINAL and order.original is None:
        raise OrderError(f"{order.service} needs the message it is about")
    mti, processing_code = MESSAGE_TYPES[order.service]
    request = Message(mti)
    present_card(request, card)
    request[de.PROCESSING_CODE] = processing_code
    _put_trace(request, station, trace)
    request[de.RETRIEVAL_REFERENCE_NUMBER] = trace.rrn
    if order.service in ABOUT_ITEMS:
        request[de.ITEM_SERIAL_NUMBER] = order.serial
    if order.service is Service.REDEEM:
        request[de.VOUCHER_PIN] = order.voucher_pin
    if order.service not in WITHOUT_AMOUNT:
        _put_money(request, order)
    if order.original is not None:
        _put_original(request, order, order.original)
    return request


def present_card(request: Message, card: Card) -> None:
    """Write the card into a request: its track when it was swiped, else number and expiry.

    A reader's card is written with all that was read. What proves its presence (chip data, PIN)
    goes into what asks for something, never into an advice of what has happened.
    """
    if card.track2:
        request[de.TRACK_2_DATA] = card.track2
    if card.entry_mode or not card.track2:
        request[de.PRIMARY_ACCOUNT_NUMBER] = card.pan
        if card.expiry:
            request[de.DATE_EXPIRATION] = card.expiry
    read = {
        de.POINT_OF_SERVICE_ENTRY_MODE: card.entry_mode,
        de.CARD_SEQUENCE_NUMBER: card.sequence_number,
        de.TRACK_1_DATA: card.track1,
    }
    if request.mti[:3] not in ADVISING_TYPES:
        read |= {de.PIN_DATA: card.pin_block, de.CHIP_DATA: card.chip_data}
    request.update({element: value for element, value in read.items() if value})


def repeat_of(request: Message) -> Message:
    """Give the repeat of a request: 0201 for 0200, every element unchanged."""
    repeat = Message(request.mti[:3] + "1")
    repeat.update(request)
    return repeat


def reversal_of(request: Message, station: Station, trace: Trace, card: Card) -> Message:
    """Build the full reversal of a request that found no answer."""
    original = original_in(request)
    order = Order(service=Service.REVERSAL, amount_minor=original.amount_minor, original=original)
    return compose(order, station, trace, card)


def original_in(request: Message) -> Original:
    """Give a request as a later message names it."""
    return Original(
        mti=request.mti[:3] + "0",
        processing_code=request[de.PROCESSING_CODE],
        amount_minor=int(request.get(de.AMOUNT_TRANSACTION, "0")),
        stan=int(request[de.SYSTEM_TRACE_AUDIT_NUMBER]),
        local_time=request[de.DATE_LOCAL_TRANSACTION] + request[de.TIME_LOCAL_TRANSACTION],
        acquirer_code=request.get(de.ACQUIRING_INSTITUTION_CODE, ""),
    )


def _put_trace(request: Message, station: Station, trace: Trace) -> None:
    """Write who asks and when: local time in 12 and 13, the same instant as UTC in 7."""
    request[de.TRANSMISSION_DATE_AND_TIME] = trace.local_at.astimezone(UTC).strftime("%m%d%H%M%S")
    request[de.SYSTEM_TRACE_AUDIT_NUMBER] = f"{trace.stan:06}"
    request[de.TIME_LOCAL_TRANSACTION] = trace.local_at.strftime("%H%M%S")
    request[de.DATE_LOCAL_TRANSACTION] = trace.local_at.strftime("%m%d")
    if station.acquirer_code:
        request[de.ACQUIRING_INSTITUTION_CODE] = station.acquirer_code
    request[de.CARD_ACCEPTOR_TERMINAL] = station.terminal_id
    request[de.CARD_ACCEPTOR_IDENTIFICATION] = station.merchant_id


def _put_money(request: Message, order: Order) -> None:
    """Write the amount, its currency, and what the cardholder agreed to beside them."""
    request[de.AMOUNT_TRANSACTION] = f"{order.amount_minor:012}"
    request[de.CURRENCY_CODE_TRANSACTION] = RIAL
    if order.service is Service.PREAUTHORISATION:
        request[de.POINT_OF_SERVICE_CONDITION_CODE] = PREAUTHORISED
    if order.partial_accepted:
        request[de.PARTIAL_APPROVAL_ACCEPTED] = "1"
    if order.points_max:
        request[de.POINTS_TO_REDEEM_MAX] = str(order.points_max)
    if order.plan:
        request[de.INSTALMENT_PLAN] = str(order.plan)


def _put_original(request: Message, order: Order, original: Original) -> None:
    """Name the original; a reversal also takes over its processing code."""
    request[de.ORIGINAL_DATA_ELEMENTS] = original.data_elements
    if order.service is Service.REVERSAL:
        request[de.PROCESSING_CODE] = original.processing_code
        if order.final_amount_minor is not None:
            request[de.REPLACEMENT_AMOUNTS] = f"{order.final_amount_minor:012}{'0' * 30}"


def _network_request(order: Order, station: Station, trace: Trace) -> Message:
    mti, code = MESSAGE_TYPES[order.service]
    request = Message(mti)
    _put_trace(request, station, trace)
    if order.service is Service.CUT_OVER:
        if not order.settlement_date:
            raise OrderError("a cut-over needs the day that begins, MMDD")
        request[de.DATE_SETTLEMENT] = order.settlement_date
    request[de.NETWORK_MANAGEMENT_INFORMATION_CODE] = code
    return request
