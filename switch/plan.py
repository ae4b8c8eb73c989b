"""Compiles a programme into a plan: steps of the register machine in `switch._plan`.

Owns the order in which a purchase is decided (limits, discount, points, money, earning, postings)
and nothing else: the machine knows no programme, and a programme knows no machine. A plain-Python
model under `tests/` says the same in other words.
"""

from collections.abc import Callable
from enum import IntEnum

import msgspec

from switch.operations import OPERATION_COUNT, Operation
from switch.programme import DiscountRule, EarnRule, Programme, When
from switch.reasons import Reason

Step = tuple[int, int, int, int, int]
Rule = tuple[int, int, int, int, int, int, int, tuple[int, int, int, int]]

ANY = -1
ALL_WEEKDAYS = 0b111_1111
UNBOUNDED = 1 << 60


class Register(IntEnum):
    """Registers of the machine; 0 to 19 are shared with `switch/_plan.pxd`."""

    AMOUNT = 0
    POINTS_LIMIT = 1
    PARTIAL_OK = 2
    ADVICE = 3
    DISCOUNT = 4
    FUNDER = 5
    NET = 6
    POINTS = 7
    POINTS_VALUE = 8
    MONEY = 9
    EARNED = 10
    FEE = 11
    HOLD_SECONDS = 12
    DISCOUNT_RULE = 13
    EARN_RULE = 14
    LOT_AVAILABLE_AT = 15
    LOT_EXPIRES_AT = 16
    DAY_SPENT = 17
    DAY_COUNT = 18
    RULE_0 = 20
    RULE_1 = 21
    RULE_2 = 22
    RULE_3 = 23
    A = 24
    B = 25
    C = 26
    ZERO = 27
    ONE = 28
    BPS = 29
    CLUB_DISCOUNT = 30


class Op(IntEnum):
    """Operations of a step; shared with `switch/_plan.pxd`."""

    END = 0
    SET = 1
    COPY = 2
    ADD = 3
    SUBTRACT = 4
    MIN = 5
    MAX = 6
    MULTIPLY = 7
    DIVIDE_FLOOR = 8
    DIVIDE_CEIL = 9
    BPS_FLOOR = 10
    GROSS_OF_NET = 11
    SPENDABLE = 12
    BALANCE = 13
    RULE = 14
    JUMP = 15
    JUMP_IF_LESS = 16
    JUMP_IF_ZERO = 17
    DECLINE_IF_LESS = 18
    LOCAL_DAY_END = 19
    LOCAL_DAY_START = 20
    MOVE = 21
    MOVE_NEW_LOT = 22
    PRICE = 23


class Account(IntEnum):
    """References to accounts: owner kind in the upper half, slot in the lower."""

    CLUB_FLOAT = 0x10
    CLUB_DISCOUNTS = 0x11
    CLUB_POINTS_PAID = 0x12
    CLUB_FEES = 0x13
    CLUB_POINTS_ISSUED = 0x14
    CLUB_POINTS_REDEEMED = 0x15
    MERCHANT = 0x20
    CARD_MONEY = 0x30
    CARD_MONEY_HELD = 0x31
    CARD_POINTS = 0x32
    CARD_POINTS_HELD = 0x33


class CompiledPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `Core.set_plan` takes."""

    entry: list[int]
    steps: list[Step]
    rules: list[Rule]
    tables: list[tuple[int, int]]
    names: list[str]


R = Register
WALLET_MONEY = 0
WALLET_POINTS = 2


class _Writer:
    """Collects steps; labels are patched when they are placed, and always lie further on."""

    def __init__(self) -> None:
        self.steps: list[list[int]] = []

    def step(self, op: Op, dst: int = 0, a: int = 0, b: int = 0, imm: int = 0) -> None:
        self.steps.append([op, dst, a, b, imm])

    def set(self, dst: Register, value: int) -> None:
        self.step(Op.SET, dst, imm=value)

    def jump(self, op: Op, a: int = 0, b: int = 0) -> int:
        """Write a jump to a place not yet known; gives what `land` takes."""
        self.step(op, 0, a, b)
        return len(self.steps) - 1

    def land(self, *jumps: int) -> None:
        """Let the jumps lead here."""
        for jump in jumps:
            self.steps[jump][4] = len(self.steps)

    def decline_if_less(self, a: Register, b: Register, reason: Reason) -> None:
        self.step(Op.DECLINE_IF_LESS, 0, a, b, reason)

    def move(self, register: Register, source: Account, target: Account) -> None:
        self.step(Op.MOVE, register, source, target)


def compile_plan(programme: Programme, merchant_rows: dict[str, int]) -> CompiledPlan:
    """Compile a programme; `merchant_rows` gives the register's number of each DE 42 it names.

    Raises KeyError for a merchant that is not known.
    """
    writer = _Writer()
    names = programme.rule_names()
    rules: list[Rule] = []
    tables = []
    groups: tuple[tuple[DiscountRule | EarnRule, ...], ...] = (
        programme.discounts,
        programme.earning,
    )
    for group in groups:
        first = len(rules)
        for rule in group:
            rules += _rows(rule, names.index(rule.name) + 1, merchant_rows)
        tables.append((first, len(rules) - first))
    entry = [-1] * OPERATION_COUNT
    bodies: dict[Operation, Callable[[], None]] = {
        Operation.PURCHASE: lambda: _purchase(writer, programme, points_only=False),
        Operation.POINTS_PAYMENT: lambda: _purchase(writer, programme, points_only=True),
        Operation.LOAD: lambda: _load(writer, programme),
        Operation.BALANCE: lambda: _nothing(writer),
        Operation.POINTS_BALANCE: lambda: _nothing(writer),
        Operation.HOLD: lambda: _hold(writer, programme, programme.hold_seconds),
        Operation.PREAUTHORISATION: lambda: _hold(
            writer, programme, programme.preauthorisation_hold_seconds
        ),
    }
    if programme.host:
        bodies[Operation.PURCHASE] = lambda: _remote_purchase(writer, programme)
    if programme.pricing:
        bodies |= _priced_in_python(writer, programme)
    for operation, body in bodies.items():
        if operation in programme.operations:
            entry[operation] = len(writer.steps)
            body()
            writer.step(Op.END)
    if not writer.steps:
        writer.step(Op.END)
    return CompiledPlan(
        entry=entry,
        steps=[(s[0], s[1], s[2], s[3], s[4]) for s in writer.steps],
        rules=rules,
        tables=tables,
        names=names,
    )


def _rows(rule: DiscountRule | EarnRule, name: int, merchant_rows: dict[str, int]) -> list[Rule]:
    """Give a row for each merchant and category that a rule names."""
    when: When = rule.when
    weekdays = sum(1 << day for day in set(when.weekdays)) or ALL_WEEKDAYS
    if isinstance(rule, DiscountRule):
        funder = 1 if rule.funder == "merchant" else 2
        values = (rule.discount_bps, rule.max_minor or UNBOUNDED, funder, 0)
    else:
        terms = (rule.available_after_days, rule.expires_after_days)
        values = (rule.points, rule.per_minor, rule.points_max or UNBOUNDED, _packed(terms))
    return [
        (
            merchant,
            category,
            weekdays,
            when.hour_from,
            when.hour_to,
            name,
            when.amount_min_minor,
            values,
        )
        for merchant in ([merchant_rows[m] for m in when.merchants] or [ANY])
        for category in (list(when.categories) or [ANY])
    ]


def _packed(terms: tuple[int, int]) -> int:
    """Two numbers of days in one value: the rule's row has four, and this is the fourth."""
    return terms[0] * DAYS_MAX + terms[1]


DAYS_MAX = 100_000  # more than a programme may say: see `switch.programme`


def _limits(writer: _Writer, programme: Programme) -> None:
    """Bounds of one message and of the card's day; an advice has happened already."""
    limits = programme.limits
    bounds = (
        (R.AMOUNT, limits.transaction_minor_max, Reason.ABOVE_TRANSACTION_LIMIT),
        (R.A, limits.day_minor_max, Reason.ABOVE_DAY_AMOUNT),
        (R.B, limits.day_count_max, Reason.ABOVE_DAY_COUNT),
    )
    writer.set(R.ZERO, 0)
    writer.set(R.ONE, 1)
    is_request = writer.jump(Op.JUMP_IF_ZERO, R.ADVICE)
    is_advice = writer.jump(Op.JUMP)
    writer.land(is_request)
    writer.step(Op.ADD, R.A, R.DAY_SPENT, R.AMOUNT)
    writer.step(Op.ADD, R.B, R.DAY_COUNT, R.ONE)
    for register, bound, reason in bounds:
        if bound:
            writer.set(R.C, bound)
            writer.decline_if_less(R.C, register, reason)
    writer.land(is_advice)


def _discount(writer: _Writer) -> None:
    """DISCOUNT, FUNDER and NET of AMOUNT, by the first discount rule that holds."""
    writer.step(Op.RULE, R.RULE_0, R.DISCOUNT_RULE, imm=0)
    writer.step(Op.BPS_FLOOR, R.DISCOUNT, R.AMOUNT, R.RULE_0)
    writer.step(Op.MIN, R.DISCOUNT, R.DISCOUNT, R.RULE_1)
    writer.step(Op.COPY, R.FUNDER, R.RULE_2)
    writer.step(Op.SUBTRACT, R.NET, R.AMOUNT, R.DISCOUNT)


def _points(writer: _Writer, programme: Programme, *, points_only: bool) -> None:
    """POINTS, POINTS_VALUE and MONEY of NET.

    A points payment without a bound takes the whole from points or declines; else points pay up to
    POINTS_LIMIT, as many as there are and as the net amount needs, and money the rest.
    """
    tender = programme.tender
    writer.set(R.POINTS, 0)
    writer.set(R.POINTS_VALUE, 0)
    writer.step(Op.COPY, R.MONEY, R.NET)
    if tender is None:
        if points_only:
            writer.decline_if_less(R.ZERO, R.ONE, Reason.OPERATION_NOT_ALLOWED)
        return
    writer.set(R.C, tender.point_value_minor)
    writer.step(Op.SPENDABLE, R.A, imm=WALLET_POINTS)
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    bounded = []
    if points_only:
        unbounded = writer.jump(Op.JUMP_IF_LESS, R.POINTS_LIMIT, R.ZERO)
        bounded.append(writer.jump(Op.JUMP))
        writer.land(unbounded)
        writer.step(Op.DIVIDE_CEIL, R.POINTS, R.NET, R.C)
        writer.decline_if_less(R.A, R.POINTS, Reason.INSUFFICIENT_POINTS)
        writer.step(Op.COPY, R.POINTS_VALUE, R.NET)
        done = [writer.jump(Op.JUMP)]
    else:
        done = [writer.jump(Op.JUMP_IF_LESS, R.POINTS_LIMIT, R.ONE)]
    writer.land(*bounded)
    writer.step(Op.DIVIDE_FLOOR, R.POINTS, R.NET, R.C)
    writer.step(Op.MIN, R.POINTS, R.POINTS, R.A)
    writer.step(Op.MIN, R.POINTS, R.POINTS, R.POINTS_LIMIT)
    writer.set(R.B, tender.points_min)
    enough = writer.jump(Op.JUMP_IF_LESS, R.POINTS, R.B)
    writer.step(Op.MULTIPLY, R.POINTS_VALUE, R.POINTS, R.C)
    over = writer.jump(Op.JUMP)
    writer.land(enough)
    writer.set(R.POINTS, 0)
    writer.land(over, *done)
    writer.step(Op.SUBTRACT, R.MONEY, R.NET, R.POINTS_VALUE)


def _money(writer: _Writer, *, partial: bool) -> None:
    """Enough in the purse, or less of everything when the terminal can take that (no points)."""
    advice = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.ADVICE)
    writer.step(Op.SPENDABLE, R.A, imm=WALLET_MONEY)
    # A purse in debt has nothing, but what takes nothing from it does not fail for that.
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    covered = writer.jump(Op.JUMP_IF_LESS, R.MONEY, R.A)
    writer.step(Op.SUBTRACT, R.B, R.MONEY, R.A)
    exact = writer.jump(Op.JUMP_IF_ZERO, R.B)
    if partial:
        # Only money, some of it there, and a terminal that can take less; else decline.
        writer.decline_if_less(R.PARTIAL_OK, R.ONE, Reason.INSUFFICIENT_FUNDS)
        writer.decline_if_less(R.A, R.ONE, Reason.INSUFFICIENT_FUNDS)
        writer.step(Op.SUBTRACT, R.B, R.ONE, R.POINTS)
        writer.decline_if_less(R.B, R.ONE, Reason.INSUFFICIENT_FUNDS)
        writer.step(Op.GROSS_OF_NET, R.AMOUNT, R.A, R.RULE_0)
        writer.step(Op.ADD, R.B, R.A, R.RULE_1)
        bounded = writer.jump(Op.JUMP_IF_ZERO, R.DISCOUNT_RULE)
        writer.step(Op.MIN, R.AMOUNT, R.AMOUNT, R.B)
        writer.land(bounded)
        writer.step(Op.BPS_FLOOR, R.DISCOUNT, R.AMOUNT, R.RULE_0)
        writer.step(Op.MIN, R.DISCOUNT, R.DISCOUNT, R.RULE_1)
        writer.step(Op.SUBTRACT, R.NET, R.AMOUNT, R.DISCOUNT)
        writer.step(Op.COPY, R.MONEY, R.NET)
    else:
        writer.decline_if_less(R.A, R.MONEY, Reason.INSUFFICIENT_FUNDS)
    writer.land(advice, covered, exact)


def _earn(writer: _Writer) -> None:
    """EARNED and its lot's terms, on the money part alone: net of discount and of points."""
    writer.step(Op.RULE, R.RULE_0, R.EARN_RULE, imm=1)
    nothing = writer.jump(Op.JUMP_IF_ZERO, R.EARN_RULE)
    writer.step(Op.DIVIDE_FLOOR, R.EARNED, R.MONEY, R.RULE_1)
    writer.step(Op.MULTIPLY, R.EARNED, R.EARNED, R.RULE_0)
    writer.step(Op.MIN, R.EARNED, R.EARNED, R.RULE_2)
    writer.set(R.C, DAYS_MAX)
    writer.step(Op.DIVIDE_FLOOR, R.A, R.RULE_3, R.C)
    writer.step(Op.LOCAL_DAY_START, R.LOT_AVAILABLE_AT, R.A)
    writer.step(Op.MULTIPLY, R.B, R.A, R.C)
    writer.step(Op.SUBTRACT, R.B, R.RULE_3, R.B)
    writer.step(Op.LOCAL_DAY_END, R.LOT_EXPIRES_AT, R.B)
    none_earned = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.EARNED)
    writer.set(R.EARN_RULE, 0)
    writer.land(nothing, none_earned)


def _purchase(writer: _Writer, programme: Programme, *, points_only: bool) -> None:
    """Money to the merchant, points to the club, what the club funds, commission, and earning."""
    _limits(writer, programme)
    _discount(writer)
    _points(writer, programme, points_only=points_only)
    _money(writer, partial=not points_only)
    given = writer.jump(Op.JUMP_IF_LESS, R.ZERO, R.DISCOUNT)
    # Less than a unit of discount is none: no rule and no funder are named for it.
    writer.set(R.FUNDER, 0)
    writer.set(R.DISCOUNT_RULE, 0)
    writer.land(given)
    _pay(writer)
    if programme.commission_bps:
        writer.set(R.BPS, programme.commission_bps)
        writer.step(Op.BPS_FLOOR, R.FEE, R.MONEY, R.BPS)
        writer.move(R.FEE, Account.MERCHANT, Account.CLUB_FEES)
    _earn(writer)
    writer.step(Op.MOVE_NEW_LOT, R.EARNED, Account.CLUB_POINTS_ISSUED, Account.CARD_POINTS)


def _remote_purchase(writer: _Writer, programme: Programme) -> None:
    """What the card's bank has agreed to: the card's purse goes below zero by what the bank owes.

    Run once before the bank is asked, for the limits, and undone; and once after it.
    """
    _limits(writer, programme)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    writer.step(Op.COPY, R.MONEY, R.AMOUNT)
    writer.move(R.MONEY, Account.CARD_MONEY, Account.MERCHANT)


def _pay(writer: _Writer) -> None:
    """The merchant gets the money, what points are worth, and what the club gives."""
    writer.move(R.MONEY, Account.CARD_MONEY, Account.MERCHANT)
    writer.move(R.POINTS, Account.CARD_POINTS, Account.CLUB_POINTS_REDEEMED)
    writer.move(R.POINTS_VALUE, Account.CLUB_POINTS_PAID, Account.MERCHANT)
    writer.step(Op.SUBTRACT, R.A, R.FUNDER, R.ONE)
    by_merchant = writer.jump(Op.JUMP_IF_LESS, R.A, R.ONE)
    writer.move(R.DISCOUNT, Account.CLUB_DISCOUNTS, Account.MERCHANT)
    writer.land(by_merchant)


def _hold(writer: _Writer, programme: Programme, seconds: int) -> None:
    """Reserve the whole amount; discount and earning come with the completion."""
    _limits(writer, programme)
    writer.set(R.RULE_0, 0)
    writer.set(R.RULE_1, 0)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    _points(writer, programme, points_only=False)
    _money(writer, partial=True)
    _reserve(writer, seconds)


def _reserve(writer: _Writer, seconds: int) -> None:
    writer.move(R.MONEY, Account.CARD_MONEY, Account.CARD_MONEY_HELD)
    writer.move(R.POINTS, Account.CARD_POINTS, Account.CARD_POINTS_HELD)
    writer.set(R.HOLD_SECONDS, seconds)


def _priced_in_python(writer: _Writer, programme: Programme) -> dict[Operation, Callable[[], None]]:
    """Limits before and postings after it are steps as ever; between them a function is asked."""

    def sale() -> None:
        _limits(writer, programme)
        _ask(writer, hold=False)
        _pay(writer)
        writer.move(R.FEE, Account.MERCHANT, Account.CLUB_FEES)
        writer.step(Op.MOVE_NEW_LOT, R.EARNED, Account.CLUB_POINTS_ISSUED, Account.CARD_POINTS)

    def hold(seconds: int) -> None:
        _limits(writer, programme)
        _ask(writer, hold=True)
        _reserve(writer, seconds)

    return {
        Operation.PURCHASE: sale,
        Operation.POINTS_PAYMENT: sale,
        Operation.HOLD: lambda: hold(programme.hold_seconds),
        Operation.PREAUTHORISATION: lambda: hold(programme.preauthorisation_hold_seconds),
    }


def _ask(writer: _Writer, *, hold: bool) -> None:
    """Have the registers filled; the moves see to the money, this to the points."""
    writer.step(Op.PRICE, imm=int(hold))
    writer.step(Op.SPENDABLE, R.A, imm=WALLET_POINTS)
    writer.step(Op.MAX, R.A, R.A, R.ZERO)
    writer.decline_if_less(R.A, R.POINTS, Reason.INSUFFICIENT_POINTS)


def _load(writer: _Writer, programme: Programme) -> None:
    """Money enters the purse; it earns nothing."""
    limits = programme.limits
    writer.set(R.ZERO, 0)
    if limits.transaction_minor_max:
        writer.set(R.C, limits.transaction_minor_max)
        writer.decline_if_less(R.C, R.AMOUNT, Reason.ABOVE_TRANSACTION_LIMIT)
    if limits.balance_minor_max:
        writer.step(Op.BALANCE, R.A, imm=WALLET_MONEY)
        writer.step(Op.BALANCE, R.B, imm=WALLET_MONEY + 1)
        writer.step(Op.ADD, R.A, R.A, R.B)
        writer.step(Op.ADD, R.A, R.A, R.AMOUNT)
        writer.set(R.C, limits.balance_minor_max)
        writer.decline_if_less(R.C, R.A, Reason.ABOVE_BALANCE_LIMIT)
    writer.step(Op.COPY, R.NET, R.AMOUNT)
    writer.move(R.AMOUNT, Account.CLUB_FLOAT, Account.CARD_MONEY)


def _nothing(writer: _Writer) -> None:
    """An inquiry moves nothing and approves no amount."""
    writer.set(R.AMOUNT, 0)
