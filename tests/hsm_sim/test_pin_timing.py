"""How long a wrong PIN takes says nothing about which digit is wrong.

Method: two verifications that differ in nothing but the place of the wrong digit run in turns, in
an order drawn anew for each pair, so that whatever else the machine does hits both alike. Each
sample has a PIN and objects of its own: two fixed ones would be told apart by where they lie in
memory. Both wrong PINs are made each time: what was done before is the same, too. The slowest tenth
of each is left out (interrupts). Welch's t below 4.5 over 20,000 samples is the bound of leakage
tests (TVLA). A disturbed machine can exceed it; a leak does it every time and in one direction, so
one good run of three is enough, and two that contradict each other show none.
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
FIRST, LAST = 0, 1

ZPK = Key.of(0, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
PVK = Key.of(0, bytes.fromhex("C8199237EA5857BC40EF9DA2B5E96BBF"))
ACCOUNT = b"550000025321"
TABLE, VALIDATION = b"0123456789012345", bytes.fromhex("5500000253253211")

Verify = Callable[[], bool]
# Makes a verification, of this PIN, that fails for the first or last digit.
Method = Callable[[bytes, int], Verify]


def wrong_in(which: int, digits: bytes) -> bytes:
    """Give the digits with the first or last of them another, whichever is wanted."""
    both = []
    for place in (0, len(digits) - 1):
        changed = bytearray(digits)
        changed[place] = ord("0") + (changed[place] - ord("0") + 1) % 10
        both.append(bytes(changed))
    return both[which]


def sealed(pin: bytes) -> bytes:
    return seal_block(ZPK, Pin.of(pin), 0, ACCOUNT)


def by_comparison(pin: bytes, which: int) -> Verify:
    kept, block = Pin.of(pin), sealed(wrong_in(which, pin))
    return lambda: open_block(ZPK, block, 0, ACCOUNT).same_as(kept)


def by_offset(pin: bytes, which: int) -> Verify:
    offset = checks.ibm_offset(PVK, Pin.of(pin), VALIDATION, TABLE)
    block = sealed(wrong_in(which, pin))
    return lambda: checks.ibm_matches(
        PVK, open_block(ZPK, block, 0, ACCOUNT), offset, VALIDATION, TABLE
    )


def by_pvv(pin: bytes, which: int) -> Verify:
    wanted = wrong_in(which, checks.pvv(PVK, Pin.of(pin), ACCOUNT, 1))
    block = sealed(pin)
    return lambda: checks.pvv_matches(PVK, open_block(ZPK, block, 0, ACCOUNT), ACCOUNT, 1, wanted)


def leaking(pin: bytes, which: int) -> Verify:
    """Compare digit by digit and stop at the first that differs: what must not be."""
    block = sealed(wrong_in(which, pin))

    def verify() -> bool:
        found = open_block(ZPK, block, 0, ACCOUNT).revealed()
        return all(one == two for one, two in zip(found, pin, strict=True))

    return verify


def welch_t(method: Method, rng: random.Random) -> float:
    """Time both in turns; give how much later the first is, in standard errors."""
    spans: dict[int, list[int]] = {FIRST: [], LAST: []}
    for _ in range(SAMPLES):
        for which in rng.sample((FIRST, LAST), 2):
            verify = method(b"%012d" % rng.randrange(10**12), which)
            began = time.perf_counter_ns()
            matched = verify()
            span_ns = time.perf_counter_ns() - began
            spans[which].append(span_ns)
            assert not matched
    kept = [sorted(some)[: int(SAMPLES * KEPT)] for some in spans.values()]
    means = [statistics.fmean(some) for some in kept]
    errors = [statistics.variance(some) / len(some) for some in kept]
    return (means[0] - means[1]) / math.sqrt(sum(errors))


@pytest.mark.slow
@pytest.mark.parametrize("method", [by_comparison, by_offset, by_pvv])
def test_a_wrong_first_digit_takes_as_long_as_a_wrong_last_one(method: Method) -> None:
    rng = random.Random(9564)  # it draws samples, nothing secret
    tries = []
    for _ in range(TRIES):
        tries.append(welch_t(method, rng))
        if abs(tries[-1]) < T_MAX or tries[-1] * tries[0] < 0:
            return

    pytest.fail(f"t = {tries}")


@pytest.mark.slow
def test_the_method_finds_a_comparison_that_stops_at_the_first_difference() -> None:
    assert welch_t(leaking, random.Random(9564)) < -T_MAX
