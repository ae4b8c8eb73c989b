"""The questions a counter asks when a person starts it without an operation.

Owns which question comes when. `ask` and `show` are handed in, so that a test can be the person.
Must not know sockets; an operation is carried out by `carry_out`, also handed in.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from acquirers.terminal.cards.pin_pad import PinError
from acquirers.terminal.cards.reading import CardError
from acquirers.terminal.choices import (
    ORIGINALS,
    ChoiceError,
    NamedCard,
    Wishes,
    choose_card,
    exchange_with_rrn,
    order_of,
    original_for,
)
from acquirers.terminal.memory import Remembered, TerminalMemory
from acquirers.terminal.orders import (
    ABOUT_ITEMS,
    NETWORK,
    WITHOUT_AMOUNT,
    Order,
    OrderError,
    Service,
)
from acquirers.terminal.parties import Card, CardUnreadableError, mask
from acquirers.terminal.persian import ascii_digits
from acquirers.terminal.point_of_sale import CardDiffersError
from acquirers.terminal.receipt_text import TITLES
from acquirers.terminal.screen import history_lines
from acquirers.terminal.texts import Language, Text
from acquirers.terminal.voucher_pin import VoucherPinError
from switch.iso8583 import EncodeError

REPEAT: Final = "repeat"
HISTORY: Final = "history"
QUIT: Final = "quit"

EXTRAS: Final[dict[str, Text]] = {
    REPEAT: Text("REPEAT THE LAST MESSAGE", "تکرار آخرین پیام"),
    HISTORY: Text("WHAT THIS TERMINAL DID", "تراکنش‌های این پایانه"),
    QUIT: Text("QUIT", "پایان"),
}

OPERATION: Final = Text("operation", "عملیات")
CARD: Final = Text("card (number above, card number, or track 2)", "کارت")
EXPIRY: Final = Text("expiry YYMM (empty: not sent)", "تاریخ انقضا YYMM")
AMOUNT: Final = Text("amount in rial", "مبلغ به ریال")
AMOUNT_OF_ORIGINAL: Final = Text("amount in rial (empty: all of it)", "مبلغ به ریال (خالی: همه)")
FINAL_AMOUNT: Final = Text("reduce to (empty: reverse all)", "مبلغ نهایی (خالی: ابطال کامل)")
SERIAL: Final = Text("serial number of the item", "شماره سریال کالا")
POINTS: Final = Text("points to redeem at most", "حداکثر امتیاز")
PLAN: Final = Text("instalment plan (its number)", "شماره طرح اقساط")
DAY: Final = Text("day that begins, MMDD", "روز آغازشده MMDD")

SAID_AND_GOES_ON: Final = (
    CardDiffersError,
    CardError,
    CardUnreadableError,
    ChoiceError,
    EncodeError,
    OrderError,
    PinError,
    VoucherPinError,
)
"""What a person can do better next time."""

Ask = Callable[[str], str]
Show = Callable[[str], None]


class Carrier(Struct, frozen=True, kw_only=True):
    """What carries out an operation and shows how it ended; without a card it reads one.

    `settle` tells what the card owes and ends that debt if the person agrees.
    """

    order: Callable[[Order, Card | None, str], object]
    repeat: Callable[[Remembered, Card | None], object]
    settle: Callable[[Card | None, str, Ask], object]


class Dialog:
    """One person at one counter, in one language, until they quit."""

    def __init__(
        self,
        ask: Ask,
        show: Show,
        carrier: Carrier,
        memory: TerminalMemory,
        cards: Sequence[NamedCard],
        language: Language,
        card_is_read: bool = False,
    ) -> None:
        self._card_is_read = card_is_read
        self._ask = ask
        self._show = show
        self._carrier = carrier
        self._memory = memory
        self._cards = cards
        self._language = language
        self._menu = {**{str(service): TITLES[service] for service in Service}, **EXTRAS}

    def run(self) -> None:
        """Offer the operations until the person quits; explain what could not be understood."""
        self._show_menu()
        while True:
            chosen = self._choose_operation()
            if chosen == QUIT:
                return
            try:
                self._carry_out(chosen)
            except SAID_AND_GOES_ON as error:
                self._show(str(error))

    def _show_menu(self) -> None:
        for number, (name, title) in enumerate(self._menu.items(), start=1):
            self._show(f"{number:>3}  {name:<17} {title.said_in(self._language)}")

    def _choose_operation(self) -> str:
        """Give a name of the menu, chosen by name or number; empty input shows the menu again."""
        names = list(self._menu)
        while True:
            typed = ascii_digits(self._question(OPERATION)).lower()
            if typed in self._menu:
                return typed
            if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(names):
                return names[int(typed) - 1]
            self._show_menu()

    def _carry_out(self, chosen: str) -> None:
        if chosen == HISTORY:
            for line in history_lines(self._memory.exchanges(), self._language):
                self._show(line)
        elif chosen == REPEAT:
            exchange = repeatable("", self._memory)
            card, _ = self._card_of(exchange)
            self._carrier.repeat(exchange, card)
        else:
            self._order(Service(chosen))

    def _order(self, service: Service) -> None:
        original = original_for(service, "", self._memory)
        if service in NETWORK:
            day = self._question(DAY) if service is Service.CUT_OVER else ""
            order = order_of(service, Wishes(settlement_date=ascii_digits(day)), self._memory)
            self._carrier.order(order, None, "")
            return
        if original is not None:
            self._show(next(history_lines([original], self._language)))
        card, card_name = self._card_of(original)
        if service is Service.SETTLEMENT:
            self._carrier.settle(card, card_name, self._ask)
            return
        order = order_of(service, self._wishes(service), self._memory)
        self._carrier.order(order, card, card_name)

    def _wishes(self, service: Service) -> Wishes:
        if service in ABOUT_ITEMS:
            return Wishes(serial=self._question(SERIAL))
        if service in WITHOUT_AMOUNT:
            return Wishes()
        if service is Service.REVERSAL:
            return Wishes(final_amount=self._question(FINAL_AMOUNT))
        amount = self._question(AMOUNT_OF_ORIGINAL if service in ORIGINALS else AMOUNT)
        points = self._question(POINTS) if service is Service.MIXED else ""
        plan = self._question(PLAN) if service is Service.INSTALMENTS else ""
        return Wishes(
            amount_typed=amount,
            points=points,
            partial_accepted=service is Service.PURCHASE,
            plan=plan,
        )

    def _card_of(self, original: Remembered | None) -> tuple[Card | None, str]:
        """Give the card the original was made with when it is a test card; ask otherwise.

        None when a reader will read it.
        """
        if self._card_is_read:
            return None, ""
        if original is not None and original.card_name:
            return choose_card(original.card_name, "", self._cards)
        for named in self._cards:
            # The label last: behind Persian letters a terminal would turn the digits round.
            label = named.label.said_in(self._language)
            self._show(f"{named.name:>3}  {mask(named.card.pan)}  {label}")
        typed = self._question(CARD)
        card, name = choose_card(typed, "", self._cards)
        if name or card.track2:
            return card, name
        return choose_card(typed, self._question(EXPIRY), self._cards)

    def _question(self, text: Text) -> str:
        return self._ask(text.said_in(self._language)).strip()


def repeatable(rrn: str, memory: TerminalMemory) -> Remembered:
    """Give the exchange to repeat: the one with that RRN, or the last. Raises ChoiceError."""
    exchanges = (exchange_with_rrn(rrn, memory),) if rrn else memory.exchanges()
    if not exchanges:
        raise ChoiceError("this terminal has sent nothing yet that could be repeated")
    if exchanges[0].service is Service.REDEEM:
        raise ChoiceError("the PIN of a voucher is not kept: redeem it again")
    return exchanges[0]
