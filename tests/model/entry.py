"""One entry of the journal while it is decided, in plain Python: what an operation does to a card.

Owns limits, wallets, counters, items. What it moves is `tests.model.moves`, paying later
`tests.model.credit`, what becomes of it later (undoing) `tests.model.switch`, what a purchase
costs `tests.model.pricing`.
"""

from typing import NamedTuple

from switch.reasons import Reason
from switch.rules import Budget, Cap, Period
from tests.model.book import Account, Posting
from tests.model.credit import owe, telling_debt
from tests.model.endings import ends_at, period_ends_at
from tests.model.membership import member_until
from tests.model.moves import DISCOUNTS, FLOAT, REDEEMED, Moves
from tests.model.owed import COUNTS, FEES
from tests.model.pricing import Ask, Left, Priced, Purse, price_hold, price_purchase

FOR_EVER_DAYS = 18_250
PLACE = 1 << 32  # names of lots from here on say where and until when
DECLINES = {
    (Cap, "card", "spent"): Reason.ABOVE_PERIOD_AMOUNT,
    (Cap, "card", "count"): Reason.ABOVE_PERIOD_COUNT,
    (Cap, "merchant", "spent"): Reason.ABOVE_MERCHANT_AMOUNT,
    (Cap, "merchant", "count"): Reason.ABOVE_MERCHANT_COUNT,
    (Budget, "club", "spent"): Reason.ABOVE_BUDGET_AMOUNT,
    (Budget, "club", "count"): Reason.ABOVE_BUDGET_COUNT,
    (Budget, "merchant", "spent"): Reason.ABOVE_BUDGET_AMOUNT,
    (Budget, "merchant", "count"): Reason.ABOVE_BUDGET_COUNT,
}
ISSUED: Account = ("club", 0, "points issued")
POINTS_PAID: Account = ("club", 0, "points paid")


class Used(NamedTuple):
    """What the card has had approved on this business day."""

    spent_minor: int = 0
    times: int = 0


class Entry(Moves):
    """An entry of a message. `bound`: the cap or budget for which it was declined."""

    bound = ""

    # --- looking ----------------------------------------------------------------------------------

    def budget(self, budget: Budget) -> Account:
        """Give the account that counts a budget here."""
        return ("budget", 0, budget_key(budget, self.place.merchant))

    def left(self, bound: Cap | Budget) -> int:
        """What a cap leaves this card here, or a budget all cards."""
        if isinstance(bound, Budget):
            return max(0, bound.most - self.book.counted(self.budget(bound), self.now_s))
        seen = [
            lot.remaining
            for name, lot in self.book.in_order(self.wallet(bound.name))
            if lot.is_open(self.now_s)
            and (bound.per == "card" or name // PLACE == 1 + self.place.number)
        ]
        return max(0, bound.most - sum(seen))

    def purse(self) -> Purse:
        has_points = any(wallet.name == "points" for wallet in self.programme.wallets)
        return Purse(
            funds=tuple(self.spendable(fund.wallet) for fund in self.programme.funding),
            points=self.spendable("points") if has_points else 0,
            level=self.level(),
            lefts=tuple(
                Left(bound.name, bound.of, self.left(bound), bound.funder, bound.rules)
                if isinstance(bound, Budget)
                else Left(bound.name, bound.of, self.left(bound))
                for bound in self.programme.bounds()
            ),
        )

    def not_valid(self, *, member: bool) -> Reason:
        if self.programme.activation is not None and self.count("activated") < 1:
            return Reason.CARD_NOT_ACTIVATED
        if member and self.programme.membership is not None and self.count("membership") < 1:
            return Reason.MEMBERSHIP_ENDED
        return Reason.NONE

    def may_pay(self, amount_minor: int, used: Used) -> Reason:
        """Validity, then the bounds of one message, of the day, of the card's periods."""
        limits = self.programme.limits
        reason = self.not_valid(member=True)
        if reason:
            return reason
        if self.programme.referral is not None and self.linked is None:
            return Reason.CARD_NOT_LINKED
        if limits.transaction_minor_max and amount_minor > limits.transaction_minor_max:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if limits.day_minor_max and used.spent_minor + amount_minor > limits.day_minor_max:
            return Reason.ABOVE_DAY_AMOUNT
        if limits.day_count_max and used.times + 1 > limits.day_count_max:
            return Reason.ABOVE_DAY_COUNT
        for bound in self.programme.bounds():
            asked = {"spent": amount_minor, "count": 1}.get(bound.of, 0)
            if asked > self.left(bound):
                self.bound = bound.name
                return DECLINES[type(bound), bound.per, bound.of]
        return Reason.NONE

    # --- paying -----------------------------------------------------------------------------------

    def purchase(self, ask: Ask) -> Priced | Reason:
        priced = price_purchase(self.programme, self.place, ask, self.purse())
        if isinstance(priced, Reason):
            return priced
        for fund, part in zip(self.programme.funding, priced.parts, strict=True):
            owed = priced.owed_minor if fund is self.programme.funding[-1] else 0
            if self.book.keeps_lots(self.wallet(fund.wallet)):
                self.spend(fund.wallet, self.shop, part - owed)
            else:
                self.post(Posting(self.wallet(fund.wallet), self.shop, part))
            later = owe(self, fund.wallet, part, ask, priced)
            if isinstance(later, Reason):
                return later
            priced = later
        if priced.owed_minor:
            owes = self.wallet(self.programme.funding[-1].wallet)
            self.put(priced.owed_minor, owes, self.shop)
        if priced.points:
            self.spend("points", REDEEMED, priced.points)
        self.post(Posting(POINTS_PAID, self.shop, priced.points_value_minor))
        self.post(Posting(DISCOUNTS, self.shop, priced.club_pays_minor))
        self.post(Posting(self.shop, FEES, priced.fee_minor))
        terms = (priced.available_at, priced.expires_at)
        self.post(Posting(self.shop, POINTS_PAID, priced.points_cost_minor))
        self.put(priced.earned, ISSUED, self.wallet("points"), terms, marks=priced.lot_marks)
        referral = self.programme.referral
        if referral is not None and self.linked is not None:
            self.put(referral.points, ISSUED, ("card", self.linked, referral.wallet))
        self._see(priced, paid=True)
        membership = self.programme.membership
        if membership is None:
            return priced
        return priced._replace(until_s=member_until(self, membership.reminder_days))

    def hold(self, ask: Ask) -> Priced | Reason:
        priced = price_hold(self.programme, self.place, ask, self.purse())
        if isinstance(priced, Reason):
            return priced
        for fund, part in zip(self.programme.funding, priced.parts, strict=True):
            self.spend(fund.wallet, self.wallet(f"{fund.wallet} held"), part)
        if priced.points:
            self.spend("points", self.wallet("points held"), priced.points)
        self._see(priced, paid=False)
        return priced

    def _see(self, priced: Priced, *, paid: bool) -> None:
        """Let caps and the level see it; of a hold only what it would be declined for."""
        seen = {
            "spent": priced.amount_minor,
            "count": 1,
            "discount": priced.discount_minor,
            "earned": priced.earned,
        }
        for cap in self.programme.caps:
            if not paid and cap.of not in ("spent", "count"):
                continue
            if cap.per == "merchant":
                self._add_named(self.wallet(cap.name), seen[cap.of], cap.period, 1)
            else:
                self._add(cap.name, seen[cap.of], cap.period, 0, paid=paid)
        for budget in self.programme.budgets:
            rule = priced.discount_rule if budget.of == "discount" else priced.earn_rule
            if (not paid and budget.of not in ("spent", "count")) or (
                budget.rules and rule not in budget.rules
            ):
                continue
            if paid:
                self._let_leave(self.budget(budget))
            amount = seen[budget.of]
            if budget.funder:
                by_club = budget.funder == "club"
                amount = priced.club_pays_minor if by_club else amount - priced.club_pays_minor
            self._add_named(self.budget(budget), amount, budget.period, 0)
        tiers = self.programme.tiers
        if tiers is not None and paid:
            amount = priced.base_minor if tiers.of == "paid" else priced.earned
            self._add("tier", amount, tiers.period, 1, paid=paid)

    def _add(self, name: str, amount: int, period: Period, more: int, *, paid: bool) -> None:
        """Add to this period's lot. With what is paid, what has ended leaves, for good."""
        counter = self.wallet(name)
        if paid:
            self._let_leave(counter)
        ends = period_ends_at(period, self.place.local_day, self.place.utc_offset_s, more)
        self.put(amount, COUNTS, counter, (0, ends), any_version=True)

    def _add_named(self, counter: Account, amount: int, period: Period, here: int) -> None:
        """Add to the lot that is named by its end and, if `here` is 1, by the merchant."""
        ends = period_ends_at(period, self.place.local_day, self.place.utc_offset_s, 0)
        name = (1 + here * self.place.number) * PLACE + ends
        self.post(Posting(COUNTS, counter, amount, name, 0, ends))

    def _let_leave(self, counter: Account) -> None:
        for name, lot in self.book.in_order(counter):
            if lot.has_ended(self.now_s):
                terms = (name, lot.available_at, lot.expires_at)
                if lot.remaining > 0:
                    self.post(Posting(counter, COUNTS, lot.remaining, *terms, stays=True))
                else:
                    self.post(Posting(COUNTS, counter, -lot.remaining, *terms))

    # --- the purse, and what else a card can do ---------------------------------------------------

    def _enter(self, name: str, amount_minor: int, source: Account, ends: int) -> None:
        if self.book.keeps_lots(self.wallet(name)):
            self.put(amount_minor, source, self.wallet(name), (0, ends))
        else:
            self.post(Posting(source, self.wallet(name), amount_minor))

    def above_balance(self, name: str, amount_minor: int) -> bool:
        most = self.programme.limits.balance_minor_max
        has = self._not_ended(self.wallet(name)) + self._not_ended(self.wallet(f"{name} held"))
        return bool(most) and has + amount_minor > most

    def _not_ended(self, account: Account) -> int:
        ended = sum(
            lot.remaining
            for _, lot in self.book.in_order(account)
            if lot.remaining > 0 and lot.has_ended(self.now_s)
        )
        return self.book.balance(account) - ended

    def _ends(self) -> int:
        assert self.programme.activation is not None
        return ends_at(
            self.programme.activation.ends, self.place.local_day, self.place.utc_offset_s
        )

    def load(self, ask: Ask) -> Priced | Reason:
        limits, name, activation = (
            self.programme.limits,
            self.programme.loaded(),
            self.programme.activation,
        )
        if not name:
            return Reason.OPERATION_NOT_ALLOWED
        reason = self.not_valid(member=True)
        if reason:
            return reason
        if limits.transaction_minor_max and ask.amount_minor > limits.transaction_minor_max:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if self.above_balance(name, ask.amount_minor):
            return Reason.ABOVE_BALANCE_LIMIT
        ends = self._ends() if activation is not None and activation.wallet == name else 0
        self._enter(name, ask.amount_minor, FLOAT, ends)
        return Priced(ask.amount_minor)

    def activate(self, ask: Ask) -> Priced | Reason:
        activation = self.programme.activation
        if activation is None:
            return Reason.OPERATION_NOT_ALLOWED
        if not activation.again and self.book.in_order(self.wallet("activated")):
            return Reason.CARD_ALREADY_ACTIVATED
        if activation.most_minor and ask.amount_minor > activation.most_minor:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if self.above_balance(activation.wallet, ask.amount_minor):
            return Reason.ABOVE_BALANCE_LIMIT
        ends = self._ends()
        self.put(1, COUNTS, self.wallet("activated"), (0, ends), any_version=True)
        self._enter(activation.wallet, ask.amount_minor, self.shop, ends)
        return Priced(ask.amount_minor, until_s=ends)

    def withdraw(self, ask: Ask) -> Priced | Reason:
        limits, name = self.programme.limits, self.programme.loaded()
        reason = self.not_valid(member=False)
        if reason:
            return reason
        if not name:
            return Reason.OPERATION_NOT_ALLOWED
        if limits.transaction_minor_max and ask.amount_minor > limits.transaction_minor_max:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if self.spendable(name) < ask.amount_minor:
            return Reason.INSUFFICIENT_FUNDS
        self.spend(name, self.shop, ask.amount_minor)
        paid = Priced(ask.amount_minor, parts=(ask.amount_minor,))
        return owe(self, name, ask.amount_minor, ask, paid)

    def inquire(self) -> Priced:
        """Nothing moves; until when the card is activated or its holder a member is told."""
        until = self.last_end("activated") if self.programme.activation is not None else 0
        return telling_debt(self, Priced(0, until_s=member_until(self, FOR_EVER_DAYS) or until))

    def item(self, ask: Ask, what: str) -> Priced | Reason:
        """`register`, `inquire` or `claim` the item that the message names."""
        items = self.programme.items
        if items is None:
            return Reason.OPERATION_NOT_ALLOWED
        if self.programme.membership is not None and self.count("membership") < 1:
            return Reason.MEMBERSHIP_ENDED
        if not ask.item:
            return Reason.ITEM_MISSING
        counter = self.wallet("items")
        lot = dict(self.book.in_order(counter)).get(ask.item)
        if what == "register":
            if lot is not None:
                return Reason.ITEM_KNOWN
            ends = ends_at(items.term, self.place.local_day, self.place.utc_offset_s)
            self.post(Posting(COUNTS, counter, items.claims + 1, ask.item, 0, ends))
            return Priced(0, until_s=ends)
        if lot is None or lot.remaining < 1:
            return Reason.ITEM_UNKNOWN
        if what == "claim":
            if lot.has_ended(self.now_s):
                return Reason.ITEM_TERM_ENDED
            if lot.remaining == 1:
                return Reason.ITEM_CLAIMED
            self.post(Posting(counter, COUNTS, 1, ask.item, lot.available_at, lot.expires_at))
        return Priced(0, until_s=lot.expires_at)


def budget_key(budget: Budget, merchant: str) -> str:
    """Name the account that counts a budget at a merchant."""
    return f"{budget.name} {merchant}" if budget.per == "merchant" else budget.name
