"""Vouchers in plain Python: whose PIN is whose, what each is good for, and what a guesser is told.

Owns PINs and tries. A voucher is a card: its sale is an activation, its value is in its wallets.
No digest is made here: a PIN is what it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from switch.operations import Operation
from switch.programme import Programme
from switch.reasons import Reason
from tests.model.book import Account, PlainBook, Posting
from tests.model.endings import ends_at
from tests.model.entry import ISSUED, POINTS_PAID, Entry
from tests.model.moves import FLOAT
from tests.model.owed import COUNTS
from tests.model.pricing import Ask, Priced

MISTYPED = "mistyped"  # what an HSM cannot take for a PIN


@dataclass
class Voucher:
    """What it was loaded as, and which card has got its value."""

    programme: int
    price_minor: int
    points: int
    redeemed_by: int | None = None


class Tries(NamedTuple):
    """Wrong PINs on a business day."""

    day: int = 0
    wrong: int = 0


class PlainVouchers:
    """The vouchers of a switch, by card and by PIN; `of_card_tries` and `at_terminal` are tries."""

    def __init__(
        self,
        book: PlainBook,
        programmes: Mapping[int, Programme],
        card_reason: Callable[[int, int], Reason],
    ) -> None:
        """`card_reason`: why a card is none at a second, or NONE."""
        self._book, self._programmes, self._card_reason = book, programmes, card_reason
        self.of_card: dict[int, Voucher] = {}
        self._cards: dict[str, int] = {}
        self.of_card_tries: dict[int, Tries] = {}
        self.at_terminal: dict[str, Tries] = {}

    def load(self, card: int, pin: str, voucher: Voucher) -> None:
        """Let a card be a voucher."""
        assert pin not in self._cards, "a PIN belongs to one voucher"
        self.of_card[card], self._cards[pin] = voucher, card

    def card_of(self, pin: str) -> int | None:
        return self._cards.get(pin)

    # --- what it is good for ----------------------------------------------------------------------

    def value(self, card: int, now_s: int) -> Iterator[tuple[str, Account, int]]:
        """Give the unit, account and amount of what a voucher has now."""
        for wallet in self._programmes[self.of_card[card].programme].wallets:
            account: Account = ("card", card, wallet.name)
            amount = self._book.spendable(account, now_s)
            if amount:
                yield wallet.unit, account, amount

    def faults(self, card: int, taken: int, now_s: int) -> frozenset[str]:
        """Everything for which a voucher gives nothing to cards that take those of a programme."""
        voucher, found = self.of_card[card], set()
        if voucher.programme != taken:
            found.add("of another programme")
        reason = self._card_reason(card, now_s)
        if reason:
            found.add("expired" if reason is Reason.CARD_EXPIRED else "void")
        if voucher.redeemed_by is not None:
            found.add("redeemed")
        sales = [lot for _, lot in self._book.in_order(("card", card, "activated"))]
        if not sales:
            found.add("not sold")
        elif not any(lot.is_open(now_s) for lot in sales):
            found.add("expired")
        return frozenset(found)

    # --- trying -----------------------------------------------------------------------------------

    def tries_left(self, entry: Entry, terminal: str) -> tuple[int, int]:
        """Give how many wrong PINs the card, and the terminal, may still show today."""
        taken, day = entry.programme.vouchers, entry.place.local_day
        assert taken is not None
        tries = self.of_card_tries.get(entry.card, Tries()), self.at_terminal.get(terminal, Tries())
        of_card, at_terminal = (found.wrong if found.day >= day else 0 for found in tries)
        return taken.tries_max - of_card, taken.terminal_tries_max - at_terminal

    def unseen(self, entry: Entry, ask: Ask) -> Reason:
        """Say why a PIN is not even looked at; NONE: the HSM is asked."""
        if entry.programme.vouchers is None:
            return Reason.OPERATION_NOT_ALLOWED
        if min(self.tries_left(entry, ask.terminal)) < 1:
            return Reason.VOUCHER_TRIES_EXCEEDED
        return Reason.NONE if ask.pin else Reason.VOUCHER_UNREADABLE

    def forgive(self, card: int) -> None:
        """Count a card's wrong PINs anew; a terminal's stay."""
        tries = self.of_card_tries.get(card, Tries())
        self.of_card_tries[card] = tries._replace(wrong=0)

    def _count(self, entry: Entry, terminal: str) -> None:
        day = entry.place.local_day
        self.of_card_tries[entry.card] = _one_more(self.of_card_tries.get(entry.card), day)
        self.at_terminal[terminal] = _one_more(self.at_terminal.get(terminal), day)

    # --- redeeming --------------------------------------------------------------------------------

    def redeem(self, entry: Entry, ask: Ask) -> Priced | Reason:
        """A PIN is typed: one answer for whatever is wrong with it, and one try less.

        Who has redeemed it is told so, which is no try. A right PIN gives no new ones.
        """
        reason = self.unseen(entry, ask)
        if reason:
            return reason
        if ask.pin == MISTYPED:
            return Reason.VOUCHER_UNREADABLE
        assert entry.programme.vouchers is not None
        card = self.card_of(ask.pin)
        if card is not None and self.of_card[card].redeemed_by == entry.card:
            return Reason.VOUCHER_REDEEMED
        if card is None or self.faults(card, entry.programme.vouchers.programme, entry.now_s):
            self._count(entry, ask.terminal)
            return Reason.VOUCHER_REFUSED
        priced = self._enter(entry, card)
        if isinstance(priced, Priced):
            self.of_card[card].redeemed_by = entry.card
        return priced

    def _enter(self, entry: Entry, card: int) -> Priced | Reason:
        """All that it is worth enters the card, which has to be valid. It earns and counts nothing.

        Into a dated wallet by way of the club, as a lot that ends so long from now.
        """
        taken = entry.programme.vouchers
        assert taken is not None
        reason = entry.not_valid(member=True)
        if reason:
            return reason
        ends = ends_at(taken.ends, entry.place.local_day, entry.place.utc_offset_s)
        worth = {"money": 0, "points": 0}
        for unit, source, amount in list(self.value(card, entry.now_s)):
            name, club = (taken.money, FLOAT) if unit == "money" else (taken.points, ISSUED)
            if not name:
                return Reason.OPERATION_NOT_ALLOWED
            if unit == "money" and entry.above_balance(name, amount):
                return Reason.ABOVE_BALANCE_LIMIT
            wallet = entry.wallet(name)
            dated = self._book.keeps_lots(wallet)
            target = club if dated else wallet
            for posting in self._book.spend(source, target, amount, entry.now_s):
                entry.post(posting)
            if dated:
                entry.put(amount, club, wallet, (0, ends))
            worth[unit] = amount
        return Priced(0, voucher_minor=worth["money"], voucher_points=worth["points"])

    # --- selling, undoing -------------------------------------------------------------------------

    def sell(self, entry: Entry, ask: Ask) -> Priced | Reason:
        """A till sells a voucher once, for its price; of one of points the club gets that."""
        activation, stock = entry.programme.activation, entry.programme.stock
        assert activation is not None
        assert stock is not None
        voucher = self.of_card[entry.card]
        if self._book.in_order(entry.wallet("activated")):
            return Reason.CARD_ALREADY_ACTIVATED
        if ask.amount_minor != voucher.price_minor:
            return Reason.VOUCHER_PRICE_IS_ANOTHER
        ends = ends_at(activation.ends, entry.place.local_day, entry.place.utc_offset_s)
        entry.put(1, COUNTS, entry.wallet("activated"), (0, ends), any_version=True)
        if voucher.points:
            entry.post(Posting(entry.shop, POINTS_PAID, voucher.price_minor))
            entry.put(voucher.points, ISSUED, entry.wallet(stock.points), (0, ends))
        else:
            entry.put(voucher.price_minor, entry.shop, entry.wallet(activation.wallet), (0, ends))
        return Priced(ask.amount_minor, until_s=ends, voucher_points=voucher.points)

    def may_undo(
        self, entry: Entry, operation: Operation, postings: Sequence[Posting], remain_minor: int
    ) -> Reason:
        """What was used stays used: of a card that owes the PIN would be worth its value again.

        A sale or a redemption is undone wholly, and while all of it is still there to be spent.
        """
        is_sale = operation is Operation.ACTIVATION and entry.card in self.of_card
        if operation is not Operation.VOUCHER_REDEMPTION and not is_sale:
            return Reason.NONE
        if remain_minor:
            return Reason.VOUCHER_PRICE_IS_ANOTHER
        for posting in postings:
            if posting.target[:2] != ("card", entry.card) or self._is_there(posting, entry.now_s):
                continue
            if is_sale:
                return Reason.VOUCHER_REDEEMED
            units = {wallet.name: wallet.unit for wallet in entry.programme.wallets}
            of_points = units[posting.target[2]] == "points"
            return Reason.INSUFFICIENT_POINTS if of_points else Reason.INSUFFICIENT_FUNDS
        return Reason.NONE

    def _is_there(self, posting: Posting, now_s: int) -> bool:
        """Say whether what a posting has given can be spent from where it has entered."""
        account = posting.target
        if self._book.spendable(account, now_s) < posting.amount:
            return False
        if not self._book.keeps_lots(account):
            return True
        lots = self._book.in_order(account)
        return any(
            name == posting.lot and lot.is_open(now_s) and lot.remaining >= posting.amount
            for name, lot in lots
        )

    def undone(self, operation: Operation, postings: Sequence[Posting]) -> None:
        """What is undone of a redemption is the voucher's again, for whoever has the PIN."""
        if operation is Operation.VOUCHER_REDEMPTION:
            self.of_card[postings[0].source[1]].redeemed_by = None


def _one_more(tries: Tries | None, day: int) -> Tries:
    return Tries(day, tries.wrong + 1) if tries is not None and tries.day >= day else Tries(day, 1)
