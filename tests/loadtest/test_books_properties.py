"""The model of the books against the real lane: it sees replies alone, the lane has the book.

Goal: whatever a terminal does, what the model makes of the replies is what the accounts hold.
Method: random programmes, and random payments, holds and undoings of one another as real ISO 8583
bytes; after each step every account of the shard must have changed by what the model says.
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

from loadtest.books import Account, Books, Change, Role, Told
from loadtest.tariff import Club
from switch.programme import Programme
from tests.support.programmes import AMOUNTS, programmes
from tests.support.shop import BOOKS, CAFE, Said, Shop

SHOPS = {"T0000001": CAFE, "T0000003": BOOKS}
CATEGORIES = {CAFE: 5812, BOOKS: 5942}
CARD_SLOTS = ("money", "money held", "points", "points held")
CLUB_SLOTS = (
    "float",
    "discounts",
    "points paid",
    "fees",
    "points issued",
    "points redeemed",
    "counts",
    "points expired",
    "breakage",
    "late charges",
)
CARDS = st.integers(0, 2)
TERMINALS = st.sampled_from(sorted(SHOPS))
AT = st.integers(0, 1 << 16)
SHARES = st.sampled_from([0.01, 0.3, 0.5, 0.999, 1.0, 1.01])


class Past(NamedTuple):
    """What was told, and how to name it."""

    told: Told
    said: Said
    terminal: str


def told_of(
    said: Said, role: Role, *, number: int, card: int, terminal: str, asked_minor: int, local_s: int
) -> Told:
    """Read a reply as the generator's records do."""
    return Told(
        number=number,
        role=role,
        card=card,
        merchant=SHOPS[terminal],
        asked_minor=asked_minor,
        approved=said.code in ("00", "10"),
        approved_minor=int(said.elements.get("4", "0")),
        money_minor=int(said.tag("NP") or "0"),
        points=int(said.tag("PX") or "0"),
        points_value_minor=int(said.tag("PV") or "0"),
        points_earned=int(said.tag("PE") or "0"),
        discount_minor=int(said.tag("DS") or "0"),
        decided_from_s=local_s,
        decided_to_s=local_s,
    )


def held(shop: Shop) -> dict[Account, int]:
    """Give every account of club 1, by its name in the model."""
    core = shop.core
    accounts = {
        Account("club", "", name): core.account(core.club_account(1, slot))[4]
        for slot, name in enumerate(CLUB_SLOTS)
    }
    for row, merchant in enumerate((CAFE, BOOKS)):
        found = core.account(core.merchant_account(row))[4]
        accounts[Account("merchant", merchant, "money")] = found
    for card in range(3):
        for slot, name in enumerate(CARD_SLOTS):
            accounts[Account("card", card, name)] = shop.account(card, slot)
    return accounts


DE_4_MAX = 999_999_999_999


def part_of(amount_minor: int, share: float) -> int:
    """Give about so much of an amount; more than all of it only as far as DE 4 can say it."""
    return min(max(1, int(amount_minor * share)), DE_4_MAX)


class BooksMachine(RuleBasedStateMachine):
    """Terminals that pay and undo; the model is made anew from all replies after each step."""

    @initialize(programme=programmes())
    def open_shop(self, programme: Programme) -> None:
        self.club = Club(programme=programme, categories=CATEGORIES)
        self.shop = Shop(programme)
        self.past: list[Past] = []
        for card in range(3):
            self.pay(Role.LOAD, card, "T0000001", 450_000)

    def note(self, said: Said, role: Role, card: int, terminal: str, asked: int) -> Told:
        told = told_of(
            said,
            role,
            number=len(self.past),
            card=card,
            terminal=terminal,
            asked_minor=asked,
            local_s=self.shop.now_s + self.shop.utc_offset_s,
        )
        self.past.append(Past(told, said, terminal))
        return told

    def refer(self, said: Said, role: Role, past: Past, asked: int, remain: int = 0) -> None:
        """Note a message that names another one."""
        told = self.note(said, role, past.told.card, past.terminal, asked)
        changed = {name: getattr(told, name) for name in told.__struct_fields__}
        changed |= {"original": past.told.number, "remain_minor": remain}
        self.past[-1] = self.past[-1]._replace(told=Told(**changed))

    def pick(self, at: int, *roles: Role) -> Past | None:
        fitting = [past for past in self.past if past.told.role in roles]
        return fitting[at % len(fitting)] if fitting else None

    @rule(
        role=st.sampled_from([Role.PURCHASE, Role.MIXED, Role.POINTS, Role.HOLD, Role.LOAD]),
        card=CARDS,
        terminal=TERMINALS,
        amount=AMOUNTS,
        points=st.integers(1, 2_000),
        partial=st.booleans(),
    )
    def pay(
        self,
        role: Role,
        card: int,
        terminal: str,
        amount: int,
        points: int = 1,
        *,
        partial: bool = False,
    ) -> None:
        extra: dict[int | str, str | None] = {}
        if role is Role.MIXED or (role is Role.HOLD and points % 2):
            extra["48.PR"] = str(points)
        if partial:
            extra["48.PA"] = "1"
        code = {Role.POINTS: "006000", Role.LOAD: "210000"}.get(role, "000000")
        mti = "0100" if role is Role.HOLD else "0200"
        said = self.shop.send(mti, code, amount, card=card, terminal=terminal, extra=extra)
        self.note(said, role, card, terminal, amount)

    @precondition(lambda self: self.pick(0, Role.HOLD))
    @rule(at=AT, share=SHARES)
    def capture(self, at: int, share: float) -> None:
        past = self.pick(at, Role.HOLD)
        assert past is not None
        amount = part_of(past.told.approved_minor, share)
        said = self.shop.complete(past.said, amount, card=past.told.card, terminal=past.terminal)
        self.refer(said, Role.COMPLETION, past, amount)

    @precondition(lambda self: self.past)
    @rule(at=AT, share=SHARES)
    def refund(self, at: int, share: float) -> None:
        past = self.pick(at, Role.PURCHASE, Role.MIXED, Role.POINTS, Role.COMPLETION, Role.LOAD)
        assert past is not None
        amount = part_of(past.told.approved_minor, share)
        said = self.shop.refund(past.said, amount, card=past.told.card, terminal=past.terminal)
        self.refer(said, Role.REFUND, past, amount)

    @precondition(lambda self: self.past)
    @rule(at=AT, share=st.sampled_from([None, None, 0.0, 0.3, 0.7, 1.01]))
    def reverse(self, at: int, share: float | None) -> None:
        past = self.pick(at, *(role for role in Role if role is not Role.REVERSAL))
        assert past is not None
        remain = None if share is None else min(int(past.told.approved_minor * share), DE_4_MAX)
        said = self.shop.reverse(
            past.said,
            max(1, past.told.asked_minor),
            remain_minor=remain,
            card=past.told.card,
            terminal=past.terminal,
        )
        self.refer(said, Role.REVERSAL, past, past.told.asked_minor, remain or 0)

    @rule(seconds=st.sampled_from([1, 3_600, 43_200, 86_400]))
    def let_time_pass(self, seconds: int) -> None:
        self.shop.now_s += seconds

    @invariant()
    def the_accounts_hold_what_the_model_says(self) -> None:
        if not hasattr(self, "past"):
            return
        books = Books(self.club, range(len(self.past)))
        for past in self.past:
            books.add(past.told)
        changes = dict(books.changes())
        assert books.findings == []
        ranges = [account for account, change in changes.items() if change.least != change.most]
        assert all("points" in account.name for account in ranges)
        found = held(self.shop)
        wrong = {
            account: (change, found[account])
            for account, change in changes.items()
            if not change.least <= found[account] <= change.most
        }
        assert wrong == {}
        assert all(account in changes or not balance for account, balance in found.items())


BooksMachine.TestCase.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=40
)
test_the_model_makes_of_replies_what_the_accounts_hold = pytest.mark.slow(BooksMachine.TestCase)


def test_a_range_is_as_wide_as_the_lots_may_have_rounded() -> None:
    """20 points, a third undone: 6 go back from one lot, none from twenty lots of one each."""
    club = Club(programme=Shop().directory.programmes[1], categories=CATEGORIES)
    books = Books(club, {0})
    books.add(paid := _mixed(0))
    books.add(
        Told(
            number=1,
            role=Role.REFUND,
            card=0,
            merchant=BOOKS,
            asked_minor=paid.approved_minor // 3,
            approved=True,
            approved_minor=paid.approved_minor // 3,
            original=0,
        )
    )

    changes = dict(books.changes())

    assert changes[Account("card", 0, "points")] == Change(-20, -14)  # one was earned and goes back
    assert changes[Account("club", "", "points redeemed")] == Change(14, 20)


def _mixed(number: int) -> Told:
    return Told(
        number=number,
        role=Role.MIXED,
        card=0,
        merchant=BOOKS,
        asked_minor=30_000,
        approved=True,
        approved_minor=30_000,
        money_minor=10_000,
        points=20,
        points_value_minor=20_000,
        points_earned=1,
    )
