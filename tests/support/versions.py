"""A programme's versions in a shop of the tests: steps as operators take them, at its time.

Owns how the events are made; knows nothing of what may be refused.
"""

from switch.events import (
    Event,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
)
from switch.notices import live_definition, merchant_names, notice_days
from switch.programme import Programme
from switch.programme_text import announcement
from switch.versions import DAY_SECONDS, digest_of
from tests.support.shop import Shop


def drafted(shop: Shop, definition: Programme, by: str = "sara") -> Event:
    return ProgrammeDrafted(definition=definition, by=by, at_s=shop.now_s)


def checked(shop: Shop, definition: Programme, by: str = "sara") -> Event:
    live = live_definition(shop.directory.versions, definition.programme)
    return ProgrammeChecked(
        programme=definition.programme,
        version=definition.version,
        digest=digest_of(definition),
        over=0 if live is None else live.version,
        notice_days=notice_days(definition, live),
        by=by,
        at_s=shop.now_s,
    )


def approved(shop: Shop, definition: Programme, by: str = "reza") -> Event:
    return ProgrammeApproved(
        programme=definition.programme,
        version=definition.version,
        digest=digest_of(definition),
        by=by,
        at_s=shop.now_s,
    )


def announced(shop: Shop, definition: Programme, in_days: int, by: str = "reza") -> Event:
    live = live_definition(shop.directory.versions, definition.programme)
    day = (shop.now_s + shop.utc_offset_s) // DAY_SECONDS + in_days
    text = announcement(live, definition, day, merchant_names(shop.directory.merchants))
    return ProgrammeAnnounced(
        programme=definition.programme,
        version=definition.version,
        digest=digest_of(definition),
        live_day=day,
        live_at_s=day * DAY_SECONDS - shop.utc_offset_s,
        text_en=text.en,
        text_fa=text.fa,
        by=by,
        at_s=shop.now_s,
    )


def retired(shop: Shop, programme: int, version: int, by: str = "sara") -> Event:
    return ProgrammeRetired(
        programme=programme, version=version, by=by, at_s=shop.now_s, why="over"
    )


def announce(shop: Shop, definition: Programme, in_days: int) -> None:
    """Have a version drafted, checked, approved and announced."""
    shop.record(drafted(shop, definition))
    shop.record(checked(shop, definition))
    shop.record(approved(shop, definition))
    shop.record(announced(shop, definition, in_days))


def let_go_live(shop: Shop) -> int:
    """Do what the clock does; gives how many went live."""
    due = shop.directory.versions.due(shop.now_s)
    for definition in due:
        shop.record(ProgrammeLive(definition=definition, at_s=shop.now_s))
    return len(due)
