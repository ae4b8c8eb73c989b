"""The exchanges that the interface document shows, in their order, as requests.

Owns what is asked; the replies come from a real switch (`tests.docs.write_examples`). Times and
trace numbers are the document's: the first message is number 1, a minute passes between messages.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from acquirers.terminal.orders import Order, Service, compose, original_in, repeat_of
from acquirers.terminal.parties import Card, Station, Trace
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message, encode

FIRST_AT = datetime(2026, 11, 22, 9, 50, 7, tzinfo=ZoneInfo("Asia/Tehran"))
BINARY = "pos-binary"
ASCII = "pos-ascii"


class Scene(Struct, frozen=True, kw_only=True):
    """One exchange to be shown; `body` is the request's message."""

    name: str
    title: str
    profile: str
    body: bytes


class Author:
    """Writes the requests of one terminal and one card, each with the next trace number."""

    def __init__(self, station: Station, card: Card, first: int = 1) -> None:
        self._station = station
        self._card = card
        self._stan = first - 1

    def request(self, order: Order, card: Card | None = None) -> Message:
        """Give the next request, without what a terminal need not send."""
        self._stan += 1
        at = FIRST_AT + timedelta(minutes=self._stan - 1)
        request = compose(
            order, self._station, Trace(stan=self._stan, local_at=at), card or self._card
        )
        for optional in ("7", "37"):
            request.pop(optional, None)
        return request


def scenes(
    station: Station, member: Card, poor: Card, products: Mapping[str, Card]
) -> Iterator[Scene]:
    """Give the scenes in order.

    `member` has money; `poor` has less than 20,000 rials; of each of `products` there is a new
    card.
    """
    author = Author(station, member)
    purchase = author.request(Order(service=Service.PURCHASE, amount_minor=250_000))
    yield scene_of("purchase-binary", "Purchase of 250,000 rials", purchase)
    yield scene_of("repeat", "Its repeat: the first reply again", repeat_of(purchase))
    changed = repeat_of(purchase)
    changed["4"] = "000000250001"
    yield scene_of("duplicate", "The same key with another amount: refused", changed)
    same = author.request(Order(service=Service.PURCHASE, amount_minor=250_000))
    yield scene_of("purchase-ascii", "The same purchase on the other profile", same, ASCII)
    yield from _points(author)
    yield from _money(author, purchase)
    yield from _holds(author)
    yield from _reversals(author, same)
    yield from _refusals(author, poor)
    yield from _network(author)
    yield from _prepaid(author, products)
    yield from _standing(author, products)
    yield from _credit(author, products["instalment"])


def _points(author: Author) -> Iterator[Scene]:
    mixed = Order(service=Service.MIXED, amount_minor=250_000, points_max=10)
    yield scene_of("mixed", "Ten points at most, the rest with money", author.request(mixed))
    points = Order(service=Service.POINTS, amount_minor=20_000)
    yield scene_of("points", "20,000 rials with points", author.request(points))


def _money(author: Author, purchase: Message) -> Iterator[Scene]:
    load = author.request(Order(service=Service.LOAD, amount_minor=500_000))
    yield scene_of("load", "Load of 500,000 rials", load)
    balance = author.request(Order(service=Service.BALANCE))
    yield scene_of("balance", "Balance inquiry", balance)
    refund = Order(service=Service.REFUND, amount_minor=100_000, original=original_in(purchase))
    yield scene_of("refund", "Refund of 100,000 of the first purchase", author.request(refund))


def _holds(author: Author) -> Iterator[Scene]:
    hold = author.request(Order(service=Service.PREAUTHORISATION, amount_minor=300_000))
    yield scene_of("preauthorisation", "Pre-authorisation of 300,000 rials", hold)
    completion = Order(service=Service.COMPLETION, amount_minor=220_000, original=original_in(hold))
    yield scene_of("completion", "Its completion for 220,000", author.request(completion))


def _reversals(author: Author, purchase: Message) -> Iterator[Scene]:
    original = original_in(purchase)
    partial = Order(
        service=Service.REVERSAL,
        amount_minor=original.amount_minor,
        original=original,
        final_amount_minor=100_000,
    )
    yield scene_of(
        "partial-reversal", "The second purchase reversed down to 100,000", author.request(partial)
    )
    whole = Order(service=Service.REVERSAL, amount_minor=original.amount_minor, original=original)
    yield scene_of("reversal", "And wholly", author.request(whole))


def _refusals(author: Author, poor: Card) -> Iterator[Scene]:
    dear = author.request(Order(service=Service.POINTS, amount_minor=900_000_000))
    yield scene_of("decline", "More than the points are worth: declined", dear)
    part = Order(service=Service.PURCHASE, amount_minor=20_000, partial_accepted=True)
    yield scene_of(
        "partial", "A card with 5,000 rials: approved in part", author.request(part, poor)
    )
    broken = author.request(Order(service=Service.PURCHASE, amount_minor=250_000))
    body = encode(broken, wire_of(ASCII).spec).replace(b"000000250000", b"00000025000O", 1)
    yield Scene(name="format-error", title="A letter in the amount", profile=ASCII, body=body)


def _network(author: Author) -> Iterator[Scene]:
    for name, title, service in (
        ("sign-on", "Sign-on", Service.SIGN_ON),
        ("echo", "Echo", Service.ECHO),
        ("cut-over", "Cut-over to 22 November", Service.CUT_OVER),
    ):
        order = Order(service=service, settlement_date=f"{FIRST_AT:%m%d}")
        yield scene_of(name, title, author.request(order))


def _prepaid(author: Author, products: Mapping[str, Card]) -> Iterator[Scene]:
    sale = Order(service=Service.ACTIVATION, amount_minor=2_000_000)
    yield scene_of(
        "activation",
        "A gift card is sold for 2,000,000 rials",
        author.request(sale, products["gift"]),
    )
    load = Order(service=Service.LOAD, amount_minor=500_000)
    card = products["purchase"]
    yield scene_of("load-purchase-card", "A purchase card is loaded", author.request(load, card))
    withdrawal = Order(service=Service.WITHDRAWAL, amount_minor=200_000)
    yield scene_of("withdrawal", "200,000 of it are paid out", author.request(withdrawal, card))


def _standing(author: Author, products: Mapping[str, Card]) -> Iterator[Scene]:
    renewal = author.request(Order(service=Service.RENEWAL), products["membership"])
    yield scene_of("renewal", "A membership is renewed: `48.FE` is the till's to take", renewal)
    for name, title, service in (
        ("register-item", "An item's warranty begins", Service.REGISTER_ITEM),
        ("item", "Until when?", Service.ITEM),
        ("claim", "The item is claimed", Service.CLAIM),
    ):
        order = Order(service=service, serial="TV-55/0012")
        yield scene_of(name, title, author.request(order, products["warranty"]))


def _credit(author: Author, card: Card) -> Iterator[Scene]:
    bought = Order(service=Service.INSTALMENTS, amount_minor=12_000_000, plan=2)
    yield scene_of(
        "instalments",
        "12,000,000 rials by the second plan: twelve parts",
        author.request(bought, card),
    )
    yield scene_of("debt", "What is owed", author.request(Order(service=Service.DEBT), card))
    paid = Order(service=Service.REPAYMENT, amount_minor=200_000)
    yield scene_of("repayment", "A repayment: the fee first", author.request(paid, card))
    for name, title, amount_minor in (
        ("settlement-declined", "A settlement of another amount: declined", 11_800_000),
        ("settlement", "Of the amount that `48.OW` tells", 11_980_000),
    ):
        settled = Order(service=Service.SETTLEMENT, amount_minor=amount_minor)
        yield scene_of(name, title, author.request(settled, card))
    yield from _rebate(author, card)


def _rebate(author: Author, card: Card) -> Iterator[Scene]:
    bought = Order(service=Service.INSTALMENTS, amount_minor=6_000_000, plan=4)
    settled = Order(service=Service.SETTLEMENT, amount_minor=6_240_000)
    yield scene_of("instalments-rebate", "By a plan with a rebate", author.request(bought, card))
    asked = author.request(Order(service=Service.DEBT), card)
    yield scene_of("debt-rebate", "What ends it: `48.OW` is without the rebate, `48.RB`", asked)
    yield scene_of("settlement-rebate", "It has been given", author.request(settled, card))


def scene_of(name: str, title: str, request: Message, profile: str = BINARY) -> Scene:
    """Give the scene of a request as it is."""
    return Scene(
        name=name, title=title, profile=profile, body=encode(request, wire_of(profile).spec)
    )
