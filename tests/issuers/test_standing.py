"""Who is to be told: memberships that end soon, levels that fall when the period is over.

It is 26 Farvardin 1405 (15 April 2026).
"""

import msgspec
import pytest

from issuers.membership import membership
from issuers.purse import purse
from switch.errors import OperatingError
from switch.events import CardStatusChanged
from switch.operations import CardStatus
from switch.rules import Period, Tier, Tiers
from switch.standing import Ends, Falls, levels_falling, memberships_ending
from tests.support.shop import Shop

DAY_S = 86_400
LEVELS = (Tier(name="blue", at=0), Tier(name="silver", at=100_000), Tier(name="gold", at=1_000_000))


def today(here: Shop) -> int:
    return (here.now_s + here.utc_offset_s) // DAY_S


def ending(here: Shop, days: int) -> list[Ends]:
    return list(
        memberships_ending(
            here.core,
            here.directory,
            1,
            today=today(here),
            days=days,
            utc_offset_s=here.utc_offset_s,
        )
    )


def falling(here: Shop) -> list[Falls]:
    return list(
        levels_falling(
            here.core, here.directory, 1, today=today(here), utc_offset_s=here.utc_offset_s
        )
    )


def test_a_membership_is_listed_from_so_many_days_before_its_last_to_that() -> None:
    here = Shop(membership(1, 1, 1))
    for card in (0, 1):
        assert here.send(code="900000", amount_minor=None, card=card).code == "00"
    here.record(CardStatusChanged(card=1, status=CardStatus.CLOSED))
    last_day = today(here) + 364

    here.now_s += 333 * DAY_S
    assert ending(here, 30) == []
    here.now_s += DAY_S
    (found,) = ending(here, 30)
    here.now_s += 30 * DAY_S
    assert ending(here, 0) == [found]
    here.now_s += DAY_S  # in grace
    assert ending(here, 30) == []

    assert (found.card, found.last_day, found.renews) == (0, last_day, False)
    assert "******" in found.masked_pan


def tiered() -> Shop:
    tiers = Tiers(levels=LEVELS, period=Period(kind="month"))
    here = Shop(msgspec.structs.replace(purse(1, 1, 1), tiers=tiers, discounts=()))
    for card in (0, 1):
        here.load(5_000_000, card=card)
    return here


def test_a_level_of_this_month_is_kept_and_one_of_the_last_falls_by_what_is_missing() -> None:
    here = tiered()
    here.send(amount_minor=1_000_000)
    assert falling(here) == []

    here.now_s += 20 * DAY_S  # 15 Ordibehesht
    here.send(amount_minor=250_000)
    here.send(amount_minor=1_000_000, card=1)

    (found,) = falling(here)
    assert (found.card, found.level, found.falls_to) == (0, "gold", "silver")
    assert found.missing == 750_000
    assert found.last_day == today(here) + 16  # 31 Ordibehesht


def test_what_is_listed_happens_and_what_is_missing_would_keep_it() -> None:
    fell, kept = tiered(), tiered()
    for here in (fell, kept):
        here.send(amount_minor=1_000_000)
        here.now_s += 20 * DAY_S
    (found,) = falling(kept)
    kept.send(amount_minor=found.missing)
    assert falling(kept) == []

    levels = []
    for here in (fell, kept):
        here.now_s += 17 * DAY_S
        here.keep_house()
        levels.append(here.account(0, here.directory.layout_of(1).slot("tier")))

    assert levels == [0, 1_000_000]


def test_what_a_programme_does_not_have_is_said() -> None:
    here = Shop(purse(1, 1, 1))
    with pytest.raises(OperatingError, match="no membership"):
        ending(here, 1)
    with pytest.raises(OperatingError, match="no levels"):
        falling(here)
    with pytest.raises(OperatingError, match="not live"):
        list(memberships_ending(here.core, here.directory, 77, today=1, days=1, utc_offset_s=0))
