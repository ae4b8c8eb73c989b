"""A compiled plan decides as its programme says, for any programme, amount, place and hour."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.programme import Programme
from switch.reasons import RESPONSE_CODES, Reason
from tests.model.pricing import Ask, Place, Priced, Purse, price_purchase
from tests.support.programmes import AMOUNTS, programmes
from tests.support.shop import BOOKS, CAFE, NOON_S, TEHRAN_S, Shop

SHOPS = {"T0000001": (CAFE, 5812), "T0000003": (BOOKS, 5942)}


@pytest.mark.slow
@given(
    programme=programmes(),
    terminal=st.sampled_from(sorted(SHOPS)),
    amount_minor=AMOUNTS,
    loads=st.lists(AMOUNTS, max_size=3),
    now_s=st.integers(NOON_S, NOON_S + 40 * 86_400),
    limit=st.one_of(st.none(), st.integers(0, 5_000)),
    partial_ok=st.booleans(),
)
def test_a_purchase_costs_what_the_programme_says(
    programme: Programme,
    terminal: str,
    amount_minor: int,
    loads: list[int],
    now_s: int,
    limit: int | None,
    *,
    partial_ok: bool,
) -> None:
    shop = Shop(programme, now_s=now_s)
    for load in loads:
        shop.send(code="210000", amount_minor=load)
    shop.send(amount_minor=min(loads, default=1), terminal=terminal)
    _, spent, count = shop.core.card_limits(0)
    limits = programme.limits
    if (
        (limits.transaction_minor_max and amount_minor > limits.transaction_minor_max)
        or (limits.day_minor_max and spent + amount_minor > limits.day_minor_max)
        or (limits.day_count_max and count + 1 > limits.day_count_max)
        or 1 not in programme.operations
    ):
        return
    local = datetime.fromtimestamp(now_s + TEHRAN_S, UTC)
    place = Place(
        *SHOPS[terminal],
        local.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal(),
        (local.weekday() + 2) % 7,
        local.hour,
        TEHRAN_S,
    )
    points = shop.send(code="316000", amount_minor=None).balances()
    purse = Purse(
        (max(0, shop.money() - programme.money_floor_minor),),
        max(0, points.get("6002", shop.points())),
    )
    expected = price_purchase(
        programme, place, Ask(amount_minor, limit, partial_ok=partial_ok), purse
    )
    extra: dict[int | str, str | None] = {"48.PA": "1"} if partial_ok else {}
    if limit is not None:
        extra["48.PR"] = str(limit)

    said = shop.send(amount_minor=amount_minor, terminal=terminal, extra=extra)

    if isinstance(expected, Reason):
        assert said.code == RESPONSE_CODES[expected]
        return
    assert isinstance(expected, Priced)
    assert int(said.elements["4"]) == expected.amount_minor
    told = {tag: said.tag(tag) for tag in ("DS", "NP", "PX", "PV", "PE", "WD", "WE", "DF")}
    assert told == {
        tag: str(value or "")
        for tag, value in {
            "DS": expected.discount_minor,
            "NP": expected.money_minor,
            "PX": expected.points,
            "PV": expected.points_value_minor,
            "PE": expected.earned,
            "WD": expected.discount_rule,
            "WE": expected.earn_rule,
            "DF": expected.funder,
        }.items()
    }
