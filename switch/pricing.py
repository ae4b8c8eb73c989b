"""What a Python plan is told and what it may answer: values, nothing else.

Owns the words between an issuer's function and the core: a `Pricing` is a plain function of
`Asked`, without clock, chance, state or way out, that gives `Priced` or `Declined`. It prices and
never posts: the compiled core checks its answer, makes the moves and refuses what they cannot be.
Must not know how a message travels.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from switch.operations import Operation
from switch.reasons import Reason

SECONDS_A_DAY = 86_400


class Asked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that has passed every check before its programme, at the moment of its decision.

    Money is in minor units. `money_minor` and `points` are what may leave the card now (below zero
    for a purse in debt); a completion's hold has gone back already. Weekdays count from Saturday.
    """

    programme: int
    version: int
    operation: Operation  # a completion is a purchase that has happened: see `advice`
    advice: bool  # has happened already: price the whole amount, whatever the purse holds
    merchant: int
    merchant_id: str
    category: int
    amount_minor: int
    points_limit: int | None  # points that the member would use at most; None = not said
    partial_ok: bool  # the terminal can take less than it asked for
    money_minor: int
    money_held_minor: int
    points: int
    points_held: int
    day_spent_minor: int  # of this business day, this message not included
    day_count: int
    now_s: int
    utc_offset_s: int
    local_day: int  # days since 1970-01-01
    local_weekday: int
    local_hour: int


class Priced(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who pays what. Discount, points' value and money make up the amount, to the unit.

    An amount below what was asked is a partial approval, for a terminal that can take it. A hold
    has neither discount nor fee nor earning: those come with its completion. Rules are named as
    the programme lists them in `pricing_rules`, and only for what they gave.
    """

    amount_minor: int
    money_minor: int = 0
    discount_minor: int = 0
    funder: Literal["", "merchant", "club"] = ""  # of the discount
    discount_rule: str = ""
    points: int = 0
    points_value_minor: int = 0
    fee_minor: int = 0  # commission: the merchant pays it to the club
    earned: int = 0
    earn_rule: str = ""
    available_at_s: int = 0  # of the lot that is earned; 0 = at once
    expires_at_s: int = 0  # 0 = never


class Declined(msgspec.Struct, frozen=True, gc=False):
    """No, for one of a programme's reasons: `OPERATION_NOT_ALLOWED` to `ABOVE_BALANCE_LIMIT`."""

    reason: Reason


Pricing = Callable[[Asked], Priced | Declined]
"""A pure function: the same values in give the same values out, for ever, for one version."""


class PricingTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a function's messages are declined; `place` is where it was raised, if it was."""

    pricing: str
    programme: int
    version: int
    error: str
    text: str
    place: str


def local_day_start_s(asked: Asked, days_from_now: int) -> int:
    """Give the Unix second at which a coming local day begins."""
    return (asked.local_day + days_from_now) * SECONDS_A_DAY - asked.utc_offset_s


def local_day_end_s(asked: Asked, days_from_now: int) -> int:
    """Give the Unix second at which a coming local day ends."""
    return local_day_start_s(asked, days_from_now + 1)
