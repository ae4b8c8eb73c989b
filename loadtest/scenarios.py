"""What a customer does at a terminal, as plain generators: yield a request, receive its reply.

Owns the order of the requests of each scenario in `loadtest.mix` and which answer each must get.
Must not know sockets, time or counters. A scenario whose request was never answered is dropped by
the session, which reverses that request itself.
"""

from collections.abc import Callable, Generator

from msgspec import Struct

from loadtest import kinds
from loadtest.mix import Draw
from loadtest.population import Card, Population
from loadtest.replies import Reply
from loadtest.requests import Desk, Request


class Repeat(Struct, frozen=True, kw_only=True):
    """Send a request that was answered once more, as a repeat; the reply must be the same bytes."""

    request: Request


class Expect(Struct, frozen=True, kw_only=True):
    """Send a request for which a healthy switch has only one answer."""

    request: Request
    response_code: str


Step = Request | Repeat | Expect
Play = Generator[Step, Reply, None]


class Cashier:
    """Whoever stands at one terminal: draws scenarios and plays them."""

    def __init__(self, desk: Desk, draw: Draw, population: Population) -> None:
        self.desk = desk
        self._draw = draw
        self._population = population

    def play(self) -> Play:
        """Give the next scenario, drawn by its share of the mix."""
        return SCENARIOS[self._draw.scenario()](self)

    def card(self) -> Card:
        """Draw a good card."""
        return self._draw.random.choice(self._population.cards)

    def purchase(self) -> Play:
        """One purchase."""
        yield self._payment()

    def purchase_with_points(self) -> Play:
        """A purchase that pays with points first, up to a number, and with money for the rest."""
        yield self.desk.request(
            kinds.MIXED,
            self.card(),
            amount_minor=self._draw.amount_minor(),
            points_limit=self._draw.points(),
        )

    def points_payment(self) -> Play:
        """A payment with points alone; declined when the card has too few, which is fine."""
        amount_minor = self._draw.mix.amount_minor_min
        yield self.desk.request(kinds.POINTS_PAYMENT, self.card(), amount_minor=amount_minor)

    def balance(self) -> Play:
        """An inquiry of money and points."""
        yield self.desk.request(kinds.BALANCE, self.card())

    def points_balance(self) -> Play:
        """An inquiry of points."""
        yield self.desk.request(kinds.POINTS_BALANCE, self.card())

    def load(self) -> Play:
        """A top-up."""
        yield self.desk.request(kinds.LOAD, self.card(), amount_minor=self._draw.mix.load_minor)

    def preauthorisation_and_completion(self) -> Play:
        """A hold, then its capture for the same amount or less."""
        amount_minor = self._draw.amount_minor()
        hold = self.desk.request(kinds.PREAUTHORISATION, self.card(), amount_minor=amount_minor)
        reply = yield hold
        if reply.approved:
            captured_minor = self._draw.random.randint(amount_minor // 2, amount_minor)
            completion = self.desk.follow_up(kinds.COMPLETION, hold, amount_minor=captured_minor)
            yield Expect(request=completion, response_code="00")

    def purchase_and_refund(self) -> Play:
        """A purchase, then all of it or a part back."""
        purchase = self._payment()
        reply = yield purchase
        if reply.approved:
            back_minor = self._draw.random.randint(1, purchase.amount_minor)
            yield Expect(
                request=self.desk.follow_up(kinds.REFUND, purchase, amount_minor=back_minor),
                response_code="00",
            )

    def purchase_and_reversal(self) -> Play:
        """A purchase that the terminal takes back, printer jammed."""
        purchase = self._payment()
        yield purchase
        reversal = self.desk.follow_up(kinds.REVERSAL, purchase, amount_minor=purchase.amount_minor)
        yield Expect(request=reversal, response_code="00")

    def purchase_and_repeat(self) -> Play:
        """A purchase that the terminal sends twice, as if the reply had been lost."""
        purchase = self._payment()
        reply = yield purchase
        if not reply.unavailable:
            yield Repeat(request=purchase)

    def unknown_card(self) -> Play:
        """A purchase with a card that nobody issued."""
        yield self._declined(self._population.unknown_cards, "14")

    def insufficient_funds(self) -> Play:
        """A purchase of more than the card has."""
        amount_minor = self._draw.mix.insufficient_minor
        yield self._declined(self._population.poor_cards, "51", amount_minor)

    def blocked_card(self) -> Play:
        """A purchase with a blocked card."""
        yield self._declined(self._population.blocked_cards, "62")

    def _payment(self) -> Request:
        amount_minor = self._draw.amount_minor()
        return self.desk.request(kinds.PURCHASE, self.card(), amount_minor=amount_minor)

    def _declined(
        self, cards: tuple[Card, ...], response_code: str, amount_minor: int = 0
    ) -> Expect:
        card = self._draw.random.choice(cards)
        request = self.desk.request(
            kinds.PURCHASE, card, amount_minor=amount_minor or self._draw.amount_minor()
        )
        return Expect(request=request, response_code=response_code)


SCENARIOS: dict[str, Callable[[Cashier], Play]] = {
    "purchase": Cashier.purchase,
    "purchase_with_points": Cashier.purchase_with_points,
    "points_payment": Cashier.points_payment,
    "balance": Cashier.balance,
    "points_balance": Cashier.points_balance,
    "load": Cashier.load,
    "preauthorisation_and_completion": Cashier.preauthorisation_and_completion,
    "purchase_and_refund": Cashier.purchase_and_refund,
    "purchase_and_reversal": Cashier.purchase_and_reversal,
    "purchase_and_repeat": Cashier.purchase_and_repeat,
    "unknown_card": Cashier.unknown_card,
    "insufficient_funds": Cashier.insufficient_funds,
    "blocked_card": Cashier.blocked_card,
}
