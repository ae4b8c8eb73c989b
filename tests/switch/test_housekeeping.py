"""The pace of clock work: it waits for the journal and for the tills."""

from zoneinfo import ZoneInfo

import pytest
import trio
import trio.testing

from issuers.bon import bon
from switch.clock_work import ClockWork
from switch.events import OrganisationAdded, ProgrammeLive
from switch.housekeeping import Housekeeping, Pace
from switch.limits import CLOCK_ROWS_MAX, MOVES_MAX
from tests.support.shop import Shop, cards_added

ROWS = CLOCK_ROWS_MAX + 5


class World:
    """A shop with more bon cards than may be opened before rows are durable."""

    def __init__(self) -> None:
        self.shop = Shop()
        self.shop.record(OrganisationAdded(organisation=7, club=1, name="o", name_fa="o"))
        self.shop.record(
            ProgrammeLive(definition=bon(2, 1, 1, organisation=7, monthly_minor=1_000))
        )
        pans = [f"9364005{number:09d}" for number in range(ROWS * MOVES_MAX)]
        self.shop.record(cards_added(self.shop.core, 2, pans, [3012] * len(pans)))
        # What came before is durable; what comes is not, as nobody commits.
        self.shop.journal()
        self.shop.core.begin_tenure(1)
        self.may_write = True
        self.work = ClockWork(self.shop.core, self.shop.directory)
        self.housekeeping = Housekeeping(
            self.shop.core,
            self.work,
            ZoneInfo("Asia/Tehran"),
            Pace(may_write=lambda: self.may_write, rows_written=lambda: None),
        )

    @property
    def rows(self) -> int:
        return self.work.counts["openings"].rows


@pytest.mark.slow
async def test_it_waits_for_the_journal_and_goes_on_when_rows_are_durable(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        world.may_write = False
        nursery.start_soon(world.housekeeping.run)
        await trio.sleep(5)
        while_away = world.rows
        world.may_write = True
        await trio.sleep(5)
        waiting = world.rows
        world.shop.journal()
        world.shop.core.begin_tenure(1)  # what was cut is durable
        await trio.sleep(5)
        nursery.cancel_scope.cancel()

    assert while_away == 0
    assert waiting == CLOCK_ROWS_MAX
    assert world.rows == ROWS
    assert world.work.counts["openings"].cards_left == 0
