"""The seeded draw, and that every scenario named in a mix can be played."""

from loadtest.mix import SHOP_DAY, Draw
from loadtest.scenarios import SCENARIOS


def test_the_same_seed_draws_the_same_day() -> None:
    first, second = Draw(SHOP_DAY, "7:1"), Draw(SHOP_DAY, "7:1")
    other = Draw(SHOP_DAY, "7:2")

    days = [
        [(draw.scenario(), draw.amount_minor()) for _ in range(200)]
        for draw in (first, second, other)
    ]

    assert days[0] == days[1] != days[2]


def test_scenarios_come_in_proportion_to_their_shares() -> None:
    draw = Draw(SHOP_DAY, "1")
    total = sum(SHOP_DAY.shares.values())

    drawn = [draw.scenario() for _ in range(20_000)]

    for name, share in SHOP_DAY.shares.items():
        assert abs(drawn.count(name) / len(drawn) - share / total) < 0.02, name


def test_every_scenario_of_the_shipped_mix_can_be_played() -> None:
    assert set(SHOP_DAY.shares) <= set(SCENARIOS)


def test_amounts_and_points_stay_within_their_bounds() -> None:
    draw = Draw(SHOP_DAY, "2")

    amounts = [draw.amount_minor() for _ in range(1_000)]
    points = [draw.points() for _ in range(1_000)]

    assert SHOP_DAY.amount_minor_min <= min(amounts) <= max(amounts) <= SHOP_DAY.amount_minor_max
    assert 1_000 <= min(points) <= max(points) <= min(SHOP_DAY.points_max, 9_999)
