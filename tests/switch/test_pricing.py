"""A Python plan prices and never posts: what it is told, may answer, and what its faults cost."""

import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from issuers.pricings import PRICINGS
from issuers.purse import OPERATIONS, purse
from issuers.purse_in_python import NAME, purse_in_python
from switch.directory import Directory, EventError
from switch.events import ProgrammeLive
from switch.operations import Operation
from switch.pricing import Asked, Declined, Priced, Pricing
from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import DiscountRule, EarnRule, Limits, ProgrammeError, Tender
from tests.support.shop import CAFE, PANS, TEHRAN_S, Shop, new_core, replay_into, state_of


def programme(**changes: Any) -> Programme:
    return msgspec.structs.replace(
        Programme(
            programme=1,
            version=3,
            club=1,
            name="Test",
            name_fa="آزمون",
            operations=OPERATIONS,
            pricing="test",
            pricing_rules=("first", "second"),
        ),
        **changes,
    )


def shop_of(pricing: Pricing, **changes: Any) -> Shop:
    """A shop whose card 0 has 1,000,000 rials, priced by a function of the test's."""
    shop = Shop(programme(**changes), pricings={"test": pricing})
    shop.load(1_000_000)
    return shop


def all_from_the_purse(asked: Asked) -> Priced:
    return Priced(amount_minor=asked.amount_minor, money_minor=asked.amount_minor)


def test_a_function_is_told_what_was_asked_and_what_the_card_has() -> None:
    told: list[Asked] = []

    def listen(asked: Asked) -> Priced:
        told.append(asked)
        if asked.operation is Operation.HOLD:
            return all_from_the_purse(asked)
        return Priced(amount_minor=asked.amount_minor, money_minor=asked.amount_minor, earned=40)

    shop = shop_of(listen)
    shop.send(amount_minor=100_000)
    shop.send("0100", amount_minor=300_000)
    shop.send(amount_minor=50_000, extra={"48.PR": "7", "48.PA": "1"})

    assert told[2] == Asked(
        programme=1,
        version=3,
        operation=Operation.PURCHASE,
        advice=False,
        merchant=0,
        merchant_id=CAFE,
        category=5812,
        amount_minor=50_000,
        points_limit=7,
        partial_ok=True,
        money_minor=600_000,
        money_held_minor=300_000,
        points=40,
        points_held=0,
        day_spent_minor=400_000,
        day_count=2,
        now_s=shop.now_s,
        utc_offset_s=TEHRAN_S,
        local_day=(shop.now_s + TEHRAN_S) // 86_400,
        local_weekday=4,
        local_hour=12,
    )


def test_what_it_answers_is_posted_and_told() -> None:
    def give(asked: Asked) -> Priced:
        return Priced(
            amount_minor=asked.amount_minor,
            discount_minor=1_000,
            funder="club",
            discount_rule="second",
            money_minor=asked.amount_minor - 1_000,
            fee_minor=70,
            earned=9,
            earn_rule="first",
            available_at_s=asked.now_s + 60,
            expires_at_s=asked.now_s + 120,
        )

    shop = shop_of(give)

    said = shop.send(amount_minor=100_000)

    assert (said.code, said.tag("DS"), said.tag("DF"), said.tag("WD")) == (
        "00", "1000", "C", "second",
    )  # fmt: skip
    assert (said.tag("NP"), said.tag("PE"), said.tag("WE")) == ("99000", "9", "first")
    assert [lot[1:] for lot in shop.lots()] == [(9, shop.now_s + 60, shop.now_s + 120)]
    core = shop.core
    assert core.account(core.merchant_account(0))[4] == 100_000 - 70
    assert shop.money() == 901_000
    assert core.imbalances() == []
    assert state_of(shop.replayed()) == shop.state()


def test_a_completion_is_asked_with_its_hold_given_back_and_as_an_advice() -> None:
    told: list[Asked] = []

    def listen(asked: Asked) -> Priced:
        told.append(asked)
        return all_from_the_purse(asked)

    shop = shop_of(listen)
    hold = shop.send("0100", amount_minor=900_000)

    said = shop.complete(hold, 800_000)

    assert said.code == "00"
    assert (told[1].operation, told[1].advice) == (Operation.PURCHASE, True)
    assert (told[1].money_minor, told[1].money_held_minor) == (1_000_000, 0)
    assert shop.money() == 200_000


def test_a_completion_that_fails_leaves_its_hold() -> None:
    def fail_once_held(asked: Asked) -> Priced:
        if asked.advice:
            raise ZeroDivisionError
        return all_from_the_purse(asked)

    shop = shop_of(fail_once_held)
    hold = shop.send("0100", amount_minor=900_000)
    before = shop.state()

    said = shop.complete(hold, 800_000)

    assert (said.code, said.reason) == ("96", "pricing_failed")
    assert shop.state() == before


def test_a_decline_is_its_reason() -> None:
    shop = shop_of(lambda asked: Declined(Reason.ABOVE_DAY_AMOUNT))
    before = shop.state()

    said = shop.send(amount_minor=1)

    assert (said.code, said.reason) == ("61", "above_day_amount")
    assert shop.state() == before
    assert shop.pricer.statistics() == {"calls": {"test": 1}, "failures": {"test": 0}}


def test_more_than_there_is_is_declined_by_the_moves_whatever_the_function_says() -> None:
    shop = shop_of(all_from_the_purse)
    before = shop.state()

    money = shop.send(amount_minor=1_000_001)
    shop.pricer.take_troubles()

    assert (money.code, money.reason) == ("51", "insufficient_funds")
    assert shop.state() == before
    assert shop.pricer.statistics()["failures"] == {"test": 0}


def test_points_that_are_not_there_are_declined_by_name() -> None:
    shop = shop_of(
        lambda asked: Priced(
            amount_minor=asked.amount_minor, points=1, points_value_minor=asked.amount_minor
        )
    )

    said = shop.send(amount_minor=1_000)

    assert (said.code, said.reason) == ("51", "insufficient_points")


def test_limits_are_the_programmes_and_no_function_is_asked_beyond_them() -> None:
    shop = shop_of(all_from_the_purse, limits=Limits(transaction_minor_max=1_000_000))

    said = shop.send(amount_minor=1_000_001)

    assert (said.code, said.reason) == ("61", "above_transaction_limit")
    assert shop.pricer.statistics()["calls"] == {"test": 0}


def raises(asked: Asked) -> Priced:
    raise RuntimeError(f"no rule for {asked.merchant_id}")


PRICED_100 = Priced(amount_minor=100, money_minor=100)
WRONG_ANSWERS: dict[str, object] = {
    "nothing": None,
    "a reason alone": Reason.INSUFFICIENT_FUNDS,
    "a reason that approves": Declined(Reason.REVERSED_BEFORE),
    "a reason of another check": Declined(Reason.CARD_BLOCKED),
    "no reason": Declined(Reason.NONE),
    "more than was asked": Priced(amount_minor=101, money_minor=101),
    "less than was asked": Priced(amount_minor=99, money_minor=99),
    "an approval of nothing": Priced(amount_minor=0),
    "parts that are not the whole": Priced(amount_minor=100, money_minor=99),
    "money that comes back": Priced(
        amount_minor=100, money_minor=-1, discount_minor=101, funder="club"
    ),
    "a fraction": Priced(
        amount_minor=100, money_minor=100, fee_minor=0.5,  # type: ignore[arg-type]  # the fault
    ),
    "a truth": Priced(amount_minor=100, money_minor=100, fee_minor=True),
    "beyond 63 bits": Priced(amount_minor=100, money_minor=100, earned=1 << 70),
    "a fee above the amount": Priced(amount_minor=100, money_minor=100, fee_minor=101),
    "a discount that nobody funds": Priced(amount_minor=100, money_minor=90, discount_minor=10),
    "a funder of nothing": Priced(amount_minor=100, money_minor=100, funder="club"),
    "a funder that there is not": Priced(
        amount_minor=100, money_minor=90, discount_minor=10,
        funder="bank",  # type: ignore[arg-type]  # the fault
    ),
    "points worth nothing": Priced(amount_minor=100, money_minor=100, points=1),
    "value without points": Priced(amount_minor=100, money_minor=90, points_value_minor=10),
    "a rule that there is not": Priced(
        amount_minor=100, money_minor=90, discount_minor=10, funder="club", discount_rule="third"
    ),
    "a rule that gave nothing": Priced(amount_minor=100, money_minor=100, earn_rule="first"),
    "a lot that has ended": Priced(amount_minor=100, money_minor=100, earned=1, expires_at_s=1),
    "a second beyond 2106": Priced(
        amount_minor=100, money_minor=100, earned=1, expires_at_s=1 << 32
    ),
}  # fmt: skip


@pytest.mark.parametrize("answer", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_that_cannot_be_declines_its_message_and_moves_nothing(answer: Any) -> None:
    shop = shop_of(lambda asked: answer)
    before = shop.state()

    said = shop.send(amount_minor=100)

    assert (said.code, said.reason) == ("96", "pricing_failed")
    assert shop.state() == before
    (trouble,) = shop.pricer.take_troubles()
    assert (trouble.pricing, trouble.programme, trouble.version) == ("test", 1, 3)
    assert trouble.error == "PricingError"


def test_a_part_is_approved_where_the_terminal_can_take_it() -> None:
    shop = shop_of(lambda asked: Priced(amount_minor=60, money_minor=60))

    purchase = shop.send(amount_minor=100, extra={"48.PA": "1"})
    points = shop.send(code="006000", amount_minor=100, extra={"48.PA": "1"})

    assert (purchase.code, int(purchase.elements["4"])) == ("10", 60)
    assert (points.code, points.reason) == ("96", "pricing_failed")


@pytest.mark.parametrize(("fee_minor", "earned"), [(1, 0), (0, 1)])
def test_a_hold_gives_nothing_yet(fee_minor: int, earned: int) -> None:
    priced = Priced(amount_minor=100, money_minor=100, fee_minor=fee_minor, earned=earned)
    shop = shop_of(lambda asked: priced)

    assert shop.send("0100", amount_minor=100).reason == "pricing_failed"
    assert shop.send("0200", amount_minor=100).code == "00"


def test_a_fault_is_told_once_for_each_place_with_what_it_said_and_no_card() -> None:
    shop = shop_of(raises)

    for _ in range(3):
        assert shop.send(amount_minor=100).reason == "pricing_failed"
    (trouble,) = shop.pricer.take_troubles()

    assert (trouble.error, trouble.text) == ("RuntimeError", f"no rule for {CAFE}")
    assert trouble.place.startswith("raises:")
    assert PANS[0] not in repr(trouble)
    shop.send(amount_minor=100)
    assert shop.pricer.take_troubles() == []
    assert shop.pricer.statistics() == {"calls": {"test": 4}, "failures": {"test": 4}}


def test_a_function_that_is_not_there_fails_its_messages() -> None:
    shop = Shop(programme(), pricings={})

    assert shop.send(amount_minor=100).reason == "pricing_failed"
    assert shop.pricer.take_troubles()[0].text == "this switch has no function of that name"


def test_an_interrupt_inside_a_function_ends_the_process_and_approves_nothing() -> None:
    def interrupted(asked: Asked) -> Priced:
        raise KeyboardInterrupt

    shop = shop_of(interrupted)
    before = shop.state()

    with pytest.raises(KeyboardInterrupt) as raised:
        shop.send(amount_minor=100)

    assert shop.state() == before
    assert traceback.extract_tb(raised.value.__traceback__)[-1].name == "interrupted"


def test_without_somebody_who_asks_it_is_for_later_and_nothing_has_changed() -> None:
    shop = shop_of(all_from_the_purse)
    before, rows = shop.state(), shop.core.last_seq
    message = shop.message(amount_minor=100)

    lane = shop.lanes["binary"]
    body = shop.encoded(message)
    later = lane.answer(body, now_us=shop.now_s * 1_000_000, utc_offset_s=TEHRAN_S)

    assert later == ("later", b"", 0, None)
    assert (shop.state(), shop.core.last_seq) == (before, rows)
    assert shop.ask(message).code == "00"


def test_a_repeat_gets_the_first_reply_and_asks_nobody() -> None:
    shop = shop_of(all_from_the_purse)
    message = shop.message(amount_minor=100)

    first, again = shop.ask(message), shop.ask(message)

    assert (again.reply, again.seq) == (first.reply, first.seq)
    assert shop.pricer.statistics()["calls"] == {"test": 1}


# --- programmes that name a function --------------------------------------------------------------

NONSENSE: dict[str, Callable[[], Programme]] = {
    "a function beside rules": lambda: msgspec.structs.replace(purse(1, 1, 1), pricing="p"),
    "a function and a discount": lambda: programme(
        discounts=(DiscountRule(name="d", discount_bps=1, funder="club"),)
    ),
    "a function and an earning": lambda: programme(
        earning=(EarnRule(name="e", points=1, per_minor=1),)
    ),
    "a function and a tender": lambda: programme(tender=Tender(point_value_minor=1)),
    "a function and a commission": lambda: programme(commission_bps=1),
    "rules of no function": lambda: programme(pricing=""),
    "too long a name": lambda: programme(pricing="n" * 24),
    "a Persian rule": lambda: programme(pricing_rules=("قاعده",)),
    "the same rule twice": lambda: programme(pricing_rules=("a", "a")),
}


@pytest.mark.parametrize("make", NONSENSE.values(), ids=NONSENSE)
def test_a_function_and_rules_that_contradict_it_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ProgrammeError):
        make()


def test_the_journal_alone_needs_no_function() -> None:
    shop = shop_of(all_from_the_purse)
    shop.send(amount_minor=100)

    replayed = new_core()
    directory = replay_into(replayed, shop.journal())

    assert state_of(replayed) == shop.state()
    assert directory.programmes[1].pricing == "test"


def test_a_journal_that_names_a_function_which_is_not_there_says_so_before_it_serves() -> None:
    shop = shop_of(all_from_the_purse)
    directory = replay_into(new_core(), shop.journal())

    directory.know_pricings({"test"})
    with pytest.raises(EventError, match=r"programme 1 version 3 is priced by 'test'.*purse-in"):
        directory.know_pricings(PRICINGS)


def test_a_programme_cannot_go_live_without_its_function() -> None:
    shop = Shop(purse_in_python(1, 1, 1))
    shop.directory.know_pricings(PRICINGS)
    before = shop.core.last_seq

    with pytest.raises(EventError, match="there is no such function"):
        shop.record(ProgrammeLive(definition=programme()))

    assert shop.core.last_seq == before
    assert shop.directory.programmes[1].pricing == NAME


def test_a_snapshots_directory_names_its_functions() -> None:
    shop = shop_of(all_from_the_purse)

    dumped = Directory(shop.core)
    dumped.load(shop.directory.dump())

    assert dumped.programmes[1] == programme()
    assert shop.send(amount_minor=100).code == "00"


def test_a_new_version_may_be_priced_by_itself_again() -> None:
    shop = shop_of(all_from_the_purse)

    shop.record(ProgrammeLive(definition=purse(1, 4, 1)))

    assert shop.send(amount_minor=100_000).tag("WE") == "cafe-double"
    assert shop.pricer.statistics()["calls"] == {"test": 0}
