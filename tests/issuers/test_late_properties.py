"""Late charges in any order of buying, paying, refunding and waiting, by what is left alone.

Goal: whoever charges, and whenever, it comes to the same (decision 0040). Method: a debt in plain
Python without counters, and two shops whose clocks run each day and once.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model import instalments as model
from tests.support.late_shop import (
    DAY_S,
    LATE,
    buy,
    counted,
    pay,
    shop,
    wait,
)
from tests.support.shop import Said, Shop, state_of


@dataclass
class Part:
    """An instalment in plain Python: no counter, only what is left and what was paid."""

    due_day: int
    left: int
    final: int = 0  # charges for principal that has been paid
    paid: int = 0  # of charges

    def charge(self, day: int) -> int:
        pay_by = model.pay_by(self.due_day, ())
        return self.final + model.late(LATE, self.left, pay_by, day) - self.paid

    def pay_left(self, minor: int, day: int) -> None:
        pay_by = model.pay_by(self.due_day, ())
        before = model.late(LATE, self.left, pay_by, day)
        self.left -= minor
        self.final += before - model.late(LATE, self.left, pay_by, day)


@dataclass
class PlainDebt:
    """A card's debts in plain Python."""

    parts: list[Part] = field(default_factory=list)

    def buy(self, minor: int, day: int) -> None:
        rows = model.schedule(LATE, minor, day)
        self.parts += [Part(row.due_day, row.principal_minor) for row in rows]
        self.parts.sort(key=lambda part: part.due_day)

    def pay(self, minor: int, day: int) -> None:
        for part in self.parts:
            to_charge = min(minor, part.charge(day))
            part.paid += to_charge
            minor -= to_charge
        for part in self.parts:
            to_principal = min(minor, part.left)
            part.pay_left(to_principal, day)
            minor -= to_principal

    def late(self, day: int) -> int:
        return sum(part.charge(day) for part in self.parts)

    def left(self) -> int:
        return sum(part.left for part in self.parts)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "pay", "pay", "reversed", "clock"]),
        st.integers(4, 20_000_000),
        st.integers(0, 45),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_charges_are_the_models_whenever_the_clock_runs(steps: list[tuple[str, int, int]]) -> None:
    here, plain = shop(), PlainDebt()
    for what, minor, days in [("buy", 9_999_999, 0), *steps, ("clock", 0, 0)]:
        wait(here, days)
        day = (here.now_s + 12_600) // DAY_S
        if what == "buy":
            buy(here, minor)
            plain.buy(minor, day)
        elif what in ("pay", "reversed"):
            owed = plain.left() + plain.late(day)
            if not owed:
                continue
            said = pay(here, min(minor, owed))
            if what == "pay":
                plain.pay(min(minor, owed), day)
            else:
                here.reverse(said, min(minor, owed))
        else:
            here.keep_house()
        assert counted(here, "due") == plain.left()
        owed_now = plain.left() + plain.late(day)
        found = int(here.send("0100", "910000", None).tag("OW") or 0)
        assert found <= owed_now  # less a rebate
        if any(part.left and model.pay_by(part.due_day, ()) < day for part in plain.parts):
            assert found == owed_now

    wait(here, 1)
    here.keep_house()
    assert counted(here, "due late") == plain.late((here.now_s + 12_600) // DAY_S)
    assert here.core.imbalances() == []
    assert state_of(here.replayed()) == here.state()


WALKS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "pay", "refund", "reverse", "settle"]),
        st.integers(4, 20_000_000),
        st.integers(0, 40),
    ),
    max_size=10,
)


def balances_and_lots(here: Shop) -> object:
    """Everything but the names of lots: rows of clock work have sequences of their own."""
    return [
        (here.core.account(number), sorted(lot[1:] for lot in here.core.lots(number)))
        for number in range(here.core.account_count)
    ]


def walk(
    here: Shop, what: str, minor: int, bought: list[Said], last: list[tuple[Said, int]]
) -> None:
    """Do one thing; what is refused changes nothing, wherever it happens.

    `last`: what can be reversed, the last first; nothing of before a refund. Whoever has a payment
    reversed whose charge came back with the goods owes the charge, and has it in the wallet.
    """
    if what == "buy":
        bought.append(here.send(amount_minor=minor))
        last.append((bought[-1], minor))
    elif what == "pay":
        last.append((here.send(code="213000", amount_minor=minor), minor))
    elif what == "refund" and bought:
        here.refund(bought[minor % len(bought)], minor)
        last.clear()
    elif what == "reverse" and last:
        here.reverse(*last.pop())
    elif what == "settle":
        owed = int(here.send("0100", "910000", None).tag("OW") or 0)
        if owed:
            last.append((here.send("0200", "910000", owed), owed))


@pytest.mark.slow
@given(steps=WALKS)
@settings(max_examples=60, deadline=None)
def test_a_clock_that_ran_each_day_and_one_that_ran_at_last_agree(
    steps: list[tuple[str, int, int]],
) -> None:
    daily, once = shop(), shop()
    bought: tuple[list[Said], list[Said]] = ([], [])
    last: tuple[list[tuple[Said, int]], list[tuple[Said, int]]] = ([], [])
    for what, minor, days in [("buy", 9_999_999, 35), *steps, ("wait", 0, 1)]:
        for at, here in enumerate((daily, once)):
            walk(here, what, minor, bought[at], last[at])
        for _ in range(days):
            wait(daily, 1)
            daily.keep_house()
        wait(once, days)

    once.keep_house()

    assert balances_and_lots(daily) == balances_and_lots(once)
    assert daily.core.imbalances() == once.core.imbalances() == []
    assert state_of(daily.replayed()) == daily.state()
