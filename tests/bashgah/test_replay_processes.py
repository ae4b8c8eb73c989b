"""Workers over several shards, and how far they say they are."""

import io
import sys
from typing import Any

import pytest

from bashgah.commands.programme_replay import Shown
from bashgah.replay_processes import Past, replay_past
from bashgah.replay_result import report_of
from issuers.loyalty import loyalty
from switch.ledger import partitions
from switch.ledger.database import Database
from switch.ledger.session import Session
from tests.support.past import TEHRAN
from tests.support.past_months import thrifty
from tests.support.shop import TEHRAN_S, Shop

DAY_S = 86_400
LIVE = loyalty(1, 1, 1)


async def _write(session: Session, shard: int, streams: list[Any], last_seq: int) -> None:
    await partitions.cover(session, shard, 1, last_seq)
    for stream in streams:
        await session.copy_rows("journal", stream)


def looked_back(dsn: str, shop: Shop) -> Past:
    return replay_past(
        dsn,
        thrifty(LIVE),
        months=1,
        last_day=(shop.now_s + TEHRAN_S) // DAY_S,
        zone=TEHRAN,
        workers=2,
        primary=True,
        on_progress=lambda doing, done, whole: None,
    )


@pytest.mark.slow
def test_shards_are_replayed_one_after_the_other_and_summed(database: str) -> None:
    reports = []
    with Database(database) as connected:
        for shard, purchases in ((0, 3), (1, 5)):
            shop = Shop(LIVE, shard=shard)
            for card in range(purchases):
                shop.send(amount_minor=700_000, card=card)
            connected.call_sync(_write, shard, shop.journal(), shop.core.last_seq)
            reports.append(report_of(looked_back(database, shop), thrifty(LIVE)))

    one, both = reports
    assert (one.happened["purchases"], both.happened["purchases"]) == (3, 8)
    assert (one.members, both.members) == (6, 12)
    assert both.draft["discount_minor"] == 8 * 14_000
    # The cafe is one shop, whichever shard its customers' cards are on.
    assert [(shop.sales_minor.draft) for shop in both.merchants] == [8 * 700_000]


def told(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    moments = iter([0.0, 0.1, 1.0, 1.01, 20.0, 20.01])
    shown = Shown(clock=lambda: next(moments))
    for done in (0, 1, 2, 5, 10):
        shown("window", done, 10)
    shown.end()
    return stream.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told(_Terminal(), monkeypatch)

    assert said.count("\r[") == 3  # not more often than one can look
    assert said.endswith("\r[" + "#" * 30 + "] the window: 100% of 10 rows\x1b[K\n")


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    said = told(io.StringIO(), monkeypatch)

    assert said == "the window:  50% of 10 rows\nthe window: 100% of 10 rows\n"
