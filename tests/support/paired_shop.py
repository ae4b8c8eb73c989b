"""A shop and its plain model, side by side: each step is taken by both, and both say the same.

Owns messages, and counts what they reach; time and versions are `tests.support.paired_club`.
Chance is the caller's; what is always true of the two is `tests.support.paired_checks`.
"""

from typing import NamedTuple

from switch.iso8583 import Message
from switch.operations import ExchangeState, Operation
from switch.programme import Programme
from switch.reasons import RESPONSE_CODES, Reason
from tests.model.late import LATE_CHARGES
from tests.model.pricing import Ask, Priced, holds, price_purchase
from tests.model.switch import (
    INQUIRIES,
    WITHOUT_AMOUNT,
    Answer,
    Exchange,
)
from tests.support.paired_checks import balances, check_limits, check_told
from tests.support.paired_club import FIRST_VOUCHER, MEMBER, MEMBER_PAN, SHOPS, PairedClub
from tests.support.shop import (
    NAMES,
    PANS,
    TEHRAN_S,
    Said,
)
from tests.support.voucher_shop import number_of

DIALECTS = {"T0000001": "binary", "T0000003": "ascii"}
AMOUNT_MAX = 10**12 - 1
HOLDS = (Operation.HOLD, Operation.PREAUTHORISATION)
PAYING = (Operation.PURCHASE, Operation.POINTS_PAYMENT, *HOLDS)
CODES = {
    Operation.PURCHASE: "000000",
    Operation.HOLD: "000000",
    Operation.PREAUTHORISATION: "000000",
    Operation.POINTS_PAYMENT: "006000",
    Operation.WITHDRAWAL: "010000",
    Operation.LOAD: "210000",
    Operation.REPAYMENT: "213000",
    Operation.BALANCE: "310000",
    Operation.POINTS_BALANCE: "316000",
    Operation.ACTIVATION: "720000",
    Operation.RENEWAL: "900000",
    Operation.DEBT_INQUIRY: "910000",
    Operation.SETTLEMENT: "910000",
    Operation.ITEM_REGISTRATION: "920000",
    Operation.ITEM_INQUIRY: "930000",
    Operation.ITEM_CLAIM: "940000",
}
AUTHORISATIONS = (*INQUIRIES, *HOLDS, Operation.DEBT_INQUIRY)
ITEM_OPERATIONS = (Operation.ITEM_REGISTRATION, Operation.ITEM_INQUIRY, Operation.ITEM_CLAIM)
FIRST_ITEM = 1 << 62


class Past(NamedTuple):
    """A message that has been answered, and what the model made of it.

    `wallets`: how many paid, points among them. `version`: of the programme that decided it.
    """

    message: Message
    said: Said
    exchange: Exchange
    terminal: str
    wallets: int
    version: int

    @property
    def operation(self) -> str:
        return self.exchange.operation.name.lower()


def pan_of(card: int) -> str:
    if card >= FIRST_VOUCHER:
        return number_of(card)
    return MEMBER_PAN if card == MEMBER else PANS[card]


def wallets_of(priced: Priced | None) -> int:
    """Give how many wallets pay, points among them."""
    if priced is None:
        return 0
    return sum(part > 0 for part in priced.parts) + (priced.points > 0)


class PairedShop(PairedClub):
    """Cards, shops and products, and what has been said to them."""

    def __init__(
        self, programme: Programme, *, activated: bool, renewed: bool, slices: int = 4
    ) -> None:
        """Open it; `slices` of clock work are done before anything is said."""
        super().__init__(programme)
        self.past: list[Past] = []
        self.keep_house(slices)
        for card in (0, 1, 2):
            if activated:
                self.say(Operation.ACTIVATION, 80_000, card)
            if renewed:
                self.say(Operation.RENEWAL, 0, card)
            self.say(Operation.LOAD, 450_000, card)

    # --- saying -----------------------------------------------------------------------------------

    def ask(
        self, message: Message, terminal: str, card: int, answer: Answer, before: object
    ) -> Said:
        """Send a message; the model has said already what the answer is."""
        said = self.send(message, terminal)
        self.compare(message, said, terminal, card, answer, before)
        return said

    def send(self, message: Message, terminal: str) -> Said:
        """Send a message; what it needs of the journal is there."""
        said = self.shop.ask(message, dialect=DIALECTS[terminal])
        while said.recall is not None and said.recall[0] == "seq":
            self.remember([said.recall[1]])
            said = self.shop.ask(message, dialect=DIALECTS[terminal])
        assert said.status == "at_seq", said
        return said

    def compare(
        self,
        message: Message,
        said: Said,
        terminal: str,
        card: int,
        answer: Answer,
        before: object,
    ) -> None:
        """The answer is the model's; what is refused has changed nothing."""
        assert (said.code, said.reason) == (
            str(RESPONSE_CODES[answer.reason]),
            NAMES[answer.reason],
        ), said.elements
        if said.code not in ("00", "10"):
            assert self.shop.state() == before, "a refused message has changed something"
        version = self.model.programmes[self.model.cards[card].programme].version
        exchange = self.model.exchanges[-1]
        wallets = wallets_of(answer.priced)
        self.past.append(Past(message, said, exchange, terminal, wallets, version))

    def say(
        self,
        operation: Operation,
        amount_minor: int,
        card: int,
        terminal: str = "T0000001",
        *,
        points_limit: int | None = None,
        partial_ok: bool = False,
        item: int | None = None,
        terms: int = 0,
    ) -> None:
        """A request that the programme decides."""
        extra: dict[int | str, str | None] = {}
        if points_limit is not None:
            extra["48.PR"] = str(points_limit)
        if partial_ok:
            extra["48.PA"] = "1"
        if operation is Operation.PREAUTHORISATION:
            extra[25] = "06"
        if item is not None:
            extra["48.SN"] = f"SERIAL-{item}"
        if terms:
            extra["48.IN"] = str(terms)
        if operation in (*INQUIRIES, *WITHOUT_AMOUNT):
            extra |= {4: None, 49: None}
        message = self.shop.message(
            "0100" if operation in AUTHORISATIONS else "0200",
            CODES[operation],
            amount_minor,
            card=pan_of(card),
            terminal=terminal,
            extra=extra,
        )
        before, had = self.shop.state(), balances(self.shop.core)
        only_points = operation is Operation.POINTS_PAYMENT
        name = 0 if item is None else FIRST_ITEM + item
        ask = Ask(amount_minor, points_limit, only_points, partial_ok, item=name, terms=terms)
        answer = self.model.authorise(
            self.next_seq, operation, card, self.place(terminal), self.shop.now_s, ask
        )
        said = self.ask(message, terminal, card, answer, before)
        check_told(self.model, said, answer, card, self.place("T0000001"), self.shop.now_s)
        check_limits(self.shop.core, had)
        outcome = answer.reason.name.lower() if answer.reason else "approved"
        self.note(operation.name.lower(), outcome, wallets_of(answer.priced))
        self._note_lots(self.model.exchanges[-1])
        for what in self.model.exchanges[-1].seen:
            self.note_then(f"late, by a {operation.name.lower()}", what)
        if answer.priced and self.shop.now_s >= self.model.cards[card].expires_at:
            self.note_then(operation.name.lower(), "approved, of a card that has expired")
        if operation is Operation.DEBT_INQUIRY and answer.priced is not None:
            self._note_due(card, answer.priced.due_minor)

    def _note_due(self, card: int, due_minor: int) -> None:
        """Count a credit of a later due day that lowers what is due now."""
        for name in ("due", "due fee"):
            lots = self.model.book.in_order(("card", card, name))
            ends = [lot.expires_at for _, lot in lots if lot.remaining > 0]
            credits_ = [lot.expires_at for _, lot in lots if lot.remaining < 0]
            if due_minor and ends and credits_ and ends[0] < credits_[0]:
                self.note("debt", "a credit of a later day lowers what is due")

    def settle(self, card: int, beside: int = 0, terminal: str = "T0000001") -> None:
        """End a card's debt with what that takes, or with a little more or less."""
        entry = self.model.entry(0, card, self.place(terminal), self.shop.now_s)
        owed, rebate = entry.debts.owed(), entry.debts.rebate()
        could_give_back = entry.debts.could_give_back()
        self.say(Operation.SETTLEMENT, min(max(owed + beside, 0), AMOUNT_MAX), card, terminal)
        if self.past[-1].said.code == "00" and could_give_back:
            self.note_then("rebate", "given" if rebate else "not given to who is late")

    def _note_lots(self, exchange: Exchange) -> None:
        """Count what versions and debts lead to."""
        for posting in exchange.postings:
            account, lot, ends = posting.target, posting.lot, posting.expires_at
            if posting.source[2] == "points issued":
                lots = self.model.book.in_order(account)
                terms = (posting.available_at, ends)
                if any(name < lot and each[1:] == terms for name, each in lots):
                    self.note("earned", "beside a lot of the same terms of another version")
            if account[2] in ("due", "due fee") and lot // 16 < exchange.seq:
                self.note("debt", "a credit was set against it")
            if posting.source[2] == "fees" and account[0] == "card":
                self.note("debt", "a fee that was refunded is the card's")

    # --- undoing ----------------------------------------------------------------------------------

    def pick(self, at: int, state: ExchangeState, operations: tuple[Operation, ...]) -> Past:
        """Give a message that can be undone so, or any when there is none (or `at` is odd in 8).

        Of every three choices two are of those that most wallets paid.
        """
        fitting = [
            past
            for past in self.past
            if past.exchange.state is state and past.exchange.operation in operations
        ]
        chosen = fitting if fitting and at % 8 else self.past
        if at % 3:
            most = max(past.wallets for past in chosen)
            chosen = [past for past in chosen if past.wallets == most]
        return chosen[at // 8 % len(chosen)]

    def past_of(self, exchange: Exchange | None) -> Past:
        """Give the message that an exchange stands for."""
        return next(past for past in self.past if past.exchange is exchange)

    def named(self, past: Past) -> dict[int | str, str | None]:
        return {90: past.said.original()}

    def capture(self, past: Past, share: float, *, other: bool, terms: int = 0) -> None:
        card = 2 if other else past.exchange.card
        amount = min(int(past.exchange.approved_minor * share), AMOUNT_MAX)
        extra = self.named(past)
        if terms:
            extra["48.IN"] = str(terms)
        message = self.shop.message(
            "0220", "000000", amount, card=pan_of(card), terminal=past.terminal, extra=extra
        )
        before = self.shop.state()
        answer = self.model.complete(
            self.next_seq,
            past.exchange,
            card,
            self.place(past.terminal),
            self.shop.now_s,
            Ask(amount, terms=terms),
        )
        said = self.ask(message, past.terminal, card, answer, before)
        check_told(self.model, said, answer, card, self.place("T0000001"), self.shop.now_s)
        if answer.reason is Reason.NONE:
            self.note("completion", "approved", wallets_of(answer.priced))
            self._note_lots(self.model.exchanges[-1])
        elif answer.reason is Reason.INSTALMENTS_REFUSED:
            self.note("completion", "instalments_refused")

    def refund(self, past: Past, share: float, *, elsewhere: bool) -> None:
        exchange = past.exchange
        amount = int((exchange.approved_minor - exchange.undone_minor) * share)
        amount = min(max(amount, 0), AMOUNT_MAX)
        terminal = next(t for t in SHOPS if elsewhere == (t != past.terminal))
        message = self.shop.message(
            "0200",
            "200000",
            amount,
            card=pan_of(exchange.card),
            terminal=terminal,
            extra=self.named(past),
        )
        before = self.shop.state()
        found = None if elsewhere or past.message.mti[:2] == "04" else exchange
        answer = self.model.refund(
            self.next_seq, found, exchange.card, self.place(terminal), amount
        )
        self.ask(message, terminal, exchange.card, answer, before)
        if answer.reason is Reason.NONE:
            whole = exchange.undone_minor == exchange.approved_minor
            outcome = "refunded to the end" if whole else "refunded in part"
            self.note(exchange.operation.name.lower(), outcome, past.wallets)
            self._note_undone(past)

    def reverse(self, past: Past, share: float | None) -> None:
        """Reverse a message, wholly (None) or down to a share of it."""
        exchange = past.exchange
        remain = None if share is None else int(exchange.approved_minor * share)
        extra = self.named(past)
        if remain is not None and exchange.operation not in WITHOUT_AMOUNT:
            remain = min(remain, AMOUNT_MAX)
            extra[95] = f"{remain:012d}" + "0" * 30
        else:
            remain = None
        message = self.shop.message(
            "0400",
            "000000",
            max(exchange.approved_minor, 1) % 10**12,
            card=pan_of(exchange.card),
            terminal=past.terminal,
            extra=extra,
        )
        before = self.shop.state()
        # A reversal is never an original: naming one names nothing.
        found = None if past.message.mti[:2] == "04" else exchange
        answer = self.model.reverse(
            self.next_seq,
            found,
            exchange.card,
            self.place(past.terminal),
            self.shop.now_s,
            remain,
        )
        self.ask(message, past.terminal, exchange.card, answer, before)
        if answer.reason is Reason.NONE:
            whole = exchange.undone_minor == exchange.approved_minor
            undone = exchange.original if exchange.original is not None else exchange
            of = self.past_of(undone)
            outcome = "refund reversed" if undone is not exchange else "reversed"
            self.note(
                undone.operation.name.lower(),
                outcome if whole else f"{outcome} in part",
                of.wallets,
            )
            self._note_undone(of)
            if any(posting.target == LATE_CHARGES for posting in exchange.postings):
                self.note_then("late", "a payment of it was reversed")

    def _note_undone(self, past: Past) -> None:
        """Count what undoing leads to that is seldom."""
        card = past.exchange.card
        if past.version < self.model.programmes[self.model.cards[card].programme].version:
            self.note(past.exchange.operation.name.lower(), "undone under a later version")
        for name in ("due", "due fee"):
            if any(lot.remaining < 0 for _, lot in self.model.book.in_order(("card", card, name))):
                self.note("debt", "what was paid is the card's credit")

    # --- paying with several wallets --------------------------------------------------------------

    def amount_across(
        self, card: int, terminal: str, wallets: int, part: float, points_limit: int | None
    ) -> int:
        """Give an amount that so many wallets pay, if they can, the last one a part of what it has.

        Found by trying what the wallets have together, in their order.
        """
        entry = self.model.entry(0, card, self.place(terminal), self.shop.now_s)
        purse = entry.purse()
        has = [
            amount
            for fund, amount in zip(entry.programme.funding, purse.funds, strict=True)
            if amount > 0 and holds(fund.when, entry.place, AMOUNT_MAX, purse.level)
        ]
        found, most = 1, 0
        for at in range(len(has)):
            amount = min(sum(has[:at]) + max(1, int(has[at] * part)), AMOUNT_MAX)
            ask = Ask(amount, points_limit)
            priced = price_purchase(entry.programme, entry.place, ask, purse)
            paying = 0 if isinstance(priced, Reason) else wallets_of(priced)
            if most < paying <= wallets:
                found, most = amount, paying
        return found

    # --- time -------------------------------------------------------------------------------------

    def expire_holds(self) -> None:
        due = [
            past
            for past in self.past
            if past.exchange.state is ExchangeState.HELD
            and past.exchange.hold_ends_at <= self.shop.now_s
        ]
        ended, wanted = 0, [0]
        while wanted:
            written, wanted = self.shop.core.expire_holds(
                self.shop.now_s * 1_000_000, TEHRAN_S, 1_000_000
            )
            ended += written
            self.remember(wanted)
        assert ended == self.model.expire_holds(self.shop.now_s) == len(due)
        for past in due:
            self.note(past.exchange.operation.name.lower(), "expired", past.wallets)
