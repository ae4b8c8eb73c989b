"""The purse priced in Python is the purse: same messages, same replies, same rows, same books.

Goal: what a Python plan decides goes through the very code that a compiled plan goes through.
Method: the walks of `test_lane_properties` (every operation, undone, repeated, contradicted, out of
order) go to two shops at once, one for each programme. That the first is right, the model says.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from issuers.purse import purse
from issuers.purse_in_python import NAME, purse_in_python
from switch.events import Event, ProgrammeLive
from switch.iso8583 import Message
from switch.operations import JournalKind, Operation
from switch.rules import Limits
from tests.ledger.rows_model import Row, decode_rows
from tests.model.switch import PlainSwitch
from tests.support.shop import PANS, Said, Shop
from tests.switch.test_lane_properties import JUNE_S, LaneMachine

LIMITS = st.sampled_from(
    [
        Limits(),
        Limits(
            transaction_minor_max=500_000,
            day_minor_max=1_000_000,
            day_count_max=4,
            balance_minor_max=3_000_000,
        ),
    ]
)


class TwinShop(Shop):
    """Two shops that hear the same; what the second says must be what the first says."""

    def __init__(self, limits: Limits) -> None:
        self.twin: Shop | None = None
        super().__init__(purse(1, 1, 1, limits))
        self.twin = Shop(purse_in_python(1, 1, 1, limits))

    def record(self, event: Event) -> int:
        seq = super().record(event)
        if self.twin is not None:
            if isinstance(event, ProgrammeLive):
                definition = event.definition
                version, limits = definition.version, definition.limits
                event = ProgrammeLive(definition=purse_in_python(1, version, 1, limits))
            assert self.twin.record(event) == seq
        return seq

    def expire_holds(self) -> int:
        assert self.twin is not None
        self.twin.now_s = self.now_s
        ended = super().expire_holds()
        assert self.twin.expire_holds() == ended
        return ended

    def ask(self, message: Message, *, dialect: str = "binary", available: bool = True) -> Said:
        assert self.twin is not None
        self.twin.now_s = self.now_s
        said = super().ask(message, dialect=dialect, available=available)
        other = self.twin.ask(message, dialect=dialect, available=available)
        assert (other.status, other.elements) == (said.status, said.elements)
        assert (other.reply, other.seq) == (said.reply, said.seq)
        assert self.twin.state() == self.state()
        return said


def exchanges(shop: Shop) -> list[Row]:
    """Give the rows that are no events, without what links them to those."""
    rows = [row for stream in shop.journal() for row in decode_rows(stream)]
    return [
        {column: value for column, value in row.items() if column != "chain"}
        for row in rows
        if row["kind"] in (JournalKind.EXCHANGE, JournalKind.HOLD_EXPIRY)
    ]


class TwinMachine(LaneMachine):
    """The walks of the lane, with the purse's two programmes."""

    shop: TwinShop

    @initialize(limits=LIMITS)
    def open_shop(self, limits: Limits) -> None:
        self.shop = TwinShop(limits)
        live_seq = self.shop.core.last_seq - 3  # three events follow it in `Shop`
        programme = self.shop.directory.programmes[1]
        self.model = PlainSwitch(programme, live_from_seq=live_seq, cards=len(PANS))
        self.model.cards[5].expires_at = JUNE_S
        self.past = []
        self.unborn = []
        for card in range(3):
            self.say("0200", "210000", 450_000, card, "T0000001", Operation.LOAD)

    @rule(limits=LIMITS)
    def bring_new_version(self, limits: Limits) -> None:
        self.go_live(purse(1, self.model.programme.version + 1, 1, limits))

    def teardown(self) -> None:
        if not hasattr(self, "shop"):
            return
        super().teardown()
        assert self.shop.twin is not None
        assert exchanges(self.shop.twin) == exchanges(self.shop)
        assert self.shop.twin.pricer.statistics()["failures"] == {NAME: 0}
        assert self.shop.twin.pricer.take_troubles() == []


TwinMachine.TestCase.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=50
)
test_a_purse_in_python_is_the_purse = pytest.mark.slow(TwinMachine.TestCase)
