"""What is on the screen after an operation; never a card number."""

import msgspec

from acquirers.terminal.client import Answer
from acquirers.terminal.orders import Order, Service, compose, reversal_of
from acquirers.terminal.point_of_sale import Performed
from acquirers.terminal.receipt import receipt_of
from acquirers.terminal.screen import exchange_lines, history_lines, outcome_text
from acquirers.terminal.texts import Language
from acquirers.terminal.wire import wire_of
from switch.iso8583 import Message
from tests.acquirers.terminal.peer import answered
from tests.acquirers.terminal.samples import CARD, MOMENT, STATION, trace
from tests.acquirers.terminal.test_memory import exchange

SPEC = wire_of("pos-binary").spec
REQUEST = compose(Order(service=Service.PURCHASE, amount_minor=1000), STATION, trace(), CARD)


def answer(request: Message, repeats: int = 0) -> Answer:
    return Answer(request=request, reply=answered(request), repeats=repeats, elapsed_ns=1_500_000)


APPROVED = Performed(
    service=Service.PURCHASE,
    request=REQUEST,
    left=True,
    answer=answer(REQUEST, repeats=1),
    receipt=receipt_of(Service.PURCHASE, REQUEST, answered(REQUEST), MOMENT),
)
UNANSWERED = Performed(
    service=Service.PURCHASE, request=REQUEST, left=True, fault="no reply within 15 s"
)


def test_request_and_reply_are_described_and_masked() -> None:
    text = "\n".join(exchange_lines(APPROVED, SPEC))

    assert "--- reply after 1.5 ms, 1 repeats" in text
    assert "502229******0017" in text
    assert CARD.pan not in text
    assert "Amount, transaction" in text


def test_the_receipt_follows_when_there_is_a_reply() -> None:
    assert "PURCHASE" in outcome_text(APPROVED, Language.ENGLISH)


def test_a_message_that_never_left_is_told_apart() -> None:
    never_left = msgspec.structs.replace(UNANSWERED, left=False)

    assert "nothing happened" in outcome_text(never_left, Language.ENGLISH)
    assert "انجام نشد" in outcome_text(never_left, Language.PERSIAN)


def test_a_reversed_operation_says_that_nothing_moved() -> None:
    reversal = reversal_of(REQUEST, STATION, trace(18), CARD)
    reversed_one = msgspec.structs.replace(UNANSWERED, reversal=answer(reversal))

    text = "\n".join(exchange_lines(reversed_one, SPEC))

    assert "nothing moved" in outcome_text(reversed_one, Language.ENGLISH)
    assert "--- no reply: no reply within 15 s" in text
    assert "--- its reversal" in text
    assert CARD.pan not in text


def test_an_unknown_outcome_asks_for_the_repeat() -> None:
    assert "repeat it" in outcome_text(UNANSWERED, Language.ENGLISH)


def test_an_inquiry_without_reply_asks_for_nothing() -> None:
    inquiry = msgspec.structs.replace(UNANSWERED, service=Service.BALANCE)

    assert outcome_text(inquiry, Language.ENGLISH).strip() == "No reply"


def test_history_has_a_line_for_each_exchange() -> None:
    known, unknown = history_lines([exchange(2), exchange(1, response_code="")], Language.ENGLISH)

    assert known.startswith("632609000002")
    assert known.endswith("00  PURCHASE")
    assert unknown.endswith("??  PURCHASE")
