"""Events take effect wholly or not at all, and a directory comes back from its dump."""

import msgspec
import pytest

from issuers.purse import purse
from switch.directory import Directory, EventError
from switch.events import (
    AcquirerAdded,
    CardsAdded,
    CardStatusChanged,
    ClubAdded,
    Event,
    MerchantAdded,
    MerchantStatusChanged,
    ProgrammeLive,
    TerminalAdded,
    TerminalStatusChanged,
    decode_event,
    encode_event,
)
from switch.operations import CardStatus
from switch.rules import EarnRule, When
from tests.support.shop import BOOKS, CAFE, PANS, Shop, cards_added, new_core

ELSEWHERE = "ELSEWHERE000001"


def merchant(**changes: object) -> MerchantAdded:
    values = {"club": 1, "category": 1, "name": "m", "name_fa": "m", "merchant_id": ELSEWHERE}
    return msgspec.convert({**values, **changes, "type": "merchant_added"}, MerchantAdded)


UNKNOWN_PLACE = EarnRule(name="e", points=1, per_minor=1, when=When(merchants=(ELSEWHERE,)))
REFUSED: dict[str, Event] = {
    "a club twice": ClubAdded(club=1, name="", name_fa="", currency=364),
    "an acquirer twice": AcquirerAdded(acquirer=1, code="1", name=""),
    "a merchant twice": merchant(merchant_id=CAFE),
    "a merchant of no club": merchant(club=77),
    "a terminal twice": TerminalAdded(terminal_id="T0000001", acquirer=1, merchant_id=BOOKS),
    "a terminal of no merchant": TerminalAdded(
        terminal_id="T0000077", acquirer=1, merchant_id=ELSEWHERE
    ),
    "a terminal of no acquirer": TerminalAdded(
        terminal_id="T0000077", acquirer=77, merchant_id=CAFE
    ),
    "the same version": ProgrammeLive(definition=purse(1, 1, 1)),
    "another club's version": ProgrammeLive(definition=purse(1, 2, 2)),
    "a programme of no club": ProgrammeLive(definition=purse(7, 1, 77)),
    "a rule for no merchant": ProgrammeLive(
        definition=msgspec.structs.replace(purse(1, 2, 1), earning=(UNKNOWN_PLACE,))
    ),
    "a card of no programme": CardsAdded(
        programme=77, tokens=bytes(16), expiries=bytes(2), first6=bytes(4), last4=bytes(2)
    ),
    "columns that differ": CardsAdded(
        programme=1, tokens=bytes(32), expiries=bytes(2), first6=bytes(8), last4=bytes(4)
    ),
    "no cards at all": CardsAdded(programme=1, tokens=b"", expiries=b"", first6=b"", last4=b""),
    "a card twice in one event": CardsAdded(
        programme=1, tokens=bytes(32), expiries=bytes(4), first6=bytes(8), last4=bytes(4)
    ),
    "a card that is known": cards_added(new_core(), 1, [PANS[0]], [3012]),
    "no such card": CardStatusChanged(card=77, status=CardStatus.BLOCKED),
    "no such terminal": TerminalStatusChanged(terminal=77, blocked=True),
    "no such merchant": MerchantStatusChanged(merchant=-1, blocked=True),
}


@pytest.mark.parametrize("event", REFUSED.values(), ids=REFUSED)
def test_an_event_that_cannot_be_changes_nothing(event: Event) -> None:
    shop = Shop()
    before = (shop.state(), shop.directory.dump(), shop.core.last_seq)

    with pytest.raises(EventError):
        shop.record(event)

    assert (shop.state(), shop.directory.dump(), shop.core.last_seq) == before


@pytest.mark.parametrize("event", REFUSED.values(), ids=REFUSED)
def test_an_event_comes_back_from_the_journal_as_it_was(event: Event) -> None:
    assert decode_event(encode_event(event)) == event


def test_an_event_of_no_known_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"type":"moon_landed"}')


def test_replay_rebuilds_the_directory() -> None:
    shop = Shop()
    shop.record(ProgrammeLive(definition=purse(1, 2, 1)))
    core = new_core()
    directory = Directory(core)

    for stream in shop.journal():
        core.replay(stream, directory.replay)

    assert directory.dump() == shop.directory.dump()


def test_a_blocked_merchant_and_terminal_serve_again() -> None:
    shop = Shop()
    shop.load(10_000)
    for blocked in (True, False):
        shop.record(MerchantStatusChanged(merchant=0, blocked=blocked))
        shop.record(TerminalStatusChanged(terminal=0, blocked=blocked))

    assert shop.send(amount_minor=1_000).code == "00"
