"""The independent model of the books: what every account must have changed by, from what was told.

Owns what each answered message does to the accounts of its card, its merchant and the club, in
plain Python from docs/pos-interface.md and the club's own words (`loadtest.tariff`). Must not know
the ledger, its account numbers or moves: `loadtest.ledger_check` compares.

How it counts. Undoing never needs steps: how much of a payment is undone is one number, and what is
left of each of its sums follows from that number alone, rounded for each sum. So what is undone is
taken out of the books and put in again with that number changed.

Points may come from several lots, which nobody outside sees, and each lot's share is rounded for
itself. For a payment with points that was undone in part, the accounts of points therefore have a
range of right values, from `least` to `most`.
"""

from collections.abc import Container, Iterator
from enum import IntEnum
from typing import NamedTuple

from msgspec import Struct

from loadtest.tariff import Club, Payment, Tariff

FINDINGS_MAX = 20
LOTS_MAX = 512
"""Lots that one payment's points come from, at most: a switch refuses more moves than that."""


class Role(IntEnum):
    """What a message does to the books."""

    NOTHING = 0  # inquiries, network messages, whatever moves nothing
    PURCHASE = 1
    MIXED = 2  # a purchase that may redeem points
    POINTS = 3  # paid with points alone
    LOAD = 4
    HOLD = 5
    COMPLETION = 6
    REFUND = 7
    REVERSAL = 8
    OTHER = 9  # it moves something that this model has no words for


class Told(Struct, frozen=True, kw_only=True, gc=False):
    """One message and what its reply told; `approved` is False for a decline and for silence."""

    number: int
    role: Role
    card: int  # index in the population
    merchant: str  # DE 42
    asked_minor: int
    approved: bool
    approved_minor: int = 0  # DE 4 of an approval
    original: int = -1  # number of the message that it undoes or captures
    modelled: bool = True  # its card's programme is the one that the books are of
    remain_minor: int = 0  # DE 95 of a partial reversal
    money_minor: int = 0
    points: int = 0
    points_value_minor: int = 0
    points_earned: int = 0
    discount_minor: int = 0
    decided_from_s: int = 0  # local seconds between which the switch decided
    decided_to_s: int = 0


class Account(NamedTuple):
    """An account by whose it is: `("card", 7, "points")`; `owner` is a card's index or a DE 42."""

    kind: str  # "card", "merchant" or "club"
    owner: int | str
    name: str


class Change(NamedTuple):
    """What an account must have changed by."""

    least: int
    most: int


CARD_NAMES = ("money", "money held", "points", "points held")
CLUB_NAMES = (
    "float",
    "discounts",
    "points paid",
    "fees",
    "points issued",
    "points redeemed",
    "counts",
    "points expired",
    "breakage",
)


class _Exchange(Struct, kw_only=True, gc=False):
    """An approved message that others may refer to: its sums, and how much of it is undone."""

    role: Role
    card: int
    merchant: str
    approved_minor: int
    money_minor: int = 0
    points: int = 0
    points_value_minor: int = 0
    points_earned: int = 0
    by_club_minor: int = 0
    fee_minor: int = 0
    undone_minor: int = 0
    captured: bool = False
    reversed: bool = False
    original: "_Exchange | None" = None  # a refund's purchase


class Books:
    """Every account's change. `add` messages in the order of their numbers; look at any time.

    `referred` are the numbers that other messages name as their original.
    """

    def __init__(self, club: Club, referred: Container[int], *, lots_max: int = LOTS_MAX) -> None:
        self._tariff = Tariff(club)
        self._referred = referred
        self._lots_max = lots_max
        self._kept: dict[int, _Exchange] = {}
        self._cards: dict[int, list[int]] = {}
        self._merchants: dict[str, int] = {}
        self._club = [0] * len(CLUB_NAMES)
        self._spread: dict[Account, list[int]] = {}
        self.fault_count = 0
        self.findings: list[str] = []

    def add(self, told: Told) -> None:
        """Take a message; what its reply told wrongly is counted and found."""
        if not told.modelled or not told.approved or told.role is Role.NOTHING:
            return
        if told.role is Role.OTHER:
            self._find(told, "moves what this model of the books does not have")
            return
        if told.role is Role.REVERSAL:
            self._reverse(told)
        elif told.role is Role.REFUND:
            self._refund(told)
        else:
            exchange = self._exchange(told)
            self._book(exchange, 1)
            if told.number in self._referred:
                self._kept[told.number] = exchange

    def change(self, account: Account) -> Change:
        """Give what one account must have changed by so far."""
        if account.kind == "card":
            assert isinstance(account.owner, int)
            sums = self._cards.get(account.owner)
            change = sums[CARD_NAMES.index(account.name)] if sums else 0
        elif account.kind == "merchant":
            change = self._merchants.get(str(account.owner), 0)
        else:
            change = self._club[CLUB_NAMES.index(account.name)]
        return self._change(account, change)[1]

    def changes(self) -> Iterator[tuple[Account, Change]]:
        """Yield every account that was touched, and those of the club."""
        for card, sums in self._cards.items():
            for name, change in zip(CARD_NAMES, sums, strict=True):
                yield self._change(Account("card", card, name), change)
        for merchant, change in self._merchants.items():
            yield self._change(Account("merchant", merchant, "money"), change)
        for name, change in zip(CLUB_NAMES, self._club, strict=True):
            yield self._change(Account("club", "", name), change)

    # --- messages ---------------------------------------------------------------------------------

    def _exchange(self, told: Told) -> _Exchange:
        exchange = _Exchange(
            role=told.role,
            card=told.card,
            merchant=told.merchant,
            approved_minor=told.approved_minor,
            money_minor=told.money_minor,
            points=told.points,
            points_value_minor=told.points_value_minor,
            points_earned=told.points_earned,
        )
        if told.role is Role.LOAD:
            self._expect_amount(told)
            exchange.money_minor = told.approved_minor
        elif told.role is Role.HOLD:
            paid = told.money_minor + told.points_value_minor
            if paid != told.approved_minor or told.discount_minor or told.points_earned:
                self._find(told, f"held {paid} of {told.approved_minor}, or more than a hold")
        else:
            if told.role is Role.COMPLETION:
                self._capture(told)
            cost = self._tariff.cost(_payment(told))
            if cost.fault:
                self._find(told, cost.fault)
            exchange.by_club_minor = cost.by_club_minor
            exchange.fee_minor = cost.fee_minor
        return exchange

    def _capture(self, told: Told) -> None:
        hold = self._kept.get(told.original)
        if hold is None or hold.role is not Role.HOLD or hold.captured or hold.reversed:
            self._find(told, "captured a hold that was not there")
            return
        if told.approved_minor > hold.approved_minor - hold.undone_minor:
            self._find(told, f"captured {told.approved_minor} of {hold.approved_minor}")
        hold.captured = True
        self._undo(hold, hold.approved_minor)

    def _refund(self, told: Told) -> None:
        self._expect_amount(told)
        purchase = self._kept.get(told.original)
        if purchase is None or purchase.reversed or purchase.role not in REFUNDABLE:
            self._find(told, "refunded what was not bought")
            return
        if told.approved_minor > purchase.approved_minor - purchase.undone_minor:
            self._find(told, f"refunded {told.approved_minor} of {purchase.approved_minor}")
        self._undo(purchase, purchase.undone_minor + told.approved_minor)
        if told.number in self._referred:
            self._kept[told.number] = _Exchange(
                role=Role.REFUND,
                card=told.card,
                merchant=told.merchant,
                approved_minor=told.approved_minor,
                original=purchase,
            )

    def _reverse(self, told: Told) -> None:
        original = self._kept.get(told.original)
        if original is None or original.reversed:
            return  # declined, reversed before or never there: nothing more to undo
        if original.captured:
            self._find(told, "reversed a hold that was captured")
            return
        undone = original.approved_minor - told.remain_minor
        again = undone - original.undone_minor
        if again > 0:
            if original.original is not None:
                if original.original.reversed:
                    return  # nothing of the purchase stands: the refund is as it was
                self._undo(original.original, original.original.undone_minor - again)
            self._undo(original, undone)
        original.reversed = original.undone_minor == original.approved_minor

    def _expect_amount(self, told: Told) -> None:
        extra = told.money_minor + told.points + told.points_earned + told.discount_minor
        if told.approved_minor != told.asked_minor or extra:
            self._find(told, f"{told.approved_minor} of {told.asked_minor}, and {extra} besides")

    def _find(self, told: Told, fault: str) -> None:
        self.fault_count += 1
        if len(self.findings) < FINDINGS_MAX:
            name = told.role.name.lower()
            self.findings.append(f"message {told.number} ({name}): {fault}")

    # --- accounts ---------------------------------------------------------------------------------

    def _undo(self, exchange: _Exchange, undone_minor: int) -> None:
        self._book(exchange, -1)
        exchange.undone_minor = undone_minor
        self._book(exchange, 1)

    def _book(self, exchange: _Exchange, sign: int) -> None:
        """Put what is left of a message into the accounts, or with -1 take it out again."""
        role = exchange.role
        if role is Role.REFUND:
            return  # its purchase has it
        approved, undone = exchange.approved_minor, exchange.undone_minor
        money = sign * _left(exchange.money_minor, undone, approved)
        points = sign * _left(exchange.points, undone, approved)
        card = self._cards.get(exchange.card)
        if card is None:
            card = self._cards[exchange.card] = [0] * len(CARD_NAMES)
        club = self._club
        if role is Role.LOAD:
            card[0] += money
            club[0] -= money
        elif role is Role.HOLD:
            card[0] -= money
            card[1] += money
            card[2] -= points
            card[3] += points
            self._widen(exchange, sign, Account("card", exchange.card, "points held"))
        else:
            value = sign * _left(exchange.points_value_minor, undone, approved)
            by_club = sign * _left(exchange.by_club_minor, undone, approved)
            fee = sign * _left(exchange.fee_minor, undone, approved)
            earned = sign * _left_of_earned(exchange.points_earned, undone, approved)
            card[0] -= money
            card[2] += earned - points
            merchants = self._merchants
            merchants[exchange.merchant] = (
                merchants.get(exchange.merchant, 0) + money + value + by_club - fee
            )
            club[1] -= by_club
            club[2] -= value
            club[3] += fee
            club[4] -= earned
            club[5] += points
            self._widen(exchange, sign, Account("club", "", "points redeemed"))

    def _widen(self, exchange: _Exchange, sign: int, taker: Account) -> None:
        """Points from several lots may come back as fewer than the share of their sum."""
        if not exchange.points or not 0 < exchange.undone_minor < exchange.approved_minor:
            return
        back = exchange.points * exchange.undone_minor // exchange.approved_minor
        fewer = sign * min(back, exchange.points - 1, self._lots_max - 1)
        self._spread.setdefault(Account("card", exchange.card, "points"), [0, 0])[0] += fewer
        self._spread.setdefault(taker, [0, 0])[1] += fewer

    def _change(self, account: Account, change: int) -> tuple[Account, Change]:
        fewer, more = self._spread.get(account, (0, 0))
        return account, Change(change - fewer, change + more)


REFUNDABLE = (Role.PURCHASE, Role.MIXED, Role.POINTS, Role.COMPLETION)


def _payment(told: Told) -> Payment:
    return Payment(
        merchant=told.merchant,
        asked_minor=told.asked_minor,
        approved_minor=told.approved_minor,
        money_minor=told.money_minor,
        points=told.points,
        points_value_minor=told.points_value_minor,
        discount_minor=told.discount_minor,
        points_earned=told.points_earned,
        points_only=told.role is Role.POINTS,
        may_use_points=told.role is not Role.PURCHASE,
        decided_from_s=told.decided_from_s,
        decided_to_s=told.decided_to_s,
    )


def _left(whole: int, undone_minor: int, approved_minor: int) -> int:
    """What is left of a sum: what goes back is the undone share, rounded down."""
    if not undone_minor:
        return whole
    return whole - whole * undone_minor // approved_minor


def _left_of_earned(points: int, undone_minor: int, approved_minor: int) -> int:
    """What is left of earned points: what goes back is the undone share, rounded up."""
    if not undone_minor:
        return points
    return points * (approved_minor - undone_minor) // approved_minor
