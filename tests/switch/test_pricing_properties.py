"""Any programme, priced by the plain model as a Python plan, does what the model says.

Method: the walks of `test_lane_properties` with random programmes; the shop's programme has no
rules, only the name of a function, and that function is the witness of `tests.model.pricing`.
"""

from typing import Literal

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from switch.events import ProgrammeLive
from switch.operations import Operation
from switch.pricing import Asked, Declined, Priced
from switch.programme import Programme
from switch.reasons import Reason
from tests.model.pricing import Ask, Place, Purse, price_hold, price_purchase
from tests.model.switch import PlainSwitch
from tests.support.programmes import programmes
from tests.support.shop import PANS, Shop
from tests.switch.test_lane_properties import HOLDS, JUNE_S, LaneMachine

FUNDERS: dict[str, Literal["", "merchant", "club"]] = {"": "", "M": "merchant", "C": "club"}


def in_python(programme: Programme) -> Programme:
    """Give the programme without its rules: a function says what they said."""
    return msgspec.structs.replace(
        programme,
        discounts=(),
        earning=(),
        tender=None,
        commission_bps=0,
        pricing="model",
        pricing_rules=tuple(programme.rule_names()),
    )


class PythonLaneMachine(LaneMachine):
    """The lane's walks in the slow lane."""

    @initialize(programme=programmes())
    def open_shop(self, programme: Programme) -> None:
        self.versions = {programme.version: programme}
        self.shop = Shop(in_python(programme), pricings={"model": self.price})
        live_seq = self.shop.core.last_seq - 3  # three events follow it in `Shop`
        self.model = PlainSwitch(programme, live_from_seq=live_seq, cards=len(PANS))
        self.model.cards[5].expires_at = JUNE_S
        self.past = []
        self.unborn = []
        for card in range(3):
            self.say("0200", "210000", 450_000, card, "T0000001", Operation.LOAD)

    def price(self, asked: Asked) -> Priced | Declined:
        """Answer as the model does."""
        programme = self.versions[asked.version]
        ask = Ask(
            asked.amount_minor,
            asked.points_limit,
            asked.operation is Operation.POINTS_PAYMENT,
            asked.partial_ok,
            asked.advice,
        )
        place = Place(
            asked.merchant_id,
            asked.category,
            asked.local_day,
            asked.local_weekday,
            asked.local_hour,
            asked.utc_offset_s,
        )
        purse = Purse((max(0, asked.money_minor),), max(0, asked.points))
        is_hold = asked.operation in HOLDS
        priced = (
            price_hold(programme, place, ask, purse)
            if is_hold
            else price_purchase(programme, place, ask, purse)
        )
        if isinstance(priced, Reason):
            return Declined(priced)
        return Priced(
            amount_minor=priced.amount_minor,
            money_minor=priced.money_minor,
            discount_minor=priced.discount_minor,
            funder=FUNDERS[priced.funder],
            discount_rule=priced.discount_rule,
            points=priced.points,
            points_value_minor=priced.points_value_minor,
            fee_minor=priced.fee_minor,
            earned=priced.earned,
            earn_rule=priced.earn_rule,
            available_at_s=priced.available_at,
            expires_at_s=priced.expires_at,
        )

    @rule(data=st.data())
    def bring_new_version(self, data: st.DataObject) -> None:
        programme = data.draw(programmes(version=self.model.programme.version + 1))
        self.versions[programme.version] = programme
        live = ProgrammeLive(definition=in_python(programme))
        self.model.go_live(programme, self.shop.record(live))

    def teardown(self) -> None:
        if not hasattr(self, "shop"):
            return
        super().teardown()
        assert self.shop.pricer.take_troubles() == []


PythonLaneMachine.TestCase.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=50
)
test_the_slow_lane_does_what_the_model_says = pytest.mark.slow(PythonLaneMachine.TestCase)
