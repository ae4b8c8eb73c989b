"""Cards of another bank in the core: what has to be asked, what an answer makes of a decision."""

import msgspec
import pytest

from bashgah.demo import with_check_digit
from switch._snapshot import Loading, dump
from switch.directory import Directory, EventError
from switch.events import (
    Event,
    IssuerAnswered,
    IssuerAsked,
    IssuerTold,
    IssuerUndone,
    ProgrammeLive,
)
from switch.iso8583 import Message, decode
from switch.issuer_debts import IssuerDebts
from switch.operations import IssuerSaid, Operation
from switch.programme import Programme
from switch.rules import Limits, ProgrammeError, Security
from tests.support.remote_site import PROGRAMME, remote_programme
from tests.support.shop import (
    Shop,
    cards_added,
    events_of,
    new_core,
    replay_into,
    spec,
    state_of,
    tags,
)

PAN = with_check_digit("621986100000000")
ASKED = IssuerAsked(
    programme=PROGRAMME, card=0, operation=Operation.PURCHASE, amount_minor=100_000,
    processing_code=0, terminal=0, at_s=1_700_000_000,
)  # fmt: skip
Reply = tuple[str, str]


class Bank:
    """A shop, and a bank that says the same to everything."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.shop.record(ProgrammeLive(definition=remote_programme(Limits(day_count_max=2))))
        self.shop.record(cards_added(self.shop.core, PROGRAMME, [PAN], [9912]))

    def ask(self, message: Message, said: IssuerSaid | None, code: bytes = b"00") -> Reply:
        """Serve a message, and ask the bank if need be: DE 39 and reason, or what is wanted."""
        shop = self.shop
        request = shop.encoded(message)
        asked = 0
        while True:
            status, reply, _, wanted = shop.lanes["binary"].answer(
                request,
                now_us=shop.now_s * 1_000_000,
                utc_offset_s=shop.utc_offset_s,
                recalled=bool(asked),
                issuer=(said, asked, code) if asked and said is not None else None,
            )
            if wanted is None:
                break
            if said is None:
                return (str(wanted[0]), status)
            asked = shop.record(ASKED)
        answer = decode(reply, spec("binary"))
        shop.directory.hear()
        return answer[39], tags(answer.get(48, "")).get("RC", "")

    def purchase(self, said: IssuerSaid | None, code: bytes = b"00") -> Reply:
        return self.ask(self.shop.message(card=PAN), said, code)

    def owed(self) -> list[int]:
        return [debt.amount_minor for debt in self.shop.directory.issuers.owed.values()]


def test_a_purchase_waits_for_its_bank_and_leaves_everything_as_it_was() -> None:
    bank = Bank()
    before = bank.shop.state()

    assert bank.purchase(None) == ("issuer", "later")
    assert bank.shop.state() == before


@pytest.mark.parametrize(
    ("said", "code", "reply", "owed"),
    [
        (IssuerSaid.APPROVED, b"00", ("00", ""), []),
        (IssuerSaid.REFUSED, b"51", ("51", "issuer_declined"), []),
        (IssuerSaid.SILENT, b"00", ("91", "issuer_timeout"), [100_000]),
    ],
)
def test_an_answer_makes_a_row(
    said: IssuerSaid, code: bytes, reply: Reply, owed: list[int]
) -> None:
    bank = Bank()

    assert bank.purchase(said, code) == reply
    assert bank.owed() == owed
    assert not bank.shop.directory.issuers.open
    assert bank.shop.core.imbalances() == []


def test_a_bank_that_was_not_asked_leaves_no_row() -> None:
    bank = Bank()
    rows = bank.shop.core.last_seq

    assert bank.purchase(IssuerSaid.ABSENT) == ("91", "issuer_unavailable")
    assert bank.shop.core.last_seq == rows + 1  # the test's own question


def test_what_is_above_a_limit_is_not_asked() -> None:
    bank = Bank()
    assert bank.purchase(IssuerSaid.APPROVED) == ("00", "")
    assert bank.purchase(IssuerSaid.APPROVED) == ("00", "")

    assert bank.purchase(None) == ("65", "above_day_count")


def test_a_card_that_is_not_known_is_wanted_first() -> None:
    bank = Bank()
    other = with_check_digit("504172000000000")

    assert bank.ask(bank.shop.message(card=other), None) == ("card", "later")


def test_what_is_owed_survives_replay_and_a_snapshot() -> None:
    bank = Bank()
    bank.purchase(IssuerSaid.SILENT)
    bank.purchase(IssuerSaid.APPROVED)
    bank.shop.record(ASKED)

    streams = bank.shop.journal()
    replayed = new_core()
    directory = replay_into(replayed, streams)
    core = new_core()
    loading = Loading(core)
    for part, body in dump(bank.shop.core):
        loading.take(part, body)
    loading.finish()
    loaded = Directory(core)
    loaded.load(bank.shop.directory.dump())

    for found in (directory, loaded):
        assert found.issuers.owed == bank.shop.directory.issuers.owed
        assert found.issuers.open == bank.shop.directory.issuers.open
        assert found.dump() == bank.shop.directory.dump()
    assert state_of(core) == state_of(replayed) == bank.shop.state()


def test_events_on_rows_are_in_the_journal() -> None:
    bank = Bank()
    bank.purchase(IssuerSaid.REFUSED, b"55")

    newest = max(events_of(bank.shop.journal()).items())

    event = msgspec.json.decode(newest[1], type=Event)
    assert isinstance(event, IssuerAnswered)
    assert (event.outcome, event.amount_minor) == ("declined", 100_000)


def test_a_takeover_owes_what_has_no_outcome() -> None:
    debts = IssuerDebts()
    debts.apply(ASKED, 7)
    debts.apply(msgspec.structs.replace(ASKED, operation=Operation.BALANCE, amount_minor=0), 8)

    debts.take_over()

    assert not debts.open
    assert [debt.seq for debt in debts.owed.values()] == [7]


def test_an_outcome_that_comes_after_a_takeover_still_counts() -> None:
    """A tenure that was overtaken before its first row has owed it too early."""
    debts = IssuerDebts()
    debts.apply(ASKED, 7)
    debts.take_over()

    debts.apply(
        IssuerAnswered(
            asked=7, asked_s=ASKED.at_s, programme=PROGRAMME, amount_minor=100_000,
            processing_code=0, terminal=0, outcome="approved",
        ),
        8,
    )  # fmt: skip

    assert not debts.owed
    assert debts.question_of(8) is not None


def test_what_was_told_is_owed_no_more() -> None:
    debts = IssuerDebts()
    debts.apply(IssuerUndone(original=3, amount_minor=5, programme=PROGRAMME, at_s=1), 9)

    debts.apply(IssuerTold(debt=9), 10)

    assert not debts.owed


@pytest.mark.parametrize(
    "changes",
    [
        {"bins": ()},
        {"bins": ("62198",)},
        {"bins": ("6219861", "62198612")},
        {"host": ""},
        {"operations": (Operation.LOAD,)},
        {"security": Security()},
        {"commission_bps": 1},
        {"money_floor_minor": -1},
    ],
    ids=str,
)
def test_a_programme_that_two_would_decide_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ProgrammeError):
        msgspec.structs.replace(remote_programme(), **changes)


def test_no_two_programmes_share_a_prefix() -> None:
    bank = Bank()
    other = msgspec.structs.replace(remote_programme(), programme=6, bins=("621986",))

    with pytest.raises(EventError, match="prefix"):
        bank.shop.record(ProgrammeLive(definition=other))


def test_who_decides_a_programmes_cards_cannot_change() -> None:
    bank = Bank()
    own = Programme(
        programme=PROGRAMME, version=2, club=1, name="Own", name_fa="Own", operations=()
    )

    with pytest.raises(EventError, match="who decides"):
        bank.shop.record(ProgrammeLive(definition=own))
