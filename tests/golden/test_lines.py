"""What docs/pos-interface.md says of connections and frames, on a real switch."""

from datetime import datetime

import pytest
from msgspec import structs

from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import Trace
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message, decode, encode
from switch.limits import FRAME_BYTES_MAX
from tests.golden.demo_switch import DemoSwitch
from tests.golden.line import connected
from tests.golden.play import TEHRAN

BINARY = wire_of("pos-binary")
ASCII = wire_of("pos-ascii")
AHEAD = 256
"""How far the interface lets a terminal run ahead of its replies."""

pytestmark = pytest.mark.slow


def echo(switch: DemoSwitch, stan: int) -> bytes:
    trace = Trace(stan=stan, local_at=datetime.now(TEHRAN))
    request = compose(Order(service=Service.ECHO), switch.cast.watcher, trace)
    return encode(request, BINARY.spec)


def test_a_frame_may_come_byte_by_byte(demo_switch: DemoSwitch) -> None:
    body = echo(demo_switch, 700_001)

    with connected(demo_switch.port["pos-binary"], BINARY) as line:
        for byte in BINARY.framing.frame(body, BINARY.tpdu):
            line.send_raw(bytes([byte]))
        reply = line.receive()

    assert reply is not None
    assert decode(reply, BINARY.spec)[39] == "00"


def test_a_terminal_may_run_256_messages_ahead(demo_switch: DemoSwitch) -> None:
    trace_numbers = range(710_001, 710_001 + AHEAD)
    answered = []

    with connected(demo_switch.port["pos-binary"], BINARY) as line:
        for stan in trace_numbers:
            line.send(balance(demo_switch, stan))
        for _ in trace_numbers:
            reply = line.receive()
            assert reply is not None
            message = decode(reply, BINARY.spec)
            answered.append((int(message[11]), message[39]))

    assert sorted(answered) == [(stan, "00") for stan in trace_numbers]


def test_a_reply_sent_to_the_switch_is_ignored(demo_switch: DemoSwitch) -> None:
    stray = encode(Message("0810", {11: "720001", 39: "00"}), BINARY.spec)

    with connected(demo_switch.port["pos-binary"], BINARY) as line:
        line.send(stray)
        reply = line.ask(echo(demo_switch, 720_002))

    assert reply is not None
    assert decode(reply, BINARY.spec)[11] == "720002"


def test_the_tpdu_of_a_reply_goes_back_to_where_the_request_came_from(
    demo_switch: DemoSwitch,
) -> None:
    concentrator = structs.replace(BINARY, tpdu=bytes.fromhex("6012345678"))

    with connected(demo_switch.port["pos-binary"], concentrator) as line:
        line.send(echo(demo_switch, 730_001))
        frame = line.receive_frame()

    assert frame is not None
    assert frame.tpdu == bytes.fromhex("6056781234")


@pytest.mark.parametrize(
    "broken",
    [
        bytes(2),
        (FRAME_BYTES_MAX + 6).to_bytes(2, "big"),
        b"\x00\x07\x61\x00\x01\x00\x00\x08\x00",
        b"\x00\x05\x60\x00\x01\x00\x00",
    ],
    ids=["length zero", "length above the limit", "no TPDU", "nothing behind the TPDU"],
)
def test_a_frame_that_cannot_be_right_closes_the_connection(
    broken: bytes, demo_switch: DemoSwitch
) -> None:
    with connected(demo_switch.port["pos-binary"], BINARY) as line:
        line.send_raw(broken)

        assert line.receive() is None


@pytest.mark.parametrize("broken", [b"00x9", b" 109", b"-109", "۰۱۰۹".encode()])
def test_a_length_in_other_characters_than_digits_closes_the_connection(
    broken: bytes, demo_switch: DemoSwitch
) -> None:
    with connected(demo_switch.port["pos-ascii"], ASCII) as line:
        line.send_raw(broken)

        assert line.receive() is None


def test_a_format_error_does_not_disturb_the_next_message(demo_switch: DemoSwitch) -> None:
    broken = balance(demo_switch, 740_001) + b"\x00"

    with connected(demo_switch.port["pos-binary"], BINARY) as line:
        first = line.ask(broken)
        second = line.ask(balance(demo_switch, 740_002))

    assert first is not None
    assert second is not None
    assert decode(first, BINARY.spec)[39] == "30"
    assert decode(second, BINARY.spec)[39] == "00"


def balance(switch: DemoSwitch, stan: int) -> bytes:
    trace = Trace(stan=stan, local_at=datetime.now(TEHRAN))
    order = Order(service=Service.BALANCE)
    card = switch.cast.cards["second"]
    return encode(compose(order, switch.cast.watcher, trace, card), BINARY.spec)
