"""An issuer programme: what a card of it may do, as data.

Owns how its parts (`switch.rules`) go together; `switch.plan` compiles it, `issuers/` declares
programmes. Every amount is in minor units of the club's currency or in whole points; every share in
basis points.
"""

from itertools import combinations

import msgspec

from switch.limits import AMOUNT_MINOR_MAX
from switch.operations import Operation
from switch.rules import (
    DAYS_MAX,
    Activation,
    Allowance,
    Budget,
    Cap,
    Credit,
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
    Vouchers,
    VoucherStock,
    Wallet,
    When,
    check_name,
)
from switch.units import BPS

ACCOUNTS_MAX = 16  # of a card: a plan has four bits to name one
TOLD_MAX = 3  # DE 54 has room for six entries, and a wallet takes two
FUNDS_MAX = 6
BUDGETS_MAX = 16  # a plan has four bits to name one
BINS_MAX = 64
COST_MAX = 1 << 60  # of the points of one purchase: sums of it still fit 63 bits
DEBTS = ("due", "due fee", "due late")  # counters of what is owed by when
CHARGED = "late charged"  # counter of what was charged for principal that is owed
PAYERS_CHARACTERS_MAX = 60  # of the names of all wallets that pay: a reply names each

PURSE_WALLETS = (
    Wallet(name="money", unit="money", held=True, account_type=0),
    Wallet(name="points", unit="points", dated=True, held=True, account_type=60),
)
PURSE_FUNDING = (Fund(wallet="money"),)
REMOTE_OPERATIONS = frozenset({Operation.PURCHASE, Operation.BALANCE})


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
    budgets: tuple[Budget, ...] = ()
    spare_counters: int = 0  # for caps and the like of later versions: cards keep their accounts
    credit: Credit | None = None
    organisation: int = 0  # that funds it; 0 = none
    allowance: Allowance | None = None
    inactive_days: int = 0  # points end when a card was not used for so long; 0 = never
    activation: Activation | None = None
    membership: Membership | None = None
    referral: Referral | None = None
    items: Items | None = None
    stock: VoucherStock | None = None
    vouchers: Vouchers | None = None
    discounts: tuple[DiscountRule, ...] = ()
    earning: tuple[EarnRule, ...] = ()
    points_price_minor: int = 0  # what a merchant pays the club for a point that it funds
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
    host: str = ""  # the link to the cards' own bank, which decides; nothing is priced here then
    bins: tuple[str, ...] = ()  # how the numbers of that bank's cards begin: 6 to 8 digits each

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
        self._check_organisation()
        self._check_tiers()
        self._check_vouchers()
        self._check_budgets()
        self._check_funders()
        if self.pricing:
            self._check_pricing()
        elif self.pricing_rules:
            raise ProgrammeError("pricing_rules: only a function named by pricing has such")
        if self.host or self.bins:
            self._check_host()
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
        if sum(map(len, payers)) > PAYERS_CHARACTERS_MAX:
            raise ProgrammeError(
                f"funding: a reply has room for names of {PAYERS_CHARACTERS_MAX} characters"
            )
        if self.activation is not None:
            payers.append(self.activation.wallet)
        for name in payers:
            if name not in by_name or by_name[name].unit != "money":
                raise ProgrammeError(f"funding: {name!r} is no wallet of money")
        if self.credit is not None:
            wallet = by_name.get(self.credit.wallet)
            if wallet is None or wallet.dated or self.credit.wallet not in payers:
                raise ProgrammeError("credit: its wallet is plain and pays")
            if wallet.ends_with_card:
                raise ProgrammeError("credit: what is owed outlives the card")
            source = by_name.get(self.credit.pays_from)
            if self.credit.pays_from and (
                source is None or source.unit != "money" or source.dated or source is wallet
            ):
                raise ProgrammeError("credit: what is due is paid from another plain wallet")
        self._check_renewal(by_name)
        if (self.earning or self.tender or self.has_fee_in_points()) and (
            "points" not in by_name or by_name["points"].unit != "points"
        ):
            raise ProgrammeError("earning, tender and fees in points need the wallet 'points'")
        if Operation.HOLD in self.operations or Operation.PREAUTHORISATION in self.operations:
            for name in [*payers, *(["points"] if self.tender else [])]:
                if not by_name[name].held:
                    raise ProgrammeError(f"wallet {name}: a hold has to reserve of it")

    def _check_renewal(self, by_name: dict[str, Wallet]) -> None:
        """Raise ProgrammeError for a wallet that could not pay for a membership."""
        membership = self.membership
        if membership is None or not membership.renews_from:
            return
        source = by_name.get(membership.renews_from)
        pays = "points" if membership.fee_points else "money" if membership.fee_minor else ""
        owes = self.credit is not None and self.credit.wallet == membership.renews_from
        if source is None or source.unit != pays or source.funder != "club" or owes:
            raise ProgrammeError("membership: it renews from a wallet that can pay its fee")

    def _check_organisation(self) -> None:
        """Raise ProgrammeError for an organisation's money that could become cash, or anybody's."""
        if not 0 <= self.inactive_days <= DAYS_MAX:
            raise ProgrammeError("inactive_days: not negative, and at most 50 years")
        funded = {wallet.name for wallet in self.wallets if wallet.funder == "organisation"}
        if (funded or self.allowance is not None) and self.organisation <= 0:
            raise ProgrammeError("organisation: none is named, and its money is on the cards")
        if self.allowance is not None and self.allowance.wallet not in funded:
            raise ProgrammeError("allowance: it enters a wallet that an organisation funds")
        if self.loaded() in funded and {Operation.LOAD, Operation.WITHDRAWAL} & {*self.operations}:
            raise ProgrammeError("purse: what an organisation gives is not loaded and never cash")

    def _check_vouchers(self) -> None:
        """Raise ProgrammeError for vouchers that could be spent twice, or enter nothing."""
        by_name = {wallet.name: wallet for wallet in self.wallets}
        stock, vouchers = self.stock, self.vouchers
        if stock is not None:
            self._check_stock(stock)
        if vouchers is None:
            return
        if Operation.VOUCHER_REDEMPTION not in self.operations:
            raise ProgrammeError("vouchers: cards that take them have the operation")
        if vouchers.programme == self.programme:
            raise ProgrammeError("vouchers: they are of another programme")
        for name, unit in ((vouchers.money, "money"), (vouchers.points, "points")):
            wallet = by_name.get(name)
            if name and (wallet is None or wallet.unit != unit or wallet.funder != "club"):
                raise ProgrammeError(f"vouchers: {name!r} is no wallet of {unit} of one's own")
        if self.host or self.pricing:
            raise ProgrammeError("vouchers: another one decides what these cards do")

    def _check_stock(self, stock: VoucherStock) -> None:
        """Raise ProgrammeError for vouchers that a till could use otherwise than by their PIN."""
        named = [name for name in (self._activated(), stock.points) if name]
        found = {wallet.name: wallet for wallet in self.wallets}
        if self._activated() == "" or sorted(found) != sorted(named):
            raise ProgrammeError("stock: vouchers have the wallets of their value, and are sold")
        if not all(wallet.dated and not wallet.held for wallet in self.wallets):
            raise ProgrammeError("stock: a voucher's value is dated, and nothing of it is held")
        if found[self._activated()].unit != "money" or (
            stock.points and found[stock.points].unit != "points"
        ):
            raise ProgrammeError("stock: a voucher is worth money or points")
        if not set(self.operations) <= {Operation.ACTIVATION, Operation.BALANCE}:
            raise ProgrammeError("stock: vouchers are sold and looked up, and nothing else")
        if self.activation is not None and (self.activation.again or self.activation.most_minor):
            raise ProgrammeError("stock: a voucher is sold once, for what it was loaded with")

    def _activated(self) -> str:
        return self.activation.wallet if self.activation is not None else ""

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
        if self.credit is not None:
            named += DEBTS
            if self.credit.charges_late():
                named.append(CHARGED)
        return (*named, *(cap.name for cap in self.caps))

    def bounds(self) -> tuple[Cap | Budget, ...]:
        """Give caps and budgets, in the order in which they are looked at."""
        return (*self.caps, *self.budgets)

    def _check_tiers(self) -> None:
        """Raise ProgrammeError for conditions on levels that there are not."""
        levels = {level.name for level in self.tiers.levels} if self.tiers is not None else set()
        for when in self.conditions():
            if unknown := set(when.tiers) - levels:
                raise ProgrammeError(f"no such tier: {', '.join(sorted(unknown))}")

    def price_of_point(self, rule: EarnRule) -> int:
        """Give what a merchant pays for each point of a rule that it funds."""
        return rule.points_price_minor or self.points_price_minor

    def _check_funders(self) -> None:
        """Raise ProgrammeError for points that a merchant would fund for nothing, or cannot pay."""
        if not 0 <= self.points_price_minor <= AMOUNT_MINOR_MAX:
            raise ProgrammeError("points_price_minor: an amount")
        for rule in self.earning:
            price, most = self.price_of_point(rule), rule.points_max
            if rule.merchant_bps and not price:
                raise ProgrammeError(f"rule {rule.name}: a merchant funds points at a price")
            most = most or rule.points * (AMOUNT_MINOR_MAX // rule.per_minor)
            if rule.merchant_bps and most * price > COST_MAX:
                raise ProgrammeError(f"rule {rule.name}: one purchase would cost too much")

    def _check_budgets(self) -> None:
        """Raise ProgrammeError for budgets that cannot be told apart, or of rules there are not."""
        names = [bound.name for bound in self.bounds()]
        if len(set(names)) != len(names) or len(self.budgets) > BUDGETS_MAX:
            raise ProgrammeError(f"caps and budgets have different names, at most {BUDGETS_MAX}")
        rules = {
            "discount": {rule.name for rule in self.discounts},
            "earned": {rule.name for rule in self.earning},
        }
        for budget in self.budgets:
            if unknown := set(budget.rules) - rules.get(budget.of, set()):
                raise ProgrammeError(
                    f"budget {budget.name}: no such rule: {', '.join(sorted(unknown))}"
                )

    def _check_pricing(self) -> None:
        """Raise ProgrammeError for what a function and rules would both decide."""
        for name in (self.pricing, *self.pricing_rules):
            check_name(name)
        if (
            self.wallets != PURSE_WALLETS
            or self.counters()
            or self.budgets
            or self.funding != PURSE_FUNDING
            or self.cash
        ):
            raise ProgrammeError("pricing: a function knows the wallets of a purse")
        if self.discounts or self.earning or self.tender is not None or self.commission_bps:
            raise ProgrammeError("pricing: a function decides discount, points, fee and earning")

    def _check_host(self) -> None:
        """Raise ProgrammeError for what the cards' own bank and this switch would both decide."""
        if not self.host or not self.bins:
            raise ProgrammeError("host and bins belong together")
        check_name(self.host, "host")
        if any(
            not (prefix.isascii() and prefix.isdigit() and 6 <= len(prefix) <= 8)
            for prefix in self.bins
        ):
            raise ProgrammeError("bins: 6 to 8 digits each")
        if len(self.bins) > BINS_MAX or any(map(_overlap, combinations(self.bins, 2))):
            raise ProgrammeError(f"bins: at most {BINS_MAX}, none of them within another")
        if self.rule_names() or self.tender is not None or self.commission_bps or self.pricing:
            raise ProgrammeError("host: nothing is priced here")
        wallets, counted = self.wallets, self.counters() or self.budgets
        if wallets != PURSE_WALLETS or self.funding != PURSE_FUNDING or counted:
            raise ProgrammeError("host: its cards have the wallets of a purse")
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


def broken_promise(new: Programme, old: Programme) -> str:
    """Say what a new version would take from who owes or is a member by an old one; "" = nothing.

    A membership is known by the end of its grace: with other days of it another end would be told,
    and the next one would begin on another day.
    """
    if new.credit is not None and old.credit is not None:
        plan = new.credit.harder_than(old.credit)
        if plan:
            return f"a debt by {plan} would cost more"
    now, was = new.membership, old.membership
    if now is not None and was is not None and now.grace_days != was.grace_days:
        return f"memberships were given with {was.grace_days} days of grace"
    return ""


def bins_overlap(one: Programme, other: Programme) -> bool:
    """Are there card numbers that two programmes would both take for theirs?"""
    return any(_overlap((mine, theirs)) for mine in one.bins for theirs in other.bins)
