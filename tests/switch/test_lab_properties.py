"""A version looked back at by itself changes nothing: the lab is the switch.

Goal: whatever a programme is made of and whatever happened, a draft that says what the live version
says makes every move that the journal has, to the lot. Method: the random walks of the products'
model; somewhere on the way the window opens. Both worlds' books are then the shop's own.
"""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.lab import DRAFTED, HAPPENED, total_of
from switch.programme import Programme
from tests.support.paired_shop import PairedShop
from tests.support.past import look_back
from tests.support.product_walks import QuietWalk
from tests.support.programmes import products

STEPS = 60


@pytest.mark.slow
@settings(max_examples=max(10, settings().max_examples // 4))
@given(
    programme=products(),
    seed=st.integers(0, 1 << 32),
    piece_bytes=st.sampled_from([777, 1 << 20]),
)
def test_the_live_version_looked_back_at_makes_every_move_again(
    programme: Programme, seed: int, piece_bytes: int
) -> None:
    chance = Random(seed)
    pair = PairedShop(programme, activated=seed % 8 != 0, renewed=seed % 7 != 0)
    shop = pair.shop
    weights, steps = zip(*QuietWalk(pair, chance, lambda same: same).steps(), strict=True)
    for step in chance.choices(steps, weights, k=chance.randrange(STEPS)):
        step()
    opened_at = len(shop.journal())
    for step in chance.choices(steps, weights, k=STEPS):
        step()
    streams = shop.journal()

    lookback, part = look_back(
        streams[:opened_at],
        streams[opened_at:],
        programme,
        last_s=shop.now_s,
        piece_bytes=piece_bytes,
    )

    assert part.counts["differing"] == 0
    assert part.counts["now_declined"] == part.counts["now_approved"] == 0
    assert total_of(part.months[HAPPENED]) == total_of(part.months[DRAFTED])
    assert part.merchants[HAPPENED] == part.merchants[DRAFTED]
    assert part.declined[HAPPENED] == part.declined[DRAFTED]
    assert part.cards["minor_before"] == part.cards["minor_after"]
    assert part.cards["points_before"] == part.cards["points_after"]
    assert part.tiers[HAPPENED] == part.tiers[DRAFTED]
    assert part.at_end[HAPPENED] == part.at_end[DRAFTED]
    core = shop.core
    for card in range(6):
        first = core.card(card)[0]
        for slot in range(len(shop.directory.layout_of(1).slots)):
            assert lookback.lab.account(HAPPENED, first + slot) == lookback.lab.account(
                DRAFTED, first + slot
            )
