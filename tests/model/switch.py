"""The switch in plain Python: what every message does to cards, shops and the club.

Owns exchanges, holds, undoing and limits; what one entry does is `tests.model.entry`. Elements,
times and keys of the wire are the caller's business: it hands in the original that a message names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from switch.reasons import Reason
from tests.model.book import Account, PlainBook, Posting
from tests.model.credit import inquire_debt, repay, settle
from tests.model.entry import Entry, Used
from tests.model.late import Holidays
from tests.model.membership import renew
from tests.model.pricing import Ask, Place, Priced
from tests.model.undoing import undone_of
from tests.model.vouchers import PlainVouchers

MOVES_MAX = 512
HOLD_MOVES_MAX = 253
REFUNDABLE = (Operation.PURCHASE, Operation.POINTS_PAYMENT, Operation.COMPLETION)
COUNTED = (
    Operation.PURCHASE,
    Operation.POINTS_PAYMENT,
    Operation.HOLD,
    Operation.PREAUTHORISATION,
)
INQUIRIES = (Operation.BALANCE, Operation.POINTS_BALANCE)
PAYING_BACK = (Operation.REPAYMENT, Operation.SETTLEMENT, Operation.DEBT_INQUIRY)
PAID_LATER = (Operation.PURCHASE, Operation.WITHDRAWAL)
WITHOUT_AMOUNT = (
    Operation.RENEWAL,
    Operation.ITEM_REGISTRATION,
    Operation.ITEM_INQUIRY,
    Operation.ITEM_CLAIM,
    Operation.DEBT_INQUIRY,
    Operation.VOUCHER_REDEMPTION,
)
OTHERS: dict[Operation, Callable[[Entry, Ask], Priced | Reason]] = {
    Operation.BALANCE: lambda entry, _ask: entry.inquire(),
    Operation.POINTS_BALANCE: lambda entry, _ask: entry.inquire(),
    Operation.LOAD: Entry.load,
    Operation.ACTIVATION: Entry.activate,
    Operation.WITHDRAWAL: Entry.withdraw,
    Operation.RENEWAL: lambda entry, _ask: renew(entry),
    Operation.ITEM_REGISTRATION: lambda entry, ask: entry.item(ask, "register"),
    Operation.ITEM_INQUIRY: lambda entry, ask: entry.item(ask, "inquire"),
    Operation.ITEM_CLAIM: lambda entry, ask: entry.item(ask, "claim"),
    Operation.REPAYMENT: repay,
    Operation.SETTLEMENT: settle,
    Operation.DEBT_INQUIRY: lambda entry, _ask: inquire_debt(entry),
}
STATUS_REASONS = {
    CardStatus.LOST: Reason.CARD_LOST,
    CardStatus.STOLEN: Reason.CARD_STOLEN,
    CardStatus.BLOCKED: Reason.CARD_BLOCKED,
    CardStatus.CLOSED: Reason.CARD_CLOSED,
}


@dataclass
class Card:
    """What the register knows of a card. `day` is the business day of the two counters."""

    programme: int = 1
    linked: int | None = None
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
    at_s: int = 0
    hold_ends_at: int = 0
    postings: list[Posting] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # of being late
    original: "Exchange | None" = None


@dataclass
class Answer:
    """Reason (NONE = approved), and the amounts that the reply tells.

    `debt_minor`: what would have ended the debt, of a settlement with another amount, and
    `rebate_minor` what that is without.
    """

    reason: Reason
    priced: Priced | None = None
    debt_minor: int = 0
    rebate_minor: int = 0
    bound: str = ""  # the cap or budget for which it was declined


class PlainSwitch:
    """A club, its programmes, cards and shops."""

    def __init__(
        self,
        programme: Programme,
        *,
        live_from_seq: int,
        cards: int,
        earlier: Sequence[tuple[Programme, int]] = (),
    ) -> None:
        """Begin with cards of a programme; `earlier`: those that went live before it, and when."""
        self.programmes: dict[int, Programme] = {}
        self.lived: dict[int, list[Programme]] = {}  # all versions, the first one first
        self._live_from_lot: dict[int, int] = {}
        self.accounts: dict[int, list[str]] = {}
        self.cards: list[Card] = []
        self.book = PlainBook(self._keeps_lots)
        self.vouchers = PlainVouchers(self.book, self.programmes, self._card_reason)
        self.exchanges: list[Exchange] = []
        self.holidays = Holidays()  # of the club
        for definition, seq in earlier:
            self.go_live(definition, seq)
        self.go_live(programme, live_from_seq)
        for _ in range(cards):
            self.add_card(programme.programme)

    def add_card(self, programme: int, *, expires_at: int = 1 << 40) -> None:
        """A new card; its credit goes as far as its programme says now."""
        self.cards.append(Card(programme, expires_at=expires_at))
        card = len(self.cards) - 1
        self._set_floors(card)
        credit = self.programmes[programme].credit
        if credit is not None:
            self.book.floors["card", card, credit.wallet] = -credit.limit_minor

    def set_limit(self, card: int, limit_minor: int) -> bool:
        """Let one card's credit go so far; False: its programme gives none."""
        credit = self.programmes[self.cards[card].programme].credit
        if credit is not None:
            self.book.floors["card", card, credit.wallet] = -limit_minor
        return credit is not None

    def _set_floors(self, card: int) -> None:
        """The purse may be another in each version; a card's credit is its own."""
        definition = self.programmes[self.cards[card].programme]
        credit = definition.credit.wallet if definition.credit is not None else ""
        for wallet in definition.wallets:
            if wallet.name != credit:
                is_purse = wallet.name == definition.loaded()
                floor = definition.money_floor_minor if is_purse else 0
                self.book.floors["card", card, wallet.name] = floor

    @property
    def programme(self) -> Programme:
        return self.programmes[self.cards[0].programme]

    def go_live(self, programme: Programme, seq: int) -> None:
        """Let a new version decide from here on; new counters take spare accounts."""
        number = programme.programme
        self.programmes[number] = programme
        self.lived.setdefault(number, []).append(programme)
        self._live_from_lot[number] = seq * 16
        if number not in self.accounts:
            held = [(wallet.name, f"{wallet.name} held") for wallet in programme.wallets]
            wallets = [
                name
                for wallet, names in zip(programme.wallets, held, strict=True)
                for name in names[: 1 + wallet.held]
            ]
            spare = [""] * programme.spare_counters
            self.accounts[number] = [*wallets, *programme.counters(), *spare]
        for name in programme.counters():
            if name not in self.accounts[number]:
                self.accounts[number][self.accounts[number].index("")] = name
        for card, found in enumerate(self.cards):
            if found.programme == number:
                self._set_floors(card)

    def _keeps_lots(self, account: Account) -> bool:
        """Counters do, and wallets whose programme says so; clubs and shops never."""
        if account[0] == "budget":
            return True
        if account[0] != "card":
            return False
        wallets = self.programmes[self.cards[account[1]].programme].wallets
        name = account[2].removesuffix(" held")
        return all(wallet.dated for wallet in wallets if wallet.name == name)

    # --- what a card has --------------------------------------------------------------------------

    def entry(
        self, seq: int, card: int, place: Place, now_s: int, held_s: int | None = None
    ) -> Entry:
        found = self.cards[card]
        return Entry(
            self.book,
            self.programmes[found.programme],
            card=card,
            linked=found.linked,
            place=place,
            now_s=now_s,
            seq=seq,
            live_from_lot=self._live_from_lot[found.programme],
            holidays=self.holidays,
            held_s=held_s,
        )

    def _card_reason(self, card: int, now_s: int) -> Reason:
        found = self.cards[card]
        if found.status in STATUS_REASONS:
            return STATUS_REASONS[found.status]
        return Reason.CARD_EXPIRED if now_s >= found.expires_at else Reason.NONE

    def _used(self, card: int, day: int) -> Used:
        found = self.cards[card]
        return Used(found.spent_minor, found.count) if found.day >= day else Used()

    # --- requests that the programme decides ------------------------------------------------------

    def authorise(
        self, seq: int, operation: Operation, card: int, place: Place, now_s: int, ask: Ask
    ) -> Answer:
        """Whatever a programme decides."""
        entry = self.entry(seq, card, place, now_s)
        priced = self._authorise(entry, operation, ask)
        seconds = self._hold_seconds(entry.programme, operation)
        if isinstance(priced, Priced) and len(entry.postings) > (
            HOLD_MOVES_MAX if seconds else MOVES_MAX
        ):
            priced = Reason.TOO_MANY_MOVES
        if isinstance(priced, Reason):
            entry.cancel()
            self._remember(seq, operation, card, place, now_s, approved=False)
            another = priced is Reason.SETTLEMENT_IS_ANOTHER
            owed, rebate = (entry.debts.owed(), entry.debts.rebate()) if another else (0, 0)
            return Answer(priced, bound=entry.bound, debt_minor=owed, rebate_minor=rebate)
        exchange = self._remember(seq, operation, card, place, now_s, approved=True)
        exchange.postings = entry.postings
        exchange.seen = entry.debts.late.seen
        if operation not in WITHOUT_AMOUNT:
            exchange.approved_minor = priced.amount_minor
        exchange.points = priced.points
        if seconds:
            exchange.state = ExchangeState.HELD
            exchange.hold_ends_at = now_s + seconds
        if operation in COUNTED:
            self._count(exchange)
        bought = operation not in (*INQUIRIES, *WITHOUT_AMOUNT)
        partial = bought and priced.amount_minor < ask.amount_minor
        return Answer(Reason.PARTIALLY_APPROVED if partial else Reason.NONE, priced)

    def _hold_seconds(self, programme: Programme, operation: Operation) -> int:
        return {
            Operation.HOLD: programme.hold_seconds,
            Operation.PREAUTHORISATION: programme.preauthorisation_hold_seconds,
        }.get(operation, 0)

    def _authorise(self, entry: Entry, operation: Operation, ask: Ask) -> Priced | Reason:
        if operation not in (*INQUIRIES, *WITHOUT_AMOUNT) and not ask.amount_minor:
            return Reason.AMOUNT_IS_ZERO
        reason = self._card_reason(entry.card, entry.now_s)
        if reason is Reason.CARD_EXPIRED and operation in PAYING_BACK:
            reason = Reason.NONE  # what is owed outlives the card
        if not reason and operation not in entry.programme.operations:
            reason = Reason.OPERATION_NOT_ALLOWED
        if reason:
            return reason
        if ask.terms and entry.programme.credit is None and operation in PAID_LATER:
            return Reason.INSTALMENTS_REFUSED  # it would be paid at once: nobody agreed to that
        level = entry.level()
        if operation is Operation.VOUCHER_REDEMPTION:
            priced = self.vouchers.redeem(entry, ask)
        elif operation is Operation.ACTIVATION and entry.programme.stock is not None:
            priced = self.vouchers.sell(entry, ask)
        elif operation in OTHERS:
            priced = OTHERS[operation](entry, ask)
        else:
            used = self._used(entry.card, entry.place.local_day)
            reason = entry.may_pay(ask.amount_minor, used)
            if reason:
                return reason
            held = operation in (Operation.HOLD, Operation.PREAUTHORISATION)
            priced = entry.hold(ask) if held else entry.purchase(ask)
        return priced._replace(level=level) if isinstance(priced, Priced) else priced

    def wants_digest(self, card: int, place: Place, now_s: int, ask: Ask) -> bool:
        """Say whether the HSM is asked what voucher's PIN was typed."""
        entry = self.entry(0, card, place, now_s)
        refused = (
            self._card_reason(card, now_s)
            or Operation.VOUCHER_REDEMPTION not in entry.programme.operations
            or self.vouchers.unseen(entry, ask)
        )
        return not refused

    # --- undoing ----------------------------------------------------------------------------------

    def complete(
        self, seq: int, hold: Exchange | None, card: int, place: Place, now_s: int, ask: Ask
    ) -> Answer:
        """Capture a hold: it ends, and the purchase happens, whatever the limits say."""
        priced, postings = self._complete(seq, hold, card, place, now_s, ask)
        approved = isinstance(priced, Priced)
        exchange = self._remember(seq, Operation.COMPLETION, card, place, now_s, approved=approved)
        if isinstance(priced, Reason):
            return Answer(priced)
        assert hold is not None
        hold.state = ExchangeState.CAPTURED
        exchange.postings = postings
        exchange.approved_minor = priced.amount_minor
        return Answer(Reason.NONE, priced)

    def _complete(
        self, seq: int, hold: Exchange | None, card: int, place: Place, now_s: int, ask: Ask
    ) -> tuple[Priced | Reason, list[Posting]]:
        if not ask.amount_minor:
            return Reason.AMOUNT_IS_ZERO, []
        reason = self._capture_reason(hold, card, now_s, ask.amount_minor)
        if reason or hold is None:
            return reason, []
        released = self._put_undone(hold, hold.approved_minor)
        limit = ask.points_limit if ask.points_limit is not None else hold.points or None
        ask = ask._replace(points_limit=limit, advice=True)
        entry = self.entry(seq, card, place, now_s, held_s=hold.at_s)
        priced: Priced | Reason = Reason.OPERATION_NOT_ALLOWED
        if Operation.PURCHASE in entry.programme.operations:
            level = entry.level()
            priced = entry.purchase(ask)
            if isinstance(priced, Priced):
                priced = priced._replace(level=level)
        if len(released) + len(entry.postings) > MOVES_MAX:
            priced = Reason.TOO_MANY_MOVES
        if isinstance(priced, Reason):
            entry.cancel()
            for posting in reversed(released):
                self.book.post(posting.back(posting.amount))
        return priced, entry.postings

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
        self,
        seq: int,
        original: Exchange | None,
        card: int,
        place: Place,
        amount_minor: int,
    ) -> Answer:
        """Give a part of a purchase back."""
        reason = self._refund_reason(original, card, place.merchant, amount_minor)
        exchange = self._remember(
            seq, Operation.REFUND, card, place, 0, approved=reason is Reason.NONE
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
        now_s: int,
        remain_minor: int | None = None,
    ) -> Answer:
        """Undo an original down to what remains; NONE and the 7x reasons are all code 00."""
        entry = self.entry(seq, card, place, now_s)
        reason = self._reverse(entry, original, remain_minor)
        refused = (
            Reason.VOUCHER_PRICE_IS_ANOTHER,
            Reason.VOUCHER_REDEEMED,
            Reason.INSUFFICIENT_FUNDS,
            Reason.INSUFFICIENT_POINTS,
            Reason.ORIGINAL_IS_ANOTHER_CARD,
            Reason.HOLD_ALREADY_CAPTURED,
            Reason.REPLACEMENT_ABOVE_ORIGINAL,
        )
        self._remember(seq, Operation.REVERSAL, card, place, 0, approved=reason not in refused)
        return Answer(reason)

    def _reverse(self, entry: Entry, original: Exchange | None, remain_minor: int | None) -> Reason:
        if original is None:
            return Reason.REVERSED_UNKNOWN_ORIGINAL
        if original.state is ExchangeState.DECLINED:
            return Reason.REVERSED_DECLINED_ORIGINAL
        if original.card != entry.card:
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
                kept = self.vouchers.may_undo(
                    entry, original.operation, original.postings, remain_minor or 0
                )
                if kept:
                    return kept
                self._put_undone(original, undone)
                self.vouchers.undone(original.operation, original.postings)
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
        before = undone_of(exchange.postings, exchange.undone_minor, exchange.approved_minor)
        after = undone_of(exchange.postings, undone, exchange.approved_minor)
        for posting, was, will_be in zip(exchange.postings, before, after, strict=True):
            if will_be != was:
                change = posting.back(will_be - was)
                if will_be < was:
                    change = posting._replace(amount=was - will_be)
                self.book.post(change)
                posted.append(change)
        return posted

    # --- what is remembered -----------------------------------------------------------------------

    def _remember(
        self,
        seq: int,
        operation: Operation,
        card: int,
        place: Place,
        now_s: int,
        *,
        approved: bool,
    ) -> Exchange:
        state = ExchangeState.APPROVED if approved else ExchangeState.DECLINED
        exchange = Exchange(
            seq, operation, card, place.merchant, state, place.local_day, at_s=now_s
        )
        exchange.approved_minor = int(operation in WITHOUT_AMOUNT)
        self.exchanges.append(exchange)
        return exchange

    def decline(self, seq: int, operation: Operation, card: int, place: Place) -> None:
        """Remember a message that was declined before anything else was looked at."""
        self._remember(seq, operation, card, place, 0, approved=False)

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
