"""Whether what an operator says of a version is true, when it is said.

Owns the notice that a version needs, and that a step carries the time, the findings and the texts
of this switch. A journal's rows were held against this when they were written and are not again:
texts and checks may be others by then.
"""

from collections.abc import Mapping

from switch.events import (
    Event,
    MerchantAdded,
    ProgrammeAnnounced,
    ProgrammeApproved,
    ProgrammeChecked,
    ProgrammeDrafted,
    ProgrammeLive,
    ProgrammeRetired,
)
from switch.programme import Programme
from switch.programme_checks import findings
from switch.programme_promises import takes_away
from switch.programme_text import announcement
from switch.programme_words import MerchantNames
from switch.versions import DAY_SECONDS, Versions

CLOCK_SECONDS_MAX = 300
"""An operator's clock may be so far from ours; the notice is counted from what it says."""

DAY_SHIFT_SECONDS_MAX = 7_200
"""Clocks that are put forward or back move a local day by so much at most."""

NOTICE_DAYS_TAKING_AWAY = 30
"""A version that takes something away is announced a month before, whatever its programme says."""


class NoticeError(ValueError):
    """A step that says what is not so; the text says what is."""


def notice_days(definition: Programme, live: Programme | None) -> int:
    """Give how long before it is live a version has to be announced."""
    if live is None:
        return definition.notice_days
    taken = NOTICE_DAYS_TAKING_AWAY if takes_away(live, definition) else 0
    return max(definition.notice_days, live.notice_days, taken)


def merchant_names(merchants: Mapping[str, MerchantAdded]) -> MerchantNames:
    """Give merchants' names as texts take them."""
    return {name: (event.name, event.name_fa) for name, event in merchants.items()}


def live_definition(versions: Versions, programme: int) -> Programme | None:
    """Give what a new version is compared with."""
    live = versions.live(programme)
    return None if live is None else live.definition


def expect_true(
    event: Event,
    versions: Versions,
    merchants: Mapping[str, MerchantAdded],
    now_s: int,
    utc_offset_s: int,
) -> None:
    """Raise NoticeError or VersionError for a step that says what is not so."""
    match event:
        case ProgrammeLive(definition=definition):
            for one in versions.of(definition.programme):
                if one.state == "announced" and now_s < one.live_at_s:
                    raise NoticeError(f"version {one.definition.version} is not due yet")
            return
        case ProgrammeDrafted() | ProgrammeApproved() | ProgrammeRetired():
            pass
        case ProgrammeChecked():
            _expect_checked(event, versions)
        case ProgrammeAnnounced():
            _expect_announced(event, versions, merchants, utc_offset_s)
        case _:
            return
    if abs(event.at_s - now_s) > CLOCK_SECONDS_MAX:
        raise NoticeError(f"it is {now_s} here, and the step says {event.at_s}")


def _expect_checked(event: ProgrammeChecked, versions: Versions) -> None:
    definition = versions.get(event.programme, event.version).definition
    live = live_definition(versions, event.programme)
    found = findings(definition, live)
    if found:
        raise NoticeError("; ".join(found))
    needed = notice_days(definition, live)
    if event.notice_days != needed:
        raise NoticeError(f"it needs {needed} days of notice, not {event.notice_days}")


def _expect_announced(
    event: ProgrammeAnnounced,
    versions: Versions,
    merchants: Mapping[str, MerchantAdded],
    utc_offset_s: int,
) -> None:
    definition = versions.get(event.programme, event.version).definition
    live = live_definition(versions, event.programme)
    text = announcement(live, definition, event.live_day, merchant_names(merchants))
    if (event.text_en, event.text_fa) != (text.en, text.fa):
        raise NoticeError("its text is not made from what changes")
    begins_s = event.live_day * DAY_SECONDS - utc_offset_s
    if abs(begins_s - event.live_at_s) > DAY_SHIFT_SECONDS_MAX:
        raise NoticeError("it would be live at another time than its day begins")
