"""What a receipt says: the facts of one exchange, taken from its request and reply.

Owns which element of the reply means what to cardholder and merchant. Must not know wording, layout
or calendars: that is `acquirers.terminal.receipt_text`.
"""

from datetime import date, datetime

from msgspec import Struct

from acquirers.terminal import elements as de
from acquirers.terminal.orders import Service
from acquirers.terminal.parties import mask
from switch.errors import ProtocolError
from switch.iso8583 import Message

BALANCE_CHARACTERS = 20
"""One entry of DE 54: account type 2, amount type 2, currency 3, sign 1, amount 12."""

POINTS_CURRENCY = "999"
"""ISO 4217: no currency; in DE 54 the amount is in points."""

AVAILABLE = "02"
"""Amount type of DE 54: what can be spent now, holds taken off. 01 is the ledger balance."""


class Balance(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of DE 54; `value` is in whole rials or whole points, below zero for a debt.

    `account` is the account type: 00 money, 10 bon, 30 credit, 60 points.
    """

    account: str
    in_points: bool
    available: bool
    value: int


class Receipt(Struct, frozen=True, kw_only=True):
    """One exchange. Amounts are whole rials, points are whole points; 0 where nothing moved.

    `paid_by`: the wallets of the card that paid, where it has several. `cash_minor` and `fee_minor`
    are still to be taken at the till; of a repayment, `fee_minor` is what went to fees. `until`:
    the last day of what was asked for. `owed_minor` ends the card's debt now, `due_minor` of it is
    due this month; it is without `rebate_minor`, the good payer's. `voucher_…`: what a voucher is
    worth.
    """

    service: Service
    merchant_id: str
    terminal_id: str
    card_masked: str
    local_at: datetime
    stan: str
    rrn: str
    approval_code: str
    response_code: str
    reason: str
    requested_minor: int
    approved_minor: int
    discount_minor: int
    discount_rule: str
    paid_minor: int
    paid_by: tuple[tuple[str, int], ...] = ()
    cash_minor: int = 0
    fee_minor: int = 0
    tier: str = ""
    until: date | None = None
    serial: str = ""
    plan: str = ""
    instalments: int = 0
    first_instalment_minor: int = 0
    first_due: date | None = None
    owed_minor: int = 0
    due_minor: int = 0
    rebate_minor: int = 0
    voucher_minor: int = 0
    voucher_points: int = 0
    points_redeemed: int
    points_value_minor: int
    points_earned: int
    earning_rule: str
    balances: tuple[Balance, ...]

    @property
    def approved(self) -> bool:
        """Tell whether the switch agreed, in whole or in part."""
        return self.response_code in {"00", "10"}


def receipt_of(service: Service, request: Message, reply: Message, local_at: datetime) -> Receipt:
    """Read the receipt from an exchange. Raises ProtocolError when the reply contradicts itself."""
    requested_minor = _number(request, de.AMOUNT_TRANSACTION)
    return Receipt(
        service=service,
        merchant_id=request.get(de.CARD_ACCEPTOR_IDENTIFICATION, "").strip(),
        terminal_id=request.get(de.CARD_ACCEPTOR_TERMINAL, "").strip(),
        card_masked=_card_masked(request),
        local_at=local_at,
        stan=request.get(de.SYSTEM_TRACE_AUDIT_NUMBER, ""),
        rrn=reply.get(de.RETRIEVAL_REFERENCE_NUMBER, ""),
        approval_code=reply.get(de.AUTHORISATION_IDENTIFICATION_RESPONSE, "").strip(),
        response_code=reply.get(de.RESPONSE_CODE, ""),
        reason=reply.get(de.REASON, ""),
        requested_minor=requested_minor,
        approved_minor=_number(reply, de.AMOUNT_TRANSACTION) or requested_minor,
        discount_minor=_number(reply, de.DISCOUNT),
        discount_rule=reply.get(de.DISCOUNT_RULE, ""),
        paid_minor=_number(reply, de.PAID_FROM_PURSE),
        paid_by=read_parts(reply.get(de.PAID_BY_WALLETS, "")),
        cash_minor=_number(reply, de.PAID_AT_THE_TILL),
        fee_minor=_number(reply, de.FEE),
        tier=reply.get(de.TIER, ""),
        until=_day(reply, de.UNTIL),
        serial=request.get(de.ITEM_SERIAL_NUMBER, ""),
        plan=reply.get(de.INSTALMENT_PLAN, ""),
        instalments=_number(reply, de.INSTALMENT_COUNT),
        first_instalment_minor=_number(reply, de.FIRST_INSTALMENT),
        first_due=_day(reply, de.FIRST_DUE),
        owed_minor=_number(reply, de.OWED),
        due_minor=_number(reply, de.DUE_THIS_MONTH),
        rebate_minor=_number(reply, de.REBATE),
        voucher_minor=_number(reply, de.VOUCHER_MONEY),
        voucher_points=_number(reply, de.VOUCHER_POINTS),
        points_redeemed=_number(reply, de.POINTS_REDEEMED),
        points_value_minor=_number(reply, de.POINTS_REDEEMED_VALUE),
        points_earned=_number(reply, de.POINTS_EARNED),
        earning_rule=reply.get(de.EARNING_RULE, ""),
        balances=read_balances(reply.get(de.ADDITIONAL_AMOUNTS, "")),
    )


def read_balances(additional_amounts: str) -> tuple[Balance, ...]:
    """Read DE 54: entries of 20 characters, debit balances as negative. Raises ProtocolError."""
    if len(additional_amounts) % BALANCE_CHARACTERS:
        raise ProtocolError(f"DE 54 has {len(additional_amounts)} characters, not a multiple of 20")
    starts = range(0, len(additional_amounts), BALANCE_CHARACTERS)
    return tuple(_balance(additional_amounts[at : at + BALANCE_CHARACTERS]) for at in starts)


def read_parts(text: str) -> tuple[tuple[str, int], ...]:
    """Read `name:rials name:rials`: what each wallet paid. Raises ProtocolError."""
    parts = [part.rpartition(":") for part in text.split()]
    if not all(name and digits.isascii() and digits.isdigit() for name, _, digits in parts):
        raise ProtocolError("48.PW is name:rials, with spaces between")
    return tuple((name, int(digits)) for name, _, digits in parts)


def _day(reply: Message, element: str) -> date | None:
    """Read YYYYMMDD, None when it is absent. Raises ProtocolError."""
    text = reply.get(element, "")
    if not text:
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise ProtocolError(f"{element} is no date, YYYYMMDD") from None


def _balance(entry: str) -> Balance:
    sign, digits = entry[7], entry[8:]
    if sign not in "CD" or not (digits.isascii() and digits.isdigit()):
        raise ProtocolError("an entry of DE 54 is C or D, then twelve digits")
    return Balance(
        account=entry[:2],
        in_points=entry[4:7] == POINTS_CURRENCY,
        available=entry[2:4] == AVAILABLE,
        value=-int(digits) if sign == "D" else int(digits),
    )


def _number(message: Message, element: int | str) -> int:
    """Give a numeric element, 0 when it is absent. Raises ProtocolError."""
    text = message.get(element, "0")
    if not (text.isascii() and text.isdigit()):
        raise ProtocolError(f"element {element} is not a number")
    return int(text)


def _card_masked(request: Message) -> str:
    track2 = request.get(de.TRACK_2_DATA, "")
    pan = request.get(de.PRIMARY_ACCOUNT_NUMBER, "") or track2.replace("=", "D").partition("D")[0]
    return mask(pan)
