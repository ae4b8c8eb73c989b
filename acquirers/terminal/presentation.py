"""An operation with a card out of a reader: wait for the card, carry out, tell it the answer.

Owns what a reader is told of an operation, and that the issuer's answer gets back to the card. Must
not know which kind of reader it is, nor how the operation is carried out.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime

from msgspec import Struct

from acquirers.terminal import elements as de
from acquirers.terminal.cards.reading import CardError, CardReader, Terms
from acquirers.terminal.memory import Remembered
from acquirers.terminal.orders import MESSAGE_TYPES, Order, Service
from acquirers.terminal.parties import Card
from acquirers.terminal.point_of_sale import Performed


class Presented(Struct, frozen=True, kw_only=True):
    """How an operation ended, and what the card thinks of its issuer's answer.

    `issuer_believed` is None when the issuer sent the card nothing, or the card was gone by then.
    """

    performed: Performed
    issuer_believed: bool | None = None


async def with_card(
    reader: CardReader,
    terms: Terms,
    operation: Callable[[Card], Awaitable[Performed]],
    take_back: Callable[[Performed, Card], Awaitable[Performed]],
) -> Presented:
    """Read a card and carry out the operation with it. The reader is closed at the end.

    An operation whose answer the card does not believe is taken back.

    Raises CardError and ReaderUnavailableError before anything is sent, and what the operation
    raises.
    """
    async with aclosing(reader):
        presented = await reader.wait_for_card(terms)
        performed = await operation(presented.card)
        answer = None if performed.answer is None else performed.answer.reply
        authentication = "" if answer is None else answer.get(de.ISSUER_AUTHENTICATION_DATA, "")
        if not authentication:
            return Presented(performed=performed)
        try:
            believed = await reader.tell_issuer_answer(bytes.fromhex(authentication))
        except CardError:
            # It was taken away, as contactless cards are: the next payment's cryptogram says so.
            return Presented(performed=performed)
        if not believed:
            performed = await take_back(performed, presented.card)
        return Presented(performed=performed, issuer_believed=believed)


def terms_of(order: Order, local_at: datetime, *, pin_possible: bool) -> Terms:
    """Give what a card is told of an order; a reversal has its original's type."""
    processing_code = MESSAGE_TYPES[order.service][1]
    if order.service is Service.REVERSAL and order.original is not None:
        processing_code = order.original.processing_code
    return _terms(processing_code, order.amount_minor, local_at, pin_possible=pin_possible)


def terms_again(exchange: Remembered, local_at: datetime, *, pin_possible: bool) -> Terms:
    """Give what a card is told of an exchange that is repeated."""
    processing_code = exchange.elements[str(de.PROCESSING_CODE)]
    return _terms(processing_code, exchange.amount_minor, local_at, pin_possible=pin_possible)


def _terms(
    processing_code: str, amount_minor: int, local_at: datetime, *, pin_possible: bool
) -> Terms:
    return Terms(
        transaction_type=processing_code[:2],
        local_date=local_at.date(),
        amount_minor=amount_minor,
        pin_possible=pin_possible,
    )
