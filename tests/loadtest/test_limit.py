"""The search for the limit against hosts whose limit is known by their arithmetic.

Method: a host is a noisy queue with a capacity. Its p99 is about 4.6 × its mean latency, so the
rate that holds a p99 is known in advance; the search must find it within its resolution and the
noise.
"""

import pytest
from msgspec import structs

from loadtest.limit import (
    LimitResult,
    Outcome,
    Phase,
    Probe,
    Search,
    Target,
    backlog_growth,
    failures_of,
    find_limit,
    tidy_rate,
)
from loadtest.result import Faults
from tests.support.load_results import SERVICE_MS, Host

TARGET = Target(p99_ms=50.0)
QUICK = Search(ascent_seconds=3, bisection_seconds=6, confirmation_seconds=12)


def limit_of(host: Host, p99_ms: float = TARGET.p99_ms) -> float:
    """Give the rate at which the host's p99, without noise, is the target."""
    return host.capacity * (1 - 4.605 * SERVICE_MS / p99_ms)


def probes_in(result: LimitResult, phase: Phase) -> list[Probe]:
    return [probe for probe in result.probes if probe.phase is phase]


@pytest.mark.slow
@pytest.mark.parametrize("capacity", [900.0, 7_300.0, 61_000.0, 240_000.0])
def test_the_limit_of_a_quiet_host_is_found(capacity: float) -> None:
    host = Host(capacity, noise=0.02)

    found = find_limit(host.run, TARGET, QUICK)

    assert found.outcome is Outcome.FOUND
    assert found.limit_per_second == pytest.approx(limit_of(host), rel=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_noise_and_pauses_do_not_lead_far_astray(seed: int) -> None:
    host = Host(60_000, seed=seed, noise=0.3, stall_share=0.2)

    found = find_limit(host.run, TARGET, QUICK)

    assert found.outcome is Outcome.FOUND
    # A pause fails a probe by chance, so the answer may be low; it is never above what is there.
    assert 0.6 * limit_of(host) < found.limit_per_second < host.capacity


@pytest.mark.slow
def test_what_is_found_has_held_for_the_full_time() -> None:
    host = Host(30_000, seed=5, noise=0.2)

    found = find_limit(host.run, TARGET, QUICK)

    held = [probe for probe in probes_in(found, Phase.CONFIRMATION) if probe.held]
    assert (held[-1].rate, held[-1].seconds) == (found.limit_per_second, 12)
    assert (held[-1].rate, held[-1].seconds) in host.asked
    assert all(not p.held for p in found.probes if p.rate > 1.13 * found.limit_per_second)


@pytest.mark.slow
def test_every_failed_probe_says_why_and_was_repeated() -> None:
    found = find_limit(Host(30_000, noise=0.1).run, TARGET, QUICK)

    failed_rates = [probe.rate for probe in found.probes if not probe.held]
    assert failed_rates
    assert all("p99" in probe.failures[0] for probe in found.probes if not probe.held)
    for rate in set(failed_rates):
        assert len([probe for probe in found.probes if probe.rate == rate]) >= 2


@pytest.mark.slow
def test_a_slow_host_never_holds() -> None:
    found = find_limit(Host(100_000).run, Target(p99_ms=0.5), Search(rate_first=1_000, rate_min=10))

    assert found.outcome is Outcome.NEVER_HELD
    assert found.limit_per_second == 0
    assert min(probe.rate for probe in found.probes) == 10


def test_a_host_that_answers_wrongly_never_holds() -> None:
    host = Host(50_000, faults=Faults(cross_talk=2, double_reply=1))

    found = find_limit(host.run, TARGET, Search(rate_first=100, rate_min=50))

    assert found.outcome is Outcome.NEVER_HELD
    assert found.probes[0].failures == ("faults: 2 cross talk, 1 double reply",)


@pytest.mark.slow
def test_a_host_above_the_maximum_is_confirmed_there() -> None:
    host = Host(1_000_000, noise=0.05)

    found = find_limit(host.run, TARGET, structs.replace(QUICK, rate_max=20_000))

    assert found.outcome is Outcome.ABOVE_MAXIMUM
    assert found.limit_per_second == 20_000
    assert not probes_in(found, Phase.BISECTION)


@pytest.mark.slow
def test_a_host_below_the_first_rate_is_found_going_down() -> None:
    host = Host(300, noise=0.02)

    found = find_limit(host.run, TARGET, structs.replace(QUICK, rate_first=5_000))

    assert found.outcome is Outcome.FOUND
    assert found.limit_per_second == pytest.approx(limit_of(host), rel=0.08)


@pytest.mark.slow
def test_what_holds_for_seconds_only_is_stepped_down() -> None:
    fresh = Host(40_000, noise=0.02)
    tired = Host(30_000, noise=0.02)  # after ten seconds, when its log is full

    found = find_limit(
        lambda rate, seconds: (tired if seconds > 10 else fresh).run(rate, seconds), TARGET, QUICK
    )

    assert found.outcome is Outcome.FOUND
    rates = [probe.rate for probe in probes_in(found, Phase.CONFIRMATION)]
    assert rates[0] > rates[2] > rates[4]  # two tries each
    assert 0.7 * limit_of(tired) < found.limit_per_second <= 1.02 * limit_of(tired)


@pytest.mark.slow
def test_what_never_holds_for_the_full_time_is_not_confirmed() -> None:
    fresh, dead = Host(40_000), Host(0.001)

    found = find_limit(
        lambda rate, seconds: (dead if seconds > 10 else fresh).run(rate, seconds), TARGET, QUICK
    )

    assert found.outcome is Outcome.NOT_CONFIRMED
    assert found.limit_per_second == 0


@pytest.mark.slow
def test_a_search_takes_few_probes() -> None:
    host = Host(60_000, noise=0.1)

    find_limit(host.run, TARGET, QUICK)

    assert len(host.asked) < 40


@pytest.mark.slow
def test_each_probe_is_told() -> None:
    told: list[Probe] = []

    found = find_limit(Host(5_000).run, TARGET, QUICK, told.append)

    assert tuple(told) == found.probes


def test_what_is_not_answered_in_time_fails() -> None:
    result = Host(10_000, unavailable_above=990).run(1_000, 4)

    assert failures_of(result, 1_000, TARGET) == (
        "99.00% answered in time, 40 with 91, 99.90% wanted",
    )


def test_a_backlog_that_grows_fails_even_if_latency_does_not_show_it() -> None:
    result = Host(10_000, noise=0.0).run(1_000, 6)
    growing = structs.replace(
        result,
        intervals=tuple(
            structs.replace(interval, backlog=20 * index)
            for index, interval in enumerate(result.intervals)
        ),
    )

    assert failures_of(result, 1_000, TARGET) == ()
    assert failures_of(growing, 1_000, TARGET) == ("the backlog grew by 80 messages",)


def test_a_generator_that_offers_too_little_has_tested_nothing() -> None:
    result = Host(10_000).run(900, 4)

    assert failures_of(result, 1_000, TARGET) == ("only 900 a second were offered of 1,000",)


def test_a_late_generator_is_named_beside_the_failure() -> None:
    slow = structs.replace(Host(1_000).run(999, 4), slip_p99_ms=40.0)

    assert "the generator itself was late by 40.0 ms at p99" in failures_of(slow, 999, TARGET)


def test_a_run_in_which_nothing_was_answered_fails() -> None:
    result = Host(10_000).run(1_000, 2)
    silent = structs.replace(
        result,
        counts=structs.replace(result.counts, answered=0),
        latency=structs.replace(result.latency, count=0, p99_ms=0.0),
    )

    assert failures_of(silent, 1_000, TARGET)[0] == "nothing was answered"


def test_a_single_interval_shows_no_growth() -> None:
    assert backlog_growth(Host(100).run(1_000, 1).intervals) == 0
    assert backlog_growth(()) == 0


def test_rates_are_tidy() -> None:
    assert [tidy_rate(rate) for rate in (41_237.2, 123.9, 7.126)] == [41_200, 124, 7.13]
