"""Long weeks with all products: weighted random walks beside the plain model.

Goal: what Hypothesis reaches seldom (captures and refunds of what several wallets paid, reversals
of those, instalments that are due, lots that end under way, months that open between two messages)
happens all the time here. Method: the programmes and checks of `test_products_properties`; a seeded
`Random` chooses. Walks with one card of every product are always the same, and counted: when they
no longer get to each outcome with each number of wallets within WALKS_MAX walks, they fail.
"""

from collections import Counter
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuers.club_card import club_card
from issuers.purse import OPERATIONS
from switch.instalments import FeeKind, Terms
from switch.programme import Programme
from switch.rules import (
    Activation,
    Allowance,
    Cap,
    Credit,
    EarnRule,
    Ending,
    Fund,
    InstalmentPlan,
    Period,
    Tender,
    Tier,
    Tiers,
)
from tests.support.paired_club import Reached
from tests.support.product_walks import AcrossWalk, DailyWalk, Walk, walk
from tests.support.programmes import (
    CARD_OPERATIONS,
    CREDIT,
    FUNDED_BON,
    ORGANISATION,
    owing_products,
    products,
)
from tests.support.voucher_walks import VoucherWalk

WALKS_MAX = 300

OFTEN = {
    *(
        Reached(what, outcome)
        for what, outcome in (
            ("repayment", "approved"),
            ("repayment", "reversed"),
            ("repayment", "reversed in part"),
            ("settlement", "approved"),
            ("settlement", "settlement_is_another"),
            ("settlement", "reversed"),
            ("purchase", "instalments_refused"),
            ("debt", "a credit was set against it"),
            ("debt", "a fee that was refunded is the card's"),
            ("debt", "what was paid is the card's credit"),
            ("debt", "a credit of a later day lowers what is due"),
            ("earned", "beside a lot of the same terms of another version"),
            ("purchase", "undone under a later version"),
            ("completion", "undone under a later version"),
            *product(
                ("endings", "openings", "inactivity"), ("all cards at once", "some of the cards")
            ),
            ("version", "live"),
            ("version", "no room for its counters"),
            ("credit limit", "set"),
            ("restart", "from the journal"),
            ("restart", "from a snapshot"),
            ("recall", "from the journal"),
        )
    ),
    Reached("purchase", "partially_approved", 2),
}
"""What walks of every kind get to, whatever else."""

UNDOING = ("reversed", "reversed in part")
REFUNDING = (
    *UNDOING,
    "refunded in part",
    "refunded to the end",
    "refund reversed",
    "refund reversed in part",
)
ACROSS = {
    Reached(what, outcome, wallets)
    for whats, outcomes, counts in (
        (("purchase", "hold"), ("approved",), (5,)),
        (("purchase", "completion"), ("approved", *REFUNDING), (2, 3, 4)),
        (("points_payment",), ("approved", *REFUNDING), (2,)),
        (("hold",), ("approved", *UNDOING, "expired"), (2, 3, 4)),
        (("preauthorisation",), ("approved", *UNDOING, "expired"), (2, 3)),
    )
    for what in whats
    for outcome in outcomes
    for wallets in counts
}
"""What walks get to where many wallets pay: operation, outcome, and how many of them had paid."""

EVERYWHERE = OFTEN | ACROSS


@pytest.mark.slow
@settings(max_examples=settings().max_examples)
@given(
    data=st.data(),
    programme=products() | products(many=True) | owing_products(),
    seed=st.integers(0, 1 << 32),
    way=st.sampled_from([Walk, AcrossWalk, DailyWalk, VoucherWalk]),
)
def test_long_weeks_leave_every_rial_point_and_count_where_the_model_has_it(
    data: st.DataObject, programme: Programme, seed: int, way: type[Walk]
) -> None:
    def version(before: Programme) -> Programme:
        many = any(wallet.name == "credit" for wallet in before.wallets)
        return data.draw(products(before=before, many=many))

    walk(programme, version, seed, way)


# --- one card of every product --------------------------------------------------------------------

CLUB_CARD = club_card(1, 1, 1)
EVERY_PRODUCT = msgspec.structs.replace(
    CLUB_CARD,
    operations=(*OPERATIONS, *CARD_OPERATIONS),
    wallets=(*CLUB_CARD.wallets, FUNDED_BON, CREDIT),
    funding=(CLUB_CARD.funding[0], *(Fund(wallet=name) for name in ("bon", "money", "credit"))),
    credit=Credit(
        limit_minor=300_000,
        plans=(
            InstalmentPlan(name="four", terms=Terms(count=4, first_due_months=0)),
            InstalmentPlan(
                name="profit",
                terms=Terms(count=3, fee=FeeKind.PROFIT_DECLINING, rate_bps=1_800),
            ),
            InstalmentPlan(name="thousands", terms=Terms(count=2, multiple_minor=1_000)),
        ),
    ),
    organisation=ORGANISATION,
    allowance=Allowance(wallet="bon", amount_minor=20_000, period=Period(kind="day")),
    activation=Activation(wallet="gift", ends=Ending(after_days=20), again=True),
    inactive_days=6,
    tiers=Tiers(levels=(Tier(name="blue", at=0), Tier(name="gold", at=300_000))),
    earning=(EarnRule(name="base", points=1, per_minor=1_000, expires=Ending(after_months=1)),),
    caps=(),
    tender=Tender(point_value_minor=100, points_min=1),
)


def next_version(before: Programme) -> Programme:
    """Give more points for the same; each third one wants a counter that cards have no room for."""
    (rule,) = before.earning
    version = before.version + 1
    caps = (Cap(name="c", of="count", most=1_000),) if version % 3 == 0 else ()
    earning = (msgspec.structs.replace(rule, points=1 + version % 2),)
    return msgspec.structs.replace(before, version=version, caps=caps, earning=earning)


@pytest.mark.slow
def test_walks_with_every_product_on_a_card_get_everywhere() -> None:
    reached: Counter[Reached] = Counter()
    for seed in range(WALKS_MAX):
        reached += walk(EVERY_PRODUCT, next_version, seed, Walk if seed % 2 == 0 else AcrossWalk)
        if all(reached[each] for each in EVERYWHERE):
            break

    assert [each for each in sorted(EVERYWHERE) if not reached[each]] == []
