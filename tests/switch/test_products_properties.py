"""All products of a club together against the plain model, in any order that Hypothesis can find.

Goal: whatever a programme is made of, no rial, point or count is lost, doubled or made, and what
has ended has ended to the second. Method: random programmes with every part, real ISO 8583 bytes;
after every step balances, lots and exchanges are as in the model, and the ledger's invariants hold.
A refused message has changed nothing. Now and then the journal is replayed, a snapshot loaded.
"""

from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from issuers.purse import purse
from switch._audit import held_balances, points
from switch._snapshot import Loading, dump
from switch.calendar import Calendar
from switch.calendar import Period as Kind
from switch.directory import Directory, EventError
from switch.events import CardsLinked, ProgrammeLive
from switch.iso8583 import Message
from switch.operations import ExchangeState, Operation
from switch.programme import Programme
from switch.reasons import RESPONSE_CODES
from tests.model.book import Account
from tests.model.calendars import EPOCH, period
from tests.model.entry import budget_key
from tests.model.pricing import Ask, Place, Priced
from tests.model.switch import (
    INQUIRIES,
    REFUNDABLE,
    WITHOUT_AMOUNT,
    Answer,
    Card,
    Exchange,
    PlainSwitch,
)
from tests.support.programmes import AMOUNTS, MEMBERS, products
from tests.support.shop import (
    BOOKS,
    CAFE,
    NAMES,
    PANS,
    Said,
    Shop,
    cards_added,
    new_core,
    replay_into,
    state_of,
    tags,
)

CLUB_SLOTS = (
    "float",
    "discounts",
    "points paid",
    "fees",
    "points issued",
    "points redeemed",
    "counts",
)
SHOPS = {"T0000001": (CAFE, 5812), "T0000003": (BOOKS, 5942)}
DIALECTS = {"T0000001": "binary", "T0000003": "ascii"}
TEHRAN_S = 12_600
JUNE_S = 1_780_259_400  # 2026-06-01 00:00 in Tehran, when card 5 has expired
YEAR_2031_S = 1_924_979_400  # 2031-01-01 00:00 in Tehran: all others
MEMBER_PAN, MEMBER = "9364001234567899", 7
UNUSED = 6  # the card of another club
GUESTS = (0, 1)  # linked to the member's card; the others of programme 1 are not
BALANCE_MAX = 999_999_999_999
HOLDS = (Operation.HOLD, Operation.PREAUTHORISATION)
CODES = {
    Operation.PURCHASE: "000000",
    Operation.HOLD: "000000",
    Operation.PREAUTHORISATION: "000000",
    Operation.POINTS_PAYMENT: "006000",
    Operation.WITHDRAWAL: "010000",
    Operation.LOAD: "210000",
    Operation.BALANCE: "310000",
    Operation.POINTS_BALANCE: "316000",
    Operation.ACTIVATION: "720000",
    Operation.RENEWAL: "900000",
    Operation.ITEM_REGISTRATION: "920000",
    Operation.ITEM_INQUIRY: "930000",
    Operation.ITEM_CLAIM: "940000",
}
ITEM_OPERATIONS = WITHOUT_AMOUNT[1:]
FIRST_ITEM = 1 << 62
CARDS = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5, MEMBER])
TERMINALS = st.sampled_from(sorted(SHOPS))
AT = st.integers(0, 1 << 16)
SOMETIMES = st.sampled_from([False] * 7 + [True])
LIMIT = st.one_of(st.none(), st.integers(0, 2_000))


class Past(NamedTuple):
    """A message that has been answered, and what the model made of it."""

    message: Message
    said: Said
    exchange: Exchange
    terminal: str


def pan_of(card: int) -> str:
    return MEMBER_PAN if card == MEMBER else PANS[card]


class ProductsMachine(RuleBasedStateMachine):
    """One card, shop and product after the other."""

    @initialize(programme=products(), activated=st.booleans(), renewed=st.booleans())
    def open_shop(self, programme: Programme, *, activated: bool, renewed: bool) -> None:
        members = purse(MEMBERS, 1, 1)
        self.shop = Shop(programme, earlier=(members,))
        seq = self.shop.core.last_seq
        self.model = PlainSwitch(programme, live_from_seq=seq - 3, cards=UNUSED + 1)
        self.model.go_live(members, seq - 4)
        self.model.cards.append(Card(MEMBERS, expires_at=YEAR_2031_S))
        for plain in self.model.cards:
            plain.expires_at = YEAR_2031_S
        self.model.cards[5].expires_at = JUNE_S
        self.shop.record(cards_added(self.shop.core, MEMBERS, [MEMBER_PAN], [3012]))
        if programme.referral is not None:
            self.shop.record(CardsLinked(cards=GUESTS, to_card=MEMBER))
            for card in GUESTS:
                self.model.cards[card].linked = MEMBER
        self.past: list[Past] = []
        for card in (0, 1, 2):
            if activated:
                self.say(Operation.ACTIVATION, 80_000, card)
            if renewed:
                self.say(Operation.RENEWAL, 0, card)
            self.say(Operation.LOAD, 450_000, card)

    # --- saying -----------------------------------------------------------------------------------

    def place(self, terminal: str) -> Place:
        local_s = self.shop.now_s + TEHRAN_S
        day = local_s // 86_400
        merchant, category = SHOPS[terminal]
        number = (CAFE, BOOKS).index(merchant)
        return Place(
            merchant, category, day, (day + 5) % 7, local_s % 86_400 // 3_600, TEHRAN_S, number
        )

    def ask(self, message: Message, terminal: str, answer: Answer, before: object) -> Said:
        """Send a message; the model has said already what the answer is."""
        said = self.shop.ask(message, dialect=DIALECTS[terminal])
        assert said.status == "at_seq", said
        assert (said.code, said.reason) == (
            str(RESPONSE_CODES[answer.reason]),
            NAMES[answer.reason],
        ), said.elements
        if said.code not in ("00", "10"):
            assert self.shop.state() == before, "a refused message has changed something"
        return said

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
        if operation in (*INQUIRIES, *WITHOUT_AMOUNT):
            extra |= {4: None, 49: None}
        message = self.shop.message(
            "0100" if operation in (*INQUIRIES, *HOLDS) else "0200",
            CODES[operation],
            amount_minor,
            card=pan_of(card),
            terminal=terminal,
            extra=extra,
        )
        before = self.shop.state()
        only_points = operation is Operation.POINTS_PAYMENT
        name = 0 if item is None else FIRST_ITEM + item
        ask = Ask(amount_minor, points_limit, only_points, partial_ok, item=name)
        seq = self.shop.core.last_seq + 1
        answer = self.model.authorise(
            seq, operation, card, self.place(terminal), self.shop.now_s, ask
        )
        said = self.ask(message, terminal, answer, before)
        self.check_told(said, answer, card)
        self.past.append(Past(message, said, self.model.exchanges[-1], terminal))

    def check_told(self, said: Said, answer: Answer, card: int) -> None:
        """The reply tells amounts, rules, dates and balances as they are, and they add up."""
        priced = answer.priced
        if priced is None:
            assert "54" not in said.elements
            assert (said.tag("LB"), said.tag("LE")) == (answer.bound, "")
            return
        assert self.told(said) == {
            tag: str(value or "") for tag, value in self.to_tell(priced, said, card).items()
        }
        if "4" in said.elements:
            paid = [int(said.tag(tag) or "0") for tag in ("DS", "NP", "PV", "CA")]
            amount = int(said.elements["4"])
            assert amount == priced.amount_minor
            if said.elements["3"][:2] in ("00", "01"):
                assert amount == sum(paid)
        if "54" in said.elements:
            self.check_balances(said, card)

    def told(self, said: Said) -> dict[str, str]:
        found = tags(said.elements.get("48", ""))
        names = ("DS", "DF", "WD", "PX", "PV", "NP", "PW", "CA", "PE", "WE", "FE", "TI", "UN")
        return {name: found.get(name, "") for name in (*names, "LB", "LE")}

    def to_tell(self, priced: Priced, said: Said, card: int) -> dict[str, object]:
        funding = self.model.programmes[self.model.cards[card].programme].funding
        bought = said.elements["3"][:2] == "00"
        parts = [
            f"{fund.wallet}:{part}"
            for fund, part in zip(funding, priced.parts if bought else (), strict=False)
            if part
        ]
        last = (priced.until_s + TEHRAN_S - 1) // 86_400
        return {
            "DS": priced.discount_minor,
            "DF": priced.funder,
            "WD": priced.discount_rule,
            "PX": priced.points,
            "PV": priced.points_value_minor,
            "NP": priced.money_minor,
            "PW": " ".join(parts) if len(funding) > 1 else "",
            "CA": priced.cash_minor,
            "PE": priced.earned,
            "WE": priced.earn_rule,
            "LB": priced.bound,
            "LE": priced.earn_bound,
            "FE": priced.told_fee_minor,
            "TI": priced.level,
            "UN": f"{EPOCH + timedelta(days=last):%Y%m%d}" if priced.until_s else "",
        }

    def check_balances(self, said: Said, card: int) -> None:
        """What the card has of each wallet that is told, and what of it can be spent now."""
        entry = self.model.entry(0, card, self.place("T0000001"), self.shop.now_s)
        for wallet in entry.programme.wallets:
            if wallet.account_type < 0:
                continue
            has = [
                self.model.book.balance(entry.wallet(name))
                for name in (wallet.name, f"{wallet.name} held")
            ]
            told = said.balances()
            key = f"{wallet.account_type:02d}"
            if key + "01" not in told:
                assert said.elements["3"] == CODES[Operation.POINTS_BALANCE]
                continue
            assert told[key + "01"] == min(sum(has), BALANCE_MAX)
            assert max(0, told[key + "02"]) == min(entry.spendable(wallet.name), BALANCE_MAX)

    def pick(self, at: int, state: ExchangeState, operations: tuple[Operation, ...]) -> Past:
        """Give a message that can be undone so, or any when there is none (or `at` is odd in 8)."""
        fitting = [
            past
            for past in self.past
            if past.exchange.state is state and past.exchange.operation in operations
        ]
        chosen = fitting if fitting and at % 8 else self.past
        return chosen[at // 8 % len(chosen)]

    def named(self, past: Past) -> dict[int | str, str | None]:
        return {90: past.said.original()}

    # --- rules ------------------------------------------------------------------------------------

    @rule(
        operation=st.sampled_from(
            [Operation.PURCHASE] * 3 + [Operation.POINTS_PAYMENT, *HOLDS, Operation.HOLD]
        ),
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        limit=LIMIT,
        partial=st.booleans(),
    )
    def buy(
        self,
        operation: Operation,
        card: int,
        terminal: str,
        amount: int,
        limit: int | None,
        *,
        partial: bool,
    ) -> None:
        self.say(operation, amount, card, terminal, points_limit=limit, partial_ok=partial)

    @rule(
        operation=st.sampled_from([Operation.LOAD, Operation.ACTIVATION, Operation.WITHDRAWAL]),
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
    )
    def fill_or_empty(self, operation: Operation, card: int, terminal: str, amount: int) -> None:
        self.say(operation, amount, card, terminal)

    @rule(operation=st.sampled_from([Operation.RENEWAL, *INQUIRIES]), card=CARDS)
    def renew_or_inquire(self, operation: Operation, card: int) -> None:
        self.say(operation, 0, card)

    @rule(
        operation=st.sampled_from(ITEM_OPERATIONS),
        card=st.sampled_from([0, 0, 0, 1]),
        item=st.sampled_from([1, 1, 1, 2, None]),
    )
    def vouch(self, operation: Operation, card: int, item: int | None) -> None:
        self.say(operation, 0, card, item=item)

    @precondition(lambda self: self.past)
    @rule(at=AT, share=st.sampled_from([0.3, 0.7, 1.0, 1.0, 1.01]), other=SOMETIMES)
    def capture(self, at: int, share: float, *, other: bool) -> None:
        past = self.pick(at, ExchangeState.HELD, HOLDS)
        card = 2 if other else past.exchange.card
        amount = min(int(past.exchange.approved_minor * share), 10**12 - 1)
        message = self.shop.message(
            "0220",
            "000000",
            amount,
            card=pan_of(card),
            terminal=past.terminal,
            extra=self.named(past),
        )
        before = self.shop.state()
        answer = self.model.complete(
            self.shop.core.last_seq + 1,
            past.exchange,
            card,
            self.place(past.terminal),
            self.shop.now_s,
            Ask(amount),
        )
        said = self.ask(message, past.terminal, answer, before)
        self.check_told(said, answer, card)
        self.past.append(Past(message, said, self.model.exchanges[-1], past.terminal))

    @precondition(lambda self: self.past)
    @rule(at=AT, share=st.sampled_from([0.01, 0.3, 0.5, 1.0, 1.01]), elsewhere=SOMETIMES)
    def refund(self, at: int, share: float, *, elsewhere: bool) -> None:
        past = self.pick(at, ExchangeState.APPROVED, REFUNDABLE)
        exchange = past.exchange
        amount = int((exchange.approved_minor - exchange.undone_minor) * share)
        amount = min(max(amount, 0), 10**12 - 1)
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
            self.shop.core.last_seq + 1, found, exchange.card, self.place(terminal), amount
        )
        said = self.ask(message, terminal, answer, before)
        self.past.append(Past(message, said, self.model.exchanges[-1], terminal))

    @precondition(lambda self: self.past)
    @rule(at=AT, share=st.sampled_from([None, None, None, 0.0, 0.3, 0.7, 1.01]), any_=SOMETIMES)
    def reverse(self, at: int, share: float | None, *, any_: bool) -> None:
        undoable = tuple(Operation) if any_ else (*REFUNDABLE, *WITHOUT_AMOUNT, Operation.REFUND)
        state = ExchangeState.HELD if at % 5 == 0 else ExchangeState.APPROVED
        past = self.pick(at, state, HOLDS if at % 5 == 0 else undoable)
        exchange = past.exchange
        remain = None if share is None else int(exchange.approved_minor * share)
        extra = self.named(past)
        if remain is not None and exchange.operation not in WITHOUT_AMOUNT:
            remain = min(remain, 10**12 - 1)
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
            self.shop.core.last_seq + 1, found, exchange.card, self.place(past.terminal), remain
        )
        said = self.ask(message, past.terminal, answer, before)
        self.past.append(Past(message, said, self.model.exchanges[-1], past.terminal))

    @rule(
        seconds=st.sampled_from([1, 60, 3_600, 86_400, 86_400, 40 * 86_400]),
        housekeeping=st.booleans(),
    )
    def let_time_pass(self, seconds: int, *, housekeeping: bool) -> None:
        self.pass_to(self.shop.now_s + seconds, housekeeping=housekeeping)

    @rule(
        calendar=st.sampled_from(list(Calendar)),
        kind=st.sampled_from([Kind.DAY, Kind.DAY, Kind.MONTH, Kind.MONTH, Kind.QUARTER, Kind.YEAR]),
        beside=st.sampled_from([-1, 0, 1]),
        housekeeping=st.booleans(),
    )
    def go_to_the_end(
        self, calendar: Calendar, kind: Kind, beside: int, *, housekeeping: bool
    ) -> None:
        """To the last second of a day, month, quarter or year, or the first of the next."""
        day = (self.shop.now_s + 2 + TEHRAN_S) // 86_400
        _, following = period(calendar, kind, day)
        self.pass_to(following * 86_400 - TEHRAN_S + beside, housekeeping=housekeeping)

    def pass_to(self, now_s: int, *, housekeeping: bool) -> None:
        self.shop.now_s = max(self.shop.now_s, now_s)
        if housekeeping:
            assert self.shop.expire_holds() == self.model.expire_holds(self.shop.now_s)

    @rule(data=st.data())
    def bring_new_version(self, data: st.DataObject) -> None:
        self.go_live(data.draw(products(before=self.model.programme)))

    def go_live(self, programme: Programme) -> None:
        """Let a version decide from here on, if the cards have room for its counters."""
        known = self.model.accounts[1]
        new = [name for name in programme.counters() if name not in known]
        if len(new) > known.count(""):
            before = self.shop.state()
            with pytest.raises(EventError, match="no spare counter"):
                self.shop.record(ProgrammeLive(definition=programme))
            assert self.shop.state() == before
            return
        self.model.go_live(programme, self.shop.record(ProgrammeLive(definition=programme)))

    @rule(chance=st.integers(0, 9))
    def restart(self, chance: int) -> None:
        """The journal alone gives the same shard; so does a snapshot."""
        if chance:
            return
        replayed = new_core()
        replayed.watch_floors()
        replay_into(replayed, self.shop.journal())
        assert state_of(replayed) == self.shop.state()
        loaded = new_core()
        loading = Loading(loaded)
        for part, row in dump(self.shop.core):
            loading.take(part, row)
        loading.finish()
        Directory(loaded).load(self.shop.directory.dump())
        assert state_of(loaded) == self.shop.state()
        assert list(dump(loaded)) == list(dump(self.shop.core))

    # --- what is always true ----------------------------------------------------------------------

    @invariant()
    def the_books_are_equal(self) -> None:
        core, book = self.shop.core, self.model.book
        assert core.imbalances() == []
        for slot, name in enumerate(CLUB_SLOTS):
            assert core.account(core.club_account(1, slot))[4] == book.balance(("club", 0, name))
        for row, merchant in enumerate((CAFE, BOOKS)):
            account = core.merchant_account(row)
            assert core.account(account)[4] == book.balance(("merchant", 0, merchant))
        for card, plain in enumerate(self.model.cards):
            if card == UNUSED:
                continue
            first = core.card(card)[0]
            for slot, name in enumerate(self.model.accounts[plain.programme]):
                wallet: Account = ("card", card, name)
                assert core.account(first + slot)[4] == book.balance(wallet), name
                if name != "items":
                    assert core.lots(first + slot) == [
                        (lot_name, *lot) for lot_name, lot in book.in_order(wallet)
                    ], name
                else:
                    assert sorted(lot[1:] for lot in core.lots(first + slot)) == sorted(
                        tuple(lot) for _, lot in book.in_order(wallet)
                    )
            assert core.card_limits(card) == (plain.day, plain.spent_minor, plain.count)

    @invariant()
    def budgets_have_counted_the_same(self) -> None:
        core, book = self.shop.core, self.model.book
        for found in self.shop.directory.budgets.all():
            for merchant, account in zip(
                self.shop.directory.merchants, found.accounts, strict=False
            ):
                if account >= 0:
                    plain: Account = ("budget", 0, budget_key(found.budget, merchant))
                    assert core.account(account)[4] == book.balance(plain)
                    assert core.lots(account) == [
                        (name, *lot) for name, lot in book.in_order(plain)
                    ]

    @invariant()
    def what_became_of_each_message_is_equal(self) -> None:
        for exchange in self.model.exchanges:
            found = self.shop.core.exchange(exchange.seq)
            assert found is not None
            if exchange.operation is not Operation.REVERSAL:
                assert found[:4] == (
                    exchange.state,
                    exchange.approved_minor,
                    exchange.undone_minor,
                    exchange.operation,
                )

    @invariant()
    def what_is_held_is_what_open_holds_hold(self) -> None:
        held: dict[Account, int] = {}
        for hold in self.model.exchanges:
            if hold.state is ExchangeState.HELD:
                for posting in hold.postings:
                    undone = posting.amount * hold.undone_minor // hold.approved_minor
                    if posting.target[2].endswith(" held"):
                        held[posting.target] = held.get(posting.target, 0) + posting.amount - undone
        found = held_balances(self.shop.core)
        assert sorted(found.values()) == sorted(amount for amount in held.values() if amount)

    @invariant()
    def points_issued_less_redeemed_are_what_cards_have(self) -> None:
        for _, issued, redeemed, expired, on_cards, in_lots in points(self.shop.core):
            assert issued - redeemed - expired == on_cards == in_lots

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.restart(0)


ProductsMachine.TestCase.settings = settings(
    max_examples=settings().max_examples // 3, stateful_step_count=30
)
test_products_do_what_the_model_says = pytest.mark.slow(ProductsMachine.TestCase)
