"""The watch over wrong PINs: what it counts, when it locks, and that only a person unlocks it."""

import pytest

from hsm_sim.errors import ErrorCode, Refused
from hsm_sim.pin_watch import PinCounts, PinLimits, PinWatch
from tests.support.hsm import published_hsm


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def watch(minute: int = 100, hour: int = 100, row: int = 100) -> tuple[PinWatch, Clock]:
    clock = Clock()
    limits = PinLimits(
        failures_per_minute_max=minute, failures_per_hour_max=hour, failures_in_a_row_max=row
    )
    return PinWatch(limits, clock), clock


def locked(pin_watch: PinWatch) -> bool:
    try:
        pin_watch.admit()
    except Refused:
        return True
    return False


def fail(pin_watch: PinWatch, count: int) -> None:
    for _ in range(count):
        pin_watch.record(matched=False)


def test_the_last_allowed_failure_of_a_minute_does_not_lock_and_the_next_does() -> None:
    pin_watch, _ = watch(minute=3)

    fail(pin_watch, 3)
    assert not locked(pin_watch)

    fail(pin_watch, 1)
    assert locked(pin_watch)
    assert pin_watch.counts().minute_limit_exceeded == 1
    assert pin_watch.counts().hour_limit_exceeded == pin_watch.counts().attacks == 0


def test_a_locked_watch_says_fraud() -> None:
    pin_watch, _ = watch(row=0)
    fail(pin_watch, 1)

    with pytest.raises(Refused) as refused:
        pin_watch.admit()
    assert refused.value.code is ErrorCode.FRAUD_DETECTED


def test_a_new_minute_counts_anew_and_the_hour_goes_on() -> None:
    pin_watch, clock = watch(minute=3, hour=6)

    for _ in range(2):
        fail(pin_watch, 3)
        assert not locked(pin_watch)
        clock.seconds += 60
    assert pin_watch.counts().failures_in_minute == 0
    assert pin_watch.counts().failures_in_hour == 6

    fail(pin_watch, 1)
    assert locked(pin_watch)
    assert pin_watch.counts().hour_limit_exceeded == 1


def test_failures_of_the_last_hour_are_forgotten() -> None:
    pin_watch, clock = watch(hour=3)

    fail(pin_watch, 3)
    clock.seconds += 3_600
    fail(pin_watch, 3)

    assert not locked(pin_watch)


def test_a_right_pin_ends_a_row_and_does_not_count() -> None:
    pin_watch, _ = watch(row=3)

    for _ in range(5):
        fail(pin_watch, 3)
        pin_watch.record(matched=True)
    assert not locked(pin_watch)
    assert pin_watch.counts().failures_in_minute == 15

    fail(pin_watch, 4)
    assert locked(pin_watch)
    assert pin_watch.counts().attacks == 1


def test_too_many_in_a_minute_pass_with_it() -> None:
    pin_watch, clock = watch(minute=3)
    fail(pin_watch, 4)
    assert locked(pin_watch)

    clock.seconds += 60

    assert not locked(pin_watch)


def test_a_search_is_ended_by_people_only() -> None:
    hsm = published_hsm()
    hsm.pin_watch = watch(row=1)[0]
    fail(hsm.pin_watch, 2)

    assert hsm.execute(b"ZO") == b"ZP17"
    assert locked(hsm.pin_watch)
    hsm.authorised = True
    assert hsm.execute(b"ZO") == b"ZP00"
    assert not locked(hsm.pin_watch)


def test_a_locked_watch_stays_locked_until_it_is_reset() -> None:
    pin_watch, clock = watch(row=1)
    fail(pin_watch, 2)

    clock.seconds += 1_000_000
    pin_watch.record(matched=True)
    assert locked(pin_watch)

    pin_watch.reset()
    assert not locked(pin_watch)
    assert pin_watch.counts() == PinCounts(
        failures_in_minute=0,
        failures_in_hour=0,
        failures_in_a_row=0,
        minute_limit_exceeded=0,
        hour_limit_exceeded=0,
        attacks=0,
    )


def test_the_ordinary_limits_let_a_busy_switch_work_and_stop_a_search() -> None:
    limits = PinLimits()
    mistyped_per_second = 12_000 // 50

    assert mistyped_per_second * 60 < limits.failures_per_minute_max
    assert mistyped_per_second * 3_600 < limits.failures_per_hour_max
    assert limits.failures_in_a_row_max < 10_000 // 2  # where a search finds a PIN on average


@pytest.mark.parametrize("row", [0, 1])
def test_a_limit_of_none_locks_at_the_first_failure(row: int) -> None:
    pin_watch, _ = watch(row=row)

    fail(pin_watch, 1)

    assert locked(pin_watch) == (row == 0)
