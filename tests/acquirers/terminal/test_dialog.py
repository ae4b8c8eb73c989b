"""A person at the counter, played by a list of answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from acquirers.terminal.choices import NamedCard
from acquirers.terminal.dialog import Carrier, Dialog
from acquirers.terminal.memory import Remembered, TerminalMemory
from acquirers.terminal.orders import Order, Service, compose
from acquirers.terminal.parties import Card
from acquirers.terminal.texts import Language, Text
from acquirers.terminal.wire import wire_of
from switch.iso8583 import encode
from tests.acquirers.terminal.samples import CARD, STATION, trace
from tests.acquirers.terminal.test_memory import exchange

CARDS = [NamedCard(name="1", label=Text("Gold", "طلایی"), card=CARD)]


class Person:
    """Gives prepared answers, and keeps what was asked, shown and carried out."""

    def __init__(self, memory: TerminalMemory, *answers: str, card_is_read: bool = False) -> None:
        self.memory = memory
        self.card_is_read = card_is_read
        self.answers = [*answers, "quit"]
        self.asked: list[str] = []
        self.shown: list[str] = []
        self.ordered: list[tuple[Order, Card | None, str]] = []
        self.repeated: list[tuple[Remembered, Card | None]] = []
        self.settled: list[tuple[Card | None, str]] = []

    def talk(
        self,
        language: Language = Language.ENGLISH,
        order: Callable[[Order, Card | None, str], object] | None = None,
    ) -> None:
        carrier = Carrier(
            order=order or (lambda order, card, name: self.ordered.append((order, card, name))),
            repeat=lambda exchange, card: self.repeated.append((exchange, card)),
            settle=lambda card, name, ask: self.settled.append((card, name)),
        )
        Dialog(
            self._answer,
            self.shown.append,
            carrier,
            self.memory,
            CARDS,
            language,
            card_is_read=self.card_is_read,
        ).run()

    def _answer(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)


@pytest.fixture
def memory(tmp_path: Path) -> TerminalMemory:
    return TerminalMemory(tmp_path / "terminal.json", "T0000001")


def test_a_purchase_is_asked_for_card_and_amount(memory: TerminalMemory) -> None:
    person = Person(memory, "purchase", "1", "250,000")

    person.talk()

    order = Order(service=Service.PURCHASE, amount_minor=250_000, partial_accepted=True)
    assert person.ordered == [(order, CARD, "1")]


def test_where_a_reader_reads_the_card_nobody_is_asked_for_it(memory: TerminalMemory) -> None:
    person = Person(memory, "purchase", "250,000", card_is_read=True)

    person.talk()

    order = Order(service=Service.PURCHASE, amount_minor=250_000, partial_accepted=True)
    assert person.ordered == [(order, None, "")]


def test_an_item_is_asked_for_its_serial_number_and_a_renewal_for_nothing(
    memory: TerminalMemory,
) -> None:
    person = Person(memory, "register-item", "1", "TV-55/0012", "renewal", "1")

    person.talk()

    assert [order for order, _, _ in person.ordered] == [
        Order(service=Service.REGISTER_ITEM, serial="TV-55/0012"),
        Order(service=Service.RENEWAL),
    ]


def test_operations_can_be_chosen_by_number_in_persian_digits(memory: TerminalMemory) -> None:
    person = Person(memory, "۱", "۱", "۲۵۰٬۰۰۰")

    person.talk(Language.PERSIAN)

    assert person.ordered[0][0].amount_minor == 250_000
    assert person.asked[0] == "عملیات"


def test_test_cards_are_offered_masked(memory: TerminalMemory) -> None:
    person = Person(memory, "balance", "1")

    person.talk(Language.PERSIAN)

    assert "  1  502229******0017  طلایی" in person.shown
    assert not any(CARD.pan in line for line in person.shown)


def test_a_typed_card_is_asked_for_its_expiry(memory: TerminalMemory) -> None:
    person = Person(memory, "balance", "5022290000000017", "2906")

    person.talk()

    assert person.ordered == [(Order(service=Service.BALANCE), CARD, "")]


def test_a_swiped_card_is_not_asked_for_its_expiry(memory: TerminalMemory) -> None:
    person = Person(memory, "balance", ";5022290000000017=29061010000012345?")

    person.talk()

    assert not any("expiry" in question for question in person.asked)


def test_a_mixed_payment_is_asked_for_points(memory: TerminalMemory) -> None:
    person = Person(memory, "mixed", "1", "5000", "40")

    person.talk()

    assert person.ordered[0][0].points_max == 40


def test_a_purchase_in_instalments_is_asked_for_its_plan(memory: TerminalMemory) -> None:
    person = Person(memory, "instalments", "1", "5000", "۲")

    person.talk()

    assert [order for order, _, _ in person.ordered] == [
        Order(service=Service.INSTALMENTS, amount_minor=5000, plan=2)
    ]


def test_a_settlement_is_asked_for_its_card_alone(memory: TerminalMemory) -> None:
    person = Person(memory, "settlement", "1")

    person.talk()

    assert (person.settled, person.ordered) == ([(CARD, "1")], [])
    assert not any("amount" in question for question in person.asked)


def test_a_reversal_takes_the_test_card_of_the_original(memory: TerminalMemory) -> None:
    remembered = exchange(1)
    memory.remember(remembered)
    memory.remember(structs.replace(remembered, card_name="1"))
    person = Person(memory, "reversal", "")

    person.talk()

    ((order, card, name),) = person.ordered
    assert (order.original, card, name) == (remembered.original, CARD, "1")
    assert order.final_amount_minor is None
    assert not any("card" in question for question in person.asked)


def test_a_refund_of_a_typed_card_asks_for_the_card_again(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    person = Person(memory, "refund", "5022290000000017", "2906", "400")

    person.talk()

    assert person.ordered[0][0].amount_minor == 400


def test_repeat_sends_the_last_message_again(memory: TerminalMemory) -> None:
    memory.remember(exchange(1))
    person = Person(memory, "repeat", "1")

    person.talk()

    assert person.repeated == [(exchange(1), CARD)]


def test_history_shows_what_the_terminal_did(memory: TerminalMemory) -> None:
    memory.remember(exchange(1, response_code="51"))
    person = Person(memory, "history")

    person.talk()

    assert any("632609000001" in line and "51" in line for line in person.shown)


def test_a_cut_over_asks_for_the_day(memory: TerminalMemory) -> None:
    person = Person(memory, "cut-over", "1123")

    person.talk()

    assert person.ordered == [(Order(service=Service.CUT_OVER, settlement_date="1123"), None, "")]


@pytest.mark.parametrize(
    "answers",
    [
        ("purchase", "1", "a lot"),
        ("purchase", "7"),
        ("purchase", "50222900"),
        ("reversal",),
        ("repeat",),
        ("mixed", "1", "5000", ""),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_sent(
    answers: tuple[str, ...], memory: TerminalMemory
) -> None:
    person = Person(memory, *answers)

    person.talk()

    assert person.ordered == []
    assert person.repeated == []
    assert person.answers == []


def test_the_menu_comes_back_for_what_it_does_not_know(memory: TerminalMemory) -> None:
    person = Person(memory, "", "99", "dance")

    person.talk()

    menus = [line for line in person.shown if line.startswith("  1  purchase")]
    assert len(menus) == 4


def test_what_a_message_cannot_carry_is_explained_and_the_dialog_goes_on(
    memory: TerminalMemory,
) -> None:
    def refuse(order: Order, card: Card | None, name: str) -> None:
        encode(compose(order, STATION, trace(), card), wire_of("pos-binary").spec)

    person = Person(memory, "cut-over", "soon", "register-item", "1", "تلویزیون")

    person.talk(order=refuse)

    assert person.answers == []
    assert [line for line in person.shown if line.startswith("element")] == [
        "element 15: a character outside the content class",
        "element 48: a character outside the content class",
    ]
