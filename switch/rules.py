"""The parts of a programme, each of which says for itself what cannot be.

Owns their shapes: conditions, prices, points, wallets, bounds, and when things end. How they go
together is `switch.programme`. Amounts are whole minor units of the club's currency or whole
points; shares are basis points.
"""

from typing import Literal

import msgspec

from switch.instalments import Terms
from switch.limits import AMOUNT_MINOR_MAX
from switch.units import BPS

NAME_LENGTH_MAX = 23
DAYS_MAX = 18_250  # 50 years: lots and holds end before Unix seconds leave 32 bits, in 2106
MONTHS_MAX = 600
PLANS_MAX = 8  # to pay later, of one programme
POINTS_MAX = 1 << 50  # that one purchase may earn: sums of them still fit 63 bits

PART_COUNTERS = ("tier", "activated", "membership", "items")
"""What parts but caps keep count in, by these names in every version."""

Calendar = Literal["jalali", "gregorian"]


class ProgrammeError(ValueError):
    """A programme that cannot be right; the text names the rule."""


def check_name(name: str, what: str = "rule") -> None:
    """Raise ProgrammeError for a name that a reply could not carry."""
    if not name.isascii() or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise ProgrammeError(f"{what} {name!r}: a name has 1 to 23 ASCII characters")


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    pass


class Period(_Part, frozen=True, kw_only=True, gc=False):
    """A stretch of a calendar: it begins and ends with local days, for everybody at once.

    A week begins on Saturday (Jalali) or Monday (Gregorian). `no end` never ends.
    """

    kind: Literal["day", "week", "month", "quarter", "half-year", "year", "no end"]
    calendar: Calendar = "jalali"


class Ending(_Part, frozen=True, kw_only=True, gc=False):
    """When something ends that begins on a day: with the last second of a local day.

    `after_days` later, the same day `after_months` later (the month's last if it is shorter), or
    the last day of the `period` that holds it or, with `periods_more`, of a later one. Nothing
    said: never.
    """

    after_days: int = 0
    after_months: int = 0
    calendar: Calendar = "jalali"  # of the months
    period: Period | None = None
    periods_more: int = 0

    def __post_init__(self) -> None:
        """Raise ProgrammeError when more than one thing is said, or one that is out of reach."""
        said = (self.after_days != 0, self.after_months != 0, self.period is not None)
        if sum(said) > 1:
            raise ProgrammeError("an ending is said in days, in months or in periods")
        if not 0 <= self.after_days <= DAYS_MAX or not 0 <= self.after_months <= MONTHS_MAX:
            raise ProgrammeError("days are not negative, and at most 50 years")
        if not 0 <= self.periods_more <= 100 or (self.periods_more and self.period is None):
            raise ProgrammeError("an ending is at most 100 periods away, of a period that is said")


NEVER = Ending()

SHORTEST_MONTHS: dict[Calendar, tuple[int, ...]] = {
    "jalali": (0, 29, 59, 89, 119, 149, 179, 210, 241, 272, 303, 334),
    "gregorian": (0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334),
}
"""How many days so many months later is at least, whatever day they are counted from."""
SHORTEST_YEAR = 365
MONTHS_OF = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
DAYS_OF = {"day": 1, "week": 7}


def shortest_days(ending: Ending) -> int | None:
    """Give how many days later the last day is, at least; None for what never ends.

    What ends with a period has that period's last day to begin on, so only later periods count.
    """
    if ending.after_months:
        return _shortest(ending.calendar, ending.after_months)
    if ending.period is None:
        return ending.after_days or None
    if ending.period.kind == "no end":
        return None
    if ending.period.kind in DAYS_OF:
        return DAYS_OF[ending.period.kind] * ending.periods_more
    return _shortest(ending.period.calendar, MONTHS_OF[ending.period.kind] * ending.periods_more)


def _shortest(calendar: Calendar, months: int) -> int:
    return months // 12 * SHORTEST_YEAR + SHORTEST_MONTHS[calendar][months % 12]


class When(_Part, frozen=True, kw_only=True, gc=False):
    """When a rule holds. Empty means any; weekdays count from Saturday = 0; not at `hour_to`."""

    merchants: tuple[str, ...] = ()  # DE 42, 15 characters
    categories: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    hour_from: int = 0
    hour_to: int = 24
    amount_min_minor: int = 0
    tiers: tuple[str, ...] = ()  # names of the programme's own

    def __post_init__(self) -> None:
        """Raise ProgrammeError for conditions that can never hold."""
        if not 0 <= self.hour_from < self.hour_to <= 24:
            raise ProgrammeError("hours run from 0 to 24")
        if any(not 0 <= day <= 6 for day in self.weekdays):
            raise ProgrammeError("weekdays run from 0 (Saturday) to 6")
        if any(not 0 <= category <= 9999 for category in self.categories):
            raise ProgrammeError("a category has four digits")
        if not 0 <= self.amount_min_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("amount_min_minor is no amount")


class Wallet(_Part, frozen=True, kw_only=True, gc=False):
    """What every card of a programme has of something: a balance and, if `held`, a reserve of it.

    `unit`: the club's currency, its points, or counts. `dated`: kept in lots that open and end.
    `account_type`: the DE 54 account type under which a reply tells of it; -1 = it does not.
    `funder`: of dated money, who gets what is left when it ends. `ends_with_card`: so it does with
    the card's last month; what does not stays where it is.
    """

    name: str
    unit: Literal["money", "points", "count"]
    dated: bool = False
    held: bool = False
    account_type: int = -1
    funder: Literal["club", "organisation"] = "club"
    ends_with_card: bool = False

    def __post_init__(self) -> None:
        """Raise ProgrammeError for one that a reply could not tell of."""
        check_name(self.name, "wallet")
        if not -1 <= self.account_type <= 99:
            raise ProgrammeError(f"wallet {self.name}: an account type has two digits")
        if self.funder != "club" and (self.unit != "money" or not self.dated):
            raise ProgrammeError(f"wallet {self.name}: an organisation funds dated money")


class Allowance(_Part, frozen=True, kw_only=True, gc=False):
    """What the organisation gives every card for a period, and takes back at its end.

    A card that is added in between gets the whole of it. What is left is not carried over.
    """

    wallet: str
    amount_minor: int
    period: Period = Period(kind="month")

    def __post_init__(self) -> None:
        """Raise ProgrammeError for one that is nothing, or for ever."""
        if not 0 < self.amount_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("allowance: an amount above zero")
        if self.period.kind == "no end":
            raise ProgrammeError("allowance: its period ends")


class Fund(_Part, frozen=True, kw_only=True, gc=False):
    """A wallet of money that pays where `when` holds, as far as it goes; then the next one does.

    `earns`: what it pays counts for earning and for tiers.
    """

    wallet: str
    when: When = When()
    earns: bool = True


class DiscountRule(_Part, frozen=True, kw_only=True, gc=False):
    """A share off the price; the first rule that holds counts. `max_minor` 0 = no bound.

    `shared`: the merchant bears `merchant_share_bps` of it, the club the rest.
    """

    name: str
    when: When = When()
    discount_bps: int
    max_minor: int = 0
    funder: Literal["merchant", "club", "shared"]
    merchant_share_bps: int = 0

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a discount that gives nonsense."""
        check_name(self.name)
        if not 0 <= self.discount_bps <= BPS or not 0 <= self.max_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError(f"rule {self.name}: a discount is from 0 to 10000 basis points")
        _check_share(self)

    @property
    def merchant_bps(self) -> int:
        """Give the share of it that the merchant bears."""
        return _merchant_bps(self)


class EarnRule(_Part, frozen=True, kw_only=True, gc=False):
    """`points` for each full `per_minor` paid with money; the first rule that holds counts.

    `points_max` 0 = no bound. Points open at the start of the local day `available_after_days` from
    now (0 = at once) and end with the local day `expires_after_days` from now, or as `expires`
    says (neither: never): not before they open, on whatever day they are earned.

    `funder`: who pays for them; `shared`: the merchant its `merchant_share_bps`, the club the rest.
    A merchant pays the club `points_price_minor` a point (0 = the programme's price).
    `ends_inactive`: they end, too, when the card is not used for the programme's `inactive_days`.
    """

    name: str
    when: When = When()
    points: int
    per_minor: int
    points_max: int = 0
    available_after_days: int = 0
    expires_after_days: int = 0
    expires: Ending = NEVER
    funder: Literal["club", "merchant", "shared"] = "club"
    merchant_share_bps: int = 0
    points_price_minor: int = 0
    ends_inactive: bool = True

    def __post_init__(self) -> None:
        """Raise ProgrammeError for points that could not be counted, or never be spent."""
        check_name(self.name)
        if self.points < 0 or self.per_minor <= 0 or not 0 <= self.points_max <= POINTS_MAX:
            raise ProgrammeError(f"rule {self.name}: points are earned per amount above zero")
        if (
            self.per_minor > POINTS_MAX
            or self.points * (AMOUNT_MINOR_MAX // self.per_minor) > POINTS_MAX
        ):
            raise ProgrammeError(f"rule {self.name}: one purchase would earn too many points")
        opens, ends = self.available_after_days, self.expires_after_days
        if not 0 <= opens <= DAYS_MAX or not 0 <= ends <= DAYS_MAX:
            raise ProgrammeError(f"rule {self.name}: days are not negative, and at most 50 years")
        if ends and self.expires != NEVER:
            raise ProgrammeError(f"rule {self.name}: its points end in one way")
        last = shortest_days(self.ending())
        if last is not None and last < opens:
            raise ProgrammeError(f"rule {self.name}: points end before they open")

        _check_share(self)
        if not 0 <= self.points_price_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError(f"rule {self.name}: a point's price is an amount")

    @property
    def merchant_bps(self) -> int:
        """Give the share of their price that the merchant pays."""
        return _merchant_bps(self)

    def ending(self) -> Ending:
        """Give when points of this rule end, however it is said."""
        if self.expires == NEVER:
            return Ending(after_days=self.expires_after_days)
        return self.expires


def _check_share(rule: DiscountRule | EarnRule) -> None:
    """Raise ProgrammeError for a share of the merchant's where nothing is shared."""
    share = rule.merchant_share_bps
    if not 0 <= share <= BPS or (share and rule.funder != "shared"):
        raise ProgrammeError(f"rule {rule.name}: only what is shared has a merchant's share")


def _merchant_bps(rule: DiscountRule | EarnRule) -> int:
    if rule.funder == "shared":
        return rule.merchant_share_bps
    return BPS if rule.funder == "merchant" else 0


class Tier(_Part, frozen=True, kw_only=True, gc=False):
    """A level: whoever has collected `at` or more in this period or the one before has it."""

    name: str
    at: int


class Tiers(_Part, frozen=True, kw_only=True, gc=False):
    """Levels, lowest first; the first one is everybody's (`at` = 0).

    What counts is money `paid` or points `earned` in a period. A level is reached at once and kept
    to the end of the next period: no review is needed, and what is undone counts no more.
    """

    levels: tuple[Tier, ...]
    of: Literal["paid", "earned"] = "paid"
    period: Period = Period(kind="year")

    def __post_init__(self) -> None:
        """Raise ProgrammeError for levels that are no ladder."""
        names = [level.name for level in self.levels]
        for name in names:
            check_name(name, "tier")
        bounds = [level.at for level in self.levels]
        if not 1 <= len(names) <= 8 or len(set(names)) != len(names):
            raise ProgrammeError("tiers: one to eight levels of different names")
        if bounds[0] != 0 or bounds != sorted(set(bounds)) or bounds[-1] > POINTS_MAX:
            raise ProgrammeError("tiers: the first level begins at 0, each other one higher up")
        if self.period.kind == "no end":
            raise ProgrammeError("tiers: a level is kept for a period that ends")


class Cap(_Part, frozen=True, kw_only=True, gc=False):
    """A bound on what one card does in a period; what is undone counts no more.

    Above a bound on amounts `spent` or their `count` a message is declined; above one on what is
    given (`discount` in minor units, points `earned`) less is given. `per` merchant: what it does
    at one merchant, at each one as much.
    """

    name: str
    of: Literal["spent", "count", "discount", "earned"]
    most: int
    period: Period = Period(kind="month")
    per: Literal["card", "merchant"] = "card"

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a bound that is none."""
        check_name(self.name, "cap")
        if self.name in PART_COUNTERS:
            raise ProgrammeError(f"cap {self.name}: that is the counter of another part")
        if not 0 < self.most <= POINTS_MAX:
            raise ProgrammeError(f"cap {self.name}: a bound is above zero")


class Budget(_Part, frozen=True, kw_only=True, gc=False):
    """A bound on what all cards together do in a period: in the whole club or at each merchant.

    As a cap's: above one on `spent` or `count` a message is declined, of what is given less is.
    Of discounts only what the `funder` bears counts ("" = all of it); of what `rules` give only
    theirs (empty = all). Programmes of a club that name the same budget share it.
    """

    name: str
    of: Literal["spent", "count", "discount", "earned"]
    most: int
    period: Period = Period(kind="month")
    per: Literal["club", "merchant"] = "club"
    funder: Literal["", "club", "merchant"] = ""
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a bound that is none, or counts what is not there."""
        check_name(self.name, "budget")
        if not 0 < self.most <= POINTS_MAX:
            raise ProgrammeError(f"budget {self.name}: a bound is above zero")
        if self.funder and self.of != "discount":
            raise ProgrammeError(f"budget {self.name}: a funder bears discounts")
        if self.rules and self.of not in ("discount", "earned"):
            raise ProgrammeError(f"budget {self.name}: rules give discounts or points")


class Tender(_Part, frozen=True, kw_only=True, gc=False):
    """Paying with points: what one is worth, and the least that may be used at once."""

    point_value_minor: int
    points_min: int = 1

    def __post_init__(self) -> None:
        """Raise ProgrammeError for points that are worth nothing."""
        if not 0 < self.point_value_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("tender: a point is worth more than nothing")
        if not 0 <= self.points_min <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("tender: the least number of points is not negative")


class Limits(_Part, frozen=True, kw_only=True, gc=False):
    """Bounds for one card; 0 = no bound. A day is a business day."""

    transaction_minor_max: int = 0
    day_minor_max: int = 0
    day_count_max: int = 0
    balance_minor_max: int = 0

    def __post_init__(self) -> None:
        """Raise ProgrammeError for bounds below zero."""
        if any(not 0 <= bound <= POINTS_MAX for bound in msgspec.structs.astuple(self)):
            raise ProgrammeError("limits: not negative; 0 = no bound")


class Security(_Part, frozen=True, kw_only=True, gc=False):
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

    def __post_init__(self) -> None:
        """Raise ProgrammeError for tries that could not be counted."""
        if not 1 <= self.pin_tries_max <= 15:
            raise ProgrammeError("security: 1 to 15 PIN tries")


class Activation(_Part, frozen=True, kw_only=True, gc=False):
    """A card that is worth nothing until it is sold: the till takes the money, the wallet gets it.

    Before that, and once it has ended, it pays nothing. `again`: it may be charged after that.
    """

    wallet: str
    ends: Ending = NEVER
    most_minor: int = 0  # 0 = no bound
    again: bool = False


class InstalmentPlan(_Part, frozen=True, kw_only=True, gc=False):
    """One way to pay later; a purchase names it by its place in the list, from 1."""

    name: str
    terms: Terms

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a name that a reply could not carry."""
        check_name(self.name, "instalment plan")


class Credit(_Part, frozen=True, kw_only=True, gc=False):
    """A wallet that is spent below zero, down to the card's limit, and paid back by a plan.

    `limit_minor`: of a new card; events change it for one card. What a card owes by when is in
    counters of its own: `due`, `due fee` and `due late`. What its plans say of being late and of
    paying early holds for a debt as long as it is owed: a later version may only be milder.
    """

    wallet: str = "credit"
    limit_minor: int
    plans: tuple[InstalmentPlan, ...]
    pays_from: str = ""  # the wallet of money that pays by itself what is due, day by day

    def __post_init__(self) -> None:
        """Raise ProgrammeError for credit that could not be used."""
        if not 0 <= self.limit_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("credit: a limit is an amount")
        names = [plan.name for plan in self.plans]
        if not 1 <= len(names) <= PLANS_MAX or len(set(names)) != len(names):
            raise ProgrammeError(f"credit: one to {PLANS_MAX} plans of different names")

    def charges_late(self) -> bool:
        """Say whether being late costs anything."""
        return any(plan.terms.late_rate_bps for plan in self.plans)

    def harder_than(self, before: "Credit") -> str:
        """Name the plan by which debts of an earlier version would cost more; "" = none.

        What is owed says the number of its plan: whatever a later version calls it.
        """
        for number, was in enumerate(before.plans):
            if number >= len(self.plans):
                if was.terms.rebate_bps:
                    return was.name
                continue
            old, new = was.terms, self.plans[number].terms
            dearer = new.late_rate_bps and (
                new.late_rate_bps > old.late_rate_bps
                or new.late_cap_bps > old.late_cap_bps
                or new.late_tolerance_days < old.late_tolerance_days
            )
            if dearer or new.rebate_bps < old.rebate_bps:
                return was.name
        return ""


class Membership(_Part, frozen=True, kw_only=True, gc=False):
    """Without one that is valid a card neither pays, is loaded nor vouches for anything.

    What it has can still be seen, refunded and withdrawn. The fee is paid at the till or in points.
    A renewal before the end, or in the `grace_days` after it, begins at the end. From
    `reminder_days` before the end on every purchase tells it. `renews_from`: the wallet that pays
    the fee by itself, from the last day on, while the card is good.
    """

    valid: Ending
    fee_minor: int = 0
    fee_points: int = 0
    grace_days: int = 0
    reminder_days: int = 30
    renews_from: str = ""

    def __post_init__(self) -> None:
        """Raise ProgrammeError for one that never ends or costs both."""
        if self.valid == NEVER:
            raise ProgrammeError("membership: it ends, to be renewed")
        if self.fee_minor and self.fee_points:
            raise ProgrammeError("membership: its fee is paid at the till or in points")
        if not 0 <= self.fee_minor <= AMOUNT_MINOR_MAX or not 0 <= self.fee_points <= POINTS_MAX:
            raise ProgrammeError("membership: a fee is not negative")
        if self.fee_minor and self.fee_points:
            raise ProgrammeError("membership: its fee is in money or in points")
        if not 0 <= self.grace_days <= 366 or not 0 <= self.reminder_days <= 366:
            raise ProgrammeError("membership: days of grace and reminder are at most a year")


class Referral(_Part, frozen=True, kw_only=True, gc=False):
    """What the member gets whose card this guest card is linked to, for each purchase with it."""

    programme: int  # of the member's card
    wallet: str = "points"
    points: int

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a reward that is none."""
        if not 0 < self.points <= POINTS_MAX:
            raise ProgrammeError("referral: a reward is above zero")


class VoucherStock(_Part, frozen=True, kw_only=True, gc=False):
    """The programme's cards are vouchers: each is sold by its number for what it was loaded with.

    What a till takes is the voucher's value, in the activation's wallet; of one that is worth
    points the club gets the price, and `points` is the wallet that they wait in ("" = none are).
    Its PIN is redeemed into another card (`Vouchers`); it pays for nothing itself.
    """

    points: str = ""


class Vouchers(_Part, frozen=True, kw_only=True, gc=False):
    """Vouchers of which programme a card takes, by PIN, and into which wallets; "" = no such.

    What enters a wallet that is dated ends as `ends` says, from the day on; in a plain one never.
    After so many wrong PINs of a card, or of a terminal, in a business day no PIN is looked at.
    """

    programme: int
    money: str = ""
    points: str = ""
    ends: Ending = NEVER
    tries_max: int = 5
    terminal_tries_max: int = 50

    def __post_init__(self) -> None:
        """Raise ProgrammeError for a card that takes nothing, or guesses without a bound."""
        if not self.money and not self.points:
            raise ProgrammeError("vouchers: a wallet is named that takes their value")
        if not 1 <= self.tries_max <= 100 or not 1 <= self.terminal_tries_max <= 10_000:
            raise ProgrammeError("vouchers: 1 to 100 wrong PINs of a card, 10,000 of a terminal")


class Items(_Part, frozen=True, kw_only=True, gc=False):
    """Things with serial numbers that a card vouches for: a warranty begins when one is registered.

    `claims`: how often an item may be claimed before its term ends.
    """

    term: Ending
    claims: int = 1

    def __post_init__(self) -> None:
        """Raise ProgrammeError for claims that could never be made."""
        if not 1 <= self.claims <= 1000:
            raise ProgrammeError("items: one to a thousand claims")
