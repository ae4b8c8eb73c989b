"""Reversals, refunds, completions, the end of holds: every leg goes back to where it came from."""

import itertools

import msgspec
import pytest

from issuers.purse import purse
from switch.events import CardStatusChanged
from switch.limits import HOLD_MOVES_MAX
from switch.operations import CardStatus, ExchangeState
from switch.programme import Programme
from switch.rules import DiscountRule, EarnRule, Limits, Tender
from tests.support.shop import Said, Shop

ROUND = Programme(
    programme=1,
    version=1,
    club=1,
    name="Round",
    name_fa="گرد",
    operations=purse(1, 1, 1).operations,
    discounts=(DiscountRule(name="d", discount_bps=3_333, funder="club"),),
    earning=(EarnRule(name="e", points=7, per_minor=1_000, expires_after_days=30),),
    tender=Tender(point_value_minor=13),
    limits=Limits(),
    commission_bps=77,
)


@pytest.fixture
def shop() -> Shop:
    """A shop whose card 0 has 1,000,000 rials and, by a purchase of another shop, points."""
    shop = Shop(ROUND)
    shop.load(1_000_000)
    shop.send(amount_minor=90_001, terminal="T0000003")
    shop.now_s += 1
    return shop


def mixed(shop: Shop) -> Said:
    """A purchase with discount, points, money, fee and earning, in amounts that divide badly."""
    return shop.send(amount_minor=99_991, extra={"48.PR": "311"})


def test_a_reversal_puts_every_leg_back(shop: Shop) -> None:
    before = shop.state()

    said = shop.reverse(mixed(shop))

    assert (said.code, said.reason) == ("00", "")
    assert shop.state() == before


def test_parts_in_any_order_undo_exactly_what_the_whole_does() -> None:
    for parts in itertools.permutations([1, 3_333, 40_000, 56_657]):
        shop = Shop(ROUND)
        shop.load(1_000_000)
        shop.send(amount_minor=90_001, terminal="T0000003")
        before = shop.state()
        bought = mixed(shop)

        answers = [shop.refund(bought, part).code for part in parts]

        assert (sum(parts), answers) == (99_991, ["00"] * 4)
        assert shop.state()[:2] == before[:2]
        assert shop.core.imbalances() == []


def test_a_partial_reversal_and_then_the_rest_is_the_whole(shop: Shop) -> None:
    before = shop.state()
    bought = mixed(shop)

    codes = [shop.reverse(bought, remain_minor=rest).code for rest in (70_001, 70_000, 12_345, 0)]

    assert codes == ["00"] * 4
    assert shop.state() == before


def test_a_refund_that_is_reversed_lets_the_purchase_stand_again(shop: Shop) -> None:
    bought = mixed(shop)
    stands = shop.state()
    refund = shop.refund(bought, 33_333)

    shop.reverse(refund, 33_333, remain_minor=10_000)
    shop.reverse(refund, 33_333)

    assert shop.state() == stands
    assert shop.refund(bought, 99_991).code == "00"


def test_a_refund_is_not_done_again_when_its_purchase_was_reversed(shop: Shop) -> None:
    bought = mixed(shop)
    refund = shop.refund(bought, 30_000)
    shop.reverse(bought)
    before = shop.state()

    said = shop.reverse(refund, 30_000)

    assert (said.code, said.reason) == ("00", "reversed_before")
    assert shop.state() == before
    assert shop.exchange(bought)[2] == 99_991


@pytest.mark.parametrize("mti", ["0400", "0420"])
def test_a_reversal_cannot_be_reversed(shop: Shop, mti: str) -> None:
    hold = shop.send("0100", amount_minor=5_000)
    reversal = shop.reverse(hold, 5_000, mti=mti)
    before = shop.state()

    said = shop.reverse(reversal, 5_000)

    assert (said.code, said.reason) == ("00", "reversed_unknown_original")
    assert shop.state() == before
    assert shop.account(0, 1) == 0


def test_an_advice_after_the_reversal_of_the_unknown_is_accepted_too(shop: Shop) -> None:
    first = shop.send("0400", stan=77)

    second = shop.send("0420", stan=77)

    assert [first.code, second.code] == ["00", "00"]


def test_a_sign_on_is_not_mistaken_for_what_a_reversal_waits_for(shop: Shop) -> None:
    shop.send("0400", stan=77)

    said = shop.send(
        "0800", amount_minor=None, card=None, stan=77, extra={3: None, 42: None, 70: "001"}
    )

    assert said.code == "00"


def test_a_reversal_of_what_was_declined_without_a_look_at_the_card_is_accepted(
    shop: Shop,
) -> None:
    late = shop.message(amount_minor=1_000)
    shop.send("0400", amount_minor=1_000, extra={90: f"0200{late[11]}{shop.local_at()}" + "0" * 22})
    declined = shop.ask(late)

    said = shop.reverse(declined, 1_000)

    assert declined.code == "05"
    assert (said.code, said.reason) == ("00", "reversed_declined_original")


def test_points_return_to_the_very_lot_even_when_it_was_empty(shop: Shop) -> None:
    before = shop.lots()
    points = shop.points()

    paid = shop.send(code="006000", amount_minor=20_000, extra={"48.PR": str(points)})
    left = [lot for lot in shop.lots() if lot[0] == before[0][0]]
    shop.reverse(paid)

    assert (paid.tag("PX"), left) == (str(points), [])
    assert shop.lots() == before


def test_points_that_were_spent_and_then_taken_back_leave_a_lot_below_zero() -> None:
    shop = Shop(ROUND)
    shop.load(1_000_000)
    bought = shop.send(amount_minor=90_000)
    earned = shop.points()
    paid = shop.send(code="006000", amount_minor=1_000)

    shop.reverse(bought)

    assert earned == 60_003 // 1_000 * 7
    assert shop.points() == -int(paid.tag("PX"))
    assert [lot[1] for lot in shop.lots()] == [shop.points()]
    assert shop.core.imbalances() == []


def test_a_completion_for_less_releases_the_rest(shop: Shop) -> None:
    money = shop.money()
    hold = shop.send("0100", amount_minor=50_000)

    said = shop.complete(hold, 20_000)

    assert said.code == "00"
    assert shop.account(0, 1) == 0
    assert money - shop.money() == int(said.tag("NP")) < 20_000


def test_a_completion_can_be_named_by_rrn_and_authorisation_code(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=50_000)

    said = shop.send(
        "0220",
        amount_minor=50_000,
        extra={37: hold.elements["37"], 38: hold.elements["38"]},
    )

    assert said.code == "00"


def test_undoing_a_completion_leaves_the_hold_ended(shop: Shop) -> None:
    before = shop.state()
    hold = shop.send("0100", amount_minor=50_000, extra={"48.PR": "100"})
    captured = shop.complete(hold, 50_000)

    said = shop.reverse(captured, 50_000)

    assert said.code == "00"
    assert shop.state()[:2] == before[:2]
    assert shop.complete(hold, 1).reason == "hold_already_captured"


@pytest.mark.parametrize(("amount_minor", "wanted"), [(50_001, "capture_above_hold"), (50_000, "")])
def test_a_capture_is_at_most_the_hold(shop: Shop, amount_minor: int, wanted: str) -> None:
    hold = shop.send("0100", amount_minor=50_000)

    assert shop.complete(hold, amount_minor).reason == wanted


def test_a_hold_is_captured_once(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=50_000)
    shop.complete(hold, 20_000)

    assert shop.complete(hold, 20_000).reason == "hold_already_captured"
    assert shop.reverse(hold).reason == "hold_already_captured"


def test_a_hold_that_was_reversed_cannot_be_captured(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=50_000)
    shop.reverse(hold)

    assert shop.complete(hold, 50_000).reason == "hold_already_released"


@pytest.mark.parametrize("housekeeping", [True, False])
def test_a_hold_that_has_ended_cannot_be_captured(shop: Shop, *, housekeeping: bool) -> None:
    hold = shop.send("0100", amount_minor=50_000)
    shop.now_s += ROUND.hold_seconds
    if housekeeping:
        shop.expire_holds()

    assert shop.complete(hold, 50_000).reason == "hold_expired"


def test_a_hold_lasts_to_its_last_second(shop: Shop) -> None:
    hold = shop.send("0100", amount_minor=50_000)
    shop.now_s += ROUND.hold_seconds - 1

    assert shop.expire_holds() == 0
    assert shop.complete(hold, 50_000).code == "00"


def test_the_clock_gives_a_hold_back_to_money_and_lots(shop: Shop) -> None:
    before = shop.state()
    hold = shop.send("0100", amount_minor=50_000, extra={"48.PR": "100"})
    held = (shop.account(0, 1), shop.account(0, 3))
    shop.now_s += ROUND.hold_seconds

    ended = shop.expire_holds()

    assert ended == 1
    assert held == (50_000 - 1_300, 100)
    assert shop.state()[:2] == before[:2]
    assert shop.exchange(hold)[0] == ExchangeState.EXPIRED
    assert shop.expire_holds() == 0


def test_six_holds_of_a_thousand_do_not_fit_five_thousand() -> None:
    shop = Shop(ROUND)
    shop.load(5_000)

    codes = [shop.send("0100", amount_minor=1_000).code for _ in range(6)]

    assert codes == ["00"] * 5 + ["51"]


FITS = 5 * (HOLD_MOVES_MAX - 1)
"""Points of as many lots as a hold may touch, beside its move of money."""


@pytest.mark.slow
@pytest.mark.parametrize(("points", "wanted"), [(FITS, ""), (FITS + 1, "too_many_moves")])
def test_a_hold_is_only_given_when_its_completion_fits_one_entry(points: int, wanted: str) -> None:
    earning = (EarnRule(name="e", points=1, per_minor=1_000, expires_after_days=600),)
    shop = Shop(msgspec.structs.replace(purse(1, 1, 1), earning=earning, discounts=()))
    shop.load(100_000_000)
    for _ in range(HOLD_MOVES_MAX + 4):
        shop.send(amount_minor=5_000)
        shop.now_s += 86_400
    before = shop.state()

    hold = shop.send("0100", amount_minor=1_500_000, extra={"48.PR": str(points)})

    assert hold.reason == wanted
    if wanted:
        assert shop.state() == before
    else:
        assert shop.complete(hold, 1_500_000).code == "00"


@pytest.mark.parametrize("status", [CardStatus.BLOCKED, CardStatus.LOST, CardStatus.CLOSED])
def test_what_has_happened_is_undone_for_a_card_that_is_blocked_now(
    shop: Shop, status: CardStatus
) -> None:
    before = shop.state()[0]
    bought = mixed(shop)
    shop.record(CardStatusChanged(card=0, status=status))

    assert shop.reverse(bought).code == "00"
    assert shop.state()[0] == before


def test_an_inquiry_cannot_be_captured(shop: Shop) -> None:
    asked = shop.send("0100", "310000", None)

    assert shop.complete(asked, 1_000).reason == "original_not_found"


def test_a_refund_needs_what_is_left_of_the_purchase(shop: Shop) -> None:
    bought = mixed(shop)
    shop.refund(bought, 60_000)

    assert shop.refund(bought, 39_992).reason == "refund_above_original"
    assert shop.refund(bought, 39_991).code == "00"
    assert shop.refund(bought, 1).reason == "refund_above_original"


def test_a_load_is_not_refundable_but_reversible(shop: Shop) -> None:
    money = shop.money()
    load = shop.load(7_000)

    assert shop.refund(load, 7_000).reason == "original_not_refundable"
    assert shop.reverse(load, 7_000).code == "00"
    assert shop.money() == money


def test_a_refund_from_another_till_of_the_shop_names_the_first(shop: Shop) -> None:
    bought = mixed(shop)
    extra: dict[int | str, str | None] = {90: bought.original(), "48.OT": "T0000001"}

    with_till = shop.send("0200", "200000", 10_000, terminal="T0000002", extra=extra)
    elsewhere = shop.send("0200", "200000", 10_000, terminal="T0000003", extra=extra)

    assert with_till.code == "00"
    assert elsewhere.reason == "original_not_found"


def test_a_reversal_gives_the_limit_back_on_the_day_it_was_spent(shop: Shop) -> None:
    before = shop.core.card_limits(0)
    bought = mixed(shop)

    shop.reverse(bought)

    assert shop.core.card_limits(0) == before


def test_a_reversal_gives_nothing_back_to_another_days_limit(shop: Shop) -> None:
    yesterday = mixed(shop)
    shop.now_s += 86_400
    shop.send(amount_minor=50_000)
    before = shop.core.card_limits(0)

    shop.reverse(yesterday)

    assert shop.core.card_limits(0) == before


def test_whoever_gives_back_all_but_a_rial_keeps_no_point_for_it() -> None:
    shop = Shop()
    shop.load(100_000)
    bought = shop.send(amount_minor=10_000)  # a café's two points

    shop.refund(bought, 9_999)
    kept = shop.points()
    shop.refund(bought, 1)

    assert bought.tag("PE") == "2"
    assert kept == 0
    assert shop.points() == 0
    assert shop.core.imbalances() == []
