"""A switch is killed in its clock work and goes on: every card gets its month once."""

import struct
import time
from zoneinfo import ZoneInfo

import pytest
import trio

from bashgah.bootstrap import append_waiting, own_shard
from bashgah.demo import CLUB
from bashgah.site import Site
from bashgah.verification import first_difference
from issuers.bon import bon
from switch.config import read_dsn, read_pan_key
from switch.events import CardsAdded, OrganisationAdded, ProgrammeLive
from switch.ledger.database import Database
from switch.ledger.session import Session
from switch.places import utc_offset_seconds
from tests.support.site import running_site

CARDS = 400_000
CARDS_PER_EVENT = 10_000
MONTH_MINOR = 1_000_000
SECONDS_MAX = 60.0

ROWS = "SELECT count(*) AS rows FROM journal WHERE kind = 5"

MOVED = """
SELECT count(*) AS moves, count(DISTINCT moves.to_account) AS cards,
       coalesce(max(journal.epoch) - min(journal.epoch), 0) AS epochs
  FROM journal
  CROSS JOIN LATERAL (
    SELECT journal.moves[number][2] AS to_account
      FROM generate_subscripts(journal.moves, 1) AS number
  ) AS moves
 WHERE journal.kind = 5 AND journal.programme = 77
"""


async def _add_bon(site: Site, database: Database) -> None:
    """Journal an organisation and its cards, as the owner of a shard that nobody serves."""
    assert site.config.keys.pan_key_file is not None
    now_s = time.time()
    clock = {
        "now_us": int(now_s * 1_000_000),
        "utc_offset_s": utc_offset_seconds(ZoneInfo(site.config.switch.timezone), now_s),
    }
    owned = await own_shard(
        database, site.config, read_pan_key(site.config.keys.pan_key_file), **clock
    )
    definition = bon(77, 1, CLUB, organisation=7, monthly_minor=MONTH_MINOR)
    owned.directory.record(
        OrganisationAdded(organisation=7, club=CLUB, name="Org", name_fa="سازمان"), **clock
    )
    owned.directory.record(ProgrammeLive(definition=definition), **clock)
    for first in range(0, CARDS, CARDS_PER_EVENT):
        tokens = b"".join(
            struct.pack("<QQ", number, 0xB0) for number in range(first, first + CARDS_PER_EVENT)
        )
        event = CardsAdded(
            programme=77,
            tokens=tokens,
            expiries=struct.pack("<H", 3012) * CARDS_PER_EVENT,
            first6=struct.pack("<I", 936_400) * CARDS_PER_EVENT,
            last4=struct.pack("<H", 1) * CARDS_PER_EVENT,
        )
        owned.directory.record(event, **clock)
    await append_waiting(owned)


async def _rows(database: Database) -> int:
    async def work(session: Session) -> int:
        return int((await session.fetch(ROWS))[0]["rows"])

    return await database.call(work)


async def _moved(database: Database) -> tuple[int, int, int]:
    async def work(session: Session) -> tuple[int, int, int]:
        row = (await session.fetch(MOVED))[0]
        return row["moves"], row["cards"], row["epochs"]

    return await database.call(work)


@pytest.mark.slow
async def test_a_switch_that_is_killed_in_its_clock_work_goes_on_and_does_nothing_twice() -> None:
    async with running_site(lambda line: None) as site:
        with Database(read_dsn(site.config.database)) as database:
            await site.stop_switch()
            await _add_bon(site, database)
            before = []
            for _ in range(2):
                begun = await _rows(database)
                site.switch.start()
                with trio.fail_after(SECONDS_MAX):
                    while await _rows(database) == begun:  # noqa: ASYNC110 (another process)
                        await trio.sleep(0.001)
                site.switch.kill()
                before.append((await _moved(database))[0])
            await site.start_switch()
            with trio.fail_after(SECONDS_MAX):
                while (await _moved(database))[0] < CARDS:  # noqa: ASYNC110 (another process)
                    await trio.sleep(0.05)
            await trio.sleep(2)
            moves, cards, epochs = await _moved(database)
        difference = await first_difference(site.config_path)

    assert 0 < before[0] < before[1] < CARDS  # killed in the middle, both times
    assert (moves, cards) == (CARDS, CARDS)
    assert epochs == 2
    assert difference is None
