"""How long a wrong PIN takes says nothing about which digit is wrong.

Method: two verifications that differ in nothing but the place of the wrong digit run in turns, in
an order drawn anew for each pair, so that whatever else the machine does hits both alike. The
slowest tenth of each is left out (interrupts). Welch's t below 4.5 over 20,000 samples: the bound
of leakage tests (TVLA). A disturbed machine can exceed it once; a leak does it every time, so one
good run of three is enough.
"""

import math
import random
import statistics
import time
from collections.abc import Callable

import pytest

from hsm_sim import _pin_checks as checks
from hsm_sim._keys import Key
from hsm_sim._pins import Pin, open_block, seal_block

SAMPLES = 20_000
TRIES = 3
T_MAX = 4.5
KEPT = 0.9

ZPK = Key.of(0, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
PVK = Key.of(0, bytes.fromhex("C8199237EA5857BC40EF9DA2B5E96BBF"))
ACCOUNT = b"550000025321"
TABLE, VALIDATION = b"0123456789012345", bytes.fromhex("5500000253253211")
PIN = b"739218465021"
WRONG_FIRST, WRONG_LAST = b"839218465021", b"739218465022"

Verify = Callable[[], bool]


def sealed(pin: bytes) -> bytes:
    return seal_block(ZPK, Pin.of(pin), 0, ACCOUNT)


def by_comparison(pin: bytes) -> Verify:
    kept, block = Pin.of(PIN), sealed(pin)
    return lambda: open_block(ZPK, block, 0, ACCOUNT).same_as(kept)


def by_offset(pin: bytes) -> Verify:
    offset, block = checks.ibm_offset(PVK, Pin.of(PIN), VALIDATION, TABLE), sealed(pin)
    return lambda: checks.ibm_matches(
        PVK, open_block(ZPK, block, 0, ACCOUNT), offset, VALIDATION, TABLE
    )


def by_pvv(pin: bytes) -> Verify:
    # Of one PIN, and PVVs that are wrong in their first or last digit.
    pvv = bytearray(checks.pvv(PVK, Pin.of(PIN), ACCOUNT, 1))
    place = 0 if pin == WRONG_FIRST else -1
    pvv[place] = ord("0") + (pvv[place] - ord("0") + 1) % 10
    block, wanted = sealed(PIN), bytes(pvv)
    return lambda: checks.pvv_matches(PVK, open_block(ZPK, block, 0, ACCOUNT), ACCOUNT, 1, wanted)


def leaking(pin: bytes) -> Verify:
    """Compare digit by digit and stop at the first that differs: what must not be."""
    block = sealed(pin)

    def verify() -> bool:
        found = open_block(ZPK, block, 0, ACCOUNT).revealed()
        return all(one == two for one, two in zip(found, PIN, strict=True))

    return verify


def welch_t(first: Verify, last: Verify, rng: random.Random) -> float:
    """Time both in turns; give how far apart their means are, in standard errors."""
    spans: tuple[list[int], list[int]] = ([], [])
    for _ in range(SAMPLES):
        order = (0, 1) if rng.random() < 0.5 else (1, 0)
        for which in order:
            verify = last if which else first
            began = time.perf_counter_ns()
            matched = verify()
            spans[which].append(time.perf_counter_ns() - began)
            assert not matched
    kept = [sorted(some)[: int(SAMPLES * KEPT)] for some in spans]
    means = [statistics.fmean(some) for some in kept]
    errors = [statistics.variance(some) / len(some) for some in kept]
    return abs(means[0] - means[1]) / math.sqrt(sum(errors))


@pytest.mark.slow
@pytest.mark.parametrize("method", [by_comparison, by_offset, by_pvv])
def test_a_wrong_first_digit_takes_as_long_as_a_wrong_last_one(
    method: Callable[[bytes], Verify],
) -> None:
    rng = random.Random(9564)  # it orders samples, nothing secret
    tries = []
    for _ in range(TRIES):
        tries.append(welch_t(method(WRONG_FIRST), method(WRONG_LAST), rng))
        if tries[-1] < T_MAX:
            return

    pytest.fail(f"t = {tries}")


@pytest.mark.slow
def test_the_method_finds_a_comparison_that_stops_at_the_first_difference() -> None:
    rng = random.Random(9564)  # it orders samples, nothing secret

    assert welch_t(leaking(WRONG_FIRST), leaking(WRONG_LAST), rng) > T_MAX
