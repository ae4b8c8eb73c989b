"""Which reply answers which request, at every cut of the stream."""

import pytest

from acquirers.pos import PROFILES
from acquirers.terminal.exchange import (
    UNANSWERED_MAX,
    Answered,
    Event,
    TerminalConnection,
    TooManyUnansweredError,
    Unmatched,
    Unreadable,
    reply_type,
)
from acquirers.terminal.orders import Order, Service, compose, repeat_of
from acquirers.terminal.parties import Station
from acquirers.terminal.wire import Wire, wire_of
from switch.errors import ProtocolError
from switch.iso8583 import NEED_DATA, Message, encode
from tests.acquirers.terminal.peer import answered
from tests.acquirers.terminal.samples import CARD, STATION, trace

BINARY = wire_of("pos-binary")


def purchase(stan: int, station: Station = STATION) -> Message:
    return compose(Order(service=Service.PURCHASE, amount_minor=1000), station, trace(stan), CARD)


def framed(reply: Message, wire: Wire = BINARY) -> bytes:
    return wire.framing.frame(encode(reply, wire.spec), wire.tpdu)


def events(connection: TerminalConnection) -> list[Event]:
    found: list[Event] = []
    while (event := connection.next_event()) is not NEED_DATA:
        found.append(event)
    return found


@pytest.mark.parametrize(
    ("request_type", "expected"),
    [
        ("0100", "0110"),
        ("0101", "0110"),
        ("0200", "0210"),
        ("0201", "0210"),
        ("0220", "0230"),
        ("0221", "0230"),
        ("0400", "0410"),
        ("0401", "0410"),
        ("0420", "0430"),
        ("0421", "0430"),
        ("0800", "0810"),
    ],
)
def test_reply_type_follows_from_the_requests(request_type: str, expected: str) -> None:
    assert reply_type(request_type) == expected


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_reply_is_found_wherever_the_stream_is_cut(profile: str) -> None:
    wire = wire_of(profile)
    request = purchase(1)
    reply = framed(answered(request), wire)

    for cut in range(len(reply) + 1):
        connection = TerminalConnection(wire)
        connection.send(request)
        connection.receive_data(reply[:cut])
        before = events(connection)
        connection.receive_data(reply[cut:])
        found = before + events(connection)

        assert len(found) == 1
        assert isinstance(found[0], Answered)
        assert found[0].request is request


def test_replies_in_another_order_find_their_requests() -> None:
    connection = TerminalConnection(BINARY)
    first, second = purchase(1), purchase(2)
    connection.send(first)
    connection.send(second)

    connection.receive_data(framed(answered(second)) + framed(answered(first)))

    assert [event.request for event in events(connection) if isinstance(event, Answered)] == [
        second,
        first,
    ]


def test_two_terminals_with_the_same_trace_number_get_their_own_replies() -> None:
    connection = TerminalConnection(BINARY)
    ours = purchase(1)
    theirs = purchase(1, Station(terminal_id="T0000002", merchant_id="M00000000000002"))
    connection.send(ours)
    connection.send(theirs)

    connection.receive_data(framed(answered(theirs)))

    (event,) = events(connection)
    assert isinstance(event, Answered)
    assert event.request is theirs


def test_a_repeat_is_answered_by_the_reply_to_the_first() -> None:
    connection = TerminalConnection(BINARY)
    repeat = repeat_of(purchase(1))
    connection.send(repeat)

    connection.receive_data(framed(answered(purchase(1))))

    (event,) = events(connection)
    assert isinstance(event, Answered)
    assert event.request is repeat


def test_the_second_of_two_equal_replies_belongs_to_nobody() -> None:
    connection = TerminalConnection(BINARY)
    request = purchase(1)
    connection.send(request)

    connection.receive_data(framed(answered(request)) * 2)

    assert [type(event) for event in events(connection)] == [Answered, Unmatched]


def test_a_reply_that_comes_after_giving_up_belongs_to_nobody() -> None:
    connection = TerminalConnection(BINARY)
    request = purchase(1)
    connection.send(request)

    connection.give_up(request)
    connection.receive_data(framed(answered(request)))

    assert [type(event) for event in events(connection)] == [Unmatched]


def test_a_format_error_without_trace_number_answers_the_only_request_waiting() -> None:
    connection = TerminalConnection(BINARY)
    request = purchase(1)
    connection.send(request)

    connection.receive_data(framed(Message("0210", {39: "30"})))

    assert [type(event) for event in events(connection)] == [Answered]


def test_a_format_error_without_trace_number_is_nobodys_when_two_wait() -> None:
    connection = TerminalConnection(BINARY)
    connection.send(purchase(1))
    connection.send(purchase(2))

    connection.receive_data(framed(Message("0210", {39: "30"})))

    assert [type(event) for event in events(connection)] == [Unmatched]


def test_an_unreadable_reply_is_told_without_its_content() -> None:
    connection = TerminalConnection(BINARY)
    body = bytearray(encode(Message("0210", {2: CARD.pan, 39: "00"}), BINARY.spec))

    connection.receive_data(BINARY.framing.frame(bytes(body) + b"\x00", BINARY.tpdu))

    (event,) = events(connection)
    assert isinstance(event, Unreadable)
    assert CARD.pan not in event.fault


def test_a_length_that_cannot_be_right_is_an_error() -> None:
    connection = TerminalConnection(BINARY)

    connection.receive_data(b"\xff\xff\x60")

    with pytest.raises(ProtocolError):
        connection.next_event()


def test_a_terminal_cannot_run_further_ahead_than_the_interface_allows() -> None:
    connection = TerminalConnection(BINARY)
    for stan in range(1, UNANSWERED_MAX + 1):
        connection.send(purchase(stan))

    with pytest.raises(TooManyUnansweredError):
        connection.send(purchase(UNANSWERED_MAX + 1))
