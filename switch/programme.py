"""An issuer programme: what a card of it may do, as data.

Owns the shape and its validation; `switch.plan` compiles it, `issuers/` declares programmes. Every
amount is in minor units of the club's currency or in whole points; every share in basis points.
"""

from typing import Literal

import msgspec

from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import Operation
from switch.units import BPS

NAME_LENGTH_MAX = 23
ACCOUNTS_MAX = 16  # of a card: a plan has four bits to name one
TOLD_MAX = 3  # DE 54 has room for six entries, and a wallet takes two
DAYS_MAX = 18_250  # 50 years: lots and holds end before Unix seconds leave 32 bits, in 2106
POINTS_MAX = 1 << 50  # that one purchase may earn: sums of them still fit 63 bits


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


class Wallet(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What every card of a programme has of something: a balance and, if `held`, a reserve of it.

    `unit`: the club's currency, its points, or counts. `dated`: kept in lots that open and end.
    `account_type`: the DE 54 account type under which a reply tells of it; -1 = it does not.
    """

    name: str
    unit: Literal["money", "points", "count"]
    dated: bool = False
    held: bool = False
    account_type: int = -1


PURSE_WALLETS = (
    Wallet(name="money", unit="money", held=True, account_type=0),
    Wallet(name="points", unit="points", dated=True, held=True, account_type=60),
)


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
    wallets: tuple[Wallet, ...] = PURSE_WALLETS
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
        _check_wallets(self.wallets)
        if self.pricing:
            self._check_pricing()
        elif self.pricing_rules:
            raise ProgrammeError("pricing_rules: only a function named by pricing has such")
        names = self.rule_names()
        if len(set(names)) != len(names) or len(names) > 64:
            raise ProgrammeError("rules have different names, at most 64")

    def _check_pricing(self) -> None:
        """Raise ProgrammeError for what a function and rules would both decide."""
        for name in (self.pricing, *self.pricing_rules):
            _check_name(name)
        if self.wallets != PURSE_WALLETS:
            raise ProgrammeError("pricing: a function knows the wallets of a purse")
        if self.discounts or self.earning or self.tender is not None or self.commission_bps:
            raise ProgrammeError("pricing: a function decides discount, points, fee and earning")

    def rule_names(self) -> list[str]:
        """Give the names of the rules: discounts first, as they stand."""
        if self.pricing:
            return list(self.pricing_rules)
        return [rule.name for rule in self.discounts] + [rule.name for rule in self.earning]


def _check_wallets(wallets: tuple[Wallet, ...]) -> None:
    """Raise ProgrammeError for accounts that a card could not have, or a reply not tell of."""
    names = [wallet.name for wallet in wallets]
    if len(set(names)) != len(names):
        raise ProgrammeError("wallets have different names")
    if sum(1 + wallet.held for wallet in wallets) > ACCOUNTS_MAX:
        raise ProgrammeError(f"wallets: a card has at most {ACCOUNTS_MAX} accounts")
    told = [wallet.account_type for wallet in wallets if wallet.account_type != -1]
    if len(told) > TOLD_MAX or len(set(told)) != len(told):
        raise ProgrammeError(f"wallets: a reply tells of at most {TOLD_MAX}, each of another type")
    if any(not 0 <= account_type <= 99 for account_type in told):
        raise ProgrammeError("wallets: an account type has two digits")


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
