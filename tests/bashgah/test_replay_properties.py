"""Looked back at through PostgreSQL, in several processes, the live version changes nothing either.

Goal: what the queries bring (originals of before the window and what had become of them, each
worker's rows, events for all) is all that looking back needs. Method: the random walks of the
products' model, their journal written as a switch writes it; the window begins on some day of it.
"""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bashgah.replay_processes import replay_past
from bashgah.replay_result import report_of
from switch.ledger import partitions
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.programme import Programme
from tests.support.paired_shop import PairedShop
from tests.support.past import TEHRAN
from tests.support.product_walks import QuietWalk
from tests.support.programmes import products
from tests.support.shop import TEHRAN_S

STEPS = 120
DAY_S = 86_400


@pytest.mark.slow
@settings(
    max_examples=max(4, settings().max_examples // 25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(programme=products(), seed=st.integers(0, 1 << 32))
def test_the_live_version_over_a_real_journal_differs_in_nothing(
    database: str, programme: Programme, seed: int
) -> None:
    chance = Random(seed)
    pair = PairedShop(programme, activated=True, renewed=seed % 7 != 0)
    shop = pair.shop
    began_s = shop.now_s
    weights, steps = zip(*QuietWalk(pair, chance, lambda same: same).steps(), strict=True)
    for step in chance.choices(steps, weights, k=STEPS):
        step()
    days = (shop.now_s - began_s) // DAY_S
    with Database(database) as connected:
        connected.call_sync(_write, shop.journal(), shop.core.last_seq)

    past = replay_past(
        database,
        programme,
        months=1 + chance.randrange(min(100, 2 + days // 30)),
        last_day=(shop.now_s + TEHRAN_S) // DAY_S,
        zone=TEHRAN,
        workers=2,
        primary=True,
        on_progress=lambda doing, done, whole: None,
    )
    report = report_of(past, programme)

    assert report.counts["differing"] == 0
    assert report.happened == report.draft
    assert report.points_owed.happened == report.points_owed.draft
    assert report.money_on_cards_minor.happened == report.money_on_cards_minor.draft
    assert (report.gains.winners, report.gains.losers) == (0, 0)
    owed = report.points_at_start + sum(
        report.happened[name] * sign
        for name, sign in (("points_earned", 1), ("points_redeemed", -1), ("points_expired", -1))
    )
    if programme.referral is None:
        assert report.points_owed.happened == owed


async def _write(session: Session, streams: list[Any], last_seq: int) -> None:
    await session.execute("TRUNCATE journal")
    await partitions.cover(session, 0, 1, last_seq)
    for stream in streams:
        await session.copy_rows("journal", stream)
