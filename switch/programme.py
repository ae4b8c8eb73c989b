"""An issuer programme: what a card of it may do, as data.

Owns the shape and its validation; `switch.plan` compiles it, `issuers/` declares programmes. Every
amount is in minor units of the club's currency or in whole points; every share in basis points.
"""

from typing import Literal

import msgspec

from switch.operations import Operation
from switch.units import BPS

NAME_LENGTH_MAX = 23


class ProgrammeError(ValueError):
    """A programme that cannot be right; the text names the rule."""


class When(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """When a rule holds. Empty means any; weekdays count from Saturday = 0; `hour_to` is exclusive."""

    merchants: tuple[str, ...] = ()  # DE 42, 15 characters
    categories: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    hour_from: int = 0
    hour_to: int = 24
    amount_min_minor: int = 0


class DiscountRule(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A share off the price; the first rule that holds counts. `max_minor` 0 = no bound."""

    name: str
    when: When = When()
    discount_bps: int
    max_minor: int = 0
    funder: Literal["merchant", "club"]


class EarnRule(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """`points` for each full `per_minor` paid with money; the first rule that holds counts.

    `points_max` 0 = no bound. Points open at the start of the local day `available_after_days` from
    now (0 = at once) and end with the local day `expires_after_days` from now (0 = never).
    """

    name: str
    when: When = When()
    points: int
    per_minor: int
    points_max: int = 0
    available_after_days: int = 0
    expires_after_days: int = 0


class Tender(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Paying with points: what one is worth, and the least that may be used at once."""

    point_value_minor: int
    points_min: int = 1


class Limits(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Bounds for one card; 0 = no bound. A day is a business day."""

    transaction_minor_max: int = 0
    day_minor_max: int = 0
    day_count_max: int = 0
    balance_minor_max: int = 0


class Programme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a programme. `programme` and `version` name it for ever."""

    programme: int
    version: int
    club: int
    name: str
    name_fa: str
    operations: tuple[Operation, ...]
    discounts: tuple[DiscountRule, ...] = ()
    earning: tuple[EarnRule, ...] = ()
    tender: Tender | None = None
    limits: Limits = Limits()
    commission_bps: int = 0  # what the merchant pays the club on the money part
    hold_seconds: int = 86_400
    preauthorisation_hold_seconds: int = 7 * 86_400
    money_floor_minor: int = 0  # the purse may not go below it

    def __post_init__(self) -> None:
        """Raise ProgrammeError for what no card could follow."""
        for rule in (*self.discounts, *self.earning):
            _check_rule(rule)
        if self.tender is not None and self.tender.point_value_minor <= 0:
            raise ProgrammeError("tender: a point is worth more than nothing")
        if not 0 <= self.commission_bps <= BPS:
            raise ProgrammeError("commission_bps: from 0 to 10000")
        if self.hold_seconds <= 0 or self.preauthorisation_hold_seconds <= 0:
            raise ProgrammeError("a hold lasts longer than nothing")
        names = [rule.name for rule in (*self.discounts, *self.earning)]
        if len(set(names)) != len(names) or len(names) > 64:
            raise ProgrammeError("rules have different names, at most 64")


def _check_rule(rule: DiscountRule | EarnRule) -> None:
    """Raise ProgrammeError for a rule that cannot hold or gives nonsense."""
    when = rule.when
    if not rule.name.isascii() or not 0 < len(rule.name) <= NAME_LENGTH_MAX:
        raise ProgrammeError(f"rule {rule.name!r}: a name has 1 to 23 ASCII characters")
    if not 0 <= when.hour_from < when.hour_to <= 24:
        raise ProgrammeError(f"rule {rule.name}: hours run from 0 to 24")
    if any(not 0 <= day <= 6 for day in when.weekdays):
        raise ProgrammeError(f"rule {rule.name}: weekdays run from 0 (Saturday) to 6")
    if isinstance(rule, DiscountRule):
        if not 0 <= rule.discount_bps <= BPS or rule.max_minor < 0:
            raise ProgrammeError(f"rule {rule.name}: a discount is from 0 to 10000 basis points")
    elif rule.points < 0 or rule.per_minor <= 0 or rule.points_max < 0:
        raise ProgrammeError(f"rule {rule.name}: points are earned per amount above zero")
    elif not 0 <= rule.available_after_days or not 0 <= rule.expires_after_days:
        raise ProgrammeError(f"rule {rule.name}: days are not negative")
