"""The real lane against the plain model, message by message, in any order that Hypothesis can find.

Goal: no rial or point is lost, doubled or made. Method: real ISO 8583 bytes in both dialects go
through `Lane.answer`; after every step balances, lots, limits and exchanges are as in the model,
and a refused message has changed nothing. At the end the journal is replayed into an empty shard.
"""

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

from switch.events import CardStatusChanged, ProgrammeLive
from switch.iso8583 import Message
from switch.operations import CardStatus, ExchangeState, Operation
from switch.programme import Programme
from switch.reasons import RESPONSE_CODES, Reason
from tests.model.book import Account
from tests.model.pricing import Ask, Place
from tests.model.switch import REFUNDABLE, Answer, Exchange, PlainSwitch
from tests.support.programmes import AMOUNTS, programmes
from tests.support.shop import (
    BOOKS,
    CAFE,
    NAMES,
    PANS,
    Said,
    Shop,
    new_core,
    replay_into,
    state_of,
)

CLUB_SLOTS = ("float", "discounts", "points paid", "fees", "points issued", "points redeemed")
CARD_SLOTS = ("money", "money held", "points", "points held")
SHOPS = {"T0000001": (CAFE, 5812), "T0000003": (BOOKS, 5942)}
DIALECTS = {"T0000001": "binary", "T0000003": "ascii"}
JUNE_S = 1_780_259_400  # 2026-06-01 00:00 in Tehran, when card 5 has expired
BALANCE_MAX = 999_999_999_999
HOLDS = (Operation.HOLD, Operation.PREAUTHORISATION)

CARDS = st.sampled_from([0, 0, 0, 1, 1, 2, 5])
TERMINALS = st.sampled_from(sorted(SHOPS))
AT = st.integers(0, 1 << 16)
SOMETIMES = st.sampled_from([False] * 7 + [True])


class Past(NamedTuple):
    """A message that has been answered, and what the model made of it."""

    message: Message
    said: Said
    exchange: Exchange
    terminal: str


class LaneMachine(RuleBasedStateMachine):
    """One shop after the other, one card after the other; now and then something goes wrong."""

    @initialize(programme=programmes())
    def open_shop(self, programme: Programme) -> None:
        self.shop = Shop(programme)
        live_seq = self.shop.core.last_seq - 3  # three events follow it in `Shop`
        self.model = PlainSwitch(programme, live_from_seq=live_seq, cards=len(PANS))
        self.model.cards[5].expires_at = JUNE_S
        self.past: list[Past] = []
        self.unborn: list[Message] = []
        for card in range(3):
            self.say("0200", "210000", 450_000, card, "T0000001", Operation.LOAD)

    # --- saying -----------------------------------------------------------------------------------

    def place(self, terminal: str) -> Place:
        local_s = self.shop.now_s + self.shop.utc_offset_s
        day = local_s // 86_400
        merchant, category = SHOPS[terminal]
        return Place(merchant, category, day, (day + 5) % 7, local_s % 86_400 // 3_600, 12_600)

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
        mti: str,
        code: str,
        amount_minor: int,
        card: int,
        terminal: str,
        operation: Operation,
        *,
        points_limit: int | None = None,
        partial_ok: bool = False,
        preauthorised: bool = False,
    ) -> None:
        """A request that the programme decides."""
        extra: dict[int | str, str | None] = {}
        if points_limit is not None:
            extra["48.PR"] = str(points_limit)
        if partial_ok:
            extra["48.PA"] = "1"
        if preauthorised:
            extra[25] = "06"
        if operation in (Operation.BALANCE, Operation.POINTS_BALANCE):
            extra |= {4: None, 49: None}
        message = self.shop.message(
            mti, code, amount_minor, card=card, terminal=terminal, extra=extra
        )
        before = self.shop.state()
        answer = self.model.authorise(
            self.shop.core.last_seq + 1,
            operation,
            card,
            self.place(terminal),
            self.shop.now_s,
            Ask(amount_minor, points_limit, operation is Operation.POINTS_PAYMENT, partial_ok),
        )
        said = self.ask(message, terminal, answer, before)
        self.check_told(said, answer, card)
        self.past.append(Past(message, said, self.model.exchanges[-1], terminal))

    def check_told(self, said: Said, answer: Answer, card: int) -> None:
        """The reply tells amounts, rules and balances as they are."""
        priced = answer.priced
        if priced is None:
            assert "54" not in said.elements
            return
        told = {
            "DS": priced.discount_minor,
            "DF": priced.funder,
            "WD": priced.discount_rule,
            "PX": priced.points,
            "PV": priced.points_value_minor,
            "NP": priced.money_minor,
            "PE": priced.earned,
            "WE": priced.earn_rule,
        }
        assert {tag: said.tag(tag) for tag in told} == {
            tag: str(value or "") for tag, value in told.items()
        }
        if "4" in said.elements:
            assert int(said.elements["4"]) == priced.amount_minor
        if "54" not in said.elements:
            return
        has = [self.model.book.balance(("card", card, slot)) for slot in CARD_SLOTS]
        told_balances = said.balances()
        if "0001" in told_balances:
            assert told_balances["0001"] == min(has[0] + has[1], BALANCE_MAX)
        assert told_balances["6001"] == has[2] + has[3]

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
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        partial=st.booleans(),
        limit=st.one_of(st.none(), st.integers(0, 2_000)),
    )
    def buy(
        self, card: int, terminal: str, amount: int, *, partial: bool, limit: int | None
    ) -> None:
        self.say(
            "0200",
            "000000",
            amount,
            card,
            terminal,
            Operation.PURCHASE,
            points_limit=limit,
            partial_ok=partial,
        )

    @rule(
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        limit=st.one_of(st.none(), st.none(), st.integers(0, 2_000)),
    )
    def pay_with_points(self, card: int, terminal: str, amount: int, limit: int | None) -> None:
        self.say(
            "0200",
            "006000",
            amount,
            card,
            terminal,
            Operation.POINTS_PAYMENT,
            points_limit=limit,
        )

    @rule(card=CARDS, amount=AMOUNTS)
    def load(self, card: int, amount: int) -> None:
        self.say("0200", "210000", amount, card, "T0000001", Operation.LOAD)

    @rule(
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        longer=st.booleans(),
        partial=st.booleans(),
        limit=st.one_of(st.none(), st.integers(0, 2_000)),
    )
    def hold(
        self,
        card: int,
        terminal: str,
        amount: int,
        *,
        longer: bool,
        partial: bool,
        limit: int | None,
    ) -> None:
        self.say(
            "0100",
            "000000",
            amount,
            card,
            terminal,
            Operation.PREAUTHORISATION if longer else Operation.HOLD,
            points_limit=limit,
            partial_ok=partial,
            preauthorised=longer,
        )

    @rule(card=CARDS, points_only=st.booleans())
    def inquire(self, card: int, *, points_only: bool) -> None:
        self.say(
            "0100",
            "316000" if points_only else "310000",
            0,
            card,
            "T0000003",
            Operation.POINTS_BALANCE if points_only else Operation.BALANCE,
        )

    @rule(card=CARDS, code=st.sampled_from(["000000", "006000", "210000"]))
    def ask_for_nothing(self, card: int, code: str) -> None:
        operation = {
            "000000": Operation.PURCHASE,
            "006000": Operation.POINTS_PAYMENT,
            "210000": Operation.LOAD,
        }[code]
        self.say("0200", code, 0, card, "T0000001", operation)

    @precondition(lambda self: self.past)
    @rule(at=AT, share=st.sampled_from([0.3, 0.7, 0.999, 1.0, 1.01]), other=SOMETIMES)
    def capture(self, at: int, share: float, *, other: bool) -> None:
        past = self.pick(at, ExchangeState.HELD, HOLDS)
        card = (past.exchange.card + other) % len(PANS)
        amount = min(int(past.exchange.approved_minor * share), 10**12 - 1)
        message = self.shop.message(
            "0220", "000000", amount, card=card, terminal=past.terminal, extra=self.named(past)
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
    @rule(
        at=AT,
        share=st.sampled_from([0.01, 0.3, 0.5, 1.0, 1.01]),
        other=SOMETIMES,
        elsewhere=SOMETIMES,
    )
    def refund(self, at: int, share: float, *, other: bool, elsewhere: bool) -> None:
        past = self.pick(at, ExchangeState.APPROVED, REFUNDABLE)
        exchange = past.exchange
        card = (exchange.card + other) % len(PANS)
        amount = int((exchange.approved_minor - exchange.undone_minor) * share)
        amount = min(max(amount, 0), 10**12 - 1)
        terminal = next(t for t in SHOPS if elsewhere == (t != past.terminal))
        message = self.shop.message(
            "0200", "200000", amount, card=card, terminal=terminal, extra=self.named(past)
        )
        before = self.shop.state()
        found = None if elsewhere or past.message.mti[:2] == "04" else exchange
        answer = self.model.refund(
            self.shop.core.last_seq + 1, found, card, self.place(terminal), amount
        )
        said = self.ask(message, terminal, answer, before)
        self.past.append(Past(message, said, self.model.exchanges[-1], terminal))

    @precondition(lambda self: self.past)
    @rule(
        at=AT,
        share=st.sampled_from([None, None, 0.0, 0.3, 0.7, 1.0, 1.01]),
        other=SOMETIMES,
        advice=st.booleans(),
        blind=st.booleans(),
    )
    def reverse(
        self, at: int, share: float | None, *, other: bool, advice: bool, blind: bool
    ) -> None:
        past = self.pick(at, ExchangeState.APPROVED, (*REFUNDABLE, Operation.REFUND))
        blind = blind and past.message.mti[:2] != "04"
        exchange = past.exchange
        card = (exchange.card + other) % len(PANS)
        remain = None if share is None else int(exchange.approved_minor * share)
        extra: dict[int | str, str | None] = {} if blind else self.named(past)
        if remain is not None:
            remain = min(remain, 10**12 - 1)
            extra[95] = f"{remain:012d}" + "0" * 30
        message = self.shop.message(
            "0420" if advice else "0400",
            "000000",
            max(exchange.approved_minor, 1) % 10**12,
            card=card,
            terminal=past.terminal,
            extra=extra,
            stan=past.said.stan if blind else None,
            at=past.said.at if blind else None,
        )
        key = (message.mti, message[11], message[13] + message[12])
        if any(key == (p.message.mti, p.message[11], p.said.at) for p in self.past):
            return  # that is a repeat, or a conflict: other rules
        before = self.shop.state()
        # A reversal is never an original: naming one names nothing.
        found = None if past.message.mti[:2] == "04" else exchange
        answer = self.model.reverse(
            self.shop.core.last_seq + 1,
            found,
            card,
            self.place(past.terminal),
            self.shop.now_s,
            remain,
        )
        said = self.ask(message, past.terminal, answer, before)
        self.past.append(Past(message, said, self.model.exchanges[-1], past.terminal))

    @rule(card=CARDS, amount=AMOUNTS, blind=st.booleans())
    def reverse_before_arrival(self, card: int, amount: int, *, blind: bool) -> None:
        late = self.shop.message("0200", "000000", amount, card=card)
        at = late[13] + late[12]
        extra: dict[int | str, str | None] = {} if blind else {90: f"0200{late[11]}{at}" + "0" * 22}
        message = self.shop.message(
            "0400",
            "000000",
            amount,
            card=card,
            extra=extra,
            stan=int(late[11]) if blind else None,
        )
        before = self.shop.state()
        answer = self.model.reverse(
            self.shop.core.last_seq + 1, None, card, self.place("T0000001"), self.shop.now_s
        )
        said = self.ask(message, "T0000001", answer, before)
        assert self.shop.state() == before
        self.past.append(Past(message, said, self.model.exchanges[-1], "T0000001"))
        self.unborn.append(late)

    @precondition(lambda self: self.unborn)
    @rule(at=AT)
    def arrive_late(self, at: int) -> None:
        message = self.unborn.pop(at % len(self.unborn))
        card = PANS.index(message[2])
        before = self.shop.state()
        seq = self.shop.core.last_seq + 1
        self.model.decline(seq, Operation.PURCHASE, card, self.place("T0000001"))
        answer = Answer(Reason.ORIGINAL_REVERSED_BEFORE_ARRIVAL)
        said = self.ask(message, "T0000001", answer, before)
        self.past.append(Past(message, said, self.model.exchanges[-1], "T0000001"))

    @precondition(lambda self: self.past)
    @rule(at=AT, marked=st.booleans())
    def repeat(self, at: int, *, marked: bool) -> None:
        past = self.past[at % len(self.past)]
        mti = past.message.mti[:3] + "1" if marked else past.message.mti
        before, rows = self.shop.state(), self.shop.core.last_seq

        said = self.shop.ask(Message(mti, dict(past.message)), dialect=DIALECTS[past.terminal])

        assert (said.status, said.reply, said.seq) == ("at_seq", past.said.reply, past.said.seq)
        assert (self.shop.state(), self.shop.core.last_seq) == (before, rows)

    @precondition(lambda self: self.past)
    @rule(at=AT, element=st.sampled_from([2, 3, 25, "48.PR", 95]))
    def contradict(self, at: int, element: int | str) -> None:
        past = self.past[at % len(self.past)]
        other = {
            2: PANS[(past.exchange.card + 1) % len(PANS)],
            3: past.message[3][:4] + "99",
            25: "77",
            "48.PR": "424242",
            95: "000000000042" + "0" * 30,
        }[element]
        message = Message(past.message.mti, dict(past.message))
        message[element] = other
        self.ask(
            message,
            past.terminal,
            Answer(Reason.DUPLICATE_WITH_OTHER_CONTENT),
            self.shop.state(),
        )

    @rule(card=CARDS, status=st.sampled_from([CardStatus.ACTIVE] * 4 + list(CardStatus)))
    def change_status(self, card: int, status: CardStatus) -> None:
        self.shop.record(CardStatusChanged(card=card, status=status))
        self.model.cards[card].status = status

    @rule(mti=st.sampled_from(["0100", "0200", "0400"]))
    def use_unknown_card(self, mti: str) -> None:
        message = self.shop.message(mti, card="9364001234560000")
        self.ask(message, "T0000001", Answer(Reason.UNKNOWN_CARD), self.shop.state())

    @rule(
        seconds=st.sampled_from([0, 1, 59, 60, 3_600, 43_200, 86_400, 3 * 86_400, 40 * 86_400]),
        housekeeping=st.booleans(),
    )
    def let_time_pass(self, seconds: int, *, housekeeping: bool) -> None:
        self.shop.now_s += seconds
        if housekeeping:
            assert self.shop.expire_holds() == self.model.expire_holds(self.shop.now_s)

    @rule(data=st.data())
    def bring_new_version(self, data: st.DataObject) -> None:
        version = self.model.programme.version + 1
        self.go_live(data.draw(programmes(version=version)))

    def go_live(self, programme: Programme) -> None:
        """Let a programme decide from here on."""
        self.model.go_live(programme, self.shop.record(ProgrammeLive(definition=programme)))

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
            first = core.card(card)[0]
            for slot, name in enumerate(CARD_SLOTS):
                wallet: Account = ("card", card, name)
                assert core.account(first + slot)[4] == book.balance(wallet)
                if slot >= 2:
                    assert core.lots(first + slot) == [
                        (lot_name, *lot) for lot_name, lot in book.in_order(wallet)
                    ]
            assert core.card_limits(card) == (plain.day, plain.spent_minor, plain.count)

    @invariant()
    def what_became_of_each_message_is_equal(self) -> None:
        for exchange in self.model.exchanges:
            found = self.shop.core.exchange(exchange.seq)
            assert found is not None
            if exchange.operation is Operation.REVERSAL:
                continue
            assert found[:4] == (
                exchange.state,
                exchange.approved_minor,
                exchange.undone_minor,
                exchange.operation,
            )

    def teardown(self) -> None:
        """The journal alone gives the same shard."""
        if not hasattr(self, "shop"):
            return
        replayed = new_core()
        replay_into(replayed, self.shop.journal())

        assert replayed.chain == self.shop.core.chain
        assert state_of(replayed) == self.shop.state()
        for exchange in self.model.exchanges:
            assert replayed.exchange(exchange.seq) == self.shop.core.exchange(exchange.seq)


LaneMachine.TestCase.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=50
)
test_the_lane_does_what_the_model_says = pytest.mark.slow(LaneMachine.TestCase)
