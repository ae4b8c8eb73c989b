"""Whose standing is about to change: memberships that end, levels that fall.

Owns what is read out of a shard's memory, of one that serves nobody. Must not know where it came
from nor who is told. Nothing is reviewed: a membership and a level end with their lots (decision
0035), and these are the lots that will.
"""

from collections.abc import Iterator

import msgspec

from switch._calendar import period
from switch._core import Core
from switch.calendar import Calendar, Period
from switch.directory import Directory
from switch.errors import OperatingError
from switch.machine import CALENDARS, PERIODS
from switch.operations import CardStatus
from switch.programme import Programme
from switch.rules import Tiers

SECONDS_A_DAY = 86_400

Lot = tuple[int, int, int, int]
"""Name, what is left, Unix second from which it is open, and at which it ends."""


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """A card's membership, and its last day (since 1970-01-01), grace left out."""

    card: int
    masked_pan: str
    last_day: int
    renews: bool  # the programme does it by itself, if the fee is there


class Falls(msgspec.Struct, frozen=True, kw_only=True):
    """A card's level now and after this period, and what would keep it: amounts or points."""

    card: int
    masked_pan: str
    level: str
    falls_to: str
    missing: int
    last_day: int  # of this period


def memberships_ending(
    core: Core, directory: Directory, programme: int, *, today: int, days: int, utc_offset_s: int
) -> Iterator[Ends]:
    """Give the cards whose membership ends today or within so many days."""
    definition = _definition(directory, programme)
    membership = definition.membership
    if membership is None:
        raise OperatingError(f"programme {programme} has no membership")
    grace_s = membership.grace_days * SECONDS_A_DAY
    for card, masked_pan, lots in _counted(core, directory, programme, "membership"):
        if not lots:
            continue
        last_day = (lots[-1][3] - grace_s + utc_offset_s) // SECONDS_A_DAY - 1
        if today <= last_day <= today + days:
            yield Ends(
                card=card,
                masked_pan=masked_pan,
                last_day=last_day,
                renews=membership.renews_from != "",
            )


def levels_falling(
    core: Core, directory: Directory, programme: int, *, today: int, utc_offset_s: int
) -> Iterator[Falls]:
    """Give the cards whose level is lower when this period is over, as things stand."""
    tiers = _definition(directory, programme).tiers
    if tiers is None:
        raise OperatingError(f"programme {programme} has no levels")
    kind = Period(PERIODS[tiers.period.kind] - 1)
    ends_day = period(Calendar(CALENDARS[tiers.period.calendar]), kind, today)[1]
    ends_s = ends_day * SECONDS_A_DAY - utc_offset_s
    for card, masked_pan, lots in _counted(core, directory, programme, "tier"):
        now = _level(tiers, lots, ends_s - 1)
        then = _level(tiers, lots, ends_s)
        if then < now:
            yield Falls(
                card=card,
                masked_pan=masked_pan,
                level=tiers.levels[now].name,
                falls_to=tiers.levels[then].name,
                missing=tiers.levels[now].at - _largest(lots, ends_s),
                last_day=ends_day - 1,
            )


def _definition(directory: Directory, programme: int) -> Programme:
    found = directory.programmes.get(programme)
    if found is None:
        raise OperatingError(f"programme {programme} is not live")
    return found


def _counted(
    core: Core, directory: Directory, programme: int, counter: str
) -> Iterator[tuple[int, str, list[Lot]]]:
    """Give the programme's cards that are not closed, and the lots of a counter."""
    row = directory.programme_rows[programme]
    slot = directory.layout_of(programme).slot(counter)
    for card in range(core.card_count):
        first, status, programme_row, _, masked_pan = core.card(card)
        if programme_row == row and status != CardStatus.CLOSED:
            yield card, masked_pan, list(core.lots(first + slot))


def _largest(lots: list[Lot], at_s: int) -> int:
    """Give the most that a lot has which has not ended at a second."""
    return max([0, *(left for _, left, _, ends_s in lots if ends_s > at_s)])


def _level(tiers: Tiers, lots: list[Lot], at_s: int) -> int:
    most = _largest(lots, at_s)
    return max(number for number, level in enumerate(tiers.levels) if level.at <= most)
