"""MACs at the end of messages: over all before them, and nothing without the right one."""

import pytest

from acquirers.pos import PROFILES
from acquirers.terminal.exchange import Answered, TerminalConnection, Unreadable
from acquirers.terminal.message_mac import MacAlgorithm, MacError, MessageMac
from acquirers.terminal.orders import Order, Service, compose, repeat_of
from acquirers.terminal.wire import Wire, wire_of
from hsm_sim._keys import Key
from hsm_sim._macs import cmac, retail_mac
from switch.iso8583 import Message, decode, reply_tpdu
from tests.acquirers.terminal.peer import answered
from tests.acquirers.terminal.samples import CARD, STATION, trace

KEY = Key.of(0, bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
RETAIL = MessageMac(KEY, "retail")


def purchase() -> Message:
    return compose(Order(service=Service.PURCHASE, amount_minor=1000), STATION, trace(), CARD)


def keyed(profile: str) -> Wire:
    wire = wire_of(profile)
    return Wire(spec=wire.spec, framing=wire.framing, tpdu=wire.tpdu, mac=RETAIL)


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("algorithm", ["retail", "cmac"])
def test_a_mac_is_over_all_bytes_before_it(profile: str, algorithm: MacAlgorithm) -> None:
    spec = wire_of(profile).spec

    body = MessageMac(KEY, algorithm).sealed(purchase(), spec)

    right = retail_mac(KEY, body[:-8], 1) if algorithm == "retail" else cmac(KEY, body[:-8])[:8]
    assert body[-8:] == right
    assert decode(body, spec)[64] == right.hex().upper()


def test_a_message_with_a_second_bitmap_has_its_mac_there() -> None:
    spec = wire_of("pos-binary").spec
    echo = compose(Order(service=Service.ECHO), STATION, trace())

    RETAIL.sealed(echo, spec)

    assert 128 in echo
    assert 64 not in echo


def test_a_repeat_has_a_mac_of_its_own() -> None:
    spec = wire_of("pos-binary").spec
    first = purchase()
    RETAIL.sealed(first, spec)
    repeat = repeat_of(first)

    body = RETAIL.sealed(repeat, spec)

    assert repeat[64] != first[64]
    RETAIL.check(body, decode(body, spec))


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_reply_is_believed_by_its_mac_alone(profile: str) -> None:
    wire = keyed(profile)
    connection = TerminalConnection(wire)
    request = purchase()
    connection.send(request)
    good = RETAIL.sealed(answered(request), wire.spec)
    forged = good[:-1] + bytes([good[-1] ^ 1])

    connection.receive_data(wire.framing.frame(forged, reply_tpdu(wire.tpdu)))
    first = connection.next_event()
    connection.receive_data(wire.framing.frame(good, reply_tpdu(wire.tpdu)))
    second = connection.next_event()

    assert isinstance(first, Unreadable)
    assert first.fault == "the reply's MAC is wrong (it says 00)"
    assert isinstance(second, Answered)


def test_a_reply_without_a_mac_says_what_it_claims() -> None:
    reply = answered(purchase(), "63", de48_RC="mac_wrong")

    with pytest.raises(MacError, match=r"no MAC \(it says 63 mac_wrong\)"):
        RETAIL.check(b"", reply)
