"""A counter in a shell: carries out operations, with a card that is typed or read, and shows them.

Owns the order of asking for card and PIN, which keys an operation takes, and what is printed. Must
not know options; what an operation is and how it looks is `acquirers.terminal`'s.
"""

import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import trio
import typer
from msgspec import Struct, structs

from acquirers.terminal.cards.pin_pad import PinPad
from acquirers.terminal.cards.reading import CardReader, Terms
from acquirers.terminal.choices import agreed
from acquirers.terminal.client import Address, Patience, open_client
from acquirers.terminal.keys import TerminalKeyError, TerminalKeys
from acquirers.terminal.memory import Remembered, TerminalMemory
from acquirers.terminal.message_mac import MacAlgorithm, MessageMac
from acquirers.terminal.orders import ADVISING_TYPES, MESSAGE_TYPES, NETWORK, Order, Service
from acquirers.terminal.parties import Card, Station
from acquirers.terminal.point_of_sale import Performed, PointOfSale
from acquirers.terminal.presentation import Presented, terms_again, terms_of, with_card
from acquirers.terminal.screen import (
    NOT_SETTLED,
    NOTHING_OWED,
    exchange_lines,
    outcome_text,
    said,
    settle_question,
)
from acquirers.terminal.texts import Language, Text
from acquirers.terminal.voucher_pin import encrypted
from acquirers.terminal.wire import Wire
from switch.reasons import Reason

PRESENT_CARD = Text("Present the card", "کارت را ارائه کنید")
OTHER_KEYS = Text(
    "The switch has other keys: bashgah terminal key-exchange",
    "کلید پایانه با سوییچ یکی نیست: bashgah terminal key-exchange",
)

PERHAPS_OTHER_KEYS = frozenset(
    reason.name.lower() for reason in (Reason.PIN_UNREADABLE, Reason.VOUCHER_UNREADABLE)
)
"""A PIN that was checked here and cannot be read there was under another key."""

Operation = Callable[[PointOfSale, Card], Awaitable[Performed]]
"""What is done at a counter with a card."""


class Counter(Struct, frozen=True, kw_only=True):
    """All that one run needs to carry out operations and show them.

    Where a `reader` is, operations are given no card: it is read when its turn comes. `ask_pin` is
    how a PIN is entered, where one is, `ask_voucher_pin` how a voucher's. Keys are asked for at
    each operation: a key exchange may have brought new ones.
    """

    station: Station
    address: Address
    wire: Wire
    patience: Patience
    tls: ssl.SSLContext | None
    memory: TerminalMemory
    now: Callable[[], datetime]
    language: Language
    heading: Text
    receipt_only: bool
    reader: CardReader | None = None
    ask_pin: Callable[[], str] | None = None
    ask_voucher_pin: Callable[[], str]
    keys: TerminalKeys
    mac_algorithm: MacAlgorithm | None = None

    def order(self, order: Order, card: Card | None, card_name: str) -> Performed:
        """Carry out an order over a connection of its own, and show how it ended."""
        if order.service in NETWORK:
            return self._without_card(order)
        if order.service is Service.REDEEM:
            order = structs.replace(order, voucher_pin=self._voucher_pin())
        asks = MESSAGE_TYPES[order.service][0][:3] not in ADVISING_TYPES
        terms = terms_of(order, self.now(), pin_possible=asks and self.ask_pin is not None)

        async def performed(sale: PointOfSale, presented: Card) -> Performed:
            return await sale.perform(order, presented, card_name)

        return self._shown(self._with_card(card, terms, performed)).performed

    def settle(
        self, card: Card | None, card_name: str, ask: Callable[[str], str]
    ) -> Performed | None:
        """Tell what the card owes, and end that debt if the person agrees; None if not.

        A card that is read is read twice: each message has its own proof.
        """
        asked = self.order(Order(service=Service.DEBT), card, card_name)
        if asked.receipt is None or not asked.approved:
            return asked
        owed_minor = asked.receipt.owed_minor
        if not owed_minor:
            typer.echo(said(NOTHING_OWED, self.language), nl=False)
            return asked
        if not agreed(ask(settle_question(owed_minor, self.language))):
            typer.echo(said(NOT_SETTLED, self.language), nl=False)
            return None
        return self.order(
            Order(service=Service.SETTLEMENT, amount_minor=owed_minor), card, card_name
        )

    def repeat(self, exchange: Remembered, card: Card | None) -> Performed:
        """Send a remembered message again, and show how it ended."""
        asks = exchange.mti[:3] not in ADVISING_TYPES
        terms = terms_again(exchange, self.now(), pin_possible=asks and self.ask_pin is not None)

        async def repeated(sale: PointOfSale, presented: Card) -> Performed:
            return await sale.repeat(exchange, presented)

        return self._shown(self._with_card(card, terms, repeated)).performed

    def _shown(self, operation: Callable[[PointOfSale], Awaitable[Presented]]) -> Presented:
        presented = trio.run(self._carried_out, operation)
        performed = presented.performed
        if not self.receipt_only:
            for line in exchange_lines(performed, self.wire.spec):
                typer.echo(line)
        typer.echo(outcome_text(performed, self.language, self.heading), nl=False)
        if performed.receipt is not None and performed.receipt.reason in PERHAPS_OTHER_KEYS:
            typer.echo(OTHER_KEYS.said_in(self.language), err=True)
        return presented

    async def _carried_out(
        self, operation: Callable[[PointOfSale], Awaitable[Presented]]
    ) -> Presented:
        wire = structs.replace(self.wire, mac=self._message_mac())
        async with open_client(self.address, wire, self.patience, self.tls) as client:
            return await operation(PointOfSale(client, self.station, self.memory, self.now))

    def _message_mac(self) -> MessageMac | None:
        if self.mac_algorithm is None:
            return None
        key = self.keys.mac_key()
        return None if key is None else MessageMac(key, self.mac_algorithm)

    def _pin_pad(self) -> PinPad:
        key = self.keys.pin_key()
        if key is None:
            raise TerminalKeyError("a PIN needs the terminal's PIN key (--pin-key, key-exchange)")
        return PinPad(key)

    def _voucher_pin(self) -> str:
        key = self.keys.data_key()
        if key is None:
            raise TerminalKeyError(
                "a voucher's PIN needs the terminal's data key (--data-key, key-exchange)"
            )
        return encrypted(key, self.ask_voucher_pin())

    def _without_card(self, order: Order) -> Performed:
        if order.service is Service.KEY_EXCHANGE:
            self.keys.expect_master()

        async def carried_out(sale: PointOfSale) -> Presented:
            return Presented(performed=await sale.perform(order))

        performed = self._shown(carried_out).performed
        if order.service is Service.KEY_EXCHANGE and performed.approved:
            assert performed.answer is not None, "only an answer approves"
            self.keys.take(performed.answer.reply)
        return performed

    def _with_card(
        self, card: Card | None, terms: Terms, operation: Operation
    ) -> Callable[[PointOfSale], Awaitable[Presented]]:
        """Give the operation with the card that was typed, or with the one the reader reads."""
        pad = self._pin_pad() if self.ask_pin is not None and terms.pin_possible else None

        async def with_pin(sale: PointOfSale, presented: Card) -> Performed:
            if pad is not None and self.ask_pin is not None:
                block = pad.seal(self.ask_pin(), presented.pan)
                presented = structs.replace(presented, pin_block=block.hex().upper())
            return await operation(sale, presented)

        async def carried_out(sale: PointOfSale) -> Presented:
            if card is not None:
                return Presented(performed=await with_pin(sale, card))
            assert self.reader is not None, "a card is typed where none is read"
            typer.echo(PRESENT_CARD.said_in(self.language), err=True)
            return await with_card(self.reader, terms, partial(with_pin, sale), sale.take_back)

        return carried_out
