"""What a person may type at the counter, and what it means.

Owns the reading of amounts, cards and "the last one". Digits may be Persian, amounts may be
grouped. Must not know how the questions are put, nor any demo data: test cards are handed in.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from acquirers.terminal.memory import Remembered, TerminalMemory
from acquirers.terminal.orders import (
    ABOUT_ITEMS,
    CHANGES_THE_CARD,
    HOLDS,
    NETWORK,
    WITHOUT_AMOUNT,
    Order,
    Service,
)
from acquirers.terminal.parties import Card, read_card
from acquirers.terminal.persian import THOUSANDS_SEPARATOR, ascii_digits
from acquirers.terminal.texts import Text

AMOUNT_MINOR_MAX: Final = 999_999_999_999
"""DE 4 is n12."""

ORIGINALS: Final[dict[Service, frozenset[Service]]] = {
    Service.REFUND: frozenset(
        {
            Service.PURCHASE,
            Service.POINTS,
            Service.MIXED,
            Service.INSTALMENTS,
            Service.COMPLETION,
        }
    ),
    Service.COMPLETION: HOLDS,
    Service.REVERSAL: CHANGES_THE_CARD - {Service.REVERSAL},
}
"""What "the last one" can be, for each operation that is about an earlier one."""

PLAN_MAX: Final = 99
PAID_BY_A_PLAN: Final = frozenset(
    {Service.PURCHASE, Service.INSTALMENTS, Service.WITHDRAWAL, Service.COMPLETION}
)
YES: Final = frozenset({"y", "yes", "بله", "بلی", "آری"})


class ChoiceError(ValueError):
    """What was typed or asked for does not name one thing; the text says what would."""


class NamedCard(Struct, frozen=True, kw_only=True):
    """A test card a person chooses by its name, a small number."""

    name: str
    label: Text
    card: Card


class Wishes(Struct, frozen=True, kw_only=True):
    """What was said about an operation, as it was typed; empty where nothing was."""

    amount_typed: str = ""
    points: str = ""
    partial_accepted: bool = False
    final_amount: str = ""
    original_rrn: str = ""
    settlement_date: str = ""
    serial: str = ""
    plan: str = ""


def choose_card(typed: str, expiry: str, cards: Sequence[NamedCard]) -> tuple[Card, str]:
    """Give the card and, for a test card, its name. Raises ChoiceError, CardUnreadableError."""
    text = ascii_digits(typed.strip())
    for named in cards:
        if text == named.name:
            return named.card, named.name
    if len(text) < 3:
        raise ChoiceError(
            f"no test card {text!r}; there are {', '.join(named.name for named in cards)}, "
            "or give a card number or track 2"
        )
    return read_card(text, ascii_digits(expiry)), ""


def read_amount(typed: str, what: str) -> int:
    """Give a whole number from digits with or without grouping. Raises ChoiceError."""
    text = ascii_digits(typed.strip())
    for separator in (",", "_", " ", "\N{ARABIC COMMA}", THOUSANDS_SEPARATOR):
        text = text.replace(separator, "")
    if not (text.isascii() and text.isdigit()):
        raise ChoiceError(f"{what} is a whole number, without a fraction")
    if int(text) > AMOUNT_MINOR_MAX:
        raise ChoiceError(f"{what} has at most twelve digits")
    return int(text)


def order_of(service: Service, wishes: Wishes, memory: TerminalMemory) -> Order:
    """Give the order for an operation. Raises ChoiceError when something is missing."""
    if service in NETWORK:
        return Order(service=service, settlement_date=wishes.settlement_date)
    if service in ABOUT_ITEMS and not wishes.serial:
        raise ChoiceError(f"{service} needs the item's serial number")
    if service in WITHOUT_AMOUNT:
        return Order(service=service, serial=wishes.serial)
    original = original_for(service, wishes.original_rrn, memory)
    amount_minor = original.amount_minor if original is not None else 0
    if wishes.amount_typed:
        amount_minor = read_amount(wishes.amount_typed, "the amount")
    elif original is None:
        raise ChoiceError(f"{service} needs an amount")
    points_max = read_amount(wishes.points, "the number of points") if wishes.points else 0
    if service is Service.MIXED and not points_max:
        raise ChoiceError("mixed needs the points to redeem at most")
    plan = read_plan(service, wishes.plan)
    final = wishes.final_amount
    return Order(
        service=service,
        amount_minor=amount_minor,
        points_max=points_max,
        partial_accepted=wishes.partial_accepted,
        original=None if original is None else original.original,
        final_amount_minor=read_amount(final, "the final amount") if final else None,
        plan=plan,
    )


def read_plan(service: Service, typed: str) -> int:
    """Give the number of an instalment plan, 0 where none was said. Raises ChoiceError."""
    if not typed:
        if service is Service.INSTALMENTS:
            raise ChoiceError("instalments needs the number of a plan, 1 for the first")
        return 0
    if service not in PAID_BY_A_PLAN:
        raise ChoiceError(f"{service} has no instalment plan")
    text = ascii_digits(typed.strip())
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= PLAN_MAX:
        raise ChoiceError(f"a plan is a number, 1 to {PLAN_MAX}")
    return int(text)


def agreed(typed: str) -> bool:
    """Tell whether an answer means yes; what is not understood does not."""
    return typed.strip().lower() in YES


def original_for(service: Service, rrn: str, memory: TerminalMemory) -> Remembered | None:
    """Give the exchange an operation is about: the one with that RRN, or the last that fits.

    Nothing for an operation that is about no other. Raises ChoiceError when there is none.
    """
    if service not in ORIGINALS:
        return None
    if rrn:
        return exchange_with_rrn(rrn, memory)
    last = memory.last(ORIGINALS[service])
    if last is None:
        raise ChoiceError(f"this terminal remembers nothing that a {service} could be about")
    return last


def exchange_with_rrn(rrn: str, memory: TerminalMemory) -> Remembered:
    """Give the remembered exchange with a retrieval reference number. Raises ChoiceError."""
    wanted = ascii_digits(rrn.strip())
    for exchange in memory.exchanges():
        if exchange.rrn == wanted:
            return exchange
    raise ChoiceError(f"this terminal remembers no exchange with reference number {wanted}")
