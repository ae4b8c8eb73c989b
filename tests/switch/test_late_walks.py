"""Months of cards that owe, are members and expire: weighted random walks beside the plain model.

Goal: what is late is a function of what is owed (decision 0040), whoever comes first, whatever was
reversed, refunded or became known in between, and wherever the switch was killed. Method: the
checks of `test_products_properties` after each step of walks that are always the same, and counted:
when they no longer get to each outcome, also after a restart, within WALKS_MAX walks, they fail.
"""

from collections import Counter
from itertools import product

import pytest

from tests.support.late_walks import CARD_THAT_OWES, LateWalk, next_version
from tests.support.paired_club import Reached
from tests.support.product_walks import walk

WALKS_MAX = 60

LATER = {
    *product(
        ("late charges", "late, by a repayment", "late, by a settlement", "late, by a purchase"),
        ("charged", "charged as much as may be", "taken back, nothing is owed"),
    ),
    *product(
        ("late charges",),
        (
            "nothing within the tolerance",
            "not late before the first working day",
            "taken back, less is owed",
            "taken back for a holiday",
            "not late with what the card's credit pays",
            "given back into the wallet",
        ),
    ),
    ("late", "a payment of it was reversed"),
    ("rebate", "given"),
    ("rebate", "not given to who is late"),
    *product(("repayment", "settlement"), ("approved, of a card that has expired",)),
    *product(("automatic payments",), ("whole", "in part", "nothing there")),
    *product(("renewals",), ("done", "done in grace", "fee not there", "card not good")),
    *product(("expiries",), ("gift left the card", "points left the card")),
}
"""What walks get to, without a restart and after one from the journal and from a snapshot."""

ONCE = {
    ("repayment", "reversed in part"),
    ("settlement", "reversed"),
    ("settlement", "reversed in part"),
    ("purchase", "undone under a later version"),
    ("debt_inquiry", "approved, of a card that has expired"),
    ("holidays", "set"),
    ("version", "live"),
    ("version", "a debt would cost more"),
    *product(
        ("expiries", "automatic payments", "late charges", "renewals"),
        ("all cards at once", "some of the cards"),
    ),
}
EVERYWHERE = {
    Reached(what, outcome)
    for what, outcome in (
        *ONCE,
        *LATER,
        *(
            (what, f"{outcome}, restarted from {source}")
            for what, outcome in LATER
            for source in ("the journal", "a snapshot")
        ),
    )
}


@pytest.mark.slow
def test_walks_of_cards_that_owe_get_everywhere() -> None:
    reached: Counter[Reached] = Counter()
    for seed in range(WALKS_MAX):
        reached += walk(CARD_THAT_OWES, next_version, seed, LateWalk)
        if all(reached[each] for each in EVERYWHERE):
            break

    assert [each for each in sorted(EVERYWHERE) if not reached[each]] == []
