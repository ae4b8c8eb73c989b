"""Repeats find their first reply after the switch's plug was pulled."""

import urllib.request
from datetime import datetime

import pytest
import trio

from acquirers.pos import PROFILES
from acquirers.terminal.orders import Order, Service, compose, original_in, repeat_of
from acquirers.terminal.parties import Trace
from acquirers.terminal.wire import wire_of
from bashgah.verification import first_difference
from switch.iso8583 import Message, decode, encode
from tests.golden.demo_switch import DemoSwitch
from tests.golden.line import connected
from tests.golden.play import TEHRAN

STAN = 750_001


def messages(switch: DemoSwitch) -> list[Message]:
    """Give an approval, a decline, a hold, its completion and a reversal of nothing."""
    now = datetime.now(TEHRAN)
    card = switch.cast.cards["second"]
    station = switch.cast.stations["counter"]

    def composed(number: int, order: Order) -> Message:
        return compose(order, station, Trace(stan=STAN + number, local_at=now), card)

    hold = composed(2, Order(service=Service.HOLD, amount_minor=5_000))
    never_sent = composed(9, Order(service=Service.PURCHASE, amount_minor=5_000))
    return [
        composed(0, Order(service=Service.PURCHASE, amount_minor=5_000)),
        composed(1, Order(service=Service.POINTS, amount_minor=5_000_000)),
        hold,
        composed(
            3, Order(service=Service.COMPLETION, amount_minor=4_000, original=original_in(hold))
        ),
        composed(
            4,
            Order(service=Service.REVERSAL, amount_minor=5_000, original=original_in(never_sent)),
        ),
    ]


@pytest.mark.slow
def test_repeats_after_a_crash_get_their_first_replies_byte_for_byte(
    demo_switch: DemoSwitch,
) -> None:
    crash_and_repeat(demo_switch)


@pytest.mark.slow
def test_the_slow_lane_leaves_nothing_behind_that_a_crash_or_an_auditor_would_find(
    slow_lane_switch: DemoSwitch,
) -> None:
    crash_and_repeat(slow_lane_switch)

    with urllib.request.urlopen(slow_lane_switch.metrics_url) as answer:
        metrics = answer.read().decode()
    assert 'bashgah_lane_total{lane="slow"} 0.0' in metrics  # repeats are answered in the fast lane
    assert trio.run(first_difference, slow_lane_switch.config_path) is None


def crash_and_repeat(demo_switch: DemoSwitch) -> None:
    """Have a switch answer, kill it, and ask again."""
    profile = sorted(PROFILES)[0]
    wire = wire_of(profile)
    requests = messages(demo_switch)
    with connected(demo_switch.port[profile], wire) as line:
        first = [line.ask(encode(request, wire.spec)) for request in requests]

    demo_switch.restart_after_kill()

    with connected(demo_switch.port[profile], wire) as line:
        again = [line.ask(encode(repeat_of(request), wire.spec)) for request in requests]
    codes = [decode(reply, wire.spec)[39] for reply in first if reply is not None]
    assert codes == ["00", "51", "00", "00", "00"]
    assert again == first
