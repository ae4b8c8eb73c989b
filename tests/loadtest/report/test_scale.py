"""Axes: round ticks that cover the data, whatever its magnitude."""

import pytest

from loadtest.report.scale import Scale, linear_scale, log_scale, round_step, time_scale

MAGNITUDES = [0.004, 0.37, 1.0, 7.3, 42, 999, 41_237, 1_000_000, 5.1e9]


@pytest.mark.parametrize("highest", MAGNITUDES)
def test_a_linear_axis_covers_its_data_with_a_few_ticks(highest: float) -> None:
    scale, ticks = linear_scale([highest / 3, highest])

    assert scale.low == 0
    assert highest <= scale.high * 1.001
    assert highest > 0.6 * scale.high
    assert 3 <= len(ticks) <= 7
    assert ticks[-1] == pytest.approx(scale.high)


@pytest.mark.parametrize("highest", MAGNITUDES)
@pytest.mark.parametrize("spread", [1, 3, 40, 1_000, 1_000_000])
def test_a_logarithmic_axis_covers_its_data(highest: float, spread: float) -> None:
    scale, ticks = log_scale([highest / spread, highest, 0.0])

    assert scale.low <= highest / spread * 1.001
    assert scale.high >= highest * 0.999
    assert 1 <= len(ticks) <= 14
    assert all(0 <= scale.place(tick) <= 1 for tick in ticks)


def test_nothing_has_an_axis_too() -> None:
    assert linear_scale([]) == (Scale(low=0, high=1), (0, 1))
    assert linear_scale([0.0])[0].high == 1
    assert log_scale([])[0].low < log_scale([])[0].high


def test_places_are_from_0_to_1_and_stay_there() -> None:
    linear, log = Scale(low=0, high=50), Scale(low=1, high=100, log=True)

    assert [linear.place(value) for value in (-1, 0, 25, 50, 99)] == [0, 0, 0.5, 1, 1]
    assert [log.place(value) for value in (0.1, 1, 10, 100, 1_000)] == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "second_tick"), [(0.0, 1), (5, 1), (60, 10), (600, 120), (86_400, 14_400)]
)
def test_time_is_cut_at_whole_units(seconds: float, second_tick: float) -> None:
    _, ticks = time_scale(seconds)

    assert ticks[1] == second_tick
    assert len(ticks) <= 9


def test_steps_are_round() -> None:
    assert [round_step(least) for least in (0.9, 1, 1.1, 2.3, 3, 6)] == [1, 1, 2, 2.5, 5, 10]
