"""The switch in plain Python: what every message does to cards, shops and the club.

Owns exchanges, holds, undoing and limits. Elements, times and keys of the wire are the caller's
business: it hands in the original that a message names.
"""

from dataclasses import dataclass, field

from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from switch.reasons import Reason
from tests.model.book import Account, PlainBook, Posting
from tests.model.pricing import Ask, Place, Priced, Purse, price_hold, price_purchase

MOVES_MAX = 512
HOLD_MOVES_MAX = 253
REFUNDABLE = (Operation.PURCHASE, Operation.POINTS_PAYMENT, Operation.COMPLETION)
COUNTED = (
    Operation.PURCHASE,
    Operation.POINTS_PAYMENT,
    Operation.HOLD,
    Operation.PREAUTHORISATION,
)
STATUS_REASONS = {
    CardStatus.LOST: Reason.CARD_LOST,
    CardStatus.STOLEN: Reason.CARD_STOLEN,
    CardStatus.BLOCKED: Reason.CARD_BLOCKED,
    CardStatus.CLOSED: Reason.CARD_CLOSED,
}


@dataclass
class Card:
    """What the register knows of a card. `day` is the business day of the two counters."""

    status: CardStatus = CardStatus.ACTIVE
    expires_at: int = 1 << 40
    day: int = 0
    spent_minor: int = 0
    count: int = 0


@dataclass
class Exchange:
    """A message that was answered, and what has become of it."""

    seq: int
    operation: Operation
    card: int
    merchant: str
    state: ExchangeState
    day: int
    approved_minor: int = 0
    undone_minor: int = 0
    points: int = 0
    hold_ends_at: int = 0
    postings: list[Posting] = field(default_factory=list)
    original: "Exchange | None" = None


@dataclass
class Answer:
    """Reason (NONE = approved), and the amounts that the reply tells."""

    reason: Reason
    priced: Priced | None = None


class PlainSwitch:
    """One club, its cards and shops, under one programme at a time."""

    def __init__(self, programme: Programme, *, live_from_seq: int, cards: int) -> None:
        self.programme = programme
        self.live_from_lot = live_from_seq * 16
        self.cards = [Card() for _ in range(cards)]
        self.book = PlainBook()
        self.exchanges: list[Exchange] = []

    def go_live(self, programme: Programme, seq: int) -> None:
        """Let a new version decide from here on."""
        self.programme = programme
        self.live_from_lot = seq * 16

    # --- what a card has --------------------------------------------------------------------------

    def purse(self, card: int, now_s: int) -> Purse:
        money = self.book.balance(("card", card, "money")) - self.programme.money_floor_minor
        return Purse(max(0, money), self.book.open_points(("card", card, "points"), now_s))

    def _card_reason(self, card: int, now_s: int) -> Reason:
        found = self.cards[card]
        if found.status in STATUS_REASONS:
            return STATUS_REASONS[found.status]
        return Reason.CARD_EXPIRED if now_s >= found.expires_at else Reason.NONE

    def _limits_reason(self, card: int, amount_minor: int, day: int) -> Reason:
        limits, counted = self.programme.limits, self.cards[card]
        spent, count = (counted.spent_minor, counted.count) if counted.day >= day else (0, 0)
        if limits.transaction_minor_max and amount_minor > limits.transaction_minor_max:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if limits.day_minor_max and spent + amount_minor > limits.day_minor_max:
            return Reason.ABOVE_DAY_AMOUNT
        if limits.day_count_max and count + 1 > limits.day_count_max:
            return Reason.ABOVE_DAY_COUNT
        return Reason.NONE

    # --- requests that the programme decides ------------------------------------------------------

    def authorise(
        self, seq: int, operation: Operation, card: int, place: Place, now_s: int, ask: Ask
    ) -> Answer:
        """A purchase, points payment, load, hold or inquiry."""
        answer, postings, ends_at = self._authorise(seq, operation, card, place, now_s, ask)
        approved = answer.priced is not None
        exchange = self._remember(seq, operation, card, place, approved=approved)
        if answer.priced is not None:
            self._post(exchange, postings)
            exchange.approved_minor = answer.priced.amount_minor
            exchange.points = answer.priced.points
            if ends_at:
                exchange.state = ExchangeState.HELD
                exchange.hold_ends_at = ends_at
            if operation in COUNTED:
                self._count(exchange)
        return answer

    def _authorise(
        self, seq: int, operation: Operation, card: int, place: Place, now_s: int, ask: Ask
    ) -> tuple[Answer, list[Posting], int]:
        inquiry = operation in (Operation.BALANCE, Operation.POINTS_BALANCE)
        reason = Reason.AMOUNT_IS_ZERO if not inquiry and not ask.amount_minor else Reason.NONE
        reason = reason or self._card_reason(card, now_s)
        if not reason and operation not in self.programme.operations:
            reason = Reason.OPERATION_NOT_ALLOWED
        if not reason and operation in COUNTED:
            reason = self._limits_reason(card, ask.amount_minor, place.local_day)
        if reason:
            return Answer(reason), [], 0
        if inquiry:
            return Answer(Reason.NONE, Priced(amount_minor=0)), [], 0
        if operation is Operation.LOAD:
            return (*self._load(card, ask.amount_minor), 0)
        held = {
            Operation.HOLD: self.programme.hold_seconds,
            Operation.PREAUTHORISATION: self.programme.preauthorisation_hold_seconds,
        }.get(operation, 0)
        purse = self.purse(card, now_s)
        if held:
            priced = price_hold(self.programme, ask, purse)
        else:
            priced = price_purchase(self.programme, place, ask, purse)
        if isinstance(priced, Reason):
            return Answer(priced), [], 0
        postings = (
            self._hold_postings(card, now_s, priced)
            if held
            else self._purchase_postings(seq, card, place.merchant, now_s, priced)
        )
        if len(postings) > (HOLD_MOVES_MAX if held else MOVES_MAX):
            return Answer(Reason.TOO_MANY_MOVES), [], 0
        partial = priced.amount_minor < ask.amount_minor
        reason = Reason.PARTIALLY_APPROVED if partial else Reason.NONE
        return Answer(reason, priced), postings, now_s + held if held else 0

    def _load(self, card: int, amount_minor: int) -> tuple[Answer, list[Posting]]:
        limits = self.programme.limits
        has = sum(self.book.balance(("card", card, name)) for name in ("money", "money held"))
        if limits.transaction_minor_max and amount_minor > limits.transaction_minor_max:
            return Answer(Reason.ABOVE_TRANSACTION_LIMIT), []
        if limits.balance_minor_max and has + amount_minor > limits.balance_minor_max:
            return Answer(Reason.ABOVE_BALANCE_LIMIT), []
        postings = [Posting(("club", 0, "float"), ("card", card, "money"), amount_minor)]
        return Answer(Reason.NONE, Priced(amount_minor=amount_minor)), postings

    def _hold_postings(self, card: int, now_s: int, priced: Priced) -> list[Posting]:
        money: Account = ("card", card, "money")
        postings = [Posting(money, ("card", card, "money held"), priced.money_minor)]
        postings += self.book.from_lots(
            ("card", card, "points"), ("card", card, "points held"), priced.points, now_s
        )
        return [posting for posting in postings if posting.amount]

    def _purchase_postings(
        self, seq: int, card: int, merchant: str, now_s: int, priced: Priced
    ) -> list[Posting]:
        shop: Account = ("merchant", 0, merchant)
        points: Account = ("card", card, "points")
        by_club = priced.discount_minor if priced.funder == "C" else 0
        postings = [Posting(("card", card, "money"), shop, priced.money_minor)]
        postings += self.book.from_lots(
            points, ("club", 0, "points redeemed"), priced.points, now_s
        )
        postings += [
            Posting(("club", 0, "points paid"), shop, priced.points_value_minor),
            Posting(("club", 0, "discounts"), shop, by_club),
            Posting(shop, ("club", 0, "fees"), priced.fee_minor),
        ]
        terms = (priced.available_at, priced.expires_at)
        lot = self._joined_lot(card, terms, postings) or seq * 16
        postings.append(Posting(("club", 0, "points issued"), points, priced.earned, lot, *terms))
        return [posting for posting in postings if posting.amount]

    def _joined_lot(self, card: int, terms: tuple[int, int], before: list[Posting]) -> int | None:
        """Give today's lot of the same terms and programme version, if some of it is left."""
        spent = {posting.lot: posting.amount for posting in before if posting.lot}
        for name, lot in self.book.in_order(("card", card, "points")):
            left = lot.remaining - spent.get(name, 0)
            if (lot.available_at, lot.expires_at) == terms and left and name >= self.live_from_lot:
                return name
        return None

    # --- undoing ----------------------------------------------------------------------------------

    def complete(
        self, seq: int, hold: Exchange | None, card: int, place: Place, now_s: int, ask: Ask
    ) -> Answer:
        """Capture a hold: it ends, and the purchase happens, whatever the limits say."""
        answer, postings = self._complete(seq, hold, card, place, now_s, ask)
        exchange = self._remember(
            seq, Operation.COMPLETION, card, place, approved=answer.priced is not None
        )
        if answer.priced is not None:
            assert hold is not None
            hold.state = ExchangeState.CAPTURED
            self._post(exchange, postings)
            exchange.approved_minor = answer.priced.amount_minor
        return answer

    def _complete(
        self, seq: int, hold: Exchange | None, card: int, place: Place, now_s: int, ask: Ask
    ) -> tuple[Answer, list[Posting]]:
        if not ask.amount_minor:
            return Answer(Reason.AMOUNT_IS_ZERO), []
        reason = self._capture_reason(hold, card, now_s, ask.amount_minor)
        if reason or hold is None:
            return Answer(reason), []
        released = self._put_undone(hold, hold.approved_minor)
        limit = ask.points_limit if ask.points_limit is not None else hold.points or None
        ask = ask._replace(points_limit=limit, advice=True)
        priced: Priced | Reason = Reason.OPERATION_NOT_ALLOWED
        if Operation.PURCHASE in self.programme.operations:
            priced = price_purchase(self.programme, place, ask, self.purse(card, now_s))
        if isinstance(priced, Priced):
            postings = self._purchase_postings(seq, card, place.merchant, now_s, priced)
            if len(released) + len(postings) <= MOVES_MAX:
                return Answer(Reason.NONE, priced), postings
            priced = Reason.TOO_MANY_MOVES
        for posting in reversed(released):
            self.book.post(posting.back(posting.amount))
        return Answer(priced), []

    def _capture_reason(
        self, hold: Exchange | None, card: int, now_s: int, amount_minor: int
    ) -> Reason:
        holds = (Operation.HOLD, Operation.PREAUTHORISATION)
        if hold is None or hold.operation not in holds or hold.state is ExchangeState.DECLINED:
            return Reason.ORIGINAL_NOT_FOUND
        if hold.card != card:
            return Reason.ORIGINAL_IS_ANOTHER_CARD
        if hold.state is ExchangeState.CAPTURED:
            return Reason.HOLD_ALREADY_CAPTURED
        ended = hold.state is ExchangeState.HELD and hold.hold_ends_at <= now_s
        if ended or hold.state is ExchangeState.EXPIRED:
            return Reason.HOLD_EXPIRED
        if hold.state is not ExchangeState.HELD:
            return Reason.HOLD_ALREADY_RELEASED
        if amount_minor > hold.approved_minor - hold.undone_minor:
            return Reason.CAPTURE_ABOVE_HOLD
        return Reason.NONE

    def refund(
        self, seq: int, original: Exchange | None, card: int, place: Place, amount_minor: int
    ) -> Answer:
        """Give a part of a purchase back."""
        reason = self._refund_reason(original, card, place.merchant, amount_minor)
        exchange = self._remember(
            seq, Operation.REFUND, card, place, approved=reason is Reason.NONE
        )
        if reason or original is None:
            return Answer(reason)
        exchange.original = original
        exchange.approved_minor = amount_minor
        self._put_undone(original, original.undone_minor + amount_minor)
        original.undone_minor += amount_minor
        return Answer(Reason.NONE, Priced(amount_minor=amount_minor))

    def _refund_reason(
        self, original: Exchange | None, card: int, merchant: str, amount_minor: int
    ) -> Reason:
        if not amount_minor:
            return Reason.AMOUNT_IS_ZERO
        if original is None or original.merchant != merchant:
            return Reason.ORIGINAL_NOT_FOUND
        if original.state is not ExchangeState.DECLINED and original.card != card:
            return Reason.ORIGINAL_IS_ANOTHER_CARD
        if original.state is not ExchangeState.APPROVED or original.operation not in REFUNDABLE:
            return Reason.ORIGINAL_NOT_REFUNDABLE
        if amount_minor > original.approved_minor - original.undone_minor:
            return Reason.REFUND_ABOVE_ORIGINAL
        return Reason.NONE

    def reverse(
        self,
        seq: int,
        original: Exchange | None,
        card: int,
        place: Place,
        remain_minor: int | None = None,
    ) -> Answer:
        """Undo an original down to what remains; NONE and the 7x reasons are all code 00."""
        reason = self._reverse(original, card, remain_minor)
        refused = (
            Reason.ORIGINAL_IS_ANOTHER_CARD,
            Reason.HOLD_ALREADY_CAPTURED,
            Reason.REPLACEMENT_ABOVE_ORIGINAL,
        )
        self._remember(seq, Operation.REVERSAL, card, place, approved=reason not in refused)
        return Answer(reason)

    def _reverse(self, original: Exchange | None, card: int, remain_minor: int | None) -> Reason:
        if original is None:
            return Reason.REVERSED_UNKNOWN_ORIGINAL
        if original.state is ExchangeState.DECLINED:
            return Reason.REVERSED_DECLINED_ORIGINAL
        if original.card != card:
            return Reason.ORIGINAL_IS_ANOTHER_CARD
        if original.state is ExchangeState.CAPTURED:
            return Reason.HOLD_ALREADY_CAPTURED
        if original.state not in (ExchangeState.APPROVED, ExchangeState.HELD):
            return Reason.REVERSED_BEFORE
        if remain_minor is not None and remain_minor > original.approved_minor:
            return Reason.REPLACEMENT_ABOVE_ORIGINAL
        undone = original.approved_minor - (remain_minor or 0)
        reason = Reason.REVERSED_BEFORE
        if undone > original.undone_minor:
            if original.operation is Operation.REFUND:
                purchase = original.original
                assert purchase is not None
                if purchase.state is not ExchangeState.APPROVED:
                    return Reason.REVERSED_BEFORE
                stands_again = undone - original.undone_minor
                self._put_undone(purchase, purchase.undone_minor - stands_again)
                purchase.undone_minor -= stands_again
            else:
                self._put_undone(original, undone)
            self._give_limits_back(original, undone)
            original.undone_minor = undone
            reason = Reason.NONE
        if original.undone_minor == original.approved_minor:
            held = original.state is ExchangeState.HELD
            original.state = ExchangeState.RELEASED if held else ExchangeState.REVERSED
        return reason

    def expire_holds(self, now_s: int) -> int:
        """Let the clock end what is due; gives how many holds that were."""
        due = [
            exchange
            for exchange in self.exchanges
            if exchange.state is ExchangeState.HELD and exchange.hold_ends_at <= now_s
        ]
        for hold in due:
            self._put_undone(hold, hold.approved_minor)
            hold.undone_minor = hold.approved_minor
            hold.state = ExchangeState.EXPIRED
        return len(due)

    def _put_undone(self, exchange: Exchange, undone: int) -> list[Posting]:
        """Post what it takes for `undone` of it to be undone; the caller writes the number down."""
        posted = []
        for posting in exchange.postings:
            before = _share(posting, exchange.undone_minor, exchange.approved_minor)
            after = _share(posting, undone, exchange.approved_minor)
            if after != before:
                change = posting.back(after - before)
                if after < before:
                    change = posting._replace(amount=before - after)
                self.book.post(change)
                posted.append(change)
        return posted

    # --- what is remembered -----------------------------------------------------------------------

    def _remember(
        self, seq: int, operation: Operation, card: int, place: Place, *, approved: bool
    ) -> Exchange:
        state = ExchangeState.APPROVED if approved else ExchangeState.DECLINED
        exchange = Exchange(seq, operation, card, place.merchant, state, place.local_day)
        self.exchanges.append(exchange)
        return exchange

    def decline(self, seq: int, operation: Operation, card: int, place: Place) -> None:
        """Remember a message that was declined before anything else was looked at."""
        self._remember(seq, operation, card, place, approved=False)

    def _post(self, exchange: Exchange, postings: list[Posting]) -> None:
        for posting in postings:
            self.book.post(posting)
        exchange.postings = postings

    def _count(self, exchange: Exchange) -> None:
        card = self.cards[exchange.card]
        if card.day < exchange.day:
            card.day, card.spent_minor, card.count = exchange.day, 0, 0
        card.spent_minor += exchange.approved_minor
        card.count += 1

    def _give_limits_back(self, original: Exchange, undone: int) -> None:
        card = self.cards[original.card]
        if original.operation in COUNTED and card.day == original.day:
            card.spent_minor -= undone - original.undone_minor
            card.count -= undone == original.approved_minor


def _share(posting: Posting, undone_minor: int, approved_minor: int) -> int:
    """Give what is undone of a posting: earned points rounded up, all else rounded down."""
    if posting.source[2] == "points issued":
        return -(-posting.amount * undone_minor // approved_minor)
    return posting.amount * undone_minor // approved_minor
