"""The independent model of a card's money and points."""

import pytest

from loadtest import kinds
from loadtest.balances import NOTHING, BalanceModel, Effect, effect_of, wrong_sum
from loadtest.kinds import Kind
from loadtest.population import Card
from loadtest.replies import Reply
from loadtest.requests import Request
from tests.loadtest.test_template import DIALECTS, new_desk

CARD = Card(pan="6037991234567893", expiry="2912")


def asked(kind: Kind, amount_minor: int, original: Request | None = None) -> Request:
    """Give a request as a terminal would send it."""
    desk = new_desk(DIALECTS["pos-binary"])
    if original is not None:
        return desk.follow_up(kind, original, amount_minor=amount_minor)
    return desk.request(kind, CARD, amount_minor=amount_minor, points_limit=1_000)


def answered(amount_minor: int, code: str = "00", **details: str) -> Reply:
    """Give a reply with these details in DE 48."""
    return Reply(
        message_type="0210",
        processing_code="000000",
        amount_transaction=f"{amount_minor:012d}",
        stan=1,
        rrn=1,
        terminal_id="",
        merchant_id="",
        time_local="",
        date_local="",
        response_code=code,
        authorisation_code="",
        details=details,
        balances={},
        body=b"",
    )


def told(money_minor: int, points: int) -> Reply:
    """Give an inquiry's reply."""
    reply = answered(0)
    reply.balances.update({"0001": money_minor, "6001": points})
    return reply


def test_a_payment_takes_what_the_purse_paid_and_gives_what_was_earned() -> None:
    reply = answered(1_000, NP="700", PX="30", PV="200", DS="100", PE="7")

    assert effect_of(asked(kinds.MIXED, 1_000), reply) == Effect(money_minor=-700, points=-23)
    assert wrong_sum(reply) == ""


def test_a_load_gives_its_amount() -> None:
    assert effect_of(asked(kinds.LOAD, 500), answered(500)) == Effect(money_minor=500)


@pytest.mark.parametrize("kind", [kinds.BALANCE, kinds.PREAUTHORISATION])
def test_what_moves_nothing_has_no_effect(kind: Kind) -> None:
    assert effect_of(asked(kind, 500), answered(500, NP="500")) == NOTHING


def test_a_decline_has_no_effect() -> None:
    assert effect_of(asked(kinds.LOAD, 500), answered(500, code="61")) == NOTHING


def test_a_reversal_undoes_what_its_original_did() -> None:
    purchase = asked(kinds.PURCHASE, 1_000)
    original = Effect(money_minor=-900, points=9)

    effect = effect_of(asked(kinds.REVERSAL, 1_000, purchase), answered(1_000), original)

    assert effect == Effect(money_minor=900, points=-9)


def test_a_refund_gives_back_money_rounded_down_and_takes_earned_points_rounded_up() -> None:
    purchase = asked(kinds.PURCHASE, 1_000)
    original = Effect(money_minor=-900, points=9)

    part = effect_of(asked(kinds.REFUND, 333, purchase), answered(333), original)
    whole = effect_of(asked(kinds.REFUND, 1_000, purchase), answered(1_000), original)

    assert part == Effect(money_minor=299, points=-3)
    assert whole == original.undone()


def test_a_sum_that_does_not_add_up_is_named() -> None:
    assert "NP 700 + PV 200 + DS 0" in wrong_sum(answered(1_000, NP="700", PV="200"))


def test_the_model_follows_only_the_cards_it_has_asked_about() -> None:
    model = BalanceModel()
    model.begin(CARD, told(10_000, 50))
    model.apply(CARD, Effect(money_minor=-300, points=3))
    model.apply(Card(pan="6037990000000001"), Effect(money_minor=1))

    model.compare(CARD, told(9_700, 53))
    assert model.discrepancy_count == 0
    model.compare(CARD, told(9_701, 53))
    assert model.discrepancy_count == 1
    assert "(9700, 53), are (9701, 53)" in model.discrepancies[0]
