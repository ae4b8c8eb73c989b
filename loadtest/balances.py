"""An independent model of what every card must hold: plain sums of what terminals were told.

Owns the effect of each kind of exchange on a card's money and points, and the comparison with what
the switch says of the card before and after the run. Must not know the book, its accounts or rules:
discounts and points come from the replies, and their arithmetic is checked here.

A refund gives back a share, a reversal undoes exactly what its original did; a request that was
reversed without ever being answered must leave nothing behind.
"""

from msgspec import Struct

from loadtest.population import Card
from loadtest.replies import MONEY_LEDGER, POINTS_LEDGER, Reply
from loadtest.requests import Request

DISCREPANCIES_MAX = 20


class Effect(Struct, frozen=True, kw_only=True):
    """What one exchange does to the card: rials of the purse, and points."""

    money_minor: int = 0
    points: int = 0

    def undone(self) -> "Effect":
        """Give the effect of undoing this one."""
        return Effect(money_minor=-self.money_minor, points=-self.points)

    def undone_in_part(self, undone_minor: int, whole_minor: int) -> "Effect":
        """Give the effect of undoing a share, rounded down, but earned points rounded up.

        Exact for a payment without points redeemed: those may come from several lots, and each
        lot's share is rounded for itself.
        """
        return Effect(
            money_minor=_share_back(self.money_minor, undone_minor, whole_minor),
            points=-self.points * undone_minor // whole_minor
            if self.points > 0
            else _share_back(self.points, undone_minor, whole_minor),
        )


NOTHING = Effect()


def effect_of(request: Request, reply: Reply, original: Effect = NOTHING) -> Effect:
    """Give what an answered request did to its card; `original` is the original's effect."""
    if not reply.approved or request.kind.asks_only:
        return NOTHING
    name = request.kind.name
    if request.kind.is_reversal:
        return original.undone()
    if name == "preauthorisation":
        return NOTHING  # a hold reserves; the ledger balance moves when it is captured
    if name == "load":
        return Effect(money_minor=int(reply.amount_transaction))
    if name == "refund":
        assert request.original is not None, "a refund names its original"
        return original.undone_in_part(request.amount_minor, request.original.amount_minor)
    points = reply.detail_count("PE") - reply.detail_count("PX")
    return Effect(money_minor=-reply.detail_count("NP"), points=points)


def wrong_sum(reply: Reply) -> str:
    """Say what is wrong with the sums of an approved payment's reply; "" when they add up.

    The amount is what the purse paid, what the points were worth, and the discount.
    """
    paid, worth = reply.detail_count("NP"), reply.detail_count("PV")
    discount = reply.detail_count("DS")
    if paid + worth + discount == int(reply.amount_transaction):
        return ""
    return f"amount {reply.amount_transaction} is not NP {paid} + PV {worth} + DS {discount}"


def _share_back(effect: int, undone_minor: int, whole_minor: int) -> int:
    share = abs(effect) * undone_minor // whole_minor
    return -share if effect > 0 else share


class BalanceModel:
    """Every card's money and points as they must be, from a known beginning."""

    def __init__(self) -> None:
        self._money: dict[str, int] = {}
        self._points: dict[str, int] = {}
        self.discrepancies: list[str] = []
        self.discrepancy_count = 0

    def begin(self, card: Card, reply: Reply) -> None:
        """Take a card's balances from an inquiry made before the load."""
        self._money[card.pan] = reply.balances[MONEY_LEDGER]
        self._points[card.pan] = reply.balances.get(POINTS_LEDGER, 0)

    def apply(self, card: Card, effect: Effect) -> None:
        """Add what an exchange did. Cards that were never begun are not followed."""
        if card.pan in self._money:
            self._money[card.pan] += effect.money_minor
            self._points[card.pan] += effect.points

    def compare(self, card: Card, reply: Reply) -> None:
        """Hold the model against an inquiry made after the load, when nothing is outstanding."""
        expected = (self._money[card.pan], self._points[card.pan])
        found = (reply.balances.get(MONEY_LEDGER), reply.balances.get(POINTS_LEDGER, 0))
        if expected != found:
            self.note(f"{card}: money and points should be {expected}, are {found}")

    def note(self, finding: str) -> None:
        """Count a discrepancy, and keep the first ones in words."""
        self.discrepancy_count += 1
        if len(self.discrepancies) < DISCREPANCIES_MAX:
            self.discrepancies.append(finding)
