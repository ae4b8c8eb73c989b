"""An issuer programme: what a card of it may do, as data.

Owns how its parts (`switch.rules`) go together; `switch.plan` compiles it, `issuers/` declares
programmes. Every amount is in minor units of the club's currency or in whole points; every share in
basis points.
"""

import msgspec

from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import Operation
from switch.rules import (
    DAYS_MAX,
    Activation,
    Cap,
    DiscountRule,
    EarnRule,
    Fund,
    Items,
    Limits,
    Membership,
    ProgrammeError,
    Referral,
    Security,
    Tender,
    Tiers,
    Wallet,
    When,
    check_name,
)
from switch.units import BPS

ACCOUNTS_MAX = 16  # of a card: a plan has four bits to name one
TOLD_MAX = 3  # DE 54 has room for six entries, and a wallet takes two
FUNDS_MAX = 6

PURSE_WALLETS = (
    Wallet(name="money", unit="money", held=True, account_type=0),
    Wallet(name="points", unit="points", dated=True, held=True, account_type=60),
)
PURSE_FUNDING = (Fund(wallet="money"),)


class Programme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a programme. `programme` and `version` name it for ever."""

    programme: int
    version: int
    club: int
    name: str
    name_fa: str
    operations: tuple[Operation, ...]
    wallets: tuple[Wallet, ...] = PURSE_WALLETS
    funding: tuple[Fund, ...] = PURSE_FUNDING  # in this order
    purse: str = ""  # the wallet that is loaded and withdrawn from; "" = the first that pays
    cash: bool = False  # what the wallets do not pay is paid at the till, and counts as paid
    tiers: Tiers | None = None
    caps: tuple[Cap, ...] = ()
    spare_counters: int = 0  # for caps and the like of later versions: cards keep their accounts
    activation: Activation | None = None
    membership: Membership | None = None
    referral: Referral | None = None
    items: Items | None = None
    discounts: tuple[DiscountRule, ...] = ()
    earning: tuple[EarnRule, ...] = ()
    tender: Tender | None = None
    limits: Limits = Limits()
    security: Security = Security()
    commission_bps: int = 0  # what the merchant pays the club on the money part
    hold_seconds: int = 86_400
    preauthorisation_hold_seconds: int = 7 * 86_400
    money_floor_minor: int = 0  # the purse may not go below it
    notice_days: int = 0  # before a version is live members are told of it
    pricing: str = ""  # the Python function that prices it, by its name; then rules are its own
    pricing_rules: tuple[str, ...] = ()  # names that this function may give its rules

    def __post_init__(self) -> None:
        """Raise ProgrammeError for what no card could follow."""
        if abs(self.money_floor_minor) > AMOUNT_MINOR_MAX:
            raise ProgrammeError("money_floor_minor: no further from 0 than an amount can be")
        if not 0 <= self.commission_bps <= BPS:
            raise ProgrammeError("commission_bps: from 0 to 10000")
        for seconds in (self.hold_seconds, self.preauthorisation_hold_seconds):
            if not 0 < seconds <= DAYS_MAX * 86_400:
                raise ProgrammeError("a hold lasts longer than nothing and at most 50 years")
        if not 0 <= self.notice_days <= 366:
            raise ProgrammeError("notice_days: at most a year")
        self._check_wallets()
        self._check_tiers()
        if self.pricing:
            self._check_pricing()
        elif self.pricing_rules:
            raise ProgrammeError("pricing_rules: only a function named by pricing has such")
        names = self.rule_names()
        if len(set(names)) != len(names) or len(names) > 64:
            raise ProgrammeError("rules have different names, at most 64")

    def _check_wallets(self) -> None:
        """Raise ProgrammeError for accounts that a card could not have, or that pay for nothing."""
        by_name = {wallet.name: wallet for wallet in self.wallets}
        names = [*by_name, *self.counters()]
        if len(by_name) != len(self.wallets) or len(set(names)) != len(names):
            raise ProgrammeError("wallets and caps have different names")
        accounts = sum(1 + wallet.held for wallet in self.wallets) + len(self.counters())
        if self.spare_counters < 0 or accounts + self.spare_counters > ACCOUNTS_MAX:
            raise ProgrammeError(f"wallets: a card has at most {ACCOUNTS_MAX} accounts")
        told = [wallet.account_type for wallet in self.wallets if wallet.account_type != -1]
        if len(told) > TOLD_MAX or len(set(told)) != len(told):
            raise ProgrammeError(
                f"wallets: a reply tells of at most {TOLD_MAX}, each of another type"
            )
        payers = [fund.wallet for fund in self.funding]
        if self.purse and self.purse not in payers:
            raise ProgrammeError(f"purse: {self.purse!r} pays for nothing")
        if len(set(payers)) != len(payers) or len(payers) > FUNDS_MAX:
            raise ProgrammeError(f"funding: at most {FUNDS_MAX} wallets, each once")
        if self.activation is not None:
            payers.append(self.activation.wallet)
        for name in payers:
            if name not in by_name or by_name[name].unit != "money":
                raise ProgrammeError(f"funding: {name!r} is no wallet of money")
        if (self.earning or self.tender or self.has_fee_in_points()) and (
            "points" not in by_name or by_name["points"].unit != "points"
        ):
            raise ProgrammeError("earning, tender and fees in points need the wallet 'points'")
        if Operation.HOLD in self.operations or Operation.PREAUTHORISATION in self.operations:
            for name in [*payers, *(["points"] if self.tender else [])]:
                if not by_name[name].held:
                    raise ProgrammeError(f"wallet {name}: a hold has to reserve of it")

    def loaded(self) -> str:
        """Give the name of the wallet that loads enter and withdrawals leave; "" = none."""
        return self.purse or (self.funding[0].wallet if self.funding else "")

    def conditions(self) -> tuple[When, ...]:
        """Give the conditions of its rules and of the wallets that pay."""
        parts: tuple[DiscountRule | EarnRule | Fund, ...] = (
            *self.discounts,
            *self.earning,
            *self.funding,
        )
        return tuple(part.when for part in parts)

    def merchants_named(self) -> set[str]:
        """Give the DE 42 of the shops that its rules name."""
        return {name for when in self.conditions() for name in when.merchants}

    def has_fee_in_points(self) -> bool:
        """Say whether a membership costs points."""
        return self.membership is not None and self.membership.fee_points > 0

    def counters(self) -> tuple[str, ...]:
        """Give the names of what its parts keep count in: dated wallets of counts."""
        parts = {
            "tier": self.tiers,
            "activated": self.activation,
            "membership": self.membership,
            "items": self.items,
        }
        named = [name for name, part in parts.items() if part is not None]
        return (*named, *(cap.name for cap in self.caps))

    def _check_tiers(self) -> None:
        """Raise ProgrammeError for conditions on levels that there are not."""
        levels = {level.name for level in self.tiers.levels} if self.tiers is not None else set()
        for when in self.conditions():
            if unknown := set(when.tiers) - levels:
                raise ProgrammeError(f"no such tier: {', '.join(sorted(unknown))}")

    def _check_pricing(self) -> None:
        """Raise ProgrammeError for what a function and rules would both decide."""
        for name in (self.pricing, *self.pricing_rules):
            check_name(name)
        if (
            self.wallets != PURSE_WALLETS
            or self.counters()
            or self.funding != PURSE_FUNDING
            or self.cash
        ):
            raise ProgrammeError("pricing: a function knows the wallets of a purse")
        if self.discounts or self.earning or self.tender is not None or self.commission_bps:
            raise ProgrammeError("pricing: a function decides discount, points, fee and earning")

    def rule_names(self) -> list[str]:
        """Give the names of the rules: discounts first, as they stand."""
        if self.pricing:
            return list(self.pricing_rules)
        return [rule.name for rule in self.discounts] + [rule.name for rule in self.earning]
