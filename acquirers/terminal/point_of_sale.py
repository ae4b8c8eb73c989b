"""One operation at the counter from order to receipt: number it, send it, repeat it, reverse it.

Owns the terminal's duties when no reply comes, as docs/pos-interface.md demands them: repeat with
the same trace number, then reverse what may have moved money. Must not know how it is shown to a
person.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct, structs

from acquirers.terminal import elements as de
from acquirers.terminal.client import Answer, NoReplyError, NotConnectedError, TerminalClient
from acquirers.terminal.memory import Remembered, TerminalMemory
from acquirers.terminal.orders import (
    CHANGES_THE_CARD,
    NETWORK,
    Order,
    Service,
    compose,
    present_card,
    repeat_of,
    reversal_of,
)
from acquirers.terminal.parties import Card, Station, Trace, mask
from acquirers.terminal.receipt import Receipt, receipt_of
from switch.iso8583 import Message

CARD_ELEMENTS = frozenset(
    str(element)
    for element in (
        de.PRIMARY_ACCOUNT_NUMBER,
        de.DATE_EXPIRATION,
        de.POINT_OF_SERVICE_ENTRY_MODE,
        de.CARD_SEQUENCE_NUMBER,
        de.TRACK_2_DATA,
        de.TRACK_1_DATA,
        de.PIN_DATA,
        de.CHIP_DATA,
    )
)
"""What a card puts into a message, and what is therefore never written down."""
NEVER_KEPT = CARD_ELEMENTS | {de.VOUCHER_PIN}
"""A voucher's PIN is as good as money for whoever can read it."""

ADVICES = frozenset({Service.COMPLETION, Service.REVERSAL})
"""They tell what has happened: when no reply comes they are told again, never undone."""


class Performed(Struct, frozen=True, kw_only=True):
    """How an operation ended.

    With a reply: `answer` and `receipt`. Without: `fault` says why, `left` whether the switch may
    have got the request, and `reversal` is the answer to the reversal, if one was due and got
    through. `card_refused`: it was approved, and the card does not believe that its issuer said so;
    it is reversed, too.
    """

    service: Service
    request: Message
    left: bool
    answer: Answer | None = None
    receipt: Receipt | None = None
    fault: str = ""
    reversal: Answer | None = None
    card_refused: bool = False

    @property
    def approved(self) -> bool:
        """Tell whether switch and card agreed; the network messages' 00 counts as well."""
        return self.receipt is not None and self.receipt.approved and not self.card_refused


class CardDiffersError(ValueError):
    """Another card was presented than the one the remembered exchange was made with."""


class PointOfSale:
    """A counter: one terminal, one client, one memory. `now` gives the terminal's local time."""

    def __init__(
        self,
        client: TerminalClient,
        station: Station,
        memory: TerminalMemory,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._station = station
        self._memory = memory
        self._now = now

    async def perform(
        self, order: Order, card: Card | None = None, card_name: str = ""
    ) -> Performed:
        """Carry out an order. Raises OrderError, EncodeError, MemoryUnreadableError."""
        trace = self._next_trace()
        request = compose(order, self._station, trace, card)
        if order.service in NETWORK:
            return await self._exchange(order.service, request, trace.local_at)
        assert card is not None, "compose refuses an order that lacks its card"
        remembered = _remembered(order.service, request, trace, card, card_name)
        return await self._exchange_remembered(remembered, request, card)

    async def repeat(self, remembered: Remembered, card: Card) -> Performed:
        """Send a remembered request again, as its repeat. Raises CardDiffersError, EncodeError."""
        self._check_card(remembered, card)
        request = remembered.request_without_card()
        present_card(request, card)
        return await self._exchange_remembered(remembered, repeat_of(request), card)

    async def take_back(self, performed: Performed, card: Card, card_name: str = "") -> Performed:
        """Undo what was approved, for a card that refuses its issuer's answer.

        Whoever made up the answer may have made up the approval. Source: EMV 4.3 Book 3, 10.9 and
        Book 4, 12.2.2: a terminal that declines what was approved online sends a reversal.
        """
        if not performed.approved:
            return performed
        refused = structs.replace(performed, card_refused=True)
        if performed.service not in CHANGES_THE_CARD - ADVICES:
            return refused
        reversal = await self._reverse(performed.request, card, card_name)
        return structs.replace(refused, reversal=reversal)

    def _check_card(self, remembered: Remembered, card: Card) -> None:
        if mask(card.pan) != remembered.card_masked:
            raise CardDiffersError(f"the exchange was made with card {remembered.card_masked}")

    async def _exchange_remembered(
        self, remembered: Remembered, request: Message, card: Card
    ) -> Performed:
        """Exchange, write down before and after, and reverse what ended in doubt."""
        self._memory.remember(remembered)
        performed = await self._exchange(remembered.service, request, remembered.local_at)
        if performed.receipt is not None:
            self._memory.remember(_with_outcome(remembered, performed.receipt))
        elif performed.left and remembered.service in CHANGES_THE_CARD - ADVICES:
            reversal = await self._reverse(request, card, remembered.card_name)
            return structs.replace(performed, reversal=reversal)
        return performed

    async def _reverse(self, request: Message, card: Card, card_name: str) -> Answer | None:
        """Take back a request that may have been approved; nothing when that gets no reply either.

        The reversal is remembered like any exchange, so that a person can repeat it later.
        """
        trace = self._next_trace()
        reversal = reversal_of(request, self._station, trace, card)
        remembered = _remembered(Service.REVERSAL, reversal, trace, card, card_name)
        performed = await self._exchange_remembered(remembered, reversal, card)
        return performed.answer

    async def _exchange(self, service: Service, request: Message, local_at: datetime) -> Performed:
        try:
            answer = await self._client.ask_until_answered(request)
        except (NotConnectedError, NoReplyError) as error:
            left = isinstance(error, NoReplyError)
            return Performed(service=service, request=request, left=left, fault=str(error))
        receipt = receipt_of(service, request, answer.reply, local_at)
        return Performed(
            service=service, request=answer.request, left=True, answer=answer, receipt=receipt
        )

    def _next_trace(self) -> Trace:
        return Trace(stan=self._memory.take_stan(), local_at=self._now())


def _remembered(
    service: Service, request: Message, trace: Trace, card: Card, card_name: str
) -> Remembered:
    """Give what may be kept of a request: everything but the card and a voucher's PIN."""
    return Remembered(
        service=service,
        mti=request.mti,
        elements={
            str(element): value for element, value in request.items() if element not in NEVER_KEPT
        },
        local_at=trace.local_at,
        card_masked=mask(card.pan),
        card_name=card_name,
    )


def _with_outcome(remembered: Remembered, receipt: Receipt) -> Remembered:
    return structs.replace(
        remembered, response_code=receipt.response_code, approval_code=receipt.approval_code
    )
