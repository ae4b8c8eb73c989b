"""An issuer programme: what a card of it may do, as data.

Owns the shape and its validation; `switch.plan` compiles it, `issuers/` declares programmes. Every
amount is in minor units of the club's currency or in whole points; every share in basis points.
"""

from itertools import combinations
from typing import Literal

import msgspec

from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import Operation
from switch.units import BPS

NAME_LENGTH_MAX = 23
DAYS_MAX = 18_250  # 50 years: lots and holds end before Unix seconds leave 32 bits, in 2106
POINTS_MAX = 1 << 50  # that one purchase may earn: sums of them still fit 63 bits


BINS_MAX = 64
REMOTE_OPERATIONS = frozenset({Operation.PURCHASE, Operation.BALANCE})


class ProgrammeError(ValueError):
    """A programme that cannot be right; the text names the rule."""


class When(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """When a rule holds. Empty means any; weekdays count from Saturday = 0; not at `hour_to`."""

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


class Security(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What a card has to prove, before the programme is asked.

    `pin`: never asked for, checked when it is sent, or always needed. `card_code`: a stripe that is
    read needs its right card verification value. `chip`: a chip that is read needs a right
    cryptogram, and a card that has one (service code 2xx or 6xx) may be swiped only where its
    chip could not be read (entry mode 80) and `fallback` allows it.
    """

    pin: Literal["never", "if_sent", "always"] = "never"
    pin_tries_max: int = 3
    card_code: bool = False
    chip: bool = False
    fallback: bool = False


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
    security: Security = Security()
    commission_bps: int = 0  # what the merchant pays the club on the money part
    hold_seconds: int = 86_400
    preauthorisation_hold_seconds: int = 7 * 86_400
    money_floor_minor: int = 0  # the purse may not go below it
    pricing: str = ""  # the Python function that prices it, by its name; then rules are its own
    pricing_rules: tuple[str, ...] = ()  # names that this function may give its rules
    host: str = ""  # the link to the cards' own bank, which decides; nothing is priced here then
    bins: tuple[str, ...] = ()  # how the numbers of that bank's cards begin: 6 to 8 digits each

    def __post_init__(self) -> None:
        """Raise ProgrammeError for what no card could follow."""
        for discount in self.discounts:
            _check_rule(discount)
        for earning in self.earning:
            _check_rule(earning)
        if self.tender is not None:
            if not 0 < self.tender.point_value_minor <= AMOUNT_MINOR_MAX:
                raise ProgrammeError("tender: a point is worth more than nothing")
            if not 0 <= self.tender.points_min <= AMOUNT_MINOR_MAX:
                raise ProgrammeError("tender: the least number of points is not negative")
        if any(not 0 <= bound <= POINTS_MAX for bound in msgspec.structs.astuple(self.limits)):
            raise ProgrammeError("limits: not negative; 0 = no bound")
        if not 1 <= self.security.pin_tries_max <= 15:
            raise ProgrammeError("security: 1 to 15 PIN tries")
        if abs(self.money_floor_minor) > AMOUNT_MINOR_MAX:
            raise ProgrammeError("money_floor_minor: no further from 0 than an amount can be")
        if not 0 <= self.commission_bps <= BPS:
            raise ProgrammeError("commission_bps: from 0 to 10000")
        for seconds in (self.hold_seconds, self.preauthorisation_hold_seconds):
            if not 0 < seconds <= DAYS_MAX * 86_400:
                raise ProgrammeError("a hold lasts longer than nothing and at most 50 years")
        if self.pricing:
            self._check_pricing()
        elif self.pricing_rules:
            raise ProgrammeError("pricing_rules: only a function named by pricing has such")
        if self.host or self.bins:
            self._check_host()
        names = self.rule_names()
        if len(set(names)) != len(names) or len(names) > 64:
            raise ProgrammeError("rules have different names, at most 64")

    def _check_pricing(self) -> None:
        """Raise ProgrammeError for what a function and rules would both decide."""
        for name in (self.pricing, *self.pricing_rules):
            _check_name(name)
        if self.discounts or self.earning or self.tender is not None or self.commission_bps:
            raise ProgrammeError("pricing: a function decides discount, points, fee and earning")

    def _check_host(self) -> None:
        """Raise ProgrammeError for what the cards' own bank and this switch would both decide."""
        if not self.host or not self.bins:
            raise ProgrammeError("host and bins belong together")
        _check_name(self.host)
        if any(
            not (prefix.isascii() and prefix.isdigit() and 6 <= len(prefix) <= 8)
            for prefix in self.bins
        ):
            raise ProgrammeError("bins: 6 to 8 digits each")
        if len(self.bins) > BINS_MAX or any(map(_overlap, combinations(self.bins, 2))):
            raise ProgrammeError(f"bins: at most {BINS_MAX}, none of them within another")
        if self.rule_names() or self.tender is not None or self.commission_bps or self.pricing:
            raise ProgrammeError("host: nothing is priced here")
        if not set(self.operations) <= REMOTE_OPERATIONS:
            raise ProgrammeError("host: purchase and balance; refunds and reversals come with them")
        security = self.security
        if security.pin == "never" or security.card_code or security.chip:
            raise ProgrammeError("host: the bank looks at card and PIN; a PIN is passed on")
        if self.money_floor_minor or self.limits.balance_minor_max:
            raise ProgrammeError("host: the bank keeps the balance")

    def rule_names(self) -> list[str]:
        """Give the names of the rules: discounts first, as they stand."""
        if self.pricing:
            return list(self.pricing_rules)
        return [rule.name for rule in self.discounts] + [rule.name for rule in self.earning]


def _overlap(prefixes: tuple[str, str]) -> bool:
    """Are there numbers that begin with both?"""
    one, other = prefixes
    return one.startswith(other) or other.startswith(one)


def bins_overlap(one: Programme, other: Programme) -> bool:
    """Are there card numbers that two programmes would both take for theirs?"""
    return any(_overlap((mine, theirs)) for mine in one.bins for theirs in other.bins)


def _check_name(name: str) -> None:
    if not name.isascii() or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise ProgrammeError(f"rule {name!r}: a name has 1 to 23 ASCII characters")


def _check_rule(rule: DiscountRule | EarnRule) -> None:
    """Raise ProgrammeError for a rule that cannot hold or gives nonsense."""
    when = rule.when
    _check_name(rule.name)
    if not 0 <= when.hour_from < when.hour_to <= 24:
        raise ProgrammeError(f"rule {rule.name}: hours run from 0 to 24")
    if any(not 0 <= day <= 6 for day in when.weekdays):
        raise ProgrammeError(f"rule {rule.name}: weekdays run from 0 (Saturday) to 6")
    if any(not 0 <= category <= 9999 for category in when.categories):
        raise ProgrammeError(f"rule {rule.name}: a category has four digits")
    if not 0 <= when.amount_min_minor <= AMOUNT_MINOR_MAX:
        raise ProgrammeError(f"rule {rule.name}: amount_min_minor is no amount")
    if isinstance(rule, DiscountRule):
        if not 0 <= rule.discount_bps <= BPS or not 0 <= rule.max_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError(f"rule {rule.name}: a discount is from 0 to 10000 basis points")
    else:
        _check_earning(rule)


def _check_earning(rule: EarnRule) -> None:
    """Raise ProgrammeError for points that could not be counted, or never be spent."""
    if rule.points < 0 or rule.per_minor <= 0 or not 0 <= rule.points_max <= POINTS_MAX:
        raise ProgrammeError(f"rule {rule.name}: points are earned per amount above zero")
    if (
        rule.per_minor > POINTS_MAX
        or rule.points * (AMOUNT_MINOR_MAX // rule.per_minor) > POINTS_MAX
    ):
        raise ProgrammeError(f"rule {rule.name}: one purchase would earn too many points")
    opens, ends = rule.available_after_days, rule.expires_after_days
    if not 0 <= opens <= DAYS_MAX or not 0 <= ends <= DAYS_MAX:
        raise ProgrammeError(f"rule {rule.name}: days are not negative, and at most 50 years")
    if ends and ends < opens:
        raise ProgrammeError(f"rule {rule.name}: points end before they open")
