"""Credit and qarz-al-hasaneh from the terminal: what is owed by when, paid, ended, undone.

The amounts are worked out by hand from the plans' words; due days are Jalali months from the day of
the purchase, 26 Farvardin 1405.
"""

from datetime import UTC, datetime, timedelta

import pytest

from issuers.credit import credit
from issuers.prepaid import prepaid
from issuers.qarz import qarz
from switch.directory import EventError
from switch.events import CreditLimitSet
from switch.rules import Credit, ProgrammeError
from tests.support.late_shop import pay
from tests.support.shop import Said, Shop, state_of

DAY_S = 86_400
TEHRAN = timedelta(hours=3, minutes=30)


def shop(limit_minor: int = 20_000_000) -> Shop:
    return Shop(credit(1, 1, 1, limit_minor))


def buy(here: Shop, amount_minor: int, plan: int = 0) -> Said:
    extra: dict[int | str, str | None] = {48: f"IN{1:03}{plan}"} if plan else {}
    said = here.send(amount_minor=amount_minor, extra=extra)
    assert said.code == "00", said.elements
    return said


def owed(here: Shop) -> dict[str, int]:
    """Give what is owed of principal and of fees by the last day on which it can be paid."""
    first = here.core.card(0)[0]
    slots = {"principal": len_of_wallets(here), "fee": len_of_wallets(here) + 1}
    found: dict[str, int] = {}
    for name, slot in slots.items():
        for _, left, _, ends in here.core.lots(first + slot):
            part = f"{name} {_day(ends)}"
            found[part] = found.get(part, 0) + left
    return found


def len_of_wallets(here: Shop) -> int:
    return sum(1 + wallet.held for wallet in here.directory.programmes[1].wallets)


def _day(ends_s: int) -> str:
    return f"{datetime.fromtimestamp(ends_s - 1, UTC) + TEHRAN:%Y-%m-%d}"


def test_four_parts_begin_at_the_till_and_are_due_in_jalali_months() -> None:
    here = shop()

    said = buy(here, 10_000_000)

    assert owed(here) == {
        "principal 2026-04-15": 2_500_000,  # 26 Farvardin
        "principal 2026-05-16": 2_500_000,  # 26 Ordibehesht
        "principal 2026-06-16": 2_500_000,  # 26 Khordad
        "principal 2026-07-17": 2_500_000,  # 26 Tir
    }
    assert (said.tag("IN"), said.tag("IC"), said.tag("IA"), said.tag("ID")) == (
        *("four", "4", "2500000", "20260415"),
    )
    assert said.balances() == {"3001": -10_000_000, "3002": 10_000_000}


def test_the_rest_of_a_division_is_carried_by_the_last() -> None:
    here = shop()

    buy(here, 1_000_000, plan=3)
    buy(here, 10_010_000)

    assert owed(here)["principal 2026-07-17"] == 2_510_000
    assert owed(here)["principal 2026-05-16"] == 1_000_000 + 2_500_000


def test_payments_go_to_the_oldest_part_and_free_the_limit() -> None:
    here = shop()
    buy(here, 10_000_000)

    said = pay(here, 3_000_000)

    assert owed(here) == {
        "principal 2026-05-16": 2_000_000,
        "principal 2026-06-16": 2_500_000,
        "principal 2026-07-17": 2_500_000,
    }
    assert said.balances() == {"3001": -7_000_000, "3002": 13_000_000}
    assert said.tag("OW") == "7000000"


def test_a_reversed_payment_restores_every_part() -> None:
    here = shop()
    buy(here, 10_000_000)
    buy(here, 6_000_000, plan=2)
    before = here.state()

    here.reverse(pay(here, 5_432_100), 5_432_100)

    assert here.state() == before


def test_a_refund_takes_the_last_parts_first() -> None:
    here = shop()
    said = buy(here, 10_000_000)

    refunded = here.refund(said, 4_000_000)

    assert refunded.code == "00"
    assert owed(here) == {
        "principal 2026-04-15": 2_500_000,
        "principal 2026-05-16": 2_500_000,
        "principal 2026-06-16": 1_000_000,
    }
    assert refunded.balances()["3002"] == 14_000_000


def test_refunds_in_parts_take_what_one_refund_would() -> None:
    parts, whole = shop(), shop()
    bought = [buy(here, 9_999_999, plan=2) for here in (parts, whole)]

    for amount in (1, 333_333, 2_000_000, 1_666_666):
        assert parts.refund(bought[0], amount).code == "00"
    whole.refund(bought[1], 4_000_000)

    assert owed(parts) == owed(whole)


def test_a_reversed_purchase_leaves_nothing() -> None:
    here = shop()
    before = here.state()

    here.reverse(buy(here, 9_999_999, plan=2), 9_999_999)

    assert here.state()[:2] == before[:2]


def test_what_is_refunded_after_it_was_paid_is_set_against_the_next_debt() -> None:
    here = shop()
    said = buy(here, 4_000_000)
    pay(here, 4_000_000)
    here.refund(said, 1_000_000)
    assert here.send("0100", "310000", None).balances() == {"3001": 1_000_000, "3002": 21_000_000}

    buy(here, 4_000_000, plan=3)

    assert owed(here) == {"principal 2026-05-16": 3_000_000}
    assert here.send("0100", "910000", None).tag("OW") == "3000000"


def test_more_than_is_owed_is_the_cards_credit() -> None:
    here = shop()
    buy(here, 1_000_000)

    said = pay(here, 1_500_000)

    assert said.balances() == {"3001": 500_000, "3002": 20_500_000}
    assert owed(here) == {"principal 2026-04-15": -500_000}
    assert here.send("0100", "910000", None).tag("OW") in ("", "0")


def test_the_cards_own_credit_pays_first_and_costs_nothing() -> None:
    here = shop()
    buy(here, 1_000_000)
    pay(here, 1_500_000)
    before = state_of(here.core)

    bought = buy(here, 1_700_000, plan=2)

    # 500,000 are the holder's own: 12 parts of 1,200,000, and 18 % a year on that for a month.
    assert (bought.tag("IC"), bought.tag("IA")) == ("12", "118000")
    assert bought.balances() == {"3001": -1_200_000, "3002": 18_800_000}
    assert here.send("0100", "910000", None).tag("OW") == "1200000"
    here.reverse(bought, 1_700_000)
    assert here.core.imbalances() == []
    assert state_of(here.core)[:2] == before[:2]

    small = buy(here, 400_000, plan=2)

    assert small.tag("IC") == ""
    assert small.balances() == {"3001": 100_000, "3002": 20_100_000}


def test_a_capture_that_the_plan_cannot_divide_is_due_with_its_first_part() -> None:
    here = shop()
    hold = here.send("0100", amount_minor=1_000_000)

    captured = here.complete(hold, 30_000)
    refused = here.send(amount_minor=30_000)

    assert (captured.code, captured.tag("IC"), captured.tag("IA")) == ("00", "1", "30000")
    assert refused.reason == "instalments_refused"
    assert owed(here) == {"principal 2026-04-15": 30_000}


def test_profit_is_on_what_is_left_and_paid_before_the_principal() -> None:
    here = shop()
    buy(here, 12_000_000, plan=2)

    # 18 % a year on 12,000,000 for a month is 180,000; the principal's part is 1,000,000.
    assert owed(here)["fee 2026-05-16"] == 180_000
    assert owed(here)["principal 2026-05-16"] == 1_000_000
    assert owed(here)["fee 2026-06-16"] == 165_000

    said = pay(here, 200_000)

    assert said.tag("FE") == "180000"
    assert "fee 2026-05-16" not in owed(here)
    assert owed(here)["principal 2026-05-16"] == 980_000


def test_ending_a_debt_early_costs_no_profit_for_months_to_come() -> None:
    here = shop()
    buy(here, 12_000_000, plan=2)
    here.now_s += 40 * DAY_S  # in the second month

    quote = here.send("0100", "910000", None)
    wrong = here.send("0200", "910000", 12_000_000)
    said = here.send("0200", "910000", 12_345_000)

    assert quote.tag("OW") == "12345000"  # 12,000,000 and the profit of two months
    assert (wrong.code, wrong.reason, wrong.tag("OW")) == (
        *("13", "settlement_is_another", "12345000"),
    )
    assert said.code == "00"
    assert owed(here) == {}
    assert said.balances() == {"3001": 0, "3002": 20_000_000}


def test_on_the_day_of_the_purchase_no_time_has_begun_that_costs_profit() -> None:
    here = shop()
    buy(here, 12_000_000, plan=2)

    assert here.send("0100", "910000", None).tag("OW") == "12000000"
    here.now_s += DAY_S
    assert here.send("0100", "910000", None).tag("OW") == "12180000"


def test_a_reversed_settlement_restores_the_debt() -> None:
    here = shop()
    buy(here, 12_000_000, plan=2)
    before = here.state()

    here.now_s += DAY_S
    said = here.send("0200", "910000", 12_180_000)
    assert said.code == "00", said.elements
    here.reverse(said, 12_180_000)

    assert here.state()[:2] == before[:2]


def test_the_debt_of_this_month_is_told() -> None:
    here = shop()
    buy(here, 12_000_000, plan=2)

    assert here.send("0100", "310000", None).tag("DM") == ""
    here.now_s += 6 * DAY_S  # 1 Ordibehesht
    assert here.send("0100", "310000", None).tag("DM") == "1180000"


def test_a_hold_takes_of_the_limit_and_its_capture_is_owed() -> None:
    here = shop()

    hold = here.send("0100", amount_minor=15_000_000)
    refused = here.send(amount_minor=6_000_000)
    here.complete(hold, 8_000_000)

    assert hold.balances() == {"3001": 0, "3002": 5_000_000}
    assert (refused.code, refused.reason) == ("51", "insufficient_funds")
    assert sum(owed(here).values()) == 8_000_000


def test_a_reversed_capture_is_owed_no_more() -> None:
    here = shop()
    hold = here.send("0100", amount_minor=15_000_000)
    captured = here.complete(hold, 8_000_000)

    here.reverse(captured, 8_000_000)

    assert owed(here) == {}
    assert here.send("0100", "310000", None).balances() == {"3001": 0, "3002": 20_000_000}


@pytest.mark.parametrize("plan", [4, 9])
def test_a_plan_that_is_not_there_is_refused(plan: int) -> None:
    here = shop()
    before = here.state()

    said = here.send(amount_minor=1_000_000, extra={48: f"IN001{plan}"})

    assert (said.code, said.reason) == ("12", "instalments_refused")
    assert here.state() == before


def test_an_amount_that_a_plan_cannot_divide_is_refused() -> None:
    here = shop()

    said = here.send(amount_minor=30_000)

    assert (said.code, said.reason) == ("12", "instalments_refused")


def test_a_card_without_credit_does_not_pay_at_once_what_was_to_be_paid_by_a_plan() -> None:
    here = Shop(prepaid(1, 1, 1))
    here.send(code="210000", amount_minor=1_000_000)
    before = here.state()

    refused = [
        here.send(code=code, amount_minor=100_000, extra={48: "IN0011"})
        for code in ("000000", "010000")
    ]

    assert [(said.code, said.reason) for said in refused] == [("12", "instalments_refused")] * 2
    assert here.state() == before


def test_a_completion_says_by_which_plan_it_is_paid() -> None:
    here = shop()
    hold = here.send("0100", amount_minor=12_000_000)

    captured = here.send("0220", "000000", 12_000_000, extra={48: "IN0012", 90: hold.original()})

    assert (captured.code, captured.tag("IN"), captured.tag("IC")) == ("00", "twelve-18", "12")


def test_a_cards_limit_can_be_set_and_survives_replay_and_new_versions() -> None:
    here = shop()
    here.record(CreditLimitSet(card=0, limit_minor=1_000_000, why="new"))

    refused = here.send(amount_minor=1_100_000)
    buy(here, 1_000_000)

    assert refused.reason == "insufficient_funds"
    assert state_of(here.replayed()) == here.state()
    with pytest.raises(EventError, match="not known"):
        here.record(CreditLimitSet(card=77, limit_minor=1, why=""))


def test_qarz_by_the_eleven_month_rule() -> None:
    here = Shop(qarz(1, 1, 1))

    buy(here, 20_000_000)

    parts = owed(here)
    fees = [left for name, left in parts.items() if name.startswith("fee")]
    principal = [left for name, left in parts.items() if name.startswith("principal")]
    assert fees == [800_000, 533_333, 266_667]
    assert principal == [606_060] * 32 + [606_080]


def test_qarz_ended_early_costs_no_fee_of_years_to_come() -> None:
    here = Shop(qarz(1, 1, 1))
    buy(here, 20_000_000)
    here.now_s += 100 * DAY_S

    assert here.send("0100", "910000", None).tag("OW") == "20800000"


def test_qarz_is_paid_out_at_the_counter_and_owed() -> None:
    here = Shop(qarz(1, 1, 1))

    said = here.send(code="010000", amount_minor=20_000_000)

    assert (said.code, said.tag("IC")) == ("00", "36")
    assert sum(owed(here).values()) == 21_600_000


def test_replay_gives_the_same_debts() -> None:
    here = shop()
    said = buy(here, 10_000_000)
    pay(here, 3_000_000)
    here.refund(said, 2_000_000)

    assert state_of(here.replayed()) == here.state()
    assert here.core.imbalances() == []


def test_a_repeat_with_another_plan_is_another_message() -> None:
    here = shop()
    first = here.send(amount_minor=1_000_000, extra={48: "IN0011"}, stan=700)

    again = here.send("0201", amount_minor=1_000_000, extra={48: "IN0011"}, stan=700)
    other = here.send("0201", amount_minor=1_000_000, extra={48: "IN0013"}, stan=700)

    assert again.reply == first.reply
    assert (other.code, other.reason) == ("94", "duplicate_with_other_content")


def test_credit_without_a_plan_is_refused() -> None:
    with pytest.raises(ProgrammeError, match="one to 8 plans"):
        Credit(limit_minor=1, plans=())
