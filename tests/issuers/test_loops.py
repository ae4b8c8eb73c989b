"""Earn loops are found by running the plan, and are shown as steps; sound programmes have none."""

import msgspec
import pytest

from acquirers.pos import POS_BINARY
from issuers.loops import Loop, find_loop
from issuers.pricings import PRICINGS
from issuers.purse import purse
from issuers.purse_in_python import purse_in_python
from switch.iso8583 import named
from switch.programme import Programme
from switch.rules import Budget, Referral, Tender, Tier, Tiers, When

replace = msgspec.structs.replace
PURSE = purse(1, 1, 1)


def search(programme: Programme, linked: Programme | None = None) -> Loop:
    spec = named(POS_BINARY.spec)
    return find_loop(programme, profile=POS_BINARY, spec=spec, linked=linked, pricings=PRICINGS)


@pytest.mark.slow
@pytest.mark.parametrize("make", [purse, purse_in_python])
def test_what_is_shipped_has_no_loop(make: object) -> None:
    assert callable(make)

    found = search(make(1, 1, 1))

    assert found.steps == (), found.said()
    assert found.tried > 500


def test_points_worth_more_than_they_cost_are_a_loop() -> None:
    generous = replace(PURSE, tender=Tender(point_value_minor=10_000))

    found = search(generous)

    assert found.steps[0].startswith("buy ")
    assert found.gained_minor > 0
    assert "more than before" in found.said()


def test_a_budget_that_would_end_a_loop_does_not_hide_it() -> None:
    generous = replace(
        PURSE,
        tender=Tender(point_value_minor=10_000),
        budgets=(Budget(name="b", of="earned", most=1), Budget(name="c", of="count", most=1)),
    )

    assert search(generous).gained_minor > 0


@pytest.mark.slow
def test_a_loop_of_one_level_is_found_there() -> None:
    gold = replace(PURSE.earning[0], name="gold", points=99, when=When(tiers=("gold",)))
    tiered = replace(
        PURSE,
        tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=900_000_000))),
        earning=(gold, *PURSE.earning),
    )

    found = search(tiered)

    assert found.where.startswith("level gold")


def test_a_reward_for_each_purchase_however_small_is_a_loop() -> None:
    guest = replace(PURSE, programme=2, earning=(), referral=Referral(programme=1, points=5))

    found = search(guest, PURSE)

    assert found.steps == ("buy 1",)
    assert found.gained_minor == 4_999
