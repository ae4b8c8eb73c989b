"""Compiles a programme into a plan: steps of the register machine in `switch._plan`.

Owns which operations a programme has and its rule tables; what selling takes is `plan_sales`, what
else a card can do `plan_cards`. The machine knows no programme, and a programme knows no machine. A
plain-Python model under `tests/` says the same in other words.
"""

from collections.abc import Callable, Mapping

import msgspec

from switch.instalments import Terms
from switch.lots import LOT_KEPT, LOT_PAID
from switch.machine import NO_SLOT, UNITS, ClockEntry, Layout, Op, R, Step, Writer, ending_code
from switch.operations import OPERATION_COUNT, Operation
from switch.plan_cards import CARD_OPERATIONS, tell_debt
from switch.plan_clock import CLOCK_WORK, has_work
from switch.plan_sales import SALE_OPERATIONS, Sale, tell_membership
from switch.programme import CHARGED, DEBTS, Programme
from switch.reasons import Reason
from switch.rules import DAYS_MAX, DiscountRule, EarnRule, When

RuleRow = tuple[int, int, int, int, int, int, int, int, tuple[int, int, int, int, int, int]]

ANY = -1
ALL_WEEKDAYS = 0b111_1111
ALL_TIERS = 0b1111_1111
UNBOUNDED = 1 << 60
FUNDERS = {"merchant": 1, "club": 2, "shared": 3}
OF_RETIRED = (
    Operation.BALANCE,
    Operation.POINTS_BALANCE,
    Operation.WITHDRAWAL,
    Operation.ITEM_INQUIRY,
    Operation.ITEM_CLAIM,
    Operation.REPAYMENT,
    Operation.SETTLEMENT,
    Operation.DEBT_INQUIRY,
)
"""What a card of a retired programme can still do: get its own, and what was promised for long."""

HOLDS = (1, 0, 0, 0, 0, 0)  # what the row of a condition gives


class CompiledPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `switch._plan_loading.set_plan` takes.

    `slots`: unit, kept in lots, held of the one before, counter, of debts. `told`: slot, held slot,
    DE 54 account type, without a currency. `NO_SLOT` where there is none. `parts`: the names of the
    wallets that pay, in their order. `tiers`: the names of the levels. `terms`: the ways to pay
    later and their names. `clock`: the first step of each `ClockEntry`, -1 = it has none.
    `bounds`: the names of caps, then of budgets.
    """

    entry: list[int]
    steps: list[Step]
    rules: list[RuleRow]
    tables: list[tuple[int, int]]
    names: list[str]
    slots: list[tuple[int, bool, bool, bool, bool]]
    told: list[tuple[int, int, int, bool]]
    money_slot: int
    points_slot: int
    parts: list[str]
    tiers: list[str]
    credit_slot: int
    credit_limit: int
    due_slot: int
    charged_slot: int
    clock: list[int]
    terms: list[tuple[str, Terms]]
    bounds: list[str] = []


def compile_plan(
    programme: Programme,
    merchant_rows: Mapping[str, int],
    layout: Layout,
    linked: Layout | None = None,
    voucher: Layout | None = None,
    *,
    retired: bool = False,
) -> CompiledPlan:
    """Compile a programme; `merchant_rows` gives the register's number of each DE 42 it names.

    `linked`: the accounts of the cards that its referral rewards. `voucher`: those of the vouchers
    that its cards take. `retired`: it does nothing new.
    Raises KeyError for a merchant that is not known.
    """
    writer = Writer()
    tables = _Tables(programme, merchant_rows)
    sale = Sale(
        writer=writer,
        programme=programme,
        layout=layout,
        linked=linked,
        voucher=voucher,
        earned_terms=tables.earned_terms(),
        fund_tables=tuple(tables.condition(fund.when) for fund in programme.funding),
    )
    bodies: dict[Operation, Callable[[Sale], None]] = {
        Operation.BALANCE: _nothing,
        Operation.POINTS_BALANCE: _nothing,
        **SALE_OPERATIONS,
        **CARD_OPERATIONS,
    }
    entry = [-1] * OPERATION_COUNT
    for operation, body in bodies.items():
        if operation in programme.operations:
            entry[operation] = len(writer.steps)
            sale.tier()
            if retired and operation not in OF_RETIRED:
                _decline_what_is_new(writer)
            body(sale)
            writer.step(Op.END)
    clock = _clock_entries(sale, retired=retired)
    if not writer.steps:
        writer.step(Op.END)
    tiers = programme.tiers.levels if programme.tiers is not None else ()
    credit = programme.credit
    return CompiledPlan(
        slots=[(s.unit, s.dated, s.held, s.counts, s.due) for s in layout.slots],
        told=_told(programme, layout),
        money_slot=_purse_slot(programme, layout),
        points_slot=layout.first_of("points"),
        parts=[fund.wallet for fund in programme.funding],
        tiers=[tier.name for tier in tiers],
        credit_slot=NO_SLOT if credit is None else layout.slot(credit.wallet),
        credit_limit=0 if credit is None else credit.limit_minor,
        due_slot=NO_SLOT if credit is None else layout.slot(DEBTS[0]),
        charged_slot=(
            layout.slot(CHARGED) if credit is not None and layout.has(CHARGED) else NO_SLOT
        ),
        clock=clock,
        terms=[] if credit is None else [(plan.name, plan.terms) for plan in credit.plans],
        entry=entry,
        steps=[(s[0], s[1], s[2], s[3], s[4]) for s in writer.steps],
        rules=tables.rules,
        tables=tables.tables,
        names=programme.rule_names(),
        bounds=[bound.name for bound in programme.bounds()],
    )


def _clock_entries(sale: Sale, *, retired: bool) -> list[int]:
    """Write what the clock does with a card; gives where each kind of it begins."""
    entries = [-1] * len(ClockEntry)
    for kind, work in CLOCK_WORK.items():
        if has_work(sale.programme, kind):
            entries[kind] = len(sale.writer.steps)
            if retired and kind is ClockEntry.RENEWAL:
                _decline_what_is_new(sale.writer)
            work(sale)
            sale.writer.step(Op.END)
    return entries


def _decline_what_is_new(writer: Writer) -> None:
    """What an advice tells of, a completion too, has happened: it goes on as ever."""
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    asked = writer.jump(Op.JUMP_IF_ZERO, R.ADVICE)
    told = writer.jump(Op.JUMP)
    writer.land(asked)
    writer.decline_if_less(R.ZERO, R.ONE, Reason.PROGRAMME_RETIRED)
    writer.land(told)


def _nothing(sale: Sale) -> None:
    """An inquiry moves nothing and approves no amount; it tells level and end."""
    sale.writer.set(R.AMOUNT, 0)
    if sale.programme.credit is not None:
        tell_debt(sale)
    if sale.programme.activation is not None:
        sale.writer.step(Op.LAST_END, R.UNTIL, imm=sale.layout.slot("activated"))
    tell_membership(sale, DAYS_MAX)


def _told(programme: Programme, layout: Layout) -> list[tuple[int, int, int, bool]]:
    """Give the wallets that replies tell of."""
    return [
        (
            slot := layout.slot(wallet.name),
            slot + 1 if wallet.held else NO_SLOT,
            wallet.account_type,
            UNITS[wallet.unit] != UNITS["money"],
        )
        for wallet in programme.wallets
        if wallet.account_type >= 0
    ]


def _purse_slot(programme: Programme, layout: Layout) -> int:
    """Give the slot of the wallet that the floor is of; of cards without a purse the first."""
    purse = programme.loaded()
    return layout.slot(purse) if purse else layout.first_of("money")


class _Tables:
    """The rule tables: discounts first, then earning, then conditions that are asked for."""

    def __init__(self, programme: Programme, merchant_rows: Mapping[str, int]) -> None:
        self._merchant_rows = merchant_rows
        levels = programme.tiers.levels if programme.tiers is not None else ()
        self._tier_bits = {level.name: 1 << at for at, level in enumerate(levels)}
        self.rules: list[RuleRow] = []
        self.tables: list[tuple[int, int]] = []
        name = 0
        groups: tuple[tuple[DiscountRule | EarnRule, ...], ...] = (
            programme.discounts,
            programme.earning,
        )
        for group in groups:
            first = len(self.rules)
            for rule in group:
                name += 1
                self.rules += self._rows(rule.when, name, _values(rule))
            self.tables.append((first, len(self.rules) - first))
        self._programme = programme

    def earned_terms(self) -> int:
        """Give the number of a table that says who pays for a rule's points, and what spares them.

        -1: the club pays for all of them, and inactivity ends them.
        """
        programme = self._programme
        terms = [
            (
                programme.price_of_point(rule),
                rule.merchant_bps,
                LOT_PAID * bool(rule.merchant_bps) | LOT_KEPT * (not rule.ends_inactive),
            )
            for rule in programme.earning
        ]
        if not any(bps or marks for _, bps, marks in terms):
            return -1
        first = len(self.rules)
        for rule, (price, bps, marks) in zip(programme.earning, terms, strict=True):
            self.rules += self._rows(rule.when, 0, (price, bps, marks, 0, 0, 0))
        self.tables.append((first, len(self.rules) - first))
        return len(self.tables) - 1

    def condition(self, when: When) -> int:
        """Give the number of a table that holds when a condition does; -1: it always does."""
        if when == When():
            return -1
        first = len(self.rules)
        self.rules += self._rows(when, 0, HOLDS)
        self.tables.append((first, len(self.rules) - first))
        return len(self.tables) - 1

    def _rows(
        self, when: When, name: int, values: tuple[int, int, int, int, int, int]
    ) -> list[RuleRow]:
        """Give a row for each merchant and category that a condition names."""
        weekdays = sum(1 << day for day in set(when.weekdays)) or ALL_WEEKDAYS
        tiers = sum(self._tier_bits[name] for name in set(when.tiers)) or ALL_TIERS
        return [
            (
                merchant,
                category,
                weekdays,
                when.hour_from,
                when.hour_to,
                name,
                tiers,
                when.amount_min_minor,
                values,
            )
            for merchant in ([self._merchant_rows[m] for m in when.merchants] or [ANY])
            for category in (list(when.categories) or [ANY])
        ]


def _values(rule: DiscountRule | EarnRule) -> tuple[int, int, int, int, int, int]:
    """Give what a rule that holds puts into RULE_0 to RULE_5."""
    if isinstance(rule, DiscountRule):
        bound = rule.max_minor or UNBOUNDED
        return (rule.discount_bps, bound, FUNDERS[rule.funder], rule.merchant_bps, 0, 0)
    bound = rule.points_max or UNBOUNDED
    ending = ending_code(rule.ending())
    return (rule.points, rule.per_minor, bound, rule.available_after_days, ending, 0)
