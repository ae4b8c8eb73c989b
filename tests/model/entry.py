"""One entry of the journal while it is decided, in plain Python: what an operation does to a card.

Owns limits, wallets, counters, memberships, items. What is owed by when is `tests.model.debts`,
what becomes of the entry later (undoing) `tests.model.switch`, what a purchase costs
`tests.model.pricing`.
"""

from collections.abc import Callable
from typing import NamedTuple

from switch.programme import Programme
from switch.reasons import Reason
from switch.rules import Budget, Cap, Period
from tests.model.book import Account, PlainBook, Posting
from tests.model.debts import Debts, can_split
from tests.model.endings import (
    SECONDS_A_DAY,
    carried_on_until,
    ends_at,
    period_ends_at,
    start_of,
)
from tests.model.pricing import Ask, Left, Place, Priced, Purse, price_hold, price_purchase

FOR_EVER_DAYS = 18_250
MARKED = 1 << 59  # names of lots from here on are marked
PLACE = 1 << 32  # names of lots from here on say where and until when
KEPT_MARK = 1
PAID_MARK = 2
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
FLOAT: Account = ("club", 0, "float")
COUNTS: Account = ("club", 0, "counts")
ISSUED: Account = ("club", 0, "points issued")
REDEEMED: Account = ("club", 0, "points redeemed")
POINTS_PAID: Account = ("club", 0, "points paid")
FEES: Account = ("club", 0, "fees")


class Used(NamedTuple):
    """What the card has had approved on this business day."""

    spent_minor: int = 0
    times: int = 0


class Entry:
    """Its postings are in the book at once; `cancel` takes them out again.

    `held_s`: of a completion, when the hold was made: what was open then can be spent.
    """

    def __init__(
        self,
        book: PlainBook,
        programme: Programme,
        *,
        card: int,
        linked: int | None,
        place: Place,
        now_s: int,
        seq: int,
        live_from_lot: int,
        held_s: int | None = None,
    ) -> None:
        self.book, self.programme, self.card, self.linked = book, programme, card, linked
        self.place, self.now_s = place, now_s
        self.spent_s = now_s if held_s is None else held_s
        self._live_from_lot = live_from_lot
        self._seq, self._next_lot = seq, seq * 16
        self.postings: list[Posting] = []
        self.bound = ""  # for which it was declined
        plans = programme.credit.plans if programme.credit is not None else ()
        terms = [plan.terms for plan in plans]
        self.debts = Debts(book, card, self.post, terms, place.utc_offset_s)

    # --- moving -----------------------------------------------------------------------------------

    @property
    def shop(self) -> Account:
        return ("merchant", 0, self.place.merchant)

    def wallet(self, name: str) -> Account:
        return ("card", self.card, name)

    def post(self, posting: Posting) -> None:
        if posting.amount:
            self.book.post(posting)
            self.postings.append(posting)

    def cancel(self) -> None:
        for posting in reversed(self.postings):
            self.book.post(posting.back(posting.amount))
        self.postings = []

    def spend(self, name: str, target: Account, amount: int) -> None:
        for posting in self.book.spend(self.wallet(name), target, amount, self.spent_s):
            self.post(posting)

    def put(
        self,
        amount: int,
        source: Account,
        target: Account,
        terms: tuple[int, int] = (0, 0),
        *,
        any_version: bool = False,
        marks: int = 0,
    ) -> None:
        """Move into a lot of these terms: one that is there (earned under this version), or new.

        Of lots that are marked as paid for each is of its own.
        """
        if not amount:
            return
        oldest = marks * MARKED + (0 if any_version else self._live_from_lot)
        new = marks * MARKED + self._next_lot
        joined = [
            name
            for name, lot in self.book.in_order(target)
            if (lot.available_at, lot.expires_at) == terms
            and oldest <= name < (marks + 1) * MARKED
            and not marks & PAID_MARK
        ]
        name = joined[0] if joined else new
        self._next_lot += name == new
        self.post(Posting(source, target, amount, name, *terms))

    # --- looking ----------------------------------------------------------------------------------

    def spendable(self, name: str) -> int:
        return self.book.spendable(self.wallet(name), self.spent_s)

    def count(self, name: str) -> int:
        return self.book.counted(self.wallet(name), self.now_s)

    def level(self) -> str:
        """The highest level that the best open period reaches."""
        tiers = self.programme.tiers
        if tiers is None:
            return ""
        lots = self.book.in_order(self.wallet("tier"))
        most = max((lot.remaining for _, lot in lots if lot.is_open(self.now_s)), default=0)
        return [level.name for level in tiers.levels if level.at <= max(most, 0)][-1]

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

    def _not_valid(self, *, member: bool) -> Reason:
        if self.programme.activation is not None and self.count("activated") < 1:
            return Reason.CARD_NOT_ACTIVATED
        if member and self.programme.membership is not None and self.count("membership") < 1:
            return Reason.MEMBERSHIP_ENDED
        return Reason.NONE

    def may_pay(self, amount_minor: int, used: Used) -> Reason:
        """Validity, then the bounds of one message, of the day, of the card's periods."""
        limits = self.programme.limits
        reason = self._not_valid(member=True)
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
            later = self._owe(fund.wallet, part, ask, priced)
            if isinstance(later, Reason):
                return later
            priced = later
        if priced.owed_minor:
            owes = self.wallet(self.programme.funding[-1].wallet)
            self.put(priced.owed_minor, owes, self.shop)
        if priced.points:
            self.spend("points", REDEEMED, priced.points)
        self.post(Posting(POINTS_PAID, self.shop, priced.points_value_minor))
        self.post(Posting(("club", 0, "discounts"), self.shop, priced.club_pays_minor))
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
        return priced._replace(until_s=self._member_until(membership.reminder_days))

    def _owe(self, wallet: str, amount_minor: int, ask: Ask, priced: Priced) -> Priced | Reason:
        """What credit pays is owed by the plan that is asked for, the first if none is."""
        credit = self.programme.credit
        if credit is None or credit.wallet != wallet or not amount_minor:
            return priced
        asked = ask.terms or 1
        if asked > len(credit.plans):
            return Reason.INSTALMENTS_REFUSED
        plan = credit.plans[asked - 1]
        owed_minor = amount_minor - self.debts.credit()
        if owed_minor > 0 and not can_split(plan.terms, owed_minor) and not ask.advice:
            return Reason.INSTALMENTS_REFUSED
        rows = self.debts.owe(asked - 1, amount_minor, self.place.local_day, self._seq)
        if not rows:
            return priced
        return priced._replace(
            plan=plan.name,
            instalments=len(rows),
            first_minor=rows[0].principal_minor + rows[0].fee_minor,
            first_ends_s=start_of(rows[0].due_day + 1, self.place.utc_offset_s),
        )

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

    def _above_balance(self, name: str, amount_minor: int) -> bool:
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
        reason = self._not_valid(member=True)
        if reason:
            return reason
        if limits.transaction_minor_max and ask.amount_minor > limits.transaction_minor_max:
            return Reason.ABOVE_TRANSACTION_LIMIT
        if self._above_balance(name, ask.amount_minor):
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
        if self._above_balance(activation.wallet, ask.amount_minor):
            return Reason.ABOVE_BALANCE_LIMIT
        ends = self._ends()
        self.put(1, COUNTS, self.wallet("activated"), (0, ends), any_version=True)
        self._enter(activation.wallet, ask.amount_minor, self.shop, ends)
        return Priced(ask.amount_minor, until_s=ends)

    def withdraw(self, ask: Ask) -> Priced | Reason:
        limits, name = self.programme.limits, self.programme.loaded()
        reason = self._not_valid(member=False)
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
        return self._owe(name, ask.amount_minor, ask, paid)

    def inquire(self) -> Priced:
        """Nothing moves; until when the card is activated or its holder a member is told."""
        until = self._last_end("activated") if self.programme.activation is not None else 0
        return self._telling_debt(Priced(0, until_s=self._member_until(FOR_EVER_DAYS) or until))

    def _telling_debt(self, priced: Priced) -> Priced:
        """Say what would end the debt now, and what is due by the end of this month."""
        if self.programme.credit is None:
            return priced
        month_ends = period_ends_at(
            Period(kind="month"), self.place.local_day, self.place.utc_offset_s
        )
        return priced._replace(
            debt_minor=self.debts.owed(self.now_s), due_minor=self.debts.due(month_ends)
        )

    def inquire_debt(self) -> Priced | Reason:
        if self.programme.credit is None:
            return Reason.OPERATION_NOT_ALLOWED
        return self._telling_debt(Priced(0))

    def repay(self, ask: Ask) -> Priced | Reason:
        """Money pays charges, then the oldest instalments; what is left over is the card's."""
        return self._pay_back(
            ask.amount_minor,
            lambda debts: debts.pay(ask.amount_minor, self.place.local_day, self._seq),
        )

    def settle(self, ask: Ask) -> Priced | Reason:
        """The debt ends with exactly what ends it."""
        if self.programme.credit is not None and ask.amount_minor != self.debts.owed(self.now_s):
            return Reason.SETTLEMENT_IS_ANOTHER
        return self._pay_back(ask.amount_minor, lambda debts: debts.settle(self.now_s))

    def _pay_back(
        self, amount_minor: int, pay: Callable[[Debts], tuple[int, int]]
    ) -> Priced | Reason:
        credit = self.programme.credit
        if credit is None:
            return Reason.OPERATION_NOT_ALLOWED
        fees, principal = pay(self.debts)
        self.post(Posting(FLOAT, FEES, fees))
        self.post(Posting(FLOAT, self.wallet(credit.wallet), principal))
        return self._telling_debt(Priced(amount_minor, told_fee_minor=fees))

    def _last_end(self, name: str) -> int:
        """When the last of a counter's lots ends; 0: there is none, or it never does."""
        lots = self.book.in_order(self.wallet(name))
        return lots[-1][1].expires_at if lots else 0

    def _member_until(self, days: int) -> int:
        """The membership's end, grace left out, if it is at most so many days away."""
        membership = self.programme.membership
        last = self._last_end("membership") if membership is not None else 0
        if membership is None or not last:
            return 0
        ends = last - membership.grace_days * SECONDS_A_DAY
        day = (ends + self.place.utc_offset_s) // SECONDS_A_DAY
        return ends if day <= self.place.local_day + days else 0

    def renew(self) -> Priced | Reason:
        membership, offset_s = self.programme.membership, self.place.utc_offset_s
        if membership is None:
            return Reason.OPERATION_NOT_ALLOWED
        grace_s = membership.grace_days * SECONDS_A_DAY
        lots = self.book.in_order(self.wallet("membership"))
        begins = today = self.place.local_day
        if lots:
            ends = lots[-1][1].expires_at - grace_s
            begins = (ends + offset_s) // SECONDS_A_DAY
            if self.count("membership") < 1:
                begins = max(today, begins)
        opens = start_of(begins, offset_s)
        over = carried_on_until(membership.valid, begins, self._row_begins(begins, grace_s))
        assert over is not None
        until = start_of(over if membership.valid.period else over - 1, offset_s)
        self.put(1, COUNTS, self.wallet("membership"), (opens, until + grace_s), any_version=True)
        self.post(Posting(self.shop, FEES, membership.fee_minor))
        if membership.fee_points:
            if self.spendable("points") < membership.fee_points:
                return Reason.INSUFFICIENT_POINTS
            self.spend("points", REDEEMED, membership.fee_points)
        return Priced(
            0, points=membership.fee_points, told_fee_minor=membership.fee_minor, until_s=until
        )

    def _row_begins(self, day: int, grace_s: int) -> int:
        """Go back from what is over on a day to the first of those that carried each other on."""
        over_s = start_of(day, self.place.utc_offset_s)
        lots = [lot for _, lot in self.book.in_order(self.wallet("membership"))]
        for lot in reversed(lots):
            if lot.expires_at - grace_s != over_s:
                break
            over_s = lot.available_at
        return (over_s + self.place.utc_offset_s) // SECONDS_A_DAY

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
